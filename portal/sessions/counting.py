"""What is counted of sessions: how often people are warned, stay, come too late, and are not heard by the server."""

from urllib.parse import urlsplit

from flask import request

from portal.sessions.clock_context import SessionClock
from portal.sessions.queries import FoundSession
from portal.sessions.rules import LAST_POLL_BEFORE_END, State
from portal.web.counters import Event, count
from portal.web.portal import portal

MOST_LOST = 9
"""Answers that one poll may report as lost: a browser must not count to a million."""


def count_poll(found: FoundSession, clock: SessionClock) -> None:
    """Count a warning once for each deadline, and the answers that the page waited for in vain.

    Only the early half of a warning tells that it is shown: in the second half an open page asks once more.
    """
    is_early = clock.state == State.WARNING.value and clock.remaining > LAST_POLL_BEFORE_END.total_seconds()
    if is_early and portal().tally.is_first((found.id, found.times.expires_at)):
        count_at(found, Event.WARNING, _page())
    lost = _lost()
    if lost:
        count_at(found, Event.POLL_FAILURE, _page(), number=lost)


def count_extension(found: FoundSession) -> None:
    """Count that somebody pressed *Stay signed in*."""
    count_at(found, Event.EXTENDED, _page())


def count_at(found: FoundSession, event: Event, path: str, *, number: int = 1) -> None:
    """Count an event of a session at the form and section that its holder has open at this path, if it is one."""
    form, section = portal().registry["place_of_page"](found, path)
    count(event, kind=found.kind, form=form, section=section, number=number)


def _page() -> str:
    """The path of the page that asks: htmx names it in a header, a plain form says where to go back to."""
    try:
        return urlsplit(request.headers.get("HX-Current-URL") or request.form.get("next", "")).path
    except ValueError:
        return ""


def _lost() -> int:
    given = request.args.get("lost", "")
    return min(int(given), MOST_LOST) if given.isascii() and given.isdigit() and len(given) == 1 else 0
