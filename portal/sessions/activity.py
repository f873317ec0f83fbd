"""What a request means for its session: whether it counts, the renewal, and the clock that pages show."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, request
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy.orm import Session

from portal.audit import record
from portal.sessions.browser_sessions import BrowserSessions, browser, policy_of, send_cookie
from portal.sessions.operations import (
    leave_quiet_path,
    move_deadline,
    revive_session,
)
from portal.sessions.queries import FoundSession, live_deadline
from portal.sessions.rules import (
    LAST_POLL_BEFORE_END,
    MAY_COUNT,
    Contact,
    State,
    Times,
    counts,
    extended,
    grace_end,
    poll,
    renewed,
    revived,
)
from portal.site_settings.current import clock_time
from portal.web.addresses import actor
from portal.web.app_state import app_state, called_view
from portal.web.counters import Event, count
from portal.web.declarations import CUSTOMER, Activity
from portal.web.unit_of_work import db, is_safe, now

NAMED_BUTTONS = ("_lookup", "_fill")
SUBJECT_LENGTH = 128
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Moz")
ONE_DIGIT = frozenset("123456789")
"""How many answers one poll may report as lost: a browser must not count to a million."""


class TableSessionInterface(SessionInterface):
    """Opens a lazy `BrowserSessions`; once the answer is known, renews the session and sends changed cookies."""

    def open_session(self, app: Flask, request: Request) -> BrowserSessions:
        """Return the sessions of this browser; no query before somebody asks."""
        return BrowserSessions(request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Renew if the request counted; a request that changes nothing writes and sends nothing."""
        for name, value in browser().cookies.items():
            send_cookie(response, name, value)
        if not g.get("request_failed") and (is_safe() or response.status_code >= 500):
            with ExitStack() as own:
                _note_activity(response, lambda: own.enter_context(app_state().database.writing()))


def pressed_activity() -> Activity:
    """What this request means for the session, by its view and the button pressed."""
    view = called_view()
    return view.by_button.get(pressed_button() or "", view.activity) if view else Activity.NONE


def pressed_button() -> str | None:
    """The word of the button that sent this form: `_action` says it, or its own name where its value says for what."""
    named = (name.removeprefix("_") for name in NAMED_BUTTONS if name in request.form)
    return request.form.get("_action") or next(named, None)


def expected_times(found: FoundSession, status: int) -> Times:
    """The session's times as they will be after this request, if it is answered with `status`."""
    times, activity = found.times, pressed_activity()
    if activity not in MAY_COUNT:
        return times
    is_after_continue = found.quiet_path == request.path and found.quiet_until is not None and now() < found.quiet_until
    contact = Contact(
        activity=activity,
        method=request.method,
        status=status,
        is_prefetch=request.method == "GET" and not is_after_continue and is_prefetch(),
        is_quiet=request.method == "GET" and is_after_continue,
    )
    if browser().is_admitted or not counts(contact, continue_counts=found.settings.continue_counts):
        return times
    policy = policy_of(found.kind, is_shared=found.is_shared)
    deadline = (renewed if times.alive(now()) else revived)(times, policy, now())
    if deadline == times.expires_at:
        return times
    return Times(expires_at=deadline, idle_timeout=policy.idle_timeout, absolute_end_at=times.absolute_end_at)


def is_prefetch() -> bool:
    """Whether a browser loads this page in advance; perhaps nobody looks at it."""
    return any("prefetch" in request.headers.get(name, "") for name in PREFETCH_HEADERS)


def extend(found: FoundSession) -> datetime | None:
    """Give a live session the full time from now; return its deadline, or None where it ended in the meantime."""
    policy = policy_of(found.kind, is_shared=found.is_shared)
    deadline = extended(found.times, policy, now())
    if move_deadline(db(), found.id, deadline, policy, now=now()):
        return deadline
    return live_deadline(db(), found.id, now=now())


def note_posted(response: Response) -> Response:
    """Write what a form means for the session together with what the form changed: one commit for both."""
    if not is_safe() and response.status_code < 500:
        _note_activity(response, db)
    return response


def _note_activity(response: Response, begin: Callable[[], Session]) -> None:
    """Renew the session, or remember where a Continue led; `begin` starts the transaction, only where there is need."""
    view = called_view()
    knows_sessions = view is not None and view.door.kind is not None
    found = browser().live() if knows_sessions and not browser().cookies else None
    if found is None:
        return
    times, policy = expected_times(found, response.status_code), policy_of(found.kind, is_shared=found.is_shared)
    within = app_state().policies[found.kind].within
    if within is not None and found.times.alive(now()):
        _renew_both(found, browser().live(within), response.status_code, begin)
    elif times != found.times and found.times.alive(now()):
        move_deadline(begin(), found.id, times.expires_at, policy, now=now())
    elif times != found.times:  # a form that was open at the deadline was accepted in grace: write down why it goes on
        writing, subject = begin(), request.path[:SUBJECT_LENGTH]
        revive_session(writing, found.id, times.expires_at, policy, now=now())
        record(writing, "accepted_in_grace", by=actor(found.person_id), now=now(), subject=subject)
    elif response.status_code == 303 and pressed_activity() is Activity.CONTINUE_SECTION:
        leave_quiet_path(begin(), found.id, urlsplit(response.location or "").path, now=now())


def _renew_both(found: FoundSession, around: FoundSession | None, status: int, begin: Callable[[], Session]) -> None:
    """Offer an action to a session and to the one of the same person within which it stands, each by its own rule.

    Both are written in one transaction, in the order of their numbers, as everywhere.
    """
    both = [found, around] if around and around.person_id == found.person_id else [found]
    renewed_times = [(each, expected_times(each, status)) for each in sorted(both, key=lambda each: each.id)]
    moves = [(each, times) for each, times in renewed_times if times != each.times]
    writing = begin() if moves else None
    for each, times in moves:
        if writing:
            policy = policy_of(each.kind, is_shared=each.is_shared)
            move_deadline(writing, each.id, times.expires_at, policy, now=now())


@dataclass(frozen=True, kw_only=True)
class SessionClock:
    """A session's time as a page shows it; `until` and `stay_until` are clock times like 14:47.

    `grace_until` is the clock time until which an open form can still be sent; None where the kind has no grace.
    `words` names the words in which the kind speaks of its end, `left_at` is the address of the form that ends it.
    """

    kind: str
    state: str
    remaining: int
    next: int
    until: str
    stay_until: str
    can_extend: bool
    answers_lost: bool
    is_guest: bool = False
    is_within: bool = False
    words: str = "signed_in"
    left_at: str | None = None
    grace_until: str | None = None


def page_clock() -> SessionClock | None:
    """The clock of the page being made, as it will be after this request; None without a live session.

    Where the view's kind has none, it is that of the session within which it stands.
    """
    live, within = browser().live(), app_state().policies[browser().kind].within
    if live:
        return session_clock(live, expected_times(live, g.get("answer_status", 200)))
    around = browser().live(within) if within else None
    return session_clock(around, around.times) if around else None


def session_clock(found: FoundSession, times: Times) -> SessionClock:
    """Return the clock of a session whose times are `times`."""
    policy, kind = policy_of(found.kind, is_shared=found.is_shared), app_state().policies[found.kind]
    stay_until, answer = extended(times, policy, now()), poll(times, policy, now())
    return SessionClock(
        kind=found.kind,
        state=answer.state.value,
        remaining=answer.remaining,
        next=answer.next,
        until=clock_time(times.expires_at),
        stay_until=clock_time(stay_until),
        can_extend=stay_until > times.expires_at or answer.state is State.ACTIVE,
        answers_lost=bool(g.get("answers_lost")),
        is_guest=found.kind == CUSTOMER and found.person_id is None,
        is_within=kind.within is not None,
        words=kind.words,
        left_at=kind.left_at,
        grace_until=clock_time(grace_end(times, policy)) if policy.grace else None,
    )


def warn_of_loss() -> None:
    """Say on this page that answers will be lost at the end: a form that is not saved, in a guest's hands."""
    g.answers_lost = True


def count_poll(found: FoundSession, clock: SessionClock) -> None:
    """Count a warning once for each deadline, and the answers that the page waited for in vain.

    Only the early half of a warning tells that it is shown: in the second half an open page asks once more.
    """
    is_early = clock.state == State.WARNING.value and clock.remaining > LAST_POLL_BEFORE_END.total_seconds()
    if is_early and app_state().tally.is_first((found.id, found.times.expires_at)):
        count_at(found, Event.WARNING, asking_page())
    lost = request.args.get("lost", "")
    if lost in ONE_DIGIT:
        count_at(found, Event.POLL_FAILURE, asking_page(), number=int(lost))


def count_extension(found: FoundSession) -> None:
    """Count that somebody pressed *Stay signed in*."""
    count_at(found, Event.EXTENDED, asking_page())


def count_at(found: FoundSession, event: Event, path: str, *, number: int = 1) -> None:
    """Count an event of a session at the form and section that its holder has open at this path, if it is one."""
    form, section = app_state().hooks.place_of_page(found, path)
    count(event, kind=found.kind, form=form, section=section, number=number)


def asking_page() -> str:
    """The path of the page that asks: htmx names it in a header, a plain form says where to go back to."""
    try:
        return urlsplit(request.headers.get("HX-Current-URL") or request.form.get("next", "")).path
    except ValueError:
        return ""
