"""What a link or a code may do at an instant. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Target(Enum):
    """What a link leads to."""

    OPEN = "open"
    SENT = "sent"
    DELETED = "deleted"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Life:
    """The instants that decide what has become of a draft."""

    expires_at: datetime
    sent_at: datetime | None
    deleted_at: datetime | None


def target(life: Life, now: datetime) -> Target:
    """What has become of the draft that a link or code names."""
    if life.sent_at:
        return Target.SENT
    if life.deleted_at:
        return Target.DELETED
    return Target.OPEN if now < life.expires_at else Target.EXPIRED
