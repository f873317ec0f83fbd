"""Where somebody is signed in: ending sessions, forgetting devices, recent activity, and proving who one is again."""

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.forms import AgainForm, PressForm, typed
from portal.accounts.interface import own_path, prove_again
from portal.accounts.known_devices import forget_device
from portal.accounts.models import Person
from portal.accounts.proving import Judged, judge_again, own_person, proved_first
from portal.accounts.queries import locked_person
from portal.accounts.responses import form_page, too_many, unusable
from portal.accounts.rules import must_have_factor
from portal.accounts.second_factors import codes_left, factor_of, use_proof
from portal.accounts.security_page import deed_lines, device_lines, session_line, session_lines
from portal.accounts.throttles import again_throttle, return_try
from portal.audit import record
from portal.sessions.interface import visit
from portal.sessions.operations import end_session, end_sessions_of
from portal.sessions.rules import EndReason
from portal.site_settings.interface import settings
from portal.web.addresses import actor, local_path
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("security", __name__)
PAGE = "/account/security"


@blueprint.get(PAGE)
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
def page() -> ResponseReturnValue:
    """Everything about the safety of one's own account, on one page."""
    person = own_person()
    factor = factor_of(reading(), person.id)
    return render_template(
        "accounts/security.html",
        own=own_path,
        person=person,
        done=request.args.get("done"),
        sessions=session_lines(reading(), person, _this(), now=now()),
        devices=device_lines(reading(), person),
        deeds=deed_lines(reading(), person, now=now()),
        has_factor=factor is not None,
        must_have=must_have_factor(person.role_row, settings()),
        codes_left=codes_left(reading(), person.id) if factor else 0,
    )


def _this() -> int:
    live = visit().live
    return live.id if live else 0


@blueprint.get("/account/security/end/<int:session_id>")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
@proved_first
def ask_end(session_id: int) -> ResponseReturnValue:
    """Ask whether to end one session: where ending leads that had to ask for the password first."""
    line = session_line(reading(), own_person(), session_id, now=now())
    return form_page("end_session", PressForm(), line=line) if line else redirect(own_path(PAGE))


@blueprint.post("/account/security/end/<int:session_id>")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@proved_first
def end_one(session_id: int) -> ResponseReturnValue:
    """End one of one's own sessions; one that is over by now is over."""
    person = own_person()
    if session_line(reading(), person, session_id, now=now()) and end_session(
        db(), session_id, EndReason.ENDED_BY_OWNER, now=now()
    ):
        record(db(), "own_session_ended", by=actor(person.id), now=now())
    return redirect(own_path(PAGE, done="ended"), 303)


@blueprint.get("/account/security/end-others")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
@proved_first
def ask_end_others() -> ResponseReturnValue:
    """Ask whether to end all sessions but this one."""
    return form_page("end_session", PressForm(), line=None)


@blueprint.post("/account/security/end-others")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@proved_first
def end_others() -> ResponseReturnValue:
    """End all of one's own sessions but this one."""
    person = own_person()
    if end_sessions_of(db(), person.id, EndReason.ENDED_BY_OWNER, now=now(), but=_this()):
        record(db(), "own_sessions_ended", by=actor(person.id), now=now())
    return redirect(own_path(PAGE, done="ended"), 303)


@blueprint.post("/account/security/devices/<int:device_id>/forget")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
def forget(device_id: int) -> ResponseReturnValue:
    """Take a device for a stranger's from now on: less is known afterwards, so nothing is asked first."""
    person = own_person()
    if forget_device(db(), person.id, device_id):
        record(db(), "device_forgotten", by=actor(person.id), now=now())
    return redirect(own_path(PAGE, done="forgotten"), 303)


@blueprint.get("/account/again")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
def again() -> ResponseReturnValue:
    """Ask for the password once more, before a sensitive change."""
    return _again_page(AgainForm(next=request.args.get("next")))


@blueprint.post("/account/again")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
def submit_again() -> ResponseReturnValue:
    """Go on to what was meant with a new session id, or say no; guesses are counted before anything is hashed."""
    form, person = AgainForm(), own_person()
    throttle, has_factor = again_throttle(person.id), _has_factor(person)
    refusal = unusable("again", form, has_factor=has_factor) or too_many("again", form, throttle, has_factor=has_factor)
    if refusal:
        return refusal
    judged = judge_again(person, typed(form.password), typed(form.code))
    if not _holds(person, judged):
        return _refuse_again(form, person, judged)
    return_try(db(), throttle)
    prove_again(person)
    return redirect(local_path(form.next.data, own_path(PAGE)), 303)


def _holds(person: Person, judged: Judged) -> bool:
    """Whether all that was typed is right, and still so in the write transaction."""
    if not judged.is_password_right or not judged.is_code_right:
        return False
    now_stored = locked_person(db(), person.id) or abort(404)
    by = actor(person.id)
    is_unused = judged.proof is None or use_proof(db(), now_stored, judged.proof, by=by, now=now())
    return is_unused and now_stored.password_hash == person.password_hash


def _refuse_again(form: AgainForm, person: Person, judged: Judged) -> ResponseReturnValue:
    record(db(), "password_again_failed", by=actor(person.id), now=now())
    if judged.is_password_right:
        form.refuse(form.code, _("This code is not right, or was used already"))
    else:
        form.refuse(form.password, _("This is not your password"))
    return _again_page(form, 422)


def _again_page(form: AgainForm, status: int = 200) -> ResponseReturnValue:
    return form_page("again", form, status, has_factor=_has_factor(own_person()))


def _has_factor(person: Person) -> bool:
    return factor_of(reading(), person.id) is not None
