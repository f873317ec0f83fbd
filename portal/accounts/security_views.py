"""Where somebody is signed in, and typing the password again before a sensitive change."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import wraps
from types import MappingProxyType
from typing import Any

from flask import Blueprint, abort, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Session

from portal.accounts.form_pages import form_page, too_many_tries_page, unusable_form_page
from portal.accounts.forms import AgainForm, PressForm, typed_text
from portal.accounts.models import Person
from portal.accounts.passwords import password_matches
from portal.accounts.queries import actions_of, locked_person
from portal.accounts.remembered import devices_of, forget_device, remember_account
from portal.accounts.rules import must_have_factor
from portal.accounts.second_factors import Proof, codes_left, factor_of, proof_of, use_proof
from portal.accounts.signed_in import current_person, device_here, device_words, own_path, prove_again
from portal.accounts.throttles import again_throttle, right_throttle
from portal.audit import record
from portal.sessions.browser_sessions import browser, kinds_beside
from portal.sessions.gate import answer_ended_session
from portal.sessions.models import SessionRow
from portal.sessions.operations import end_session, end_sessions_of
from portal.sessions.policies import MOBILE
from portal.sessions.queries import live_sessions
from portal.sessions.rules import EndReason
from portal.site_settings.current import day_text, local_day, moment_text, settings
from portal.web.addresses import AGAIN_PAGE, SECURITY_PAGE, actor, local_path
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, HUB, MESSAGES, SIGNING, Access, Activity, access, activity
from portal.web.limits import return_try
from portal.web.unit_of_work import db, is_safe, now, reading

PersonView = Callable[..., ResponseReturnValue]
KIND_NAMES: Mapping[str, LazyString] = MappingProxyType(
    {
        CUSTOMER: lazy_gettext("Customer portal"),
        HUB: lazy_gettext("Staff hub"),
        MESSAGES: lazy_gettext("Messages"),
        SIGNING: lazy_gettext("Signing"),
        MOBILE: lazy_gettext("Work without signal"),
    }
)
LATELY = timedelta(days=30)
MOST_ACTIONS = 20
blueprint = Blueprint("security", __name__)


def has_just_proved() -> bool:
    """Whether the person of this session typed the password (and the code) within the time that the setting allows."""
    live = browser().live()
    return bool(live and live.authenticated_at and now() < live.authenticated_at + settings().password_again)


def ask_again(then: str) -> ResponseReturnValue:
    """To the page that asks for the password, and back to what was meant."""
    return redirect(own_path(AGAIN_PAGE, next=then), 302 if is_safe() else 303)


def proved_first(view: PersonView) -> PersonView:
    """A view that only somebody reaches who has just proved who they are; what was typed before is typed again."""

    @wraps(view)
    def asked(*arguments: object, **values: object) -> ResponseReturnValue:
        return view(*arguments, **values) if has_just_proved() else ask_again(request.full_path.rstrip("?"))

    return asked


def locked_self() -> Person:
    """The signed-in person as stored, locked for a change of the account.

    Whose session ended or was replaced while this request waited for the lock (a new password, an objection) changes
    nothing any more.
    """
    stored, live = locked_person(db(), own_person().id) or abort(404), browser().live()
    row = db().get(SessionRow, live.id, populate_existing=True) if live else None
    if live and (row is None or row.ended_at is not None or row.token_hash != live.token_hash):
        reason = row.end_reason or EndReason.REPLACED.value if row else None
        ended = replace(live, times=replace(live.times, ended_at=now()), stored_reason=reason)
        abort(make_response(answer_ended_session(ended)))
    return stored


def own_person() -> Person:
    """The signed-in person; the door has seen to it that there is one."""
    return current_person() or abort(404)


@dataclass(frozen=True, kw_only=True)
class JudgedAgain:
    """What somebody typed to prove who they are: whether each part was right; `proof` is None without a factor."""

    is_password_right: bool
    is_code_right: bool
    proof: Proof | None


def judge_again(person: Person, password: str, code: str) -> JudgedAgain:
    """Judge password and code; call it before the write transaction begins, as it hashes."""
    is_right = password_matches(password, person.password_hash)
    if factor_of(reading(), person.id) is None:
        return JudgedAgain(is_password_right=is_right, is_code_right=True, proof=None)
    proof = proof_of(reading(), person.id, code, app_state().configuration.keyring, now=now()) if is_right else None
    return JudgedAgain(is_password_right=is_right, is_code_right=not is_right or proof is not None, proof=proof)


@dataclass(frozen=True, kw_only=True)
class SessionLine:
    """One session of a person: where, what for, since when, and the activity that was noted last."""

    id: int
    device: str
    kind: str
    since: str
    active: str
    is_this: bool


@dataclass(frozen=True, kw_only=True)
class DeviceLine:
    """One remembered device of a person."""

    id: int
    device: str
    since: str
    seen: str


@dataclass(frozen=True, kw_only=True)
class ActionLine:
    """One thing that happened to an account: when, what, and on which device where that is known."""

    at: str
    what: str
    device: str | None


def session_lines(db: Session, person: Person, these: Collection[int], *, now: datetime) -> list[SessionLine]:
    """The person's live sessions of every kind, the newest first."""
    return [_session_line(row, these) for row in live_sessions(db, now=now, person_id=person.id)]


def session_line(db: Session, person: Person, session_id: int, *, now: datetime) -> SessionLine | None:
    """One of the person's live sessions."""
    rows = live_sessions(db, now=now, person_id=person.id)
    return next((_session_line(row, ()) for row in rows if row.id == session_id), None)


def _session_line(row: SessionRow, these: Collection[int]) -> SessionLine:
    """A session is written to only when it is renewed, so its last known activity is the one that set the deadline."""
    renewed_at = max(row.started_at, row.expires_at - timedelta(seconds=row.idle_timeout_s))
    return SessionLine(
        id=row.id,
        device=device_words(row.device),
        kind=str(KIND_NAMES[row.kind]),
        since=moment_text(row.started_at),
        active=moment_text(renewed_at),
        is_this=row.id in these,
    )


def device_lines(db: Session, person: Person) -> list[DeviceLine]:
    """The devices on which the person has signed in, the last one first."""
    return [
        DeviceLine(
            id=device.id,
            device=device_words(device.device),
            since=day_text(local_day(device.first_seen_at)),
            seen=moment_text(device.last_seen_at),
        )
        for device in devices_of(db, person.id)
    ]


def action_lines(db: Session, person: Person, *, now: datetime) -> list[ActionLine]:
    """What happened to the person's account in the last thirty days, the newest first."""
    actions = actions_of(db, person.id, ACTION_NAMES, since=now - LATELY, limit=MOST_ACTIONS)
    return [
        ActionLine(
            at=moment_text(event.at),
            what=str(ACTION_NAMES[event.action]),
            device=device_words(event.details["device"]) if event.details.get("device") else None,
        )
        for event in actions
    ]


@blueprint.get(SECURITY_PAGE)
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
        sessions=session_lines(reading(), person, _here(), now=now()),
        devices=device_lines(reading(), person),
        actions=action_lines(reading(), person, now=now()),
        has_factor=factor is not None,
        must_have=must_have_factor(person.role_row, settings()),
        codes_left=codes_left(reading(), person.id) if factor else 0,
    )


def _here() -> list[int]:
    """The sessions of this browser that one sign-out ends together."""
    return [live.id for kind in kinds_beside(browser().kind) if (live := browser().live(kind))]


@blueprint.get("/account/security/end/<int:session_id>")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
@proved_first
def ask_end(session_id: int) -> ResponseReturnValue:
    """Ask whether to end one session: where ending leads that had to ask for the password first."""
    line = session_line(reading(), own_person(), session_id, now=now())
    return form_page("accounts/end_session", PressForm(), line=line) if line else redirect(own_path(SECURITY_PAGE))


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
    return redirect(own_path(SECURITY_PAGE, done="ended"), 303)


@blueprint.get("/account/security/end-others")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
@proved_first
def ask_end_others() -> ResponseReturnValue:
    """Ask whether to end all sessions but this one."""
    return form_page("accounts/end_session", PressForm(), line=None)


@blueprint.post("/account/security/end-others")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@proved_first
def end_others() -> ResponseReturnValue:
    """End all of one's own sessions but those of this browser."""
    person = locked_self()
    if end_sessions_of(db(), person.id, EndReason.ENDED_BY_OWNER, now=now(), but=_here()):
        record(db(), "own_sessions_ended", by=actor(person.id), now=now())
    return redirect(own_path(SECURITY_PAGE, done="ended"), 303)


@blueprint.post("/account/security/devices/<int:device_id>/forget")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
def forget(device_id: int) -> ResponseReturnValue:
    """Take a device for a stranger's from now on: less is known afterwards, so nothing is asked first."""
    person = locked_self()
    remember_account(db(), person, now=now(), is_minor=True)
    if forget_device(db(), person.id, device_id):
        record(db(), "device_forgotten", by=actor(person.id), now=now())
    return redirect(own_path(SECURITY_PAGE, done="forgotten"), 303)


@blueprint.get(AGAIN_PAGE)
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
def again() -> ResponseReturnValue:
    """Ask for the password once more, before a sensitive change."""
    form = AgainForm(next=request.args.get("next"))
    return form_page("accounts/again", form, has_factor=_has_factor(own_person()))


@blueprint.post(AGAIN_PAGE)
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
def submit_again() -> ResponseReturnValue:
    """Go on to what was meant with a new session id, or say no."""
    form, person = AgainForm(), own_person()
    refusal = refuse_again("accounts/again", form, person, has_factor=_has_factor(person))
    return refusal or prove_again(person) or redirect(local_path(form.next.data, own_path(SECURITY_PAGE)), 303)


def refuse_again(template: str, form: AgainForm, person: Person, **values: Any) -> ResponseReturnValue | None:
    """Judge what somebody typed to prove who they are: return the form again with what is wrong, None where it holds.

    Then the person is locked in the write transaction, and nothing has changed meanwhile. Guesses are counted before
    anything is hashed.
    """
    throttle = again_throttle(person.id)
    refusal = unusable_form_page(template, form, **values) or too_many_tries_page(template, form, throttle, **values)
    if refusal:
        return refusal
    judged = judge_again(person, typed_text(form.password), typed_text(form.code))
    if judged.is_password_right:
        refusal = too_many_tries_page(template, form, right_throttle(person.id, device_here(person)), **values)
        if refusal:
            return refusal
    if not _holds(person, judged):
        return _refuse_again(template, form, person, judged, **values)
    return_try(db(), throttle)
    return None


def _holds(person: Person, judged: JudgedAgain) -> bool:
    """Whether all that was typed is right, and still so in the write transaction."""
    if not judged.is_password_right or not judged.is_code_right:
        return False
    now_stored = locked_person(db(), person.id) or abort(404)
    by = actor(person.id)
    is_unused = judged.proof is None or use_proof(db(), now_stored, judged.proof, by=by, now=now())
    return is_unused and now_stored.password_hash == person.password_hash


def _refuse_again(
    template: str, form: AgainForm, person: Person, judged: JudgedAgain, **values: Any
) -> ResponseReturnValue:
    record(db(), "password_again_failed", by=actor(person.id), now=now())
    if judged.is_password_right:
        form.refuse(form.code, _("This code is wrong or has already been used"))
    else:
        form.refuse(form.password, _("The password is wrong"))
    return form_page(template, form, 422, **values)


def _has_factor(person: Person) -> bool:
    return factor_of(reading(), person.id) is not None


ACTION_NAMES: Mapping[str, LazyString] = MappingProxyType(
    {
        "account_created": lazy_gettext("The account was created"),
        "signed_in": lazy_gettext("Signed in"),
        "signed_out": lazy_gettext("Signed out"),
        "sign_in_failed": lazy_gettext("Sign-in failed: wrong password"),
        "second_factor_failed": lazy_gettext("Sign-in failed: right password, wrong code"),
        "password_again_failed": lazy_gettext("Nothing was changed: wrong password"),
        "password_link_requested": lazy_gettext("A link to set a new password was requested"),
        "password_set": lazy_gettext("A new password was set"),
        "address_change_asked": lazy_gettext("A change of e-mail address was requested"),
        "address_changed": lazy_gettext("The e-mail address was changed"),
        "address_objection_unsettled": lazy_gettext("A change of e-mail address was objected to. Staff will decide"),
        "address_change_objected": lazy_gettext("A change of e-mail address was stopped or undone"),
        "name_changed": lazy_gettext("The name was changed"),
        "second_factor_on": lazy_gettext("The second factor was switched on"),
        "second_factor_off": lazy_gettext("The second factor was switched off"),
        "second_factor_reset": lazy_gettext("An administrator removed the second factor"),
        "recovery_codes_renewed": lazy_gettext("New recovery codes were made"),
        "recovery_code_used": lazy_gettext("A recovery code was used"),
        "own_session_ended": lazy_gettext("Signed out from another device or browser"),
        "own_sessions_ended": lazy_gettext("Signed out everywhere else"),
        "device_forgotten": lazy_gettext("A remembered device was forgotten"),
        "role_changed": lazy_gettext("An administrator changed what the account may do"),
        "account_disabled": lazy_gettext("An administrator closed the account"),
        "account_enabled": lazy_gettext("An administrator opened the account again"),
        "person_sessions_ended": lazy_gettext("An administrator signed you out"),
    }
)
"""What the security page says of a line of the audit log; others are none of the person's account."""
