"""What is in the outbox, how a delivery may fail, and when it is tried again. Pure."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import Enum

MAIL = "mail"
LEASE = timedelta(seconds=60)
"""How long a delivery is leased to one deliverer; longer than any attempt takes."""
_FIRST_TRIES = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
_STEADY = (*_FIRST_TRIES, timedelta(minutes=5))


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A finished e-mail: the two addresses of its envelope, and the whole message with LF line ends."""

    sender: str
    recipient: str
    content: str

    def payload(self) -> bytes:
        """Return the e-mail as it is sealed and stored."""
        return json.dumps(asdict(self)).encode()


def mail_of(payload: bytes) -> Mail:
    """Return the e-mail that `Mail.payload` stored."""
    return Mail(**json.loads(payload))


class DeliveryFailure(Enum):
    """Why a delivery failed, on which the next try depends; the values are stored."""

    AWAY = "away"
    """The server did not answer, or not properly: nothing is wrong with this delivery, and others would fail too."""
    LATER = "later"
    """The server asked us to try again later."""
    REFUSED = "refused"
    """The server refused this delivery."""


class Fate(Enum):
    """The state of a delivery, for the feature that enqueued it."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    """The server refused it, or it failed for days; an administrator may still send it again."""


class DeliveryError(Exception):
    """A delivery that failed; `sentence` contains no address, as it is stored and logged."""

    def __init__(self, failure: DeliveryFailure, sentence: str) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.sentence = sentence


GIVE_UP_AFTER = {
    DeliveryFailure.AWAY: timedelta(days=3),
    DeliveryFailure.LATER: timedelta(days=3),
    DeliveryFailure.REFUSED: timedelta(hours=6),
}
"""The age at which a delivery is given up; a refusal may be a mistake that is corrected the same day."""


BACK_OFF = {
    DeliveryFailure.AWAY: _STEADY,
    DeliveryFailure.LATER: _STEADY,
    DeliveryFailure.REFUSED: (*_FIRST_TRIES, timedelta(minutes=10), timedelta(hours=1)),
}
"""The pauses after the first, second … attempt; the last repeats. At most five minutes for a server that is away, so
that a day's e-mail is sent within ten minutes of its return."""


def next_try(failure: DeliveryFailure, attempts: int, *, created_at: datetime, now: datetime) -> datetime | None:
    """Return when to try again after `attempts` attempts, or None where the delivery is given up."""
    if now - created_at >= GIVE_UP_AFTER[failure]:
        return None
    pauses = BACK_OFF[failure]
    return now + pauses[min(attempts, len(pauses)) - 1]
