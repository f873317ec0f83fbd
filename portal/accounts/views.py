"""Signing in, signing out, registering and setting a password."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.form_pages import form_page, refusal_page, too_many_tries_page, unusable_form_page
from portal.accounts.forms import (
    ClaimForm,
    ConfirmForm,
    MailForm,
    NewPasswordForm,
    RegisterForm,
    SignInForm,
    typed_text,
)
from portal.accounts.models import KnownDevice, MailedToken, Person
from portal.accounts.operations import (
    DuplicateAddressError,
    begin_registration,
    create_account,
    offer_password_link,
    replace_password,
    use_token,
    verify,
)
from portal.accounts.passwords import hash_password, password_matches
from portal.accounts.queries import locked_person, person_by_key
from portal.accounts.rules import ROLES, EmailAddress, LinkState, Purpose, address_key, person_subject
from portal.accounts.sign_in_steps import (
    continue_sign_in,
    door_behind,
    has_all_steps,
    kind_around,
    link_over,
    mailed_link,
    open_link,
    page_after_sign_in,
)
from portal.accounts.signed_in import active_person, current_person, device_here
from portal.accounts.throttles import (
    confirm_throttle,
    register_throttles,
    reset_mail_throttle,
    reset_throttle,
    right_throttle,
    sign_in_throttle,
)
from portal.audit import record
from portal.sessions.browser_sessions import browser, leave
from portal.sessions.gate import answer_ended_session, token_refused
from portal.sessions.operations import forget_guest
from portal.sessions.queries import FoundSession
from portal.web.addresses import actor, local_path
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.limits import Throttle, return_try, use_try
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("accounts", __name__)


@blueprint.get("/account/sign-in")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def sign_in() -> ResponseReturnValue:
    """Ask who it is; whoever is signed in for the wanted page already goes there."""
    then = request.args.get("next")
    target = _open_already(then)
    return redirect(target) if target else form_page("accounts/sign_in", SignInForm(next=then))


def _open_already(then: str | None) -> str | None:
    """The wanted page, where a live session of its kind has a person.

    Everybody else is shown the form: a browser may hold a session of another kind as well.
    """
    target = local_path(then, "")
    door = door_behind(target) if target else None
    kind = (kind_around(door) or door.kind) if door else None
    live = browser().live(kind) if kind and kind in app_state().policies else None
    return target if live and active_person(live.person_id) else None


@blueprint.post("/account/sign-in")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_sign_in() -> ResponseReturnValue:
    """Sign in, or say no in the same words whatever the cause."""
    form = SignInForm(next=request.args.get("next"))
    refusal = unusable_form_page("accounts/sign_in", form)
    if refusal:
        return refusal
    key = address_key(typed_text(form.email))
    found = person_by_key(reading(), key)
    device = device_here(found)
    throttle = sign_in_throttle(key, device)
    return too_many_tries_page("accounts/sign_in", form, throttle) or _answer_sign_in(form, found, device, throttle)


def _answer_sign_in(
    form: SignInForm, found: Person | None, device: KnownDevice | None, throttle: Throttle
) -> ResponseReturnValue:
    """Check the password before the write transaction begins, and in it that nothing changed meanwhile."""
    matches = password_matches(typed_text(form.password), found.password_hash if found else None)
    if found is None or not matches or not found.is_active:
        return _refuse_sign_in(form, found)
    refusal = too_many_tries_page("accounts/sign_in", form, right_throttle(found.id, device))
    if refusal:
        return refusal
    person = locked_person(db(), found.id)
    if person is None or not person.is_active or person.password_hash != found.password_hash:
        return _refuse_sign_in(form, found)
    return_try(db(), throttle)
    return continue_sign_in(person, form.next.data)


def _refuse_sign_in(form: SignInForm, found: Person | None) -> ResponseReturnValue:
    record(db(), "sign_in_failed", by=actor(), now=now(), subject=person_subject(found.id) if found else None)
    return refusal_page("accounts/sign_in", form, form.email, _("The e-mail address or the password is not right"))


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
    return form_page("accounts/claim", form)


@blueprint.post("/account/claim")
@access(Access.PERSON)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_claim() -> ResponseReturnValue:
    """Add the guest's forms to the account or leave them; either way this session forgets the guest."""
    form = ClaimForm()
    answer = request.form.get("answer")
    if token_refused() or answer not in ("yes", "no"):
        return form_page("accounts/claim", form, 409 if token_refused() else 422)
    live, then = browser().live(), _after_claim(form)
    if live is None or not _settle_guest(live, is_own=answer == "yes"):
        return answer_ended_session(browser().find())
    return redirect(then, 303)


def _settle_guest(live: FoundSession, *, is_own: bool) -> bool:
    """Add the forms of a session's guest to its person's account, or leave them; False where the session has ended.

    The forms are locked before the session is, as everywhere (docs/architecture.md).
    """
    with db().begin_nested() as done:
        if is_own and live.guest_id and live.person_id:
            app_state().hooks.claim_drafts(db(), live.guest_id, live.person_id)
        else:
            app_state().hooks.left_behind(live)
        lives = forget_guest(db(), live.id, now=now())
        if not lives:
            done.rollback()
    return lives


def _guest_id() -> str | None:
    live = browser().live()
    return live.guest_id if live else None


def _after_claim(form: ClaimForm) -> str:
    person = current_person()
    return page_after_sign_in(form.next.data, person.role_row if person else ROLES["citizen"])


@blueprint.get("/account/register")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def register() -> ResponseReturnValue:
    """Ask for an address and a password."""
    return form_page("accounts/register", RegisterForm(next=request.args.get("next")))


@blueprint.post("/account/register")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_register() -> ResponseReturnValue:
    """Mail the address what comes next; the answer is the same for an address that has an account."""
    form = RegisterForm()
    refusal = unusable_form_page("accounts/register", form) or too_many_tries_page(
        "accounts/register", form, *register_throttles(form.address.key)
    )
    if refusal:
        return refusal
    password_hash = hash_password(typed_text(form.password))
    then = local_path(form.next.data, "")
    begin_registration(
        db(),
        form.address,
        password_hash,
        confirm_link=lambda token: mailed_link("accounts.confirm", token, then=then),
        account_link=mailed_link("accounts.sign_in", then=then),
        now=now(),
    )
    return redirect(url_for("accounts.check_mail"), 303)


@blueprint.get("/account/check-mail")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def check_mail() -> ResponseReturnValue:
    """Say that a mail is on its way, if the address has use for one."""
    return render_template("accounts/check_mail.html")


@blueprint.get("/account/confirm", strict_slashes=False)
@blueprint.get("/account/confirm/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def confirm(token: str = "") -> ResponseReturnValue:
    """Ask for the password again: who only opens or presses does not prove an address."""
    open_link(Purpose.CONFIRM, token)
    return form_page("accounts/confirm", ConfirmForm())


@blueprint.post("/account/confirm/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_confirm(token: str) -> ResponseReturnValue:
    """Make the account and sign in, if the password is the one that was chosen when registering."""
    link, form = open_link(Purpose.CONFIRM, token), ConfirmForm()
    refusal = unusable_form_page("accounts/confirm", form) or too_many_tries_page(
        "accounts/confirm", form, confirm_throttle(str(link.id))
    )
    if refusal:
        return refusal
    if password_matches(typed_text(form.password), link.password_hash):
        return _make_account(link)
    return refusal_page(
        "accounts/confirm", form, form.password, _("This is not the password that you chose when you registered")
    )


def _make_account(link: MailedToken) -> ResponseReturnValue:
    if not use_token(db(), link, now=now()):
        return link_over(LinkState.USED)
    address = EmailAddress(email=link.email)
    try:
        person = create_account(db(), address, "citizen", password_hash=link.password_hash, by=actor(), now=now())
    except DuplicateAddressError:
        return link_over(LinkState.USED)
    return continue_sign_in(person, request.args.get("next"))


@blueprint.get("/account/password", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def password() -> ResponseReturnValue:
    """Ask where to mail a link for a new password."""
    return form_page("accounts/password", MailForm())


@blueprint.post("/account/password", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_password() -> ResponseReturnValue:
    """Mail the link; the answer is the same for an address that has no account.

    It is the same, too, where so many links went there lately that the last of them are enough: whoever asks for
    somebody else's account keeps nobody from the link, and does not fill their mailbox.
    """
    form = MailForm()
    refusal = unusable_form_page("accounts/password", form) or too_many_tries_page(
        "accounts/password", form, reset_throttle()
    )
    if refusal:
        return refusal
    is_enough = use_try(reset_mail_throttle(form.address.key), now=now()) is not None
    offer_password_link(db(), form.address, unless_mailed=is_enough, link_to=password_link, by=actor(), now=now())
    return redirect(url_for("accounts.check_mail"), 303)


def password_link(token: str) -> str:
    """The full address at which the holder of a mailed token sets a password."""
    return mailed_link("accounts.new_password", token)


@blueprint.get("/account/password/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def new_password(token: str) -> ResponseReturnValue:
    """Ask for the new password."""
    open_link(Purpose.SET_PASSWORD, token)
    return form_page("accounts/new_password", NewPasswordForm())


@blueprint.post("/account/password/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_new_password(token: str) -> ResponseReturnValue:
    """Set the password, end the person's other sessions, and sign in here."""
    link = open_link(Purpose.SET_PASSWORD, token)
    form = NewPasswordForm(own_address=link.email)
    refusal = unusable_form_page("accounts/new_password", form)
    if refusal:
        return refusal
    password_hash = hash_password(typed_text(form.password))
    person = locked_person(db(), link.person_id or 0)
    if person is None or person.disabled_at or not use_token(db(), link, now=now()):
        return link_over(LinkState.USED)
    verify(db(), person, now=now())
    live = browser().live(person.role_row.session_kind)
    is_replaced = (
        live and live.person_id == person.id and has_all_steps(person)
    )  # at once, by a session that opens here
    here = live.id if live and is_replaced else None
    replace_password(db(), person, password_hash, by=actor(person.id), now=now(), but=here)
    return continue_sign_in(person, None, is_mailed=True)
