"""The e-mail address that somebody answered in their form: where a way back to it may be mailed."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.accounts.rules import BadAddressError, EmailAddress, parse_email_address
from portal.drafts.models import Draft
from portal.drafts.queries import fill
from portal.form_definitions.definition import SectionState
from portal.form_definitions.rules import customer_email
from portal.form_definitions.versions.queries import definition_of
from portal.keyring import Keyring
from portal.sessions.late_forms import parked_on
from portal.site_settings.current import today
from portal.tokens import keyed_hash
from portal.web.app_state import app_state

SHOWN_OF_ADDRESS = 1
"""How many letters of an address are shown to whoever may not be its owner."""


def answered_address(db: Session, draft: Draft, *, keyring: Keyring, now: datetime) -> str | None:
    """Return the address that the form names as its customer's; None where it names none, or it is not answered.

    An address that came after the end of a session and waits beside the form counts as well.
    """
    customer = definition_of(draft.version).customer
    if customer is None or customer.email is None:
        return None
    filled = fill(db, draft, keyring, today())
    found = customer_email(filled.definition, filled.shown.answers)
    section_id, field_id = customer.email
    late = parked_on(db, keyring, f"/drafts/{draft.reference}/{section_id}", now=now, person_id=draft.person_id)
    typed = (value for each in late for name, value in each.form.pairs if name == field_id)
    return found or next(filter(None, map(_one_address, typed)), None)


def _one_address(typed: str) -> str | None:
    try:
        return parse_email_address(typed).email
    except BadAddressError:
        return None


def address_hash(address: EmailAddress) -> bytes:
    """Return what a draft is found by where its guest has nothing left but the address: useless to anybody else."""
    return keyed_hash(app_state().configuration.secret_key, f"draft address {address.key}")


def note_answered_address(draft: Draft, section_id: str, before: SectionState, after: SectionState) -> None:
    """Let the draft be found by the address that its guest has just answered; another answer changes nothing."""
    customer = definition_of(draft.version).customer
    place = customer.email if customer else None
    if place is None or place[0] != section_id or before.answers.get(place[1]) == after.answers.get(place[1]):
        return
    answer = after.answers.get(place[1])
    draft.address_key = address_hash(EmailAddress(email=answer)) if isinstance(answer, str) else None


def masked_address(address: str) -> str:
    """Return an address as its owner recognises it and nobody else learns it: `r•••@example.org`."""
    name, _at, domain = address.rpartition("@")
    return f"{name[:SHOWN_OF_ADDRESS]}•••@{domain}"
