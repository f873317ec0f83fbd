"""The second factor: asked for at sign-in, set up with an app, its recovery codes, and switching it off."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.form_pages import form_page, refusal_page, too_many_tries_page, unusable_form_page, wait_page
from portal.accounts.forms import FactorCodeForm, PressForm, SetUpForm, typed_text
from portal.accounts.models import PendingSignIn, Person
from portal.accounts.queries import locked_person
from portal.accounts.rules import must_have_factor, person_subject
from portal.accounts.second_factors import (
    Proof,
    app_address,
    codes_left,
    factor_of,
    matching_step,
    new_codes,
    new_secret,
    note_codes_kept,
    proof_of,
    renew_codes,
    shown_codes,
    spelled,
    switch_off,
    switch_on,
    use_proof,
)
from portal.accounts.security_views import locked_self, own_person, proved_first
from portal.accounts.sign_in_steps import end_pending, end_pending_of, pending_sign_in, sign_in_and_go_on
from portal.accounts.signed_in import SIGN_IN, active_person, device_here, own_path
from portal.accounts.throttles import factor_throttle, guessed_throttle, renew_throttle, set_up_throttle
from portal.audit import record
from portal.errors import UndecryptableError
from portal.mail import messages
from portal.mail.messages import Notice
from portal.sessions.browser_sessions import keep_cookie, kept_token
from portal.site_settings.current import settings
from portal.tokens import clean_code
from portal.web.addresses import SECURITY_PAGE, actor, local_path, qr_picture, sign_in_page
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity
from portal.web.limits import Throttle, require, return_try, use_try, wait_for
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("factors", __name__)
OFFER = "second factor offer"
CODES_PAGE = "/account/security/recovery-codes"


def _step() -> PendingSignIn | None:
    token = kept_token(SIGN_IN)
    return pending_sign_in(reading(), token, now=now()) if token else None


def _person_waiting() -> Person | None:
    """The person whose password this browser typed a moment ago."""
    step = _step()
    return active_person(step.person_id) if step else None


def _throttle(person: Person) -> Throttle:
    """The tries that typing a code of this person uses up here."""
    step = _step()
    is_mailed = step is not None and step.person_id == person.id and step.is_mailed
    return factor_throttle(person.id, device_here(person), is_mailed=is_mailed)


def _from_the_start(then: str | None) -> ResponseReturnValue:
    """To the password: nothing waits for a code here, or not any more."""
    return redirect(sign_in_page(then), 303 if request.method == "POST" else 302)


@blueprint.get("/account/second-factor")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def ask_code() -> ResponseReturnValue:
    """Ask for the code, after the password was right and before any session is open."""
    then = request.args.get("next")
    return (
        form_page("accounts/second_factor", FactorCodeForm(next=then)) if _person_waiting() else _from_the_start(then)
    )


@blueprint.post("/account/second-factor")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
def submit_code() -> ResponseReturnValue:
    """Let in whoever types a code that is right and new; guesses are counted before anything is hashed."""
    form, person = FactorCodeForm(), _person_waiting()
    if person is None:
        return _from_the_start(form.next.data)
    throttle = _throttle(person)
    refusal = unusable_form_page("accounts/second_factor", form) or too_many_tries_page(
        "accounts/second_factor", form, throttle
    )
    if refusal:
        return refusal
    proof = proof_of(reading(), person.id, typed_text(form.code), app_state().configuration.keyring, now=now())
    if proof is None:
        return _refuse_code(form, person, is_told=_must_tell(person, throttle))
    return _let_in_with(form, person, proof, throttle)


def _let_in_with(form: FactorCodeForm, person: Person, proof: Proof, throttle: Throttle) -> ResponseReturnValue:
    """The right code opens a session once, for the browser that typed the password."""
    stored = locked_person(db(), person.id) or abort(404)
    return_try(db(), throttle)
    if not use_proof(db(), stored, proof, by=actor(person.id), now=now()):
        return _refuse_code(form, person, is_told=False)
    if not stored.is_active or not end_pending(db(), kept_token(SIGN_IN)):
        return _from_the_start(form.next.data)
    keep_cookie(SIGN_IN, None)
    return sign_in_and_go_on(stored, form.next.data)


def _must_tell(person: Person, throttle: Throttle) -> bool:
    """Whose password somebody knows is told by mail when the tries are used up, once a day."""
    is_last = wait_for(throttle, now=now()) is not None
    return is_last and use_try(guessed_throttle(person.id), now=now()) is None


def _refuse_code(form: FactorCodeForm, person: Person, *, is_told: bool) -> ResponseReturnValue:
    record(db(), "second_factor_failed", by=actor(), now=now(), subject=person_subject(person.id))
    if is_told:
        messages.security_notice(db(), Notice.CODE_GUESSED, to=person.email, now=now())
    return refusal_page("accounts/second_factor", form, form.code, _("This code is wrong or has already been used"))


@dataclass(frozen=True, kw_only=True)
class SetUp:
    """The secret that a page offers to an app: sealed for the form, spelled for typing, and as a picture."""

    sealed: str
    spelled: str
    picture: str


def _set_up(person: Person, secret: str) -> SetUp:
    address = app_address(secret, account=person.email, site=settings().site_name)
    keyring = app_state().configuration.keyring
    sealed = keyring.seal(secret.encode(), subject=person_subject(person.id), place=OFFER)
    return SetUp(sealed=urlsafe_b64encode(sealed).decode(), spelled=spelled(secret), picture=qr_picture(address))


def _offered_secret(person: Person, form: SetUpForm) -> str | None:
    """The secret that the page had offered to this person, or None where the form says something else."""
    try:
        sealed = urlsafe_b64decode(typed_text(form.secret))
        keyring = app_state().configuration.keyring
        return keyring.open(sealed, subject=person_subject(person.id), place=OFFER).decode()
    except (NotBase64, ValueError, UndecryptableError):
        return None


def _offer(person: Person, form: SetUpForm, status: int = 200, *, secret: str | None = None) -> ResponseReturnValue:
    """The page with the picture; shown again it shows the same secret, as an app may have it by now."""
    return form_page("accounts/set_up_factor", form, status, offer=_set_up(person, secret or new_secret()))


def _switch_on_or_refuse(person: Person, lock: Callable[[], Person | None]) -> ResponseReturnValue | None:
    """Switch the second factor on, if the code is the one that the offered secret gives now; else say why not.

    `lock` gives the person as stored, locked, or None where they may do so no longer.
    """
    form = SetUpForm()
    secret = _offered_secret(person, form)
    if secret is None or not form.validate():
        return _offer(person, form, 422, secret=secret)
    throttle = _throttle(person)
    wait = use_try(throttle, now=now())
    if wait:
        return wait_page("accounts/set_up_factor", form, wait, offer=_set_up(person, secret))
    step = matching_step(secret, clean_code(typed_text(form.code)), after=0, now=now())
    if step is None:
        form.refuse(
            form.code,
            _(
                "The code is wrong. Enter the code that your app shows now, and check that the time "
                "on your phone is right"
            ),
        )
        return _offer(person, form, 422, secret=secret)
    require(use_try(set_up_throttle(person.id), now=now()))
    codes, keyring = new_codes(), app_state().configuration.keyring
    stored = lock()
    if stored is None:
        return _from_the_start(None)
    return_try(db(), throttle)
    switch_on(db(), stored, secret, step, codes, keyring=keyring, by=actor(person.id), now=now())
    return None


def _locked_waiting(person: Person) -> Person | None:
    """The person, locked, whose step in this browser ends with this; None where it was ended meanwhile."""
    stored = locked_person(db(), person.id)
    return stored if stored and stored.is_active and end_pending(db(), kept_token(SIGN_IN)) else None


@blueprint.get("/account/second-factor/set-up")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def set_up_first() -> ResponseReturnValue:
    """Set up the second factor that the role must have, before any session is open."""
    then, person = request.args.get("next"), _person_waiting()
    if person is None or factor_of(reading(), person.id):
        return _from_the_start(then)
    return _offer(person, SetUpForm(next=then))


@blueprint.post("/account/second-factor/set-up")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
def submit_set_up_first() -> ResponseReturnValue:
    """Switch the second factor on, let the person in, and show the recovery codes."""
    then, person = request.form.get("next"), _person_waiting()
    if person is None or factor_of(reading(), person.id):
        return _from_the_start(then)
    refusal = _switch_on_or_refuse(person, lambda: _locked_waiting(person))
    if refusal:
        return refusal
    end_pending_of(db(), person.id)
    keep_cookie(SIGN_IN, None)
    codes_page = {"kind": person.role_row.session_kind} | ({"next": then} if then else {})
    return sign_in_and_go_on(locked_person(db(), person.id) or abort(404), f"{CODES_PAGE}?{urlencode(codes_page)}")


@blueprint.get("/account/security/second-factor")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
@proved_first
def set_up() -> ResponseReturnValue:
    """Offer a secret to an app; setting up again replaces the app that was set up before."""
    return _offer(own_person(), SetUpForm())


@blueprint.post("/account/security/second-factor")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@proved_first
def submit_set_up() -> ResponseReturnValue:
    """Switch the second factor on, and show the recovery codes."""
    return _switch_on_or_refuse(own_person(), locked_self) or redirect(own_path(CODES_PAGE), 303)


@blueprint.get("/account/security/second-factor/off")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
@proved_first
def ask_off() -> ResponseReturnValue:
    """Ask whether signing in is to take the password alone."""
    return form_page("accounts/factor_off", PressForm()) if _may_switch_off() else redirect(own_path(SECURITY_PAGE))


@blueprint.post("/account/security/second-factor/off")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@proved_first
def off() -> ResponseReturnValue:
    """Switch the second factor off, where the role need not have one."""
    if not _may_switch_off():
        abort(403)
    person = locked_self()
    switch_off(db(), person, by=actor(person.id), now=now(), notice=Notice.SECOND_FACTOR_OFF)
    return redirect(own_path(SECURITY_PAGE, done="factor_off"), 303)


def _may_switch_off() -> bool:
    return not must_have_factor(own_person().role_row, settings())


@blueprint.get(CODES_PAGE)
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
@proved_first
def recovery_codes() -> ResponseReturnValue:
    """New recovery codes until their owner has kept them; afterwards only how many are left."""
    person = own_person()
    factor = factor_of(reading(), person.id)
    if factor is None:
        return redirect(own_path(SECURITY_PAGE))
    return form_page(
        "accounts/recovery_codes",
        PressForm(next=request.args.get("next")),
        codes=shown_codes(factor, app_state().configuration.keyring, now=now()),
        left=codes_left(reading(), person.id),
    )


@blueprint.post(CODES_PAGE)
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@proved_first
def renew() -> ResponseReturnValue:
    """Make new recovery codes in the place of the old ones."""
    person = own_person()
    if factor_of(reading(), person.id) is None:
        return redirect(own_path(SECURITY_PAGE), 303)
    require(use_try(renew_throttle(person.id), now=now()))
    codes, keyring = new_codes(), app_state().configuration.keyring
    stored = locked_self()
    renew_codes(db(), stored, codes, keyring=keyring, by=actor(person.id), now=now())
    return redirect(own_path(CODES_PAGE), 303)


@blueprint.post("/account/security/recovery-codes/kept")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
def kept() -> ResponseReturnValue:
    """The owner has the codes: from now on nobody reads them here again."""
    note_codes_kept(db(), own_person().id)
    return redirect(local_path(request.form.get("next"), own_path(SECURITY_PAGE, done="factor_on")), 303)
