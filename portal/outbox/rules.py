"""When a failed delivery is tried again, and when it is given up. Pure: no clock, no database."""

from datetime import datetime, timedelta

from portal.outbox.definition import Failure

LEASE = timedelta(seconds=60)
"""How long one deliverer has a delivery for itself; longer than any attempt takes."""

_FIRST_TRIES = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
_STEADY = (*_FIRST_TRIES, timedelta(minutes=5))
BACK_OFF = {
    Failure.AWAY: _STEADY,
    Failure.LATER: _STEADY,
    Failure.REFUSED: (*_FIRST_TRIES, timedelta(minutes=10), timedelta(hours=1)),
}
"""Pauses after the first, second … attempt; the last repeats. Five minutes at most for a server that is away, so that
a day's mail is out within ten minutes of its return."""

GIVE_UP_AFTER = {
    Failure.AWAY: timedelta(days=3),
    Failure.LATER: timedelta(days=3),
    Failure.REFUSED: timedelta(hours=6),
}
"""How old a delivery gets before it is a dead letter; a refusal may be a mistake that somebody repairs the same day."""


def next_try(failure: Failure, attempts: int, *, created_at: datetime, now: datetime) -> datetime | None:
    """When to try again after `attempts` attempts, or None where the delivery is given up."""
    if now - created_at >= GIVE_UP_AFTER[failure]:
        return None
    pauses = BACK_OFF[failure]
    return now + pauses[min(attempts, len(pauses)) - 1]
