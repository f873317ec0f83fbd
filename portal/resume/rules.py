"""What a link or a code may do at an instant, and how pasted links and references are read. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from portal.tokens import clean_code

CODE_LIFETIME = timedelta(minutes=10)
SHARED_FOR = timedelta(minutes=5)
"""Who presses a link's button so soon after somebody else (a scanner of mail, a second click) gets no second mail."""
TAKEN_AGAIN_FOR = timedelta(seconds=30)
"""How long a code that was right is right again, for the second click of a double one."""
CODE_DIGITS = 6
_REFERENCE_PARTS = re.compile(r"([A-Z][A-Z0-9])(.{4})(.{4})")


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


def clean_reference(typed: str) -> str:
    """A reference as it was given out: `hs7k4m 92qx` gives HS-7K4M-92QX."""
    code = clean_code(typed)
    parts = _REFERENCE_PARTS.fullmatch(code)
    return "-".join(parts.groups()) if parts else code


@dataclass(frozen=True, kw_only=True)
class MailedCode:
    """The instants of a code's life."""

    mailed_at: datetime
    expires_at: datetime
    used_at: datetime | None

    def is_fresh(self, now: datetime) -> bool:
        """Whether its mail serves another browser that asks now."""
        return self.used_at is None and now < self.mailed_at + SHARED_FOR

    def opens(self, now: datetime) -> bool:
        """Whether typing it opens anything at `now`."""
        return now < self.expires_at and (self.used_at is None or now < self.used_at + TAKEN_AGAIN_FOR)


def is_code(typed: str) -> bool:
    """Whether something could be a code at all; what could not, uses up no try."""
    return len(typed) == CODE_DIGITS and typed.isascii() and typed.isdigit()
