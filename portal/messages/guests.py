"""Guests without an account: the mailed link to their thread, and the code that opens it."""

import hmac
from datetime import timedelta

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import update
from sqlalchemy.orm import Session
from wtforms import StringField

from portal.accounts.form_pages import form_page, refusal_page, wait_page
from portal.accounts.forms import AccountForm, Needed, typed_text
from portal.audit import record
from portal.mail import messages as mails
from portal.mail.rules import CODE_LIFETIME, MailedCode, is_code
from portal.messages.models import Thread, ThreadCode
from portal.messages.operations import Desk, grant
from portal.messages.pages import desk
from portal.messages.queries import code_of_browser, find_thread, last_code, thread_by_reference, thread_of_link
from portal.messages.sealing import guest_address
from portal.sessions.browser_sessions import browser, forget_session, keep_cookie, kept_token, prefer_language
from portal.sessions.gate import token_refused
from portal.sessions.operations import Holder
from portal.sessions.rules import EndReason
from portal.site_settings.current import clock_time
from portal.tokens import clean_code, digits_code, keyed_hash, new_token, token_hash
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, MESSAGES, Access, Activity, access, activity, shows_form_again
from portal.web.limits import Limit, require, retry_after, return_try, take_within, use_try, wait_text
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("message_guests", __name__)
CODE_COOKIE = "messages_code"
_TYPED_CODE = Limit(name="messages-code", burst=5, interval=timedelta(minutes=3))
_CODE_THREAD = Limit(name="messages-code-thread", burst=50, interval=timedelta(minutes=1))
_COME_IN = Limit(name="messages-come-in", burst=30, interval=timedelta(minutes=1))
_CODE_MAIL = Limit(name="messages-code-mail", burst=5, interval=timedelta(minutes=2))


class CodeForm(AccountForm):
    """The code from the e-mail."""

    code = StringField(validators=[Needed(lazy_gettext("Enter the code from the e-mail"))])  # type: ignore[arg-type]


@blueprint.get("/messages/open", strict_slashes=False)
@blueprint.get("/messages/open/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def landing(token: str = "") -> ResponseReturnValue:
    """Where a mailed link lands: it changes nothing and shows nothing of a person, however often it is opened."""
    thread = _thread(token)
    is_occupied = _is_occupied(thread)
    return render_template(
        "messages/landing.html",
        address=url_for("message_guests.ask_code", token=token),
        is_occupied=is_occupied,
        is_handed_over="handed_over" in request.args,
        **({"viewer": None} if is_occupied else {}),
    )


@blueprint.post("/messages/open/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
def ask_code(token: str) -> ResponseReturnValue:
    """Mail a code to the guest's address; whoever has the thread open in this browser goes on."""
    thread = _thread(token)
    if request.form.get("_action") == "hand_over":
        return _hand_over(url_for("message_guests.landing", token=token, handed_over=1))
    if _is_open_here(thread):
        return redirect(f"/messages/{thread.reference}", 303)
    return _mail_code(thread)


def _thread(token: str) -> Thread:
    thread = thread_of_link(reading(), token)
    if thread is None:
        abort(make_response(render_template("messages/no_link.html"), 404))
    prefer_language(thread.language)
    return thread


def _is_open_here(thread: Thread) -> bool:
    """Return whether the messages session of this browser may read a thread already."""
    live = browser().live(MESSAGES)
    reader = Holder(person_id=live.person_id, guest_id=live.guest_id) if live else None
    return reader is not None and find_thread(reading(), thread.reference, reader, now=now()) is not None


def _is_occupied(thread: Thread) -> bool:
    """Whether somebody is signed in here, or has other messages open, and may be somebody else than this guest."""
    around = browser().live(CUSTOMER)
    is_signed_in = around is not None and around.person_id is not None
    return is_signed_in or (browser().live(MESSAGES) is not None and not _is_open_here(thread))


def _hand_over(then: str) -> ResponseReturnValue:
    """End what lives in this browser, so that the next person can come in; what was typed stays saved."""
    held = browser().held(CUSTOMER)
    if held:
        app_state().hooks.left_behind(held)
    browser().end(CUSTOMER, EndReason.REPLACED)
    browser().end_within(CUSTOMER, EndReason.REPLACED)
    return forget_session(CUSTOMER, then)


def _mail_code(thread: Thread, *, is_new: bool = False) -> ResponseReturnValue:
    """Mail a code, unless one is on its way: a scanner's press, or a second click, costs the person nothing."""
    last = last_code(reading(), thread, now=now())
    may_share = not is_new and last is not None and _life(last).is_fresh(now())
    wait = None if may_share else use_try([(_CODE_MAIL, str(thread.id))], now=now())
    if wait and last is None:
        page = render_template("resume/wait.html", wait=wait_text(wait))
        return page, 429, retry_after(wait)
    address = guest_address(app_state().configuration.keyring, thread)
    if address is None:
        abort(404)
    cookie, digits = _issue_code(desk(), thread, may_share=may_share or wait is not None)
    if digits:
        mails.guest_code(db(), to=address, code=digits, now=now())
    keep_cookie(CODE_COOKIE, cookie)
    return redirect(url_for("message_guests.code_page"), 303)


def _issue_code(at: Desk, thread: Thread, *, may_share: bool) -> tuple[str, str | None]:
    """Return a cookie for one browser, and the digits to mail; None where those of the last mail still serve.

    The lock of the thread lines up two clicks at once, so that they share one mail.
    """
    thread_by_reference(at.db, thread.reference, locked=True)
    last = last_code(at.db, thread, now=at.now) if may_share else None
    digits, cookie = None if last else digits_code(), new_token()
    at.db.add(
        ThreadCode(
            token_hash=token_hash(cookie),
            thread_id=thread.id,
            code_hash=last.code_hash if last else _code_hash(thread, digits or ""),
            mailed_at=last.mailed_at if last else at.now,
            expires_at=last.expires_at if last else at.now + CODE_LIFETIME,
        )
    )
    return cookie, digits


def _code_hash(thread: Thread, digits: str) -> bytes:
    return keyed_hash(app_state().configuration.secret_key, f"thread {thread.id} {digits}")


def _life(code: ThreadCode) -> MailedCode:
    return MailedCode(mailed_at=code.mailed_at, expires_at=code.expires_at, used_at=code.used_at)


@blueprint.get("/messages/code")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def code_page() -> ResponseReturnValue:
    """Where a guest types the code from the mail; without a code under way, the start page."""
    pending = _pending(reading())
    return _page(pending, CodeForm()) if pending else redirect("/")


@blueprint.post("/messages/code")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def use_code() -> ResponseReturnValue:
    """Let a guest in who typed the right code; a wrong one uses up a try, and never destroys the code."""
    pending, form = _pending(reading()), CodeForm()
    if pending is None:
        return redirect("/", 303)
    if token_refused():
        return _page(pending, form, 409)
    if request.form.get("_action") == "again":
        return _mail_code(pending[1], is_new=True)
    return _judge(pending, form) if form.validate() else _page(pending, form, 422)


def _pending(found_in: Session) -> tuple[ThreadCode, Thread] | None:
    cookie = kept_token(CODE_COOKIE)
    found = code_of_browser(found_in, cookie) if cookie else None
    if found:
        prefer_language(found[1].language)
    return found


def _page(pending: tuple[ThreadCode, Thread], form: CodeForm, status: int = 200) -> ResponseReturnValue:
    return form_page("resume/code", form, status, **_times(pending[0]))


def _times(code: ThreadCode) -> dict[str, str]:
    times = {"mailed": clock_time(code.mailed_at), "until": clock_time(code.expires_at)}
    return {"address": url_for("message_guests.code_page"), **times}


def _judge(pending: tuple[ThreadCode, Thread], form: CodeForm) -> ResponseReturnValue:
    """What could not be a code uses up no try; a try is counted before it is judged, and given back where right."""
    code, thread = pending
    digits, times = clean_code(typed_text(form.code)), _times(code)
    if not _life(code).opens(now()):
        sentence = _("This code has expired. Ask for a new one.")
        return refusal_page("resume/code", form, form.code, sentence, **times)
    if not is_code(digits):
        return refusal_page("resume/code", form, form.code, _("The code must be 6 numbers"), **times)
    throttle = [(_TYPED_CODE, code.token_hash.hex()), (_CODE_THREAD, str(thread.id))]
    wait = use_try(throttle, now=now())
    if wait:
        return wait_page("resume/code", form, wait, form.code, **times)
    if not hmac.compare_digest(_code_hash(thread, digits), code.code_hash):
        return refusal_page("resume/code", form, form.code, _("The code is wrong. Check the e-mail"), **times)
    thread_by_reference(db(), thread.reference, locked=True)
    return_try(db(), throttle)
    return _let_in(thread, code)


def _let_in(thread: Thread, code: ThreadCode) -> ResponseReturnValue:
    """Open the messages session of the guest of this thread: always the same guest, whose draft waits for them.

    The thread is locked.
    """
    require(take_within(db(), [(_COME_IN, str(thread.id))], now=now()))
    guest_id = grant(desk(), thread)
    shared = (ThreadCode.thread_id == thread.id, ThreadCode.code_hash == code.code_hash, ThreadCode.used_at.is_(None))
    db().execute(update(ThreadCode).where(*shared).values(used_at=now()))
    browser().open(MESSAGES, Holder(guest_id=guest_id))
    keep_cookie(CODE_COOKIE, None)
    record(db(), "messages_opened_by_code", by=actor(), now=now(), subject=thread.reference)
    return redirect(f"/messages/{thread.reference}", 303)
