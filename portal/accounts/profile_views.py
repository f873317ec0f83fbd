"""What somebody changes of their own account: name, e-mail address, password, and deleting all of it."""

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.address_change import (
    AddressLinks,
    ask_address_change,
    change_address,
    object_to_change,
)
from portal.accounts.form_pages import form_page, refusal_page, too_many_tries_page, unusable_form_page, wait_page
from portal.accounts.forms import (
    ChangePasswordForm,
    ConfirmAddressForm,
    MailForm,
    NameForm,
    ObjectForm,
    PressForm,
    typed_name,
    typed_text,
)
from portal.accounts.models import MailedToken, Person
from portal.accounts.operations import ObjectionOpenError, change_name, delete_account, replace_password, use_token
from portal.accounts.passwords import hash_password, password_matches
from portal.accounts.queries import is_still_open, locked_person, objection_ends_at, person_by_id
from portal.accounts.remembered import OBJECTION_LIFETIME
from portal.accounts.rules import EmailAddress, LinkState, Purpose, address_key
from portal.accounts.security_views import locked_self, own_person, proved_first
from portal.accounts.sign_in_steps import link_over, mailed_link, open_link
from portal.accounts.signed_in import device_here, own_path, prove_again
from portal.accounts.throttles import again_throttle, confirm_throttle, move_throttles, object_throttle, right_throttle
from portal.accounts.views import password_link
from portal.audit import record
from portal.sessions.browser_sessions import browser, forget_session
from portal.site_settings.current import day_text, local_day
from portal.web.addresses import SECURITY_PAGE, actor
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.limits import Throttle, return_try, use_first_try
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("profile", __name__)
DELETERS = frozenset({"citizen"})
"""Whose account is their own to delete; those who work here ask an administrator."""


@blueprint.get("/account/name")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
def name() -> ResponseReturnValue:
    """Ask for the name."""
    form = NameForm()
    form.name.data = own_person().name
    return form_page("accounts/name", form)


@blueprint.post("/account/name")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_name() -> ResponseReturnValue:
    """Keep the name."""
    form = NameForm()
    refusal = unusable_form_page("accounts/name", form)
    if refusal:
        return refusal
    person = locked_self()
    change_name(db(), person, typed_name(form.name), by=actor(person.id), now=now())
    return redirect(own_path(SECURITY_PAGE, done="name"), 303)


@blueprint.get("/account/email")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
@proved_first
def email() -> ResponseReturnValue:
    """Ask for the new address."""
    return form_page("accounts/email", MailForm(), present=own_person().email)


@blueprint.post("/account/email")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@proved_first
def submit_email() -> ResponseReturnValue:
    """Mail the new address the link that proves it; the answer is the same where somebody has that address."""
    form, person = MailForm(), own_person()
    present = person.email
    refusal = unusable_form_page("accounts/email", form, present=present)
    if refusal:
        return refusal
    if form.address.key == person.email_key:
        return refusal_page(
            "accounts/email", form, form.email, _("This is already your e-mail address"), present=present
        )
    _used, wait = use_first_try(move_throttles(person.id, form.address.key), now=now())
    if wait:
        return wait_page("accounts/email", form, wait, present=present)
    stored = locked_self()
    by, until = actor(person.id), local_day(now() + OBJECTION_LIFETIME)
    ask_address_change(db(), stored, form.address, links=_links(), until=until, by=by, now=now())
    return redirect(own_path(SECURITY_PAGE, done="email_asked"), 303)


def _links() -> AddressLinks:
    return AddressLinks(
        confirm=lambda token: mailed_link("profile.confirm_email", token),
        object=lambda token: mailed_link("profile.objection", token),
        account=mailed_link("accounts.sign_in"),
    )


@blueprint.get("/account/email/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def confirm_email(token: str) -> ResponseReturnValue:
    """Ask for the password: who only opens or presses does not prove an address."""
    open_link(Purpose.CHANGE_ADDRESS, token)
    return form_page("accounts/confirm", ConfirmAddressForm())


@blueprint.post("/account/email/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_confirm_email(token: str) -> ResponseReturnValue:
    """Use the new address from now on, if the password is the account's."""
    link, form = open_link(Purpose.CHANGE_ADDRESS, token), ConfirmAddressForm()
    refusal = unusable_form_page("accounts/confirm", form) or too_many_tries_page(
        "accounts/confirm", form, confirm_throttle(str(link.id))
    )
    if refusal:
        return refusal
    found = person_by_id(reading(), link.person_id or 0)
    if found and password_matches(typed_text(form.password), found.password_hash):
        return _change_address(link, found)
    return refusal_page("accounts/confirm", form, form.password, _("The password is wrong"))


def _change_address(link: MailedToken, found: Person) -> ResponseReturnValue:
    person = locked_person(db(), found.id)
    if person is None or not person.is_active or person.password_hash != found.password_hash:
        return link_over(LinkState.USED)
    if not use_token(db(), link, now=now()):
        return link_over(LinkState.USED)
    address, until = EmailAddress(email=link.email), local_day(now() + OBJECTION_LIFETIME)
    if not change_address(db(), person, address, links=_links(), until=until, by=actor(person.id), now=now()):
        return link_over(LinkState.USED)
    return redirect(f"{SECURITY_PAGE}?done=email", 303)


@blueprint.get("/account/email/objection/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def objection(token: str) -> ResponseReturnValue:
    """Say what objecting does, and ask for the address at which the mail was read."""
    open_link(Purpose.OBJECT, token)
    return form_page("accounts/objection", ObjectForm())


@blueprint.post("/account/email/objection/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_objection(token: str) -> ResponseReturnValue:
    """Give the account back to the address that objects, and lock everybody out until it sets a new password.

    Which address that is, stays unsaid where staff have to look at it: the e-mail says so.
    """
    link, form = open_link(Purpose.OBJECT, token), ObjectForm()
    refusal = unusable_form_page("accounts/objection", form) or too_many_tries_page(
        "accounts/objection", form, object_throttle(str(link.id))
    )
    if refusal:
        return refusal
    if address_key(typed_text(form.email)) != address_key(link.email):
        return refusal_page("accounts/objection", form, form.email, _("We did not send the e-mail to this address"))
    person = locked_person(db(), link.person_id or 0)
    if person is None or not is_still_open(db(), link, now=now()):
        return link_over(LinkState.USED)
    object_to_change(db(), person, link, password_link=password_link, by=actor(), now=now())
    return redirect(url_for("accounts.check_mail"), 303)


@blueprint.get("/account/password/change")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
def password() -> ResponseReturnValue:
    """Ask for the password as it is, and as it is to be."""
    return form_page("accounts/change_password", ChangePasswordForm())


@blueprint.post("/account/password/change")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_password() -> ResponseReturnValue:
    """Set the new password: every other session ends, and this one goes on under a new id."""
    person = own_person()
    form = ChangePasswordForm(own_address=person.email)
    throttle = again_throttle(person.id)
    refusal = unusable_form_page("accounts/change_password", form) or too_many_tries_page(
        "accounts/change_password", form, throttle
    )
    if refusal:
        return refusal
    if not password_matches(typed_text(form.old_password), person.password_hash):
        record(db(), "password_again_failed", by=actor(person.id), now=now())
        return refusal_page("accounts/change_password", form, form.old_password, _("The password is wrong"))
    refusal = too_many_tries_page("accounts/change_password", form, right_throttle(person.id, device_here(person)))
    if refusal:
        return refusal
    password_hash = hash_password(typed_text(form.password))
    return _set_password(person, password_hash, throttle)


def _set_password(person: Person, password_hash: str, throttle: Throttle) -> ResponseReturnValue:
    stored = locked_person(db(), person.id)
    return_try(db(), throttle)
    if stored is None or stored.password_hash != person.password_hash:
        return redirect(own_path("/account/password/change"), 303)
    over = prove_again(stored)
    if over:
        return over
    live = browser().live()
    replace_password(db(), stored, password_hash, by=actor(person.id), now=now(), but=live.id if live else None)
    return redirect(own_path(SECURITY_PAGE, done="password"), 303)


@blueprint.get("/account/delete")
@access(Access.ANY_PERSON)
@activity(Activity.NAVIGATE)
@proved_first
def delete() -> ResponseReturnValue:
    """Say what becomes of drafts and of what was sent, and ask."""
    return _delete_page(own_person())


def _delete_page(person: Person, status: int = 200) -> ResponseReturnValue:
    held = app_state().hooks.held_by(reading(), person.id, now=now())
    waits_until = objection_ends_at(reading(), person.id, now=now())
    return form_page(
        "accounts/delete",
        PressForm(),
        status,
        held=held,
        may_delete=person.role in DELETERS,
        waits_until=day_text(local_day(waits_until)) if waits_until else None,
    )


@blueprint.post("/account/delete")
@access(Access.ANY_PERSON)
@activity(Activity.SUBMIT)
@proved_first
def submit_delete() -> ResponseReturnValue:
    """Delete the account with its drafts, in one transaction."""
    stored = locked_self()
    if stored.role not in DELETERS:  # as it is now: an administrator may have changed it a moment ago
        abort(403)
    try:
        with db().begin_nested():  # drafts before sessions, in the order of all locks
            app_state().hooks.delete_drafts_of(db(), stored.id, now=now())
            delete_account(db(), stored, by=actor(stored.id), now=now())
    except ObjectionOpenError:
        return _delete_page(stored, 422)
    return forget_session(browser().kind, url_for("profile.deleted"))


@blueprint.get("/account/deleted")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def deleted() -> ResponseReturnValue:
    """Say that the account is gone."""
    return render_template("accounts/deleted.html")
