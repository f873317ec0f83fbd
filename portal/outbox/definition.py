"""What waits in the outbox, what may become of it, and when it is tried again. Pure."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import Enum

MAIL = "mail"
LEASE = timedelta(seconds=60)
"""How long one deliverer has a delivery for itself; longer than any attempt takes."""
_FIRST_TRIES = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
_STEADY = (*_FIRST_TRIES, timedelta(minutes=5))


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One finished mail: the two addresses of its envelope, and the whole message with lines ending in LF."""

    sender: str
    recipient: str
    content: str

    def payload(self) -> bytes:
        """The mail as it is sealed and stored."""
        return json.dumps(asdict(self)).encode()


def mail_of(payload: bytes) -> Mail:
    """The mail that `Mail.payload` stored."""
    return Mail(**json.loads(payload))


class Failure(Enum):
    """Why a delivery failed, which decides what happens next; the values are stored."""

    AWAY = "away"
    """The other side did not answer, or not properly: nothing is wrong with this one, and others would fail too."""
    LATER = "later"
    """The other side asked to try this one again later."""
    REFUSED = "refused"
    """The other side will not have this one."""


class Fate(Enum):
    """What has become of a delivery, as its cause is told."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    """The other side said no, or it was tried for days in vain; somebody may still send it again."""


class DeliveryError(Exception):
    """A delivery that failed; `sentence` names no address, as it is stored and logged."""

    def __init__(self, failure: Failure, sentence: str) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.sentence = sentence


GIVE_UP_AFTER = {
    Failure.AWAY: timedelta(days=3),
    Failure.LATER: timedelta(days=3),
    Failure.REFUSED: timedelta(hours=6),
}
"""How old a delivery gets before it is a dead letter; a refusal may be a mistake that somebody repairs the same day."""


BACK_OFF = {
    Failure.AWAY: _STEADY,
    Failure.LATER: _STEADY,
    Failure.REFUSED: (*_FIRST_TRIES, timedelta(minutes=10), timedelta(hours=1)),
}
"""Pauses after the first, second … attempt; the last repeats. Five minutes at most for a server that is away, so that
a day's mail is out within ten minutes of its return."""


def next_try(failure: Failure, attempts: int, *, created_at: datetime, now: datetime) -> datetime | None:
    """When to try again after `attempts` attempts, or None where the delivery is given up."""
    if now - created_at >= GIVE_UP_AFTER[failure]:
        return None
    pauses = BACK_OFF[failure]
    return now + pauses[min(attempts, len(pauses)) - 1]
