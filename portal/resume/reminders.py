"""Telling people in time that a form which they have not sent will be deleted: once a day that its form names."""

import logging
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.queries import person_by_id
from portal.drafts.models import Draft
from portal.drafts.queries import fill
from portal.drafts.rules import next_reminder
from portal.drafts.sealing import save_address
from portal.errors import UndecryptableError
from portal.form_definitions.rules import customer_email
from portal.form_definitions.versions.queries import definition_of
from portal.mail import messages
from portal.resume.operations import is_taken_back, issue_link, link_address, note_delivery, proved_addresses
from portal.resume.queries import is_refused, last_link
from portal.site_settings.queries import current_settings
from portal.web.addresses import public_url
from portal.web.app_state import app_state
from portal.web.languages import speaking

logger = logging.getLogger(__name__)
REMINDED_AT_ONCE = 1
"""An e-mail takes some milliseconds to write, and on SQLite nobody else can save meanwhile."""


def send_reminders(db: Session, *, now: datetime) -> int:
    """Enqueue the mails of one batch of drafts whose reminder is due; return how many drafts were looked at.

    The next reminder is written down in the transaction of the mail, and the row is locked meanwhile, so that no two
    workers tell anybody twice. A form that was sent, deleted or has expired is not spoken of any more.
    """
    due = select(Draft).where(Draft.remind_at <= now).order_by(Draft.remind_at, Draft.id).limit(REMINDED_AT_ONCE)
    drafts = db.scalars(due.with_for_update(skip_locked=True, of=Draft)).all()
    is_wanted = bool(drafts) and current_settings(db).draft_reminders
    for draft in drafts:
        if draft.sent_at is None and draft.deleted_at is None and now < draft.expires_at:
            if is_wanted:
                _remind(db, draft, now)
            draft.remind_at = next_reminder(definition_of(draft.version).drafts, draft.expires_at, now)
        else:
            draft.remind_at = None
    return len(drafts)


def _remind(db: Session, draft: Draft, now: datetime) -> None:
    address = _address_to_remind(db, draft, now)
    if not address:
        return
    token = issue_link(db, draft, address, keyring=app_state().configuration.keyring, now=now)
    with speaking(draft.language):
        delivery = messages.deletion_soon(
            db,
            to=address,
            title=definition_of(draft.version).title.in_(draft.language),
            link=public_url(f"/resume/{token}"),
            reference=draft.reference,
            delete_on=draft.expires_at.astimezone(current_settings(db).zone).date(),
            now=now,
        )
    note_delivery(db, token, delivery)


def _address_to_remind(db: Session, draft: Draft, now: datetime) -> str | None:
    """Where the person reads mail: the account's address; a guest's only where it does not refuse our mail."""
    if draft.person_id:
        person = person_by_id(db, draft.person_id)
        return person.email if person and person.is_active else None
    try:
        last = last_link(db, draft.id) if is_refused(db, draft.id) else None
        refused = link_address(last, app_state().configuration.keyring) if last else None
        known = (address for address in _addresses_of_guest(db, draft, now) if address != refused)
        return next((address for address in known if not is_taken_back(db, draft, address)), None)
    except UndecryptableError:
        logger.warning("Nobody is reminded of draft %s: no key of ANSWER_KEYS opens its address", draft.reference)
        return None


def _addresses_of_guest(db: Session, draft: Draft, now: datetime) -> Iterator[str]:
    """Yield a guest's addresses: those that they proved, that which the form names, that which they gave to save it.

    The last has not been proved, but to be reminded there is what they gave it for.
    """
    keyring, today = app_state().configuration.keyring, now.astimezone(current_settings(db).zone).date()
    yield from proved_addresses(db, draft)
    if definition_of(draft.version).customer:
        filled = fill(db, draft, keyring, today)
        named = customer_email(filled.definition, filled.shown.answers)
        if named:
            yield named
    saved = save_address(keyring, draft)
    if saved:
        yield saved
