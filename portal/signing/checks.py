"""The check before a form is shown: something that only the right person knows, a mailed code, or their account."""

from dataclasses import replace
from datetime import timedelta

from flask import request
from flask_babel import gettext as _
from portal.signing.models import Invitation, SigningCode
from portal.signing.rules import fact_of
from sqlalchemy.orm import Session

from portal.accounts.signed_in import active_person
from portal.form_definitions.definition import Section, SectionState
from portal.form_definitions.forms import PageScope, SectionForm, section_form
from portal.form_definitions.types.form_fields import Posted
from portal.mail.rules import MailedCode, is_code
from portal.sessions.browser_sessions import browser
from portal.signing.opened import OpenInvitation
from portal.site_settings.current import today
from portal.tokens import clean_code
from portal.web.declarations import CUSTOMER
from portal.web.languages import language
from portal.web.limits import Limit, Throttle
from portal.web.unit_of_work import now

FACT, CODE = "fact", "code"
TYPED = Limit(name="signing-check", burst=5, interval=timedelta(minutes=3))
"""Tries to pass the check of one invitation; they run out, and come back, but nothing is destroyed."""


def throttle_of(invitation: Invitation) -> Throttle:
    """Return the limit on tries at one invitation."""
    return [(TYPED, invitation.public_id)]


def fact_form(opened: OpenInvitation, posted: Posted | None = None) -> SectionForm:
    """Return the one question of the check, drawn as the form draws it; nothing is filled in but what was `posted`."""
    place = opened.signer.fact
    if place is None:
        raise LookupError(f"The signer {opened.signer.id} is not asked for a fact.")
    asked = replace(
        opened.definition.field(*place), id=FACT, when=None, required_when=None, required=True, autocomplete="off"
    )
    section = replace(_section_of(opened, place[0]), id="check", when=None, repeat=None, stop_when=(), fields=(asked,))
    scope = PageScope(definition=opened.definition, answers={}, today=today())
    return section_form(section, language=language(), scope=scope, stored=SectionState(), posted=posted)


def _section_of(opened: OpenInvitation, section_id: str) -> Section:
    return next(each for each in opened.definition.sections if each.id == section_id)


def typed_fact(opened: OpenInvitation, form: SectionForm) -> str:
    """Return what the typed fact comes to; empty where nothing was typed that could be it."""
    answer = form.all_fields[FACT].answer
    place = opened.signer.fact
    return fact_of(opened.definition, place, answer) if answer is not None and place else ""


def wrong_fact_text() -> str:
    """Return what is said of a fact that is wrong, and of none: the same, so that nothing is learnt from it."""
    return _("This is not what the form says. Check it and try again.")


# The mailed code


def mailed_code(found_in: Session, invitation: Invitation) -> MailedCode | None:
    """Return the life of the code that was mailed last, if it may still be typed."""
    row = found_in.get(SigningCode, invitation.id)
    life = MailedCode(mailed_at=row.mailed_at, expires_at=row.expires_at, used_at=row.used_at) if row else None
    return life if life and life.opens(now()) else None


def code_fault(found_in: Session, invitation: Invitation) -> str | None:
    """Return why what was typed as the code cannot be it, before any try is used up; None where it can."""
    if mailed_code(found_in, invitation) is None:
        return _("This code has expired. Ask for a new one.")
    return None if is_code(typed_code()) else _("The code must be 6 numbers")


def typed_code() -> str:
    """Return what was typed as the code."""
    return clean_code(request.form.get(CODE, ""))


# The account


def has_account_of(opened: OpenInvitation) -> bool:
    """Return whether somebody is signed in here whose account has the invited address."""
    live = browser().live(CUSTOMER)
    person = active_person(live.person_id) if live else None
    return person is not None and person.email.casefold() == opened.address.casefold()
