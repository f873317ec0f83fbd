"""Doors that lead through a mail: registering an address, and setting a password.

Opening a mailed link changes nothing and shows no personal data; acting on it takes a password and a button.
"""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.forms import ConfirmForm, MailForm, NewPasswordForm, RegisterForm, typed
from portal.accounts.mailed_links import link_over, open_link
from portal.accounts.models import MailedToken, Person
from portal.accounts.operations import (
    DuplicateAddressError,
    begin_registration,
    create_account,
    offer_password_link,
    set_password,
    use_token,
    verify,
)
from portal.accounts.passwords import hash_password, password_matches
from portal.accounts.queries import locked_person
from portal.accounts.responses import form_page, mailed_link, refuse, too_many, unusable, welcome
from portal.accounts.rules import Address, LinkState, Purpose
from portal.accounts.throttles import confirm_throttle, mail_throttle
from portal.sessions.interface import visit
from portal.web.addresses import actor, local_path
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.unit_of_work import db, now

blueprint = Blueprint("registration", __name__)


@blueprint.get("/account/register")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def register() -> ResponseReturnValue:
    """Ask for an address and a password."""
    return form_page("register", RegisterForm(next=request.args.get("next")))


@blueprint.post("/account/register")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_register() -> ResponseReturnValue:
    """Mail the address what comes next; the answer is the same for an address that has an account."""
    form = RegisterForm()
    refusal = unusable("register", form) or too_many("register", form, mail_throttle(form.address.key))
    if refusal:
        return refusal
    password_hash = hash_password(typed(form.password))
    then = local_path(form.next.data, "")
    begin_registration(
        db(),
        form.address,
        password_hash,
        confirm_link=lambda token: mailed_link("registration.confirm", token, then=then),
        account_link=mailed_link("accounts.sign_in", then=then),
        now=now(),
    )
    return redirect(url_for("registration.check_mail"), 303)


@blueprint.get("/account/check-mail")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def check_mail() -> ResponseReturnValue:
    """Say that a mail is on its way, if the address has use for one."""
    return render_template("accounts/check_mail.html")


@blueprint.get("/account/confirm/<token>")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def confirm(token: str) -> ResponseReturnValue:
    """Ask for the password again: who only opens or presses does not prove an address."""
    open_link(Purpose.CONFIRM, token)
    return form_page("confirm", ConfirmForm())


@blueprint.post("/account/confirm/<token>")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_confirm(token: str) -> ResponseReturnValue:
    """Make the account and sign in, if the password is the one that was chosen when registering."""
    link, form = open_link(Purpose.CONFIRM, token), ConfirmForm()
    refusal = unusable("confirm", form) or too_many("confirm", form, confirm_throttle(str(link.id)))
    if refusal:
        return refusal
    if password_matches(typed(form.password), link.password_hash):
        return _make_account(link)
    return refuse("confirm", form, form.password, _("This is not the password that you chose when you registered"))


def _make_account(link: MailedToken) -> ResponseReturnValue:
    if not use_token(db(), link, now=now()):
        return link_over(LinkState.USED)
    address = Address(email=link.email)
    try:
        person = create_account(db(), address, "citizen", password_hash=link.password_hash, by=actor(), now=now())
    except DuplicateAddressError:
        return link_over(LinkState.USED)
    return welcome(person, request.args.get("next"))


@blueprint.get("/account/password")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def password() -> ResponseReturnValue:
    """Ask where to mail a link for a new password."""
    return form_page("password", MailForm())


@blueprint.post("/account/password")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_password() -> ResponseReturnValue:
    """Mail the link; the answer is the same for an address that has no account."""
    form = MailForm()
    refusal = unusable("password", form) or too_many("password", form, mail_throttle(form.address.key))
    if refusal:
        return refusal
    offer_password_link(db(), form.address, link_to=password_link, by=actor(), now=now())
    return redirect(url_for("registration.check_mail"), 303)


def password_link(token: str) -> str:
    """The full address at which the holder of a mailed token sets a password."""
    return mailed_link("registration.new_password", token)


@blueprint.get("/account/password/<token>")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def new_password(token: str) -> ResponseReturnValue:
    """Ask for the new password."""
    open_link(Purpose.SET_PASSWORD, token)
    return form_page("new_password", NewPasswordForm())


@blueprint.post("/account/password/<token>")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_new_password(token: str) -> ResponseReturnValue:
    """Set the password, end the person's other sessions, and sign in here."""
    link = open_link(Purpose.SET_PASSWORD, token)
    form = NewPasswordForm(own_address=link.email)
    refusal = unusable("new_password", form)
    if refusal:
        return refusal
    password_hash = hash_password(typed(form.password))
    person = locked_person(db(), link.person_id or 0)
    if person is None or person.disabled_at or not use_token(db(), link, now=now()):
        return link_over(LinkState.USED)
    verify(db(), person, now=now())
    set_password(db(), person, password_hash, by=actor(person.id), now=now(), but=_session_here(person))
    return welcome(person, None)


def _session_here(person: Person) -> int | None:
    """The person's session in this browser, which the new one replaces."""
    live = visit().live_of(person.role_row.session_kind)
    return live.id if live and live.person_id == person.id else None
