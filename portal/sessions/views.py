"""The poller's fragment, *Stay signed in*, and the page after the end."""

from dataclasses import replace

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal.sessions.activity import SessionClock, count_extension, count_poll, extend, session_clock
from portal.sessions.browser_sessions import (
    ALL_CLEARED,
    CLEARED,
    LEFT_COOKIE,
    browser,
    change_language,
    cookie_name,
    forget_pages,
    keep_cookie,
    opened_session,
)
from portal.sessions.gate import answer_ended_session
from portal.sessions.late_forms import REASONS, WayBack
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason
from portal.site_settings.current import clock_time
from portal.web.addresses import START_PAGE, is_htmx, local_path
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, Access, Activity, access, activity

blueprint = Blueprint("sessions", __name__)


@blueprint.get("/session/poll")
@access(Access.ANY_KIND)
@activity(Activity.POLL)
def poll_session() -> ResponseReturnValue:
    """How long the session has; asking never makes it longer."""
    found = browser().live() or browser().in_grace()
    if found is None and browser().find():
        browser().report_end()
    clock = session_clock(found, found.times) if found else None
    if found and clock:
        count_poll(found, clock)
    return _fragment(browser().kind, clock)


def _fragment(kind: str, clock: SessionClock | None) -> str:
    """The poller's fragment; it shows nothing of the page around it, so nothing of that is looked up."""
    return current_app.jinja_env.get_template("sessions/poll.html").render(kind=kind, clock=clock)


@blueprint.post("/session/extend")
@access(Access.ANY_KIND)
@activity(Activity.EXTEND)
def extend_session() -> ResponseReturnValue:
    """Stay signed in: the full time from now, if the session still lives."""
    live = browser().live()
    if live is None:
        return answer_ended_session(browser().find())
    deadline = extend(live)
    if deadline is None:
        return answer_ended_session(live)
    count_extension(live)
    if is_htmx():
        return _fragment(live.kind, session_clock(live, replace(live.times, expires_at=deadline)))
    return redirect(local_path(request.form.get("next"), START_PAGE), 303)


@blueprint.post("/language")
@access(Access.ANY_KIND)
@activity(Activity.NONE)
def choose_language() -> ResponseReturnValue:
    """Read on in another language, on the same page."""
    change_language(request.form.get("language"))
    return redirect(local_path(request.form.get("then"), START_PAGE), 303)


@blueprint.get("/session/ended")
@access(Access.ANY_KIND)
@activity(Activity.NONE)
def ended() -> ResponseReturnValue:
    """Why the session ended, when, and how to carry on."""
    if browser().live() or browser().withheld():
        return redirect(START_PAGE)
    left = _page_of_leaving()
    if left:
        return left
    found = browser().find()
    if found:
        browser().report_end()
    pages = app_state().hooks.ended_pages.get(browser().kind)
    if pages:
        return pages.ended(found)
    kept = app_state().hooks.kept_work(found, None) if found else None
    way_back = app_state().hooks.way_back(found) if found else None
    if found and found.is_shared:
        return render_template(
            "sessions/blank.html", ended_time=clock_time(found.ended_at), kept=kept, way_back=way_back
        )
    # Signing out takes the cookie away, so the redirect that follows names the reason itself.
    has_signed_out = request.args.get("reason") == EndReason.SIGNED_OUT.value
    reason = found.reason if found else EndReason.SIGNED_OUT if has_signed_out else None
    return render_template(
        "sessions/ended.html",
        ended_time=clock_time(found.ended_at) if found else None,
        grace_until=_grace_until(),
        reason=reason,
        reason_text=REASONS[reason] if reason else None,
        kept=kept,
        way_back=way_back,
        is_sent="sent" in request.args,
        has_left=found is None and has_signed_out,
        left=request.args.get("guest"),
        is_guest=_is_guest(found),
        is_anybody=found is None and browser().kind == CUSTOMER,
        is_account_gone=reason is EndReason.ACCOUNT_DELETED,
        next=kept.path if kept else None,
    )


def _is_guest(found: FoundSession | None) -> bool:
    """Whether this is the end of somebody without an account, to whom no sign-in is offered."""
    return found.person_id is None if found else "guest" in request.args


def _page_of_leaving() -> Response | None:
    """The page for a guest who has just signed out: reference, return code and a link by e-mail, shown once.

    This very answer takes the cookie away that opens it, so whoever comes next, or loads it again, sees none of it.
    """
    left = opened_session(request.cookies.get(cookie_name(LEFT_COOKIE), ""))
    way_back = app_state().hooks.way_back(left) if left else None
    if left is None or way_back is None or not way_back.is_private:
        return None
    keep_cookie(LEFT_COOKIE, None)
    return forget_pages(make_response(left_page(way_back)), ALL_CLEARED if left.is_shared else CLEARED)


def left_page(way_back: WayBack, *, email: str | None = None, error: str | None = None) -> str:
    """The page with a guest's way back; again with what was typed as an address and what is wrong with it."""
    typed = way_back.email if email is None else email
    return render_template("sessions/left.html", way_back=way_back, email=typed, error=error, other_languages=[])


def _grace_until() -> str | None:
    """Until when a page that is still open can be sent, or None where it cannot."""
    found = browser().in_grace()
    return session_clock(found, found.times).grace_until if found else None
