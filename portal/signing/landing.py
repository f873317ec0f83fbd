"""Where a mailed link lands: what a signer meets before they are known, and the check that opens their session."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from portal.audit import record
from portal.errors import UndecryptableError
from portal.form_definitions.definition import SignerCheck
from portal.form_definitions.forms import SectionForm
from portal.sessions.browser_sessions import browser, cookie_name, forget_session, keep_cookie, prefer_language
from portal.sessions.gate import token_refused
from portal.sessions.operations import Holder, free_place
from portal.sessions.queries import session_at_place
from portal.sessions.rules import EndReason
from portal.signing.checks import (
    CODE,
    FACT,
    code_fault,
    fact_form,
    has_account_of,
    is_right_code,
    mail_code,
    mailed_code,
    throttle_of,
    typed_fact,
    wrong_fact_text,
)
from portal.signing.definition import ANSWERED, LIVE, OutcomeKind, State
from portal.signing.models import Invitation
from portal.signing.opened import DONE_PAGE, READ_PAGE, OpenInvitation
from portal.signing.operations import ask_for_new_link, check_passed, decline, is_right_fact, note_tries_used_up
from portal.signing.pages import desk, gone_page, locked
from portal.signing.queries import guest_of, invitation_of_code, invitation_of_guest, invitation_of_token
from portal.signing.rules import is_same_check
from portal.site_settings.current import clock_time, day_text, local_day
from portal.tokens import clean_code, clean_reference, keyed_hash, new_token, token_again
from portal.web.addresses import actor, remote_network, sign_in_page
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, SIGNING, Access, Activity, access, activity, shows_form_again
from portal.web.languages import language
from portal.web.limits import Limit, require, retry_after, return_try, take_within, use_try, wait_for
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("signing_landing", __name__)
_COME_IN = Limit(name="signing-come-in", burst=30, interval=timedelta(minutes=1))
_PRESS = Limit(name="signing-press", burst=30, interval=timedelta(minutes=1))
_NEW_LINK = Limit(name="signing-new-link", burst=1, interval=timedelta(days=1))
"""One mail a day says that somebody would like to sign; whoever presses again reads that it is on its way."""
BY_HAND = Limit(name="signing-by-hand", burst=5, interval=timedelta(minutes=3))
_BY_HAND_NETWORK = Limit(name="signing-by-hand-network", burst=60, interval=timedelta(seconds=10))
LAST_FOUR = 4
BACK_PAGE, LINK_COOKIE = "/sign/back", "signing_link"
PLACE_LENGTH = 32
Fault = tuple[str, str]
"""The input that is wrong, and a sentence."""


@blueprint.get("/sign/<mailed:token>", strict_slashes=False)
@access(Access.SIGNING_PUBLIC)
@activity(Activity.NAVIGATE)
def landing(token: str) -> ResponseReturnValue:
    """Where a mailed link lands: it changes nothing and shows nothing of a person, however often it is opened."""
    opened = _opened(token)
    if _is_open_here(opened):
        return redirect(_way_on(opened))
    return _landing_page(opened, token)


@blueprint.post("/sign/<mailed:token>", strict_slashes=False)
@access(Access.SIGNING_PUBLIC)
@activity(Activity.SUBMIT)
def answer_landing(token: str) -> ResponseReturnValue:
    """Do what the pressed button says; nothing of it can be done by pressing alone."""
    opened, pressed = _opened(token), request.form.get("_action")
    if pressed == "hand_over":
        return _hand_over(token)
    if _is_open_here(opened):
        return redirect(_way_on(opened), 303)
    if _is_occupied(opened):
        return redirect(url_for("signing_landing.landing", token=token), 303)
    if pressed == "new_link" and opened.state is State.EXPIRED:
        return _ask_for_new_link(opened)
    if opened.state not in LIVE and not opened.has_copy:
        return _landing_page(opened, token)
    if pressed == "not_me" and opened.state in LIVE:
        return _not_me(opened, token)
    if pressed == "send_code" and opened.signer.check is SignerCheck.CODE:
        return _send_code(opened, token)
    return _check(opened, token)


def _opened(token: str) -> OpenInvitation:
    """Return the invitation of a mailed link; one that was never mailed is unknown."""
    invitation = invitation_of_token(reading(), token)
    if invitation is None or invitation.state == State.WAITING:
        abort(make_response(render_template("messages/no_link.html"), 404))
    prefer_language(invitation.language)
    return OpenInvitation(reading(), invitation)


def _own_invitation() -> Invitation | None:
    """Return the invitation that the signing session of this browser works on."""
    live = browser().live(SIGNING)
    return invitation_of_guest(reading(), live.guest_id) if live and live.guest_id else None


def _is_open_here(opened: OpenInvitation) -> bool:
    own = _own_invitation()
    return own is not None and own.id == opened.invitation.id


def _is_occupied(opened: OpenInvitation) -> bool:
    """Whether somebody signs another invitation in this browser, and may be somebody else."""
    return browser().live(SIGNING) is not None and not _is_open_here(opened)


def _way_on(opened: OpenInvitation) -> str:
    """Return where a signer goes on: the page on which they were last, or what became of it."""
    return DONE_PAGE if opened.state in ANSWERED else opened.place


def _hand_over(token: str) -> ResponseReturnValue:
    """End the signing session of whoever was here before; what they typed stays saved, and so does their place."""
    browser().end(SIGNING, EndReason.REPLACED)
    return forget_session(SIGNING, url_for("signing_landing.landing", token=token, handed_over=1))


def _landing_page(
    opened: OpenInvitation,
    token: str,
    status: int = 200,
    *,
    faults: Sequence[Fault] = (),
    form: SectionForm | None = None,
) -> ResponseReturnValue:
    """The page of an invitation before its check: one that is over, and has no copy to fetch, has a page of its own."""
    address = url_for("signing_landing.answer_landing", token=token)
    if opened.state not in LIVE and not opened.has_copy:
        return gone_page(opened.state, address=address)
    is_occupied, check = _is_occupied(opened), opened.signer.check
    page = render_template(
        "signing/landing.html",
        address=address,
        reference=opened.reference,
        check=check.value,
        form=(form or fact_form(opened)) if check is SignerCheck.FACT else None,
        fact_section=opened.fact_section.title.in_(language()) if opened.fact_section else None,
        code=mailed_code(reading(), opened.invitation) if check is SignerCheck.CODE else None,
        faults=[(f"#{name}", text) for name, text in faults],
        errors=dict(faults),
        last_day=day_text(local_day(opened.invitation.expires_at)) if opened.invitation.expires_at else None,
        is_signed=opened.has_copy,
        is_occupied=is_occupied,
        is_handed_over="handed_over" in request.args,
        **({"viewer": None} if is_occupied else {}),
    )
    return page, 410 if status == 200 and opened.has_copy else status


def _ask_for_new_link(opened: OpenInvitation) -> ResponseReturnValue:
    """Tell the person who asked that somebody would sign and has no link that works."""
    if use_try([(_NEW_LINK, opened.invitation.public_id)], now=now()) is None:
        current = locked(opened.invitation)
        if current.state is State.EXPIRED:
            ask_for_new_link(desk(), current.invitation)
    return render_template("signing/asked.html")


def _not_me(opened: OpenInvitation, token: str) -> ResponseReturnValue:
    """Note that the mail went to a wrong person, who typed what a program that presses buttons does not."""
    typed, wanted = clean_code(request.form.get("last_four", "")), clean_code(opened.reference)[-LAST_FOUR:]
    if typed != wanted:
        sentence = _("Enter the last four characters of the reference")
        return _landing_page(opened, token, 422, faults=[("last_four", sentence)])
    require(use_try([(_PRESS, opened.invitation.public_id)], now=now()))
    current = locked(opened.invitation)
    if current.state in LIVE:
        decline(desk(), current.invitation, kind=OutcomeKind.NOT_ME)
    return redirect(url_for("signing_landing.landing", token=token), 303)


# The check


def _send_code(opened: OpenInvitation, token: str) -> ResponseReturnValue:
    """Mail six digits, unless a mail is on its way: a scanner's press, or a second click, costs the person nothing."""
    mail_code(locked(opened.invitation))
    return redirect(url_for("signing_landing.landing", token=token), 303)


def _wait_page(
    opened: OpenInvitation, token: str, wait: timedelta, name: str, form: SectionForm | None = None
) -> ResponseReturnValue:
    """The page again, with the clock time from which a try may be made."""
    sentence = _("Too many tries. You can try again at %(time)s.", time=clock_time(_next_minute(wait)))
    answer = make_response(_landing_page(opened, token, 429, faults=[(name, sentence)], form=form))
    answer.headers.update(retry_after(wait))
    return answer


def _next_minute(wait: timedelta) -> datetime:
    """Return the first whole minute at which waiting is over: a clock time that is shown must not be too early."""
    instant = now() + wait
    whole = instant.replace(second=0, microsecond=0)
    return whole if whole == instant else whole + timedelta(minutes=1)


def _check(opened: OpenInvitation, token: str) -> ResponseReturnValue:
    """Judge what was typed; a try is counted before it is judged, and given back where it was right."""
    check, invitation = opened.signer.check, opened.invitation
    if check is SignerCheck.ACCOUNT:
        return _check_account(opened, token)
    name = FACT if check is SignerCheck.FACT else CODE
    form = fact_form(opened, request.form) if check is SignerCheck.FACT else None
    fact = typed_fact(form) if form else ""
    fault = code_fault(reading(), invitation) if form is None else None if fact else wrong_fact_text()
    if fault:
        return _refused(opened, token, name, fault, form)
    throttle = throttle_of(invitation)
    wait = use_try(throttle, now=now())
    if wait:
        return _wait_page(opened, token, wait, name, form)
    is_last_try = wait_for(throttle, now=now()) is not None
    current = locked(invitation).invitation
    is_right = is_right_fact(desk(), current, fact) if form else is_right_code(current)
    if not is_right:
        if is_last_try:
            note_tries_used_up(desk(), current)
        wrong = wrong_fact_text() if form else _("The code is wrong. Check the e-mail")
        return _refused(opened, token, name, wrong, form)
    answer = _let_in(opened)
    return_try(db(), throttle)
    return answer


def _refused(
    opened: OpenInvitation, token: str, name: str, sentence: str, form: SectionForm | None
) -> ResponseReturnValue:
    if form:
        form.all_fields[FACT].error = sentence
        name = form.all_fields[FACT].first_input
    return _landing_page(opened, token, 422, faults=[(name, sentence)], form=form)


def _check_account(opened: OpenInvitation, token: str) -> ResponseReturnValue:
    """Let in whoever is signed in to the account of the invited address; else lead to signing in, and back."""
    if has_account_of(opened):
        return _let_in(opened)
    live = browser().live(CUSTOMER)
    if live and live.person_id:
        sentence = _("Sign in with the e-mail address to which we sent the link. You are signed in with another one.")
        return _landing_page(opened, token, 422, faults=[("account", sentence)])
    keep_cookie(LINK_COOKIE, _sealed(opened.invitation))
    return redirect(sign_in_page(BACK_PAGE), 303)


def _sealed(invitation: Invitation) -> str:
    """Return what says, in this browser alone, to which link signing in leads back: no address names its token."""
    sealed = app_state().configuration.keyring.seal(invitation.public_id.encode(), subject=SIGNING, place=LINK_COOKIE)
    return urlsafe_b64encode(sealed).decode().rstrip("=")


@blueprint.get(BACK_PAGE)
@access(Access.SIGNING_PUBLIC)
@activity(Activity.NAVIGATE)
def lead_back() -> ResponseReturnValue:
    """Lead whoever has signed in back to the link that asked for it."""
    kept = request.cookies.get(cookie_name(LINK_COOKIE), "")
    try:
        raw = urlsafe_b64decode(kept.encode("ascii") + b"=" * (-len(kept) % 4))
        public_id = app_state().configuration.keyring.open(raw, subject=SIGNING, place=LINK_COOKIE).decode()
    except (UndecryptableError, UnicodeError, ValueError):
        return redirect(READ_PAGE)
    invitation = reading().scalar(select(Invitation).where(Invitation.public_id == public_id))
    token = OpenInvitation(reading(), invitation).link.token if invitation else None
    return redirect(url_for("signing_landing.landing", token=token) if token else READ_PAGE)


def _let_in(opened: OpenInvitation) -> ResponseReturnValue:
    """Open a signing session in this browser; the second click of a double one gets the same session."""
    require(take_within(db(), [(_COME_IN, opened.invitation.public_id)], now=now()))
    current, secret = locked(opened.invitation), app_state().configuration.secret_key
    invitation = current.invitation
    if current.state not in LIVE and not current.has_copy:
        return gone_page(current.state, address=request.path)
    guest_id = guest_of(db(), invitation) or new_token()
    place = _browsers_place(invitation)
    found = session_at_place(db().connection(), place, now=now()) if place else None
    if found and found.times.alive(now()) and found.guest_id == guest_id and is_same_check(found.started_at, now()):
        browser().give(SIGNING, token_again(secret, found.csrf_secret))
        return redirect(_way_on(current), 303)
    if current.state in LIVE:
        check_passed(desk(), invitation, guest_id)
    if place:
        free_place(db(), place, now=now())
    csrf_secret = new_token()
    browser().open(
        SIGNING,
        Holder(guest_id=guest_id),
        csrf_secret=csrf_secret,
        sole_slot=place,
        token=token_again(secret, csrf_secret),
    )
    record(db(), "signing_opened", by=actor(), now=now(), subject=opened.reference)
    return redirect(_way_on(current), 303)


def _browsers_place(invitation: Invitation) -> str | None:
    """Return the place of the one session that this browser may have for an invitation."""
    visitor, secret = browser().visitor, app_state().configuration.secret_key
    if visitor is None:
        return None
    return f"{SIGNING} {keyed_hash(secret, f'{visitor} {invitation.public_id}').hex()[:PLACE_LENGTH]}"


# By hand


def by_hand_page(status: int = 200, error: str | None = None) -> ResponseReturnValue:
    """The page on which reference and code of the mail are typed."""
    found = browser().find(SIGNING)
    page = render_template(
        "signing/by_hand.html",
        ended_time=clock_time(found.ended_at) if found and not found.is_shared else None,
        error=error,
        reference=request.form.get("reference", ""),
        mail_code=request.form.get("mail_code", ""),
    )
    return page, status


@blueprint.post("/sign")
@access(Access.SIGNING_PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def find_by_hand() -> ResponseReturnValue:
    """Lead whoever typed reference and code of the mail to where its link leads."""
    if token_refused():
        return by_hand_page(409)
    reference, code = clean_reference(request.form.get("reference", "")), clean_code(request.form.get("mail_code", ""))
    sentence = _("The reference or the code is wrong. Check the e-mail")
    if not reference or not code:
        return by_hand_page(422, sentence)
    throttle = [(BY_HAND, reference[:PLACE_LENGTH]), (_BY_HAND_NETWORK, remote_network())]
    wait = use_try(throttle, now=now())
    if wait:
        time = clock_time(_next_minute(wait))
        page = by_hand_page(429, _("Too many tries. You can try again at %(time)s.", time=time))
        answer = make_response(page)
        answer.headers.update(retry_after(wait))
        return answer
    invitation = invitation_of_code(db(), reference, code)
    if invitation is None:
        return by_hand_page(422, sentence)
    return_try(db(), throttle)
    token = OpenInvitation(db(), invitation).link.token
    return redirect(url_for("signing_landing.landing", token=token), 303)
