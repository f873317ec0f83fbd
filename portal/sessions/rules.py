"""When a session ends, when it is renewed and when we warn. Pure: no clock, no Flask."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from math import ceil

from portal.web.declarations import Activity

LAST_POLL_BEFORE_END = timedelta(seconds=60)
LONGEST_POLL_GAP = timedelta(minutes=30)
QUIET_TIME = timedelta(seconds=10)
EXPLAINED_FOR = timedelta(hours=24)
ZERO = timedelta(0)
SECOND = timedelta(seconds=1)


class State(Enum):
    """What the server says of a session; the values are the poll's `data-state`."""

    ACTIVE = "active"
    WARNING = "warning"
    GRACE = "grace"
    ENDED = "ended"


class EndReason(Enum):
    """Why a session ended; one text each on the page that says so."""

    IDLE = "idle"
    ABSOLUTE_LIMIT = "absolute_limit"
    SIGNED_OUT = "signed_out"
    SIGNED_OUT_ELSEWHERE = "signed_out_elsewhere"
    REPLACED = "replaced"
    NETWORK = "network"
    STAFF = "staff"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason, not a secret
    COOKIES_BLOCKED = "cookies_blocked"
    ENDED_BY_OWNER = "ended_by_owner"
    OBJECTED = "objected"
    ACCOUNT_DELETED = "account_deleted"
    TAKEN_BACK = "taken_back"


class NetworkRule(Enum):
    """What happens when a session's requests come from another network; the values are those of the site settings."""

    LOG = "log"
    PASSWORD = "password"  # noqa: S105 - a rule, not a secret
    END = "end"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How long a kind of session lives.

    `renewal_share` is the last part of the idle timeout in which activity renews: 1/3, or 1 where any activity does.
    """

    idle_timeout: timedelta
    renewal_share: float = 1 / 3
    warning: timedelta = timedelta(minutes=2)
    grace: timedelta = ZERO
    absolute_limit: timedelta | None = None

    def absolute_end(self, started_at: datetime) -> datetime | None:
        """The instant past which no renewal reaches; never under twice the idle timeout after the start."""
        return started_at + max(self.absolute_limit, 2 * self.idle_timeout) if self.absolute_limit else None


@dataclass(frozen=True, kw_only=True)
class Times:
    """What the rules need to know of one session: its deadline, and the T that it was last renewed with."""

    expires_at: datetime
    idle_timeout: timedelta
    absolute_end_at: datetime | None = None
    ended_at: datetime | None = None

    def alive(self, now: datetime) -> bool:
        """Whether the session lives at `now`; at the very deadline it does not."""
        return self.ended_at is None and now < self.expires_at


def first_deadline(policy: Policy, now: datetime) -> datetime:
    """The deadline of a session that begins at `now`."""
    return now + policy.idle_timeout


def renewed(times: Times, policy: Policy, now: datetime) -> datetime:
    """The deadline after counted activity at `now`: from the click, and only in the last part of the idle timeout."""
    left = times.expires_at - now
    in_window = left < times.idle_timeout * policy.renewal_share
    return extended(times, policy, now) if in_window else times.expires_at


def extended(times: Times, policy: Policy, now: datetime) -> datetime:
    """The deadline after *Stay signed in* at `now`: any minute, never backwards, never past the absolute limit."""
    if not times.alive(now):
        return times.expires_at
    wanted = now + policy.idle_timeout
    reachable = min(wanted, times.absolute_end_at) if times.absolute_end_at else wanted
    return max(times.expires_at, reachable)


def replaced(times: Times, policy: Policy, now: datetime, *, is_shortened: bool) -> datetime:
    """The deadline of a session that goes on under a new token at `now`: the full time, within its absolute limit.

    It never moves backwards, unless its holder has just said that others use this computer, too (`is_shortened`).
    """
    wanted = extended(times, policy, now)
    return min(wanted, now + policy.idle_timeout) if is_shortened else wanted


def shortened(policy: Policy, now: datetime) -> datetime:
    """The latest deadline once a shorter lifetime is applied to live sessions at `now`.

    A page that has just asked learns of it when it next asks, after at most `LONGEST_POLL_GAP`; it must still have the
    whole warning to show then.
    """
    return now + max(policy.idle_timeout, LONGEST_POLL_GAP + policy.warning)


def grace_end(times: Times, policy: Policy) -> datetime:
    """Until when a form that was open may still be sent: the deadline itself where there is no grace.

    Grace follows idleness alone: it never reaches past the absolute limit.
    """
    end = times.expires_at + policy.grace
    return max(times.expires_at, min(end, times.absolute_end_at)) if times.absolute_end_at else end


def in_grace(times: Times, policy: Policy, now: datetime) -> bool:
    """Whether nothing but a form that was already open may be sent."""
    return times.ended_at is None and times.expires_at <= now < grace_end(times, policy)


def revived(times: Times, policy: Policy, now: datetime) -> datetime:
    """The deadline after a form that was accepted in grace: the full time from `now`, not past the absolute limit."""
    if not in_grace(times, policy, now):
        return times.expires_at
    wanted = now + policy.idle_timeout
    return min(wanted, times.absolute_end_at) if times.absolute_end_at else wanted


def state(times: Times, policy: Policy, now: datetime) -> State:
    """Whether the session is active, about to end, in grace, or over."""
    if times.alive(now):
        return State.WARNING if times.expires_at - now <= policy.warning else State.ACTIVE
    return State.GRACE if in_grace(times, policy, now) else State.ENDED


def end_reason(times: Times) -> EndReason:
    """Why a session ended that nobody ended."""
    return EndReason.ABSOLUTE_LIMIT if times.expires_at == times.absolute_end_at else EndReason.IDLE


@dataclass(frozen=True, kw_only=True)
class Poll:
    """The answer to "how long?": state, seconds left and seconds until the next question, rounded up."""

    state: State
    remaining: int
    next: int


def poll(times: Times, policy: Policy, now: datetime) -> Poll:
    """What the poller is told at `now`."""
    current = state(times, policy, now)
    if current is State.ENDED:
        return OVER
    left = (grace_end(times, policy) if current is State.GRACE else times.expires_at) - now
    if left > policy.warning:
        wait = min(left - policy.warning, LONGEST_POLL_GAP)
    else:
        wait = left - LAST_POLL_BEFORE_END if left > LAST_POLL_BEFORE_END else left
    return Poll(state=current, remaining=ceil(left / SECOND), next=ceil(wait / SECOND))


OVER = Poll(state=State.ENDED, remaining=0, next=0)
COUNTED = frozenset({Activity.LOAD, Activity.NAVIGATE, Activity.SUBMIT, Activity.SAVE, Activity.INTEGRATION})
MAY_COUNT = COUNTED | {Activity.CONTINUE_SECTION}
"""What a site can let count; the rest, such as a poll, never does."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """One request as the rules see it, once its status is known."""

    activity: Activity
    method: str
    status: int
    is_prefetch: bool = False
    is_quiet: bool = False
    """Whether this is the GET that a Continue, Back, Add or Remove led to."""


def counts(contact: Contact, *, continue_counts: bool = False) -> bool:
    """Whether a request is activity (the table "What counts"); `continue_counts` is the site setting of that name."""
    counted = contact.activity in COUNTED or (continue_counts and contact.activity is Activity.CONTINUE_SECTION)
    return counted and not contact.is_prefetch and not contact.is_quiet and _succeeded(contact)


def _succeeded(contact: Contact) -> bool:
    """A page that was shown, a form that was taken or sent back by itself; an integration also where it failed."""
    if contact.activity is Activity.INTEGRATION:
        return True
    if contact.method == "POST":
        return contact.status < 400 or contact.status == 422
    return contact.method == "GET" and contact.status == 200
