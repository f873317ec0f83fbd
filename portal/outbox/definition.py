"""What goes out, and how a delivery can fail."""

import json
from dataclasses import asdict, dataclass
from enum import Enum

MAIL = "mail"


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
