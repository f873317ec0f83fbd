"""The check before a form is shown: something that only the right person knows, a mailed code, or their account."""

import hmac
from dataclasses import replace
from datetime import timedelta

from flask import request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.accounts.signed_in import active_person
from portal.form_definitions.definition import Section, SectionState
from portal.form_definitions.forms import PageScope, SectionForm, section_form
from portal.form_definitions.types.form_fields import Posted
from portal.mail import messages as mails
from portal.mail.rules import CODE_LIFETIME, MailedCode, is_code
from portal.sessions.browser_sessions import browser
from portal.signing.models import Invitation, SigningCode
from portal.signing.opened import OpenInvitation
from portal.signing.rules import normalised_fact
from portal.site_settings.current import today
from portal.tokens import clean_code, digits_code, keyed_hash
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER
from portal.web.languages import language
from portal.web.limits import Limit, Throttle
from portal.web.unit_of_work import db, now

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


def typed_fact(form: SectionForm) -> str:
    """Return what the typed fact comes to; empty where nothing was typed that could be it."""
    asked = form.all_fields[FACT]
    return normalised_fact(asked.answer, asked.definition.type)


def wrong_fact_text() -> str:
    """Return what is said of a fact that is wrong, and of none: the same, so that nothing is learnt from it."""
    return _("This is not what the form says. Check it and try again.")


# The mailed code


def mailed_code(found_in: Session, invitation: Invitation) -> MailedCode | None:
    """Return the life of the code that was mailed last, if it may still be typed."""
    row = found_in.get(SigningCode, invitation.id)
    life = _life_of(row) if row else None
    return life if life and life.opens(now()) else None


def mail_code(opened: OpenInvitation) -> None:
    """Mail six digits to the invited address, unless the last ones are so fresh that they serve; it is locked."""
    invitation = opened.invitation
    row = db().get(SigningCode, invitation.id)
    if row and _life_of(row).is_fresh(now()):
        return
    digits = digits_code()
    row = row or SigningCode(invitation_id=invitation.id)
    row.code_hash = _code_hash(invitation, digits)
    row.mailed_at, row.expires_at, row.used_at = now(), now() + CODE_LIFETIME, None
    db().add(row)
    mails.guest_code(db(), to=opened.address, code=digits, now=now())


def is_right_code(invitation: Invitation) -> bool:
    """Return whether the typed code is the mailed one; it opens once, and for half a minute more for a second click."""
    row = db().get(SigningCode, invitation.id)
    is_right = row is not None and hmac.compare_digest(_code_hash(invitation, typed_code()), row.code_hash)
    if row is None or not is_right or not _life_of(row).opens(now()):
        return False
    row.used_at = row.used_at or now()
    return True


def _life_of(row: SigningCode) -> MailedCode:
    return MailedCode(mailed_at=row.mailed_at, expires_at=row.expires_at, used_at=row.used_at)


def _code_hash(invitation: Invitation, digits: str) -> bytes:
    secret = app_state().configuration.secret_key
    return keyed_hash(secret, f"signing {invitation.public_id} {digits}")


def code_fault(found_in: Session, invitation: Invitation) -> str | None:
    """Return why what was typed as the code cannot be it, before any try is used up; None where it can."""
    if mailed_code(found_in, invitation) is None:
        return _("This code no longer works. Ask for a new one.")
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
