"""A duration in the parts that people say it in. Pure."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A duration as whole hours, minutes and seconds; parts that are zero are left unsaid."""

    hours: int
    minutes: int
    seconds: int


def spoken(duration: timedelta) -> Spoken:
    """The parts of a duration; what is less than a second is cut off."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return Spoken(hours=hours, minutes=minutes, seconds=seconds)
