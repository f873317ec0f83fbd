"""Every mail that the portal sends, one function each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.mail.notices import WORDINGS, Notice
from portal.outbox.definition import MAIL, Mail
from portal.outbox.operations import enqueue, new_public_id
from portal.site_settings.current import day_text
from portal.site_settings.definition import Settings
from portal.site_settings.queries import current_settings
from portal.web.addresses import public_url
from portal.web.app_state import app_state
from portal.web.languages import language

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


def resume_link(
    db: Session,
    *,
    to: str,
    title: str,
    link: str,
    reference: str,
    keep_until: date,
    proof: str | None = None,
    now: datetime,
) -> str:
    """The link that continues a saved form; `keep_until` is the last day on which it works.

    `proof` is a code that proves, typed on the page that is still open, that mail to this address arrives.
    """
    subject = _("Continue your form: %(title)s", title=title)
    values = {"title": title, "link": link, "reference": reference, "proof": proof, "keep_until": day_text(keep_until)}
    return _send(db, "resume_link", to=to, subject=subject, now=now, **values)


def deletion_soon(
    db: Session, *, to: str, title: str, link: str, reference: str, delete_on: date, now: datetime
) -> str:
    """That a form which was not sent will be deleted, with the link that continues it or keeps it longer."""
    subject = _("Your form will be deleted on %(date)s", date=day_text(delete_on))
    values = {"title": title, "link": link, "reference": reference, "delete_on": day_text(delete_on)}
    return _send(db, "deletion_soon", to=to, subject=subject, now=now, **values)


def begun_for_you(
    db: Session, *, to: str, title: str, link: str, reference: str, who: str, keep_until: date, now: datetime
) -> str:
    """The link to a form that `who`, one of the staff, began for somebody; `keep_until` is its last day."""
    subject = _("Continue your form: %(title)s", title=title)
    values = {"title": title, "link": link, "reference": reference, "who": who, "keep_until": day_text(keep_until)}
    return _send(db, "begun_for_you", to=to, subject=subject, now=now, **values)


def status_changed(
    db: Session, *, to: str, title: str, reference: str, status: str, explanation: str, now: datetime
) -> str:
    """What has become of a sent form: the status in the words of its sender, and nothing of the answers."""
    subject = _("News of your form: %(reference)s", reference=reference)
    values = {"title": title, "reference": reference, "status": status, "explanation": explanation}
    return _send(db, "status_changed", to=to, subject=subject, now=now, **values)


def guest_code(db: Session, *, to: str, code: str, now: datetime) -> None:
    """The code that a guest types to continue."""
    _send(db, "guest_code", to=to, subject=_("Your code"), now=now, code=code)


def received(db: Session, *, to: str, title: str, reference: str, sent_at: datetime, now: datetime) -> None:
    """The confirmation that a form has arrived."""
    subject = _("We have received your form: %(reference)s", reference=reference)
    at = day_and_time(sent_at, current_settings(db))
    _send(db, "received", to=to, subject=subject, now=now, title=title, reference=reference, sent_at=at)


def confirm_address(db: Session, *, to: str, link: str, now: datetime) -> None:
    """The link that proves a new account's address."""
    _send(db, "confirm_address", to=to, subject=_("Confirm your e-mail address"), now=now, link=link)


def already_registered(db: Session, *, to: str, link: str, now: datetime) -> None:
    """For somebody who registers an address that has an account; the subject is that of `confirm_address`."""
    _send(db, "already_registered", to=to, subject=_("Confirm your e-mail address"), now=now, link=link)


def set_password(db: Session, *, to: str, link: str, now: datetime) -> None:
    """The link that sets a new password."""
    _send(db, "set_password", to=to, subject=_("Set a new password"), now=now, link=link)


def confirm_new_address(db: Session, *, to: str, link: str, now: datetime) -> None:
    """The link that proves the new address of somebody who has an account; `to` is that new address."""
    _send(db, "confirm_new_address", to=to, subject=_("Confirm your e-mail address"), now=now, link=link)


def address_change(db: Session, *, to: str, link: str, is_done: bool, until: date, now: datetime) -> None:
    """To the address that is, or until now was, the account's: how to object, on `until` for the last time."""
    subject = _("Your e-mail address was changed") if is_done else _("Your e-mail address is to be changed")
    _send(db, "address_change", to=to, subject=subject, now=now, link=link, is_done=is_done, until=day_text(until))


def security_notice(db: Session, notice: Notice, *, to: str, device: str | None = None, now: datetime) -> None:
    """What happened to somebody's account, when, and on which device (in words) where a browser did it."""
    wording = WORDINGS[notice]
    _send(
        db,
        "security_notice",
        to=to,
        subject=str(wording.subject),
        now=now,
        what=wording.what,
        at=day_and_time(now, current_settings(db)),
        device=device,
        advice=wording.advice,
        link=public_url(wording.page) if wording.page else None,
    )


def _send(db: Session, message: str, *, to: str, subject: str, now: datetime, **values: Any) -> str:
    """Enqueue a message; gives the name of its delivery, by which its fate can be looked up."""
    configuration, settings = app_state().configuration, current_settings(db)
    public_id = new_public_id()
    letter = render(message, subject, settings, values)
    host = mail_host(configuration.base_url)
    mail = address(letter, to=to, site_name=settings.site_name, host=host, public_id=public_id, now=now)
    enqueue(db, configuration.keyring, public_id=public_id, kind=MAIL, message=message, payload=mail.payload(), now=now)
    return public_id
