"""From a message's templates to a finished mail: plain text with HTML beside it, in UTF-8."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext as _

from portal.outbox.definition import Mail
from portal.site_settings.definition import Settings
from portal.site_settings.times import day_text, language

LOCAL_PART = "no-reply"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What one person is told: a subject, and the same words as plain text and as HTML."""

    subject: str
    text: str
    html: str


def render(message: str, subject: str, settings: Settings, values: Mapping[str, Any]) -> Letter:
    """Fill in `templates/mail/<message>/`; no request is needed, as the worker and commands send mail too."""
    around = {
        "subject": subject,
        "language": language(),
        "site_name": settings.site_name,
        "support_contact": settings.support_contact,
    }
    return Letter(
        subject=subject,
        text=_filled(f"mail/{message}/body.txt", around | dict(values)),
        html=_filled(f"mail/{message}/body.html", around | dict(values)),
    )


def _filled(template: str, values: Mapping[str, Any]) -> str:
    return current_app.jinja_env.get_template(template).render(values).strip() + "\n"


def address(letter: Letter, *, to: str, site_name: str, host: str, public_id: str, now: datetime) -> Mail:
    """The letter as a mail to one address; `public_id` makes its stable Message-ID.

    Parts are 8bit, so that links and codes stand in the file as they are, on unbroken lines.
    Raises `ValueError` where `to` is not exactly one address.
    """
    sender = f"{LOCAL_PART}@{host}"
    mail = EmailMessage(policy=policy.default.clone(utf8=not to.isascii()))
    mail["From"] = Address(display_name=one_line(site_name), addr_spec=sender)
    mail["To"] = to
    mail["Subject"] = one_line(letter.subject)
    mail["Date"] = now
    mail["Message-ID"] = f"<{public_id}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    mail.set_content(letter.text, cte="8bit")
    mail.add_alternative(letter.html, subtype="html", cte="8bit")
    if [found.addr_spec for found in mail["To"].addresses if found.domain] != [to]:
        raise ValueError("A mail goes to exactly one address.")
    return Mail(sender=sender, recipient=to, content=mail.as_bytes().decode())


def mail_host(base_url: str) -> str:
    """The host of our addresses as a mail domain (RFC 5321 4.1.3 for a bare IPv6 address)."""
    host = urlsplit(base_url).hostname or ""
    return f"[IPv6:{host}]" if ":" in host else host.encode("idna").decode("ascii")


def one_line(text: str) -> str:
    """A text fit for a header."""
    return " ".join(text.split())


def day_and_time(at: datetime, settings: Settings) -> str:
    """An instant in the site's time zone, like 21 November 2026 at 14:02."""
    local = at.astimezone(settings.zone)
    return str(_("%(day)s at %(time)s", day=day_text(local.date()), time=f"{local:%H:%M}"))
