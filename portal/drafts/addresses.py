"""The e-mail address that somebody answered in their form: where a way back to it may be mailed."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.accounts.rules import BadAddressError, parse_email_address
from portal.drafts.models import Draft
from portal.drafts.queries import fill
from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.versions.queries import definition_of
from portal.keyring import Keyring
from portal.sessions.late_forms import parked_on
from portal.site_settings.current import today

SHOWN_OF_ADDRESS = 1
"""How many letters of an address are shown to whoever may not be its owner."""


def email_question(definition: FormDefinition) -> tuple[str, str] | None:
    """Return the section and field that ask for the e-mail address of whoever fills in the form; None if none does.

    A definition cannot name that question yet. Until it can, it is the form's only question for an e-mail address: with
    two of them nobody knows whose each is, and one that is asked of every person in a list is not the applicant's.
    """
    asked = [(section, field) for section in definition.sections for field in section.fields if field.type == "email"]
    section, field = asked[0] if len(asked) == 1 else (None, None)
    return (section.id, field.id) if section and field and not section.repeat else None


def answered_address(db: Session, draft: Draft, *, keyring: Keyring, now: datetime) -> str | None:
    """Return the e-mail address that was answered in the form; None if there is none, or its question does not show.

    An address that came after the end of a session and waits beside the form counts as well.
    """
    question = email_question(definition_of(draft.version))
    if question is None:
        return None
    section_id, field_id = question
    answer = fill(db, draft, keyring, today()).shown.answers.get(section_id, {}).get(field_id)
    if isinstance(answer, str):
        return answer
    late = parked_on(db, keyring, f"/drafts/{draft.reference}/{section_id}", now=now, person_id=draft.person_id)
    typed = (value for each in late for name, value in each.form.pairs if name == field_id)
    return next(filter(None, map(_one_address, typed)), None)


def _one_address(typed: str) -> str | None:
    try:
        return parse_email_address(typed).email
    except BadAddressError:
        return None


def masked_address(address: str) -> str:
    """Return an address as its owner recognises it and nobody else learns it: `r•••@example.org`."""
    name, _at, domain = address.rpartition("@")
    return f"{name[:SHOWN_OF_ADDRESS]}•••@{domain}"
