"""What pages and the poller show of a session's time: durations for scripts, clock times for people."""

from dataclasses import dataclass
from datetime import timedelta

from flask import g

from portal.sessions.interface import answer_status, expected_times, policy_for, visit
from portal.sessions.queries import FoundSession
from portal.sessions.rules import Poll, State, Times, extended, grace_end, poll
from portal.site_settings.times import clock_time
from portal.web.unit_of_work import now


@dataclass(frozen=True, kw_only=True)
class SessionClock:
    """A session's time as a page shows it; `until` and `stay_until` are clock times like 14:47.

    `grace_until` is the clock time until which an open form can still be sent; None where the kind has no grace.
    """

    kind: str
    poll: Poll
    until: str
    stay_until: str
    can_extend: bool
    answers_lost: bool
    grace_until: str | None = None

    @property
    def state(self) -> str:
        """The poll's `data-state`."""
        return self.poll.state.value

    @property
    def remaining(self) -> int:
        """Whole seconds left, rounded up."""
        return self.poll.remaining

    @property
    def next(self) -> int:
        """Whole seconds until the next poll."""
        return self.poll.next


def page_clock() -> SessionClock | None:
    """The clock of the page being made, as it will stand after this request; None without a live session."""
    live = visit().live
    return session_clock(live, expected_times(live, answer_status())) if live else None


def session_clock(found: FoundSession, times: Times) -> SessionClock:
    """The clock of a session whose times are `times`."""
    policy = policy_for(found)
    stay_until = extended(times, policy, now())
    return SessionClock(
        kind=found.kind,
        poll=poll(times, policy, now()),
        until=clock_time(times.expires_at),
        stay_until=clock_time(stay_until),
        can_extend=stay_until - times.expires_at > timedelta(0) or poll(times, policy, now()).state is State.ACTIVE,
        answers_lost=bool(g.get("answers_lost")),
        grace_until=clock_time(grace_end(times, policy)) if policy.grace else None,
    )


def lose_answers() -> None:
    """Say on this page that answers will be lost at the end: a form that is not saved, in a guest's hands."""
    g.answers_lost = True
