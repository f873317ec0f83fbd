"""Limits on guessing, shared by all workers through the database: they slow down and never lock out.

Each key holds the instant until which its attempts are used up (the generic cell rate algorithm): a burst passes,
then one attempt an interval. The key is a keyed hash, so the table names nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from flask_babel import ngettext
from sqlalchemy import LargeBinary, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from werkzeug.exceptions import TooManyRequests

from portal.db import Base, delete_batch
from portal.tokens import keyed_hash
from portal.web.app_state import app_state
from portal.web.unit_of_work import at_once

UNIT = 2**10
"""Bytes that count as one try, where bytes are limited."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A limit of its own name: `burst` attempts at once, then one every `interval`.

    A reserve begins used up: whoever comes for the first time gets an attempt `first_after` so long, and then one every
    `interval`. So the number of attempts at one moment does not rise with the number of those who have a reserve.
    """

    name: str
    burst: int
    interval: timedelta
    first_after: timedelta | None = None

    def at_first(self, now: datetime) -> datetime:
        """The mark of a subject of which nothing is known."""
        if self.first_after is None:
            return now
        return now + (self.burst - 1) * self.interval + self.first_after

    def after(self, used_until: datetime, now: datetime, number: int = 1) -> datetime:
        """The mark after `number` more attempts at `now`."""
        return max(used_until, now) + number * self.interval

    def wait(self, used_until: datetime, now: datetime, number: int = 1) -> timedelta:
        """How long until the next attempts may pass; zero or less: they may pass now."""
        return self.after(used_until, now, number) - now - self.burst * self.interval


class UsedUp(Base):
    """How far ahead the attempts of one key are used up."""

    __tablename__ = "limits"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    used_until: Mapped[datetime] = mapped_column(index=True)


Throttle = Sequence[tuple[Limit, str]]
"""Limits, each with the subject whose tries it counts."""


def hour_of(name: str, megabytes: int) -> Limit:
    """A limit of bytes, in units of `UNIT`: so many megabytes at once, and as many again in each hour."""
    units = megabytes * 2**20 // UNIT
    return Limit(name=name, burst=units, interval=timedelta(hours=1) / units)


def wait_for(throttle: Throttle, *, now: datetime, number: int = 1) -> timedelta | None:
    """Return how long to wait before the next `number` tries, or None; uses nothing up and writes nothing."""
    limits = _by_key(throttle)
    with app_state().database.reading() as db:
        rows = db.execute(select(UsedUp.key, UsedUp.used_until).where(UsedUp.key.in_(limits))).all()
    longest = max((limits[key].wait(used_until, now, number) for key, used_until in rows), default=timedelta(0))
    return longest if longest > timedelta(0) else None


def take_all(throttle: Throttle, *, now: datetime, number: int = 1) -> timedelta | None:
    """Use `number` tries at each limit up, at once; see `take_within`."""
    with at_once() as db:
        return take_within(db, throttle, now=now, number=number)


def take_within(db: Session, throttle: Throttle, *, now: datetime, number: int = 1) -> timedelta | None:
    """Use tries up at each limit, or at none; return the longest wait where one was out.

    In one order everywhere, so that two processes never wait for each other.
    """
    limits, database = _by_key(throttle), app_state().database
    marks: dict[bytes, UsedUp] = {}
    for key in sorted(limits):
        database.insert_or_ignore(db, UsedUp, key=key, used_until=limits[key].at_first(now))
        marks[key] = db.scalars(select(UsedUp).where(UsedUp.key == key).with_for_update()).one()
    longest = max(limit.wait(marks[key].used_until, now, number) for key, limit in limits.items())
    if longest > timedelta(0):
        return longest
    for key, limit in limits.items():
        marks[key].used_until = limit.after(marks[key].used_until, now, number)
    return None


def require(wait: timedelta | None) -> None:
    """Go on where nothing is to be waited for; else raise `TooManyRequests`, which says for how long."""
    if wait:
        raise TooManyRequests(retry_after=ceil(wait.total_seconds()))


def use_try(throttle: Throttle, *, now: datetime, number: int = 1) -> timedelta | None:
    """Use one try up (or `number`), or return how long to wait; call it before the request's write transaction begins.

    Who has to wait is found by a look that writes nothing, so that guessing by the thousand keeps nobody from saving.
    """
    return wait_for(throttle, now=now, number=number) or take_all(throttle, now=now, number=number)


def use_first_try(throttles: Sequence[Throttle], *, now: datetime) -> tuple[Throttle, timedelta | None]:
    """Use one try up at the first of these that has one; return it, or with the last one how long to wait at least."""
    waits = []
    for throttle in throttles:
        wait = use_try(throttle, now=now)
        if wait is None:
            return throttle, None
        waits.append(wait)
    return throttles[-1], min(waits)


def return_try(db: Session, throttle: Throttle) -> None:
    """Give a try back to somebody who was right: only failures use tries up."""
    for key, limit in sorted(_by_key(throttle).items(), key=lambda item: item[0]):
        row = db.scalars(select(UsedUp).where(UsedUp.key == key).with_for_update()).one_or_none()
        if row:
            row.used_until -= limit.interval


def _by_key(throttle: Throttle) -> dict[bytes, Limit]:
    secret = app_state().configuration.secret_key
    return {keyed_hash(secret, f"{limit.name}:{subject}"): limit for limit, subject in throttle}


def wait_text(wait: timedelta) -> str:
    """How long to wait, in words."""
    minutes = ceil(wait / timedelta(minutes=1))
    return str(ngettext("Wait a minute and try again.", "Wait %(num)s minutes and try again.", minutes))


def retry_after(wait: timedelta) -> dict[str, str]:
    """How long to wait, for programs."""
    return {"Retry-After": str(ceil(wait.total_seconds()))}


def forget_old(db: Session, *, now: datetime) -> int:
    """Delete one batch of rows that no longer limit anything; return how many."""
    return delete_batch(db, UsedUp, UsedUp.used_until < now)
