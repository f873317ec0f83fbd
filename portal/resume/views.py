"""Coming back by a link and its code, or by reference and return code."""

import hmac
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.form_pages import form_page, refusal_page, wait_page
from portal.accounts.forms import typed_text
from portal.accounts.rules import EmailAddress
from portal.audit import record
from portal.drafts.models import Draft
from portal.drafts.open_draft import holder
from portal.drafts.operations import CODE_LENGTH
from portal.drafts.queries import find_draft, locked_draft
from portal.drafts.sealing import RETURN_CODE, subject
from portal.mail import messages
from portal.mail.rules import is_code
from portal.resume.coming_back import (
    address_of_draft,
    browser_hash,
    code_mail_throttle,
    code_throttle,
    come_back,
    first_unfinished,
    forget_browser,
    is_known_browser,
    link_mail_throttles,
    lost_link_throttle,
    lost_mail_throttles,
    remember_browser,
    return_throttles,
)
from portal.resume.forms import CodeForm, ReturnForm, SaveForm
from portal.resume.models import ResumeCode, ResumeLink
from portal.resume.operations import code_hash, issue_code, life_of, link_address, prove_address, use_code
from portal.resume.queries import find_code, find_link, is_stopped, last_code, return_code_of
from portal.resume.rules import Life, Target, target
from portal.resume.ways_back import (
    drafts_left,
    mail_address,
    mail_after_end,
    mail_lost_links,
    mail_to_left_behind,
    way_back,
)
from portal.sessions.browser_sessions import (
    browser,
    cookie_name,
    forget_session,
    keep_cookie,
    opened_session,
    prefer_language,
)
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import WayBack
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason
from portal.sessions.views import left_page
from portal.site_settings.current import clock_time, day_text, local_day
from portal.tokens import clean_code, clean_reference
from portal.web.addresses import actor, sign_in_page
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, Access, Activity, access, activity, shows_form_again
from portal.web.limits import retry_after, return_try, use_first_try, use_try, wait_text
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("resume", __name__)
CODE_COOKIE = "resume_code"
REFERENCE_LENGTH = 16
WHY_GONE = {Target.SENT: "sent", Target.DELETED: "deleted", Target.EXPIRED: "expired"}
NOBODYS = 0
"""The draft of a reference that nobody has: looked for as well, so that an unknown one takes as long."""


@blueprint.get("/resume/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def landing(token: str) -> ResponseReturnValue:
    """Where a link lands: it changes nothing and shows nothing of a person, however often it is opened."""
    link = _link(token)
    return gone_page(link.draft) or render_template(
        "resume/landing.html",
        address=url_for("resume.redeem", token=token),
        is_known=link.draft.person_id is None and is_known_browser(link.draft),
        is_of_account=link.draft.person_id is not None,
        **_told_occupied(_is_occupied(link.draft)),
    )


@blueprint.post("/resume/<mailed:token>", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
def redeem(token: str) -> ResponseReturnValue:
    """Continue: the owner and the browser that asked go in; who owns it signs in first; a guest is mailed a code."""
    link, pressed = _link(token), request.form.get("_action")
    if pressed == "hand_over":
        return end_session_here(url_for("resume.landing", token=token, handed_over=1))
    gone = gone_page(link.draft)
    if gone:
        return gone
    if link.draft.person_id:
        return _to_owner(link, token, keeps=pressed == "keep")
    if is_known_browser(link.draft):
        remember_browser()
        answer = _let_in(link, keeps=pressed == "keep")
        if link.device_hash == browser_hash(link.draft_id):
            prove_address(db(), link, now=now())  # who asked for it has opened it: the e-mail reached them
        return answer
    return _ask_code(link, keeps=pressed == "keep")


def gone_page(draft: Draft) -> ResponseReturnValue | None:
    """The page of a draft that cannot be continued: each in its own words."""
    life = Life(expires_at=draft.expires_at, sent_at=draft.sent_at, deleted_at=draft.deleted_at)
    found = target(life, now())
    if found is Target.OPEN:
        return None
    instant = draft.sent_at or draft.deleted_at or draft.expires_at
    return render_template("resume/gone.html", reason=WHY_GONE[found], day=day_text(local_day(instant))), 410


def _told_occupied(is_occupied: bool) -> dict[str, Any]:
    """What a page is told where somebody else's session may live: then it names nobody in its header either."""
    is_handed_over = not is_occupied and "handed_over" in request.args
    return {"is_occupied": is_occupied, "is_handed_over": is_handed_over} | ({"viewer": None} if is_occupied else {})


def end_session_here(then: str) -> Response:
    """End whatever session lives in this browser, so that the next person can come in; its work stays saved."""
    held = browser().held(CUSTOMER)
    if held:
        mail_to_left_behind(held)
    browser().end(CUSTOMER, EndReason.REPLACED)
    browser().end_within(CUSTOMER, EndReason.REPLACED)
    return forget_session(CUSTOMER, then)


def _link(token: str) -> ResumeLink:
    link = find_link(reading(), token)
    if link is None:
        abort(make_response(_no_link()))
    prefer_language(link.draft.language)
    return link


def _no_link() -> tuple[str, int]:
    return render_template("resume/no_link.html"), 404


def _is_occupied(draft: Draft) -> bool:
    """Whether a session lives in this browser whose holder may not open this draft."""
    live = browser().live(CUSTOMER)
    return live is not None and find_draft(reading(), draft.reference, holder(), now=now()) is None


def _to_owner(link: ResumeLink, token: str, *, keeps: bool) -> ResponseReturnValue:
    person_id = holder().person_id
    if person_id == link.draft.person_id:
        return _let_in(link, keeps=keeps)
    if person_id:
        address = url_for("resume.redeem", token=token)
        return render_template("resume/someone_else.html", address=address, **_told_occupied(True)), 403
    draft = db().get_one(Draft, link.draft_id)
    return redirect(sign_in_page(address_of_draft(draft) if keeps else first_unfinished(draft)), 303)


def _let_in(link: ResumeLink, *, keeps: bool, by_code: bool = False) -> ResponseReturnValue:
    """Let in by a link, unless its address was taken back while this request was on its way.

    Whoever has to wait is answered from here, so what a right proof uses up is used up afterwards.
    """
    draft = locked_draft(db(), link.draft_id)
    if is_stopped(db(), link.id):
        return _no_link()
    by = actor(holder().person_id)
    answer = come_back(draft, by_code_to=link if by_code else None, keeps=keeps)
    record(db(), "link_used", by=by, now=now(), subject=draft.reference)
    return answer


def _ask_code(link: ResumeLink, *, keeps: bool, is_new: bool = False) -> ResponseReturnValue:
    """Mail a code, unless one is on its way: a scanner's press, or a second click, costs the person nothing."""
    forget_browser()
    last = last_code(reading(), link.id, now=now())
    may_share = not is_new and last is not None and life_of(last).is_fresh(now())
    wait = None if may_share else use_try(code_mail_throttle(link.draft_id), now=now())
    if wait and last is None:
        return render_template("resume/wait.html", wait=wait_text(wait)), 429, retry_after(wait)
    secret = app_state().configuration.secret_key
    issued = issue_code(db(), link, secret=secret, now=now(), keeps=keeps, may_share=may_share or wait is not None)
    if issued.digits:
        address = link_address(link, app_state().configuration.keyring)
        messages.guest_code(db(), to=address, code=issued.digits, now=now())
    keep_cookie(CODE_COOKIE, issued.cookie)
    return redirect(url_for("resume.code_page"), 303)


@blueprint.get("/resume/code")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def code_page() -> ResponseReturnValue:
    """Where a guest types the code from the mail; without a code under way, the way back by reference."""
    pending = _pending_code()
    return _code_page(pending, CodeForm()) if pending else redirect(url_for("resume.return_page"))


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
        return _code_page(pending, form, 409)
    if pending.link.draft.person_id:
        return _to_owner_of(pending)
    if request.form.get("_action") == "again":
        return gone_page(pending.link.draft) or _ask_code(pending.link, keeps=pending.keeps, is_new=True)
    return _judge_code(pending, form) if form.validate() else _code_page(pending, form, 422)


def _to_owner_of(pending: ResumeCode) -> ResponseReturnValue:
    """To whoever owns the draft now: it became an account's while the code was on its way."""
    draft = db().get_one(Draft, pending.link.draft_id)
    return (
        come_back(draft)
        if holder().person_id == draft.person_id
        else redirect(sign_in_page(address_of_draft(draft)), 303)
    )


def _pending_code() -> ResumeCode | None:
    cookie = request.cookies.get(cookie_name(CODE_COOKIE))
    pending = find_code(reading(), cookie) if cookie else None
    if pending:
        prefer_language(pending.link.draft.language)
    return pending


def _code_page(pending: ResumeCode, form: CodeForm, status: int = 200) -> ResponseReturnValue:
    return form_page("resume/code", form, status, **_times(pending))


def _times(pending: ResumeCode) -> dict[str, str]:
    times = {"mailed": clock_time(pending.mailed_at), "until": clock_time(pending.expires_at)}
    return {"address": url_for("resume.code_page"), **times}


def _judge_code(pending: ResumeCode, form: CodeForm) -> ResponseReturnValue:
    """What could not be a code uses up no try; a try is counted before it is judged, and given back where right."""
    digits = clean_code(typed_text(form.code))
    if not life_of(pending).opens(now()):
        return refusal_page(
            "resume/code", form, form.code, _("This code has expired. Ask for a new one."), **_times(pending)
        )
    if not is_code(digits):
        return refusal_page("resume/code", form, form.code, _("The code must be 6 numbers"), **_times(pending))
    throttle = code_throttle(pending.id, pending.link.draft_id)
    wait = use_try(throttle, now=now())
    if wait:
        return wait_page("resume/code", form, wait, form.code, **_times(pending))
    expected = code_hash(app_state().configuration.secret_key, pending.link, digits)
    if not hmac.compare_digest(expected, pending.code_hash):
        return refusal_page("resume/code", form, form.code, _("The code is wrong. Check the e-mail"), **_times(pending))
    locked_draft(db(), pending.link.draft_id)
    return_try(db(), throttle)
    gone = gone_page(pending.link.draft)
    if gone:
        return gone
    answer = _let_in(pending.link, keeps=pending.keeps, by_code=True)
    use_code(db(), pending, now=now())
    keep_cookie(CODE_COOKIE, None)
    return answer


@blueprint.post("/resume/link")
@access(Access.ANY_KIND)
@activity(Activity.NONE)
def send_link_after_end() -> ResponseReturnValue:
    """Mail a guest the link from the page after the end; its sealed proof does what a form token does elsewhere.

    After Sign out the guest says where to. After any other end it goes to the address in the form, and only from the
    browser whose session that was.
    """
    found = opened_session(request.form.get("_proof", ""))
    if found is None:
        return render_template("sessions/no_session.html", next=None, is_guest=True), 403
    offered = way_back(found)
    if offered is None:
        return redirect(url_for("resume.return_page"), 303)
    return _send_after_sign_out(found, offered) if offered.is_private else _send_after_end(found)


def _send_after_sign_out(found: FoundSession, offered: WayBack) -> ResponseReturnValue:
    form, drafts = SaveForm(), drafts_left(found)
    if not form.validate():
        return left_page(offered, email=typed_text(form.email), error=form.error_of("email")), 422
    letters = dict.fromkeys(drafts, form.address)
    wait = use_first_try(link_mail_throttles(letters), now=now())[1]
    if wait:
        error = _("Too many tries.") + " " + wait_text(wait)
        return left_page(offered, email=typed_text(form.email), error=error), 429, retry_after(wait)
    if not mail_after_end(found, letters, is_typed=True):
        return redirect(url_for("resume.return_page"), 303)
    return redirect(url_for("sessions.ended", reason=found.reason.value, guest="saved", sent=1), 303)


def _send_after_end(found: FoundSession) -> ResponseReturnValue:
    here = browser().find()
    addresses = {draft: mail_address(draft) for draft in drafts_left(found)}
    letters = {draft: EmailAddress(email=address) for draft, address in addresses.items() if address}
    if here is None or here.id != found.id or not letters:
        return redirect(url_for("resume.return_page"), 303)
    wait = use_first_try(link_mail_throttles(letters), now=now())[1]
    if wait:
        return render_template("resume/wait.html", wait=wait_text(wait)), 429, retry_after(wait)
    is_theirs = mail_after_end(found, letters, is_typed=False)
    return redirect(url_for("sessions.ended" if is_theirs else "resume.return_page"), 303)


@blueprint.get("/resume", strict_slashes=False)
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def return_page() -> ResponseReturnValue:
    """Where reference and return code are typed."""
    return _return_page(ReturnForm())


def _return_page(form: ReturnForm, status: int = 200) -> ResponseReturnValue:
    return form_page("resume/return", form, status, **_beside_return())


def _mail_lost() -> ResponseReturnValue:
    """Mail a guest who has nothing left but the mailbox the links to their forms; the same for a stranger's address.

    The answer is the same, too, where so many links went there lately that only those to other forms are
    mailed whose guest has proved the address.
    """
    lost, wait = SaveForm(), None
    if lost.validate():
        wait = use_try(lost_link_throttle(), now=now())
        if wait is None:
            throttles = lost_mail_throttles(lost.address)
            used, must_wait = use_first_try(throttles, now=now())
            is_enough, must_be_proved = used is not throttles[0], must_wait is not None
            mail_lost_links(lost.address, is_enough=is_enough, must_be_proved=must_be_proved)
            return redirect(url_for("resume.return_page", asked=1), 303)
        lost.refuse(lost.email, _("Too many tries.") + " " + wait_text(wait))
    page, status = form_page("resume/return", ReturnForm(formdata=None), 429 if wait else 422, **_beside_return(lost))
    return page, status, retry_after(wait) if wait else {}


def _beside_return(lost: SaveForm | None = None) -> dict[str, Any]:
    """What the page for reference and return code shows besides: the form for those who have neither."""
    return {"lost": lost or SaveForm(formdata=None), "is_asked": "asked" in request.args, **_occupied()}


def _occupied() -> dict[str, Any]:
    return _told_occupied(browser().live(CUSTOMER) is not None)


@blueprint.post("/resume")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
@shows_form_again
def use_return_code() -> ResponseReturnValue:
    """Let in who has both; which of the two was wrong is not said. A try is counted before it is judged."""
    form = ReturnForm()
    if token_refused():
        return _return_page(form, 409)
    if request.form.get("_action") == "hand_over":
        return end_session_here(url_for("resume.return_page", handed_over=1))
    if request.form.get("_action") == "lost":
        return _mail_lost()
    if not form.validate():
        return _return_page(form, 422)
    reference = clean_reference(typed_text(form.reference))
    draft_id, sealed = return_code_of(reading(), reference) or (NOBODYS, None)
    throttle, wait = use_first_try(return_throttles(reference, browser_hash(draft_id)), now=now())
    if wait:
        return wait_page("resume/return", form, wait, form.return_code, **_beside_return())
    sentence = _("The reference or the return code is not right. Check both")
    if not _fits(reference, draft_id, sealed, clean_code(typed_text(form.return_code))):
        return refusal_page("resume/return", form, form.return_code, sentence, **_beside_return())
    draft = locked_draft(db(), draft_id)
    if draft.return_code != sealed:  # another code took its place while this request was on its way
        return refusal_page("resume/return", form, form.return_code, sentence, **_beside_return())
    return_try(db(), throttle)
    return _return_to(draft)


def _fits(reference: str, draft_id: int, sealed: bytes | None, code: str) -> bool:
    """Whether the code is the draft's. For a draft that has none, or does not exist, as much is done in vain."""
    keyring = app_state().configuration.keyring
    if sealed is None:
        keyring.seal(code.encode()[:CODE_LENGTH], subject=f"nobody's {reference[:REFERENCE_LENGTH]}", place=RETURN_CODE)
        return False
    known = keyring.open(sealed, subject=subject(draft_id), place=RETURN_CODE)
    return hmac.compare_digest(known, code.encode())


def _return_to(draft: Draft) -> ResponseReturnValue:
    gone = gone_page(draft)
    if gone:
        return gone
    answer = come_back(draft)
    record(db(), "return_code_used", by=actor(), now=now(), subject=draft.reference)
    return answer
