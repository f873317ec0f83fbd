"""The save page, the landing of a link, the guest's code, and reference with return code."""

import hmac
from datetime import timedelta
from math import ceil
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.accounts.forms import AccountForm, typed
from portal.accounts.rules import clean_token
from portal.accounts.throttles import use_try, wait_for
from portal.audit import record
from portal.drafts import pages
from portal.drafts.models import Draft
from portal.drafts.opening import OpenDraft, closed_page, holder, open_draft
from portal.drafts.operations import keep_save_address
from portal.drafts.queries import draft_by_reference, find_draft
from portal.drafts.sealing import return_code, save_address
from portal.mail import messages
from portal.resume.doors import code_mail_throttle, code_throttle, link_mail_throttle, return_throttle
from portal.resume.forms import CodeForm, ReturnForm, SaveForm
from portal.resume.interface import come_back, first_unfinished, mail_link
from portal.resume.models import ResumeCode, ResumeLink
from portal.resume.operations import issue_code, link_address, use_code
from portal.resume.queries import find_code, find_link, last_link_at
from portal.resume.rules import Life, Target, clean_code, clean_reference, target
from portal.sessions.gate import token_refused
from portal.sessions.interface import cookie_name, send_cookie
from portal.site_settings.times import day_text, local_day, moment_text
from portal.tokens import keyed_hash
from portal.web.addresses import actor, sign_in_page
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.portal import portal
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("resume", __name__)
CODE_COOKIE = "resume_code"
GONE = {Target.SENT: "sent", Target.DELETED: "deleted", Target.EXPIRED: "expired"}


@blueprint.get("/drafts/<reference>/save")
@access(Access.DRAFT_OWNER)
@activity(Activity.NAVIGATE)
def save_page(reference: str) -> ResponseReturnValue:
    """Your form is saved: how to come back to it."""
    opened = open_draft(reference)
    closed = closed_page(opened)
    if closed:
        return closed
    return _save_page(opened, SaveForm()) if opened.can_be_saved else redirect(opened.address())


@blueprint.post("/drafts/<reference>/save")
@access(Access.DRAFT_OWNER)
@activity(Activity.SAVE)
@shows_form_again
def send_link(reference: str) -> ResponseReturnValue:
    """Mail a guest the link to their form."""
    form = SaveForm()
    wait = _link_wait(reference) if not token_refused() and form.validate() else None
    opened = open_draft(reference)
    closed = closed_page(opened)
    if closed:
        return closed
    if not opened.can_be_saved or not opened.is_guest:
        abort(404)
    if token_refused() or form.errors:
        return _save_page(opened, form, status=409 if token_refused() else 422)
    if wait:
        form.refuse(form.email, _wait_text(wait))
        return _save_page(opened, form, status=429)
    keep_save_address(opened.draft, form.address.email, keyring=portal().configuration.keyring)
    mail_link(opened.draft, form.address.email)
    return redirect(url_for("resume.save_page", reference=opened.reference, sent=1), 303)


def _link_wait(reference: str) -> timedelta | None:
    """How long to wait before another link is mailed; counted before the write transaction begins.

    Only for a draft of this session's holder, so that nobody uses up the tries of somebody else.
    """
    draft = find_draft(reading(), reference, holder(), now=now())
    return use_try(link_mail_throttle(draft.id), now=now()) if draft else None


def _save_page(opened: OpenDraft, form: SaveForm, status: int = 200) -> ResponseReturnValue:
    mailed_at = last_link_at(db(), opened.draft.id)
    page = render_template(
        "resume/save.html",
        opened=opened,
        band=pages.band(opened),
        form=form,
        slip=pages.slip(opened),
        mailed_at=moment_text(mailed_at) if mailed_at else None,
        keep_until=pages.keep_until(opened),
        sent_to=save_address(portal().configuration.keyring, opened.draft) if request.args.get("sent") else None,
        next=first_unfinished(opened.draft),
    )
    return page, status


@blueprint.get("/resume/<token>")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def landing(token: str) -> ResponseReturnValue:
    """Where a link lands: it changes nothing and shows nothing of a person, however often it is opened."""
    link = _link(token)
    return _gone(link.draft) or render_template("resume/landing.html")


@blueprint.post("/resume/<token>")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
def redeem(token: str) -> ResponseReturnValue:
    """Continue: the owner goes in, who owns it signs in first, a guest is mailed a code."""
    link = _link(token)
    gone = _gone(link.draft)
    if gone:
        return gone
    return _to_owner(link) if link.draft.person_id else _mail_code(link)


def _link(token: str) -> ResumeLink:
    return find_link(reading(), clean_token(token)) or abort(404)


def _gone(draft: Draft) -> ResponseReturnValue | None:
    """The page of a draft that cannot be continued: each in its own words."""
    life = Life(expires_at=draft.expires_at, sent_at=draft.sent_at, deleted_at=draft.deleted_at)
    found = target(life, now())
    if found is Target.OPEN:
        return None
    instant = draft.sent_at or draft.deleted_at or draft.expires_at
    return render_template("resume/gone.html", reason=GONE[found], day=day_text(local_day(instant))), 410


def _to_owner(link: ResumeLink) -> ResponseReturnValue:
    person_id = holder().person_id
    if person_id == link.draft.person_id:
        draft = db().get_one(Draft, link.draft_id)
        record(db(), "link_used", by=actor(person_id), now=now(), subject=draft.reference)
        return come_back(draft)
    if person_id:
        return render_template("resume/someone_else.html"), 403
    return redirect(sign_in_page(first_unfinished(db().get_one(Draft, link.draft_id))), 303)


def _mail_code(link: ResumeLink) -> ResponseReturnValue:
    wait = use_try(code_mail_throttle(link.draft_id), now=now())
    if wait:
        return _too_many(wait)
    configuration = portal().configuration
    issued = issue_code(db(), link, secret=configuration.secret_key, now=now())
    messages.guest_code(db(), to=link_address(link, configuration.keyring), code=issued.digits, now=now())
    return _with_cookie(redirect(url_for("resume.code_page"), 303), issued.cookie)


def _too_many(wait: timedelta) -> ResponseReturnValue:
    page = render_template("resume/wait.html", wait=_wait_text(wait))
    return page, 429, {"Retry-After": str(ceil(wait.total_seconds()))}


def _wait_text(wait: timedelta) -> str:
    minutes = ceil(wait / timedelta(minutes=1))
    return str(ngettext("Wait a minute and try again.", "Wait %(num)s minutes and try again.", minutes))


def _with_cookie(answer: Any, value: str | None) -> Response:
    response = make_response(answer)
    send_cookie(response, CODE_COOKIE, value)
    return response


@blueprint.get("/resume/code")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def code_page() -> ResponseReturnValue:
    """Where a guest types the code from the mail; without a code under way, the way back by reference."""
    return _form_page("code", CodeForm()) if _pending_code() else redirect(url_for("resume.return_page"))


@blueprint.post("/resume/code")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def use_typed_code() -> ResponseReturnValue:
    """Let a guest in who typed the right code; a wrong one uses up a try, and never destroys the code."""
    pending = _pending_code()
    if pending is None:
        return redirect(url_for("resume.return_page"), 303)
    form = CodeForm()
    if token_refused():
        return _form_page("code", form, 409)
    if pending.link.draft.person_id:
        return _to_owner(pending.link)
    if request.form.get("_action") == "again":
        return _gone(pending.link.draft) or _mail_code(pending.link)
    return _judge_code(pending, form) if form.validate() else _form_page("code", form, 422)


def _pending_code() -> ResumeCode | None:
    cookie = request.cookies.get(cookie_name(CODE_COOKIE))
    return find_code(reading(), cookie) if cookie else None


def _judge_code(pending: ResumeCode, form: CodeForm) -> ResponseReturnValue:
    throttle = code_throttle(pending.id, pending.link.draft_id)
    wait = wait_for(throttle, now=now())
    if wait:
        return _slow_down("code", form, form.code, wait)
    if pending.expires_at <= now():
        return _refuse("code", form, form.code, _("This code has expired. Ask for a new one."))
    cookie = request.cookies[cookie_name(CODE_COOKIE)]
    expected = keyed_hash(portal().configuration.secret_key, f"{cookie}:{clean_code(typed(form.code))}")
    if not hmac.compare_digest(expected, pending.code_hash):
        use_try(throttle, now=now())
        return _refuse("code", form, form.code, _("That is not the code from the e-mail"))
    return _gone(pending.link.draft) or _let_in(pending)


def _let_in(pending: ResumeCode) -> ResponseReturnValue:
    use_code(db(), db().get_one(ResumeCode, pending.id))
    draft = db().get_one(Draft, pending.link.draft_id)
    record(db(), "link_used", by=actor(), now=now(), subject=draft.reference)
    return _with_cookie(come_back(draft), None)


@blueprint.get("/resume")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def return_page() -> ResponseReturnValue:
    """Where reference and return code are typed."""
    return _form_page("return", ReturnForm())


@blueprint.post("/resume")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def use_return_code() -> ResponseReturnValue:
    """Let in who has both; which of the two was wrong is not said."""
    form = ReturnForm()
    if token_refused():
        return _form_page("return", form, 409)
    if not form.validate():
        return _form_page("return", form, 422)
    reference = clean_reference(typed(form.reference))
    throttle = return_throttle(reference)
    wait = wait_for(throttle, now=now())
    if wait:
        return _slow_down("return", form, form.return_code, wait)
    draft = _proved(reference, clean_code(typed(form.return_code)))
    if draft is None:
        use_try(throttle, now=now())
        return _refuse("return", form, form.return_code, _("The reference and the return code do not belong together"))
    return _gone(draft) or _return_with(draft)


def _proved(reference: str, code: str) -> Draft | None:
    """The draft that both open. The unknown ones take the same comparison."""
    draft = draft_by_reference(reading(), reference)
    known = return_code(portal().configuration.keyring, draft) if draft else None
    fits = hmac.compare_digest((known or "-").encode(), code.encode())
    return draft if known and fits else None


def _return_with(draft: Draft) -> ResponseReturnValue:
    record(db(), "return_code_used", by=actor(), now=now(), subject=draft.reference)
    return come_back(db().get_one(Draft, draft.id))


def _form_page(name: str, form: AccountForm, status: int = 200) -> ResponseReturnValue:
    return render_template(f"resume/{name}.html", form=form, is_out_of_date=status == 409), status


def _refuse(name: str, form: AccountForm, field: Any, sentence: str) -> ResponseReturnValue:
    form.refuse(field, sentence)
    return _form_page(name, form, 422)


def _slow_down(name: str, form: AccountForm, field: Any, wait: timedelta) -> ResponseReturnValue:
    form.refuse(field, _("Too many tries.") + " " + _wait_text(wait))
    response = make_response(_form_page(name, form, 429))
    response.headers["Retry-After"] = str(ceil(wait.total_seconds()))
    return response
