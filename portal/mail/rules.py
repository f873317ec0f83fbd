"""What a code that was mailed may do at an instant. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

CODE_LIFETIME = timedelta(minutes=10)
SHARED_FOR = timedelta(minutes=5)
"""Who presses a link's button so soon after somebody else (a scanner of mail, a second click) gets no second mail."""
TAKEN_AGAIN_FOR = timedelta(seconds=30)
"""How long a code that was right is right again, for the second click of a double one."""
CODE_DIGITS = 6


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
