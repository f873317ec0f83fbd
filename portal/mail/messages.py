"""Every mail that the portal sends, one function each: into the outbox, in the transaction of its cause."""

from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.mail.rendering import address, day_and_time, mail_host, render
from portal.outbox.definition import MAIL
from portal.outbox.operations import enqueue, new_public_id
from portal.site_settings.queries import current_settings
from portal.site_settings.times import day_text
from portal.web.portal import portal


def resume_link(
    db: Session, *, to: str, title: str, link: str, reference: str, keep_until: date, now: datetime
) -> None:
    """The link that continues a saved form; `keep_until` is the last day on which it works."""
    subject = _("Continue your form: %(title)s", title=title)
    values = {"title": title, "link": link, "reference": reference, "keep_until": day_text(keep_until)}
    _send(db, "resume_link", to=to, subject=subject, now=now, **values)


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


def _send(db: Session, message: str, *, to: str, subject: str, now: datetime, **values: Any) -> None:
    configuration, settings = portal().configuration, current_settings(db)
    public_id = new_public_id()
    letter = render(message, subject, settings, values)
    host = mail_host(configuration.base_url)
    mail = address(letter, to=to, site_name=settings.site_name, host=host, public_id=public_id, now=now)
    enqueue(
        db, configuration.keyring, public_id=public_id, kind=MAIL, message=message, payload=mail.payload(), now=now
    )
