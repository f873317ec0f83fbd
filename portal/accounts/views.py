"""Signing in and out, and what becomes of a form that somebody began as a guest."""

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.forms import ClaimForm, SignInForm, typed
from portal.accounts.interface import active_person, current_person, device_here
from portal.accounts.models import Person
from portal.accounts.passwords import password_matches
from portal.accounts.queries import locked_person, person_by_key
from portal.accounts.responses import door_behind, form_page, refuse, too_many, unusable, way_on, welcome
from portal.accounts.rules import ROLES, address_key
from portal.accounts.throttles import Throttle, return_try, sign_in_throttle
from portal.audit import record
from portal.sessions.gate import over, token_refused
from portal.sessions.interface import visit
from portal.sessions.leaving import leave
from portal.sessions.operations import forget_guest
from portal.web.addresses import actor, local_path
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.portal import portal
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("accounts", __name__)


@blueprint.get("/account/sign-in")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def sign_in() -> ResponseReturnValue:
    """Ask who it is; whoever is signed in for the wanted page already goes there."""
    then = request.args.get("next")
    target = _open_already(then)
    return redirect(target) if target else form_page("sign_in", SignInForm(next=then))


def _open_already(then: str | None) -> str | None:
    """The wanted page, where a live session of its kind has a person.

    Everybody else is shown the form: a browser may hold a session of another kind as well.
    """
    target = local_path(then, "")
    door = door_behind(target) if target else None
    kind = door.kind if door else None
    live = visit().live_of(kind) if kind and kind in portal().policies else None
    return target if live and active_person(live.person_id) else None


@blueprint.post("/account/sign-in")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_sign_in() -> ResponseReturnValue:
    """Sign in, or say no in the same words whatever the cause."""
    form = SignInForm(next=request.args.get("next"))
    refusal = unusable("sign_in", form)
    if refusal:
        return refusal
    key = address_key(typed(form.email))
    found = person_by_key(reading(), key)
    throttle = sign_in_throttle(key, device_here(found))
    return too_many("sign_in", form, throttle) or _answer_sign_in(form, found, throttle)


def _answer_sign_in(form: SignInForm, found: Person | None, throttle: Throttle) -> ResponseReturnValue:
    """Check the password before the write transaction begins, and in it that nothing changed meanwhile."""
    matches = password_matches(typed(form.password), found.password_hash if found else None)
    if found is None or not matches or not found.is_active:
        return _refuse_sign_in(form, found)
    person = locked_person(db(), found.id)
    if person is None or not person.is_active or person.password_hash != found.password_hash:
        return _refuse_sign_in(form, found)
    return_try(db(), throttle)
    return welcome(person, form.next.data)


def _refuse_sign_in(form: SignInForm, found: Person | None) -> ResponseReturnValue:
    record(db(), "sign_in_failed", by=actor(), now=now(), subject=f"person {found.id}" if found else None)
    return refuse("sign_in", form, form.email, _("The e-mail address or the password is not right"))


@blueprint.post("/account/sign-out")
@access(Access.ANY_KIND)
@activity(Activity.NONE)
def sign_out() -> ResponseReturnValue:
    """End this browser's session of a kind; where there is none any more, the answer is the same."""
    return leave()


@blueprint.get("/account/claim")
@access(Access.PERSON)
@activity(Activity.NAVIGATE)
def claim() -> ResponseReturnValue:
    """Ask whether the form that was begun as a guest is the person's own."""
    form = ClaimForm(next=request.args.get("next"))
    if _guest_id() is None:
        return redirect(_after_claim(form))
    return form_page("claim", form)


@blueprint.post("/account/claim")
@access(Access.PERSON)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_claim() -> ResponseReturnValue:
    """Add the guest's forms to the account or leave them; either way this session forgets the guest."""
    form = ClaimForm()
    answer = request.form.get("answer")
    if token_refused() or answer not in ("yes", "no"):
        return form_page("claim", form, 409 if token_refused() else 422)
    live, guest_id = visit().live, _guest_id()
    if live is None or not forget_guest(db(), live.id, now=now()):
        return over(visit().found)
    if answer == "yes" and guest_id:
        portal().registry["claim_drafts"](db(), guest_id, live.person_id)
    return redirect(_after_claim(form), 303)


def _guest_id() -> str | None:
    live = visit().live
    return live.guest_id if live else None


def _after_claim(form: ClaimForm) -> str:
    person = current_person()
    return way_on(form.next.data, person.role_row if person else ROLES["citizen"])
