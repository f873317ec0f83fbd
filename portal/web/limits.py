"""Limits on guessing, shared by all workers through the database: they slow down and never lock out.

Each key holds the instant until which its attempts are used up (the generic cell rate algorithm): a burst passes,
then one attempt an interval. The key is a keyed hash, so the table names nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.db import Base, Database, delete_batch
from portal.tokens import keyed_hash
from portal.web.app_state import app_state


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A door's limit: `burst` attempts at once, then one every `interval`."""

    door: str
    burst: int
    interval: timedelta

    def after(self, used_until: datetime, now: datetime) -> datetime:
        """The mark after one more attempt at `now`."""
        return max(used_until, now) + self.interval

    def wait(self, used_until: datetime, now: datetime) -> timedelta:
        """How long until the next attempt may pass; zero or less: it may pass now."""
        return self.after(used_until, now) - now - self.burst * self.interval


class UsedUp(Base):
    """How far ahead the attempts of one key are used up."""

    __tablename__ = "limits"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    used_until: Mapped[datetime] = mapped_column(index=True)


def wait_before(limit: Limit, subject: str, *, now: datetime) -> timedelta | None:
    """How long this subject must wait at this door, or None where it may try; reads only."""
    with app_state().database.reading() as db:
        used_until = db.scalar(select(UsedUp.used_until).where(UsedUp.key == _key(limit, subject)))
    wait = limit.wait(used_until, now) if used_until else timedelta(0)
    return wait if wait > timedelta(0) else None


def take(limit: Limit, subject: str, *, now: datetime) -> timedelta | None:
    """Use one attempt, in a transaction of its own; gives the wait where none was left (and then uses none)."""
    return take_all([(limit, subject)], now=now)


def take_all(uses: Sequence[tuple[Limit, str]], *, now: datetime) -> timedelta | None:
    """Use one attempt at each of several limits, or at none; gives the longest wait where one had none left."""
    with app_state().database.writing() as db:
        rows = [_locked(db, app_state().database, key, now) for key in sorted(_keys(uses))]
        marks = {row.key: row for row in rows}
        waits = [limit.wait(marks[key].used_until, now) for key, limit in _keys(uses).items()]
        if max(waits) > timedelta(0):
            return max(waits)
        for key, limit in _keys(uses).items():
            marks[key].used_until = limit.after(marks[key].used_until, now)
    return None


def give_back(db: Session, uses: Sequence[tuple[Limit, str]]) -> None:
    """Undo one attempt at each of these limits, as whoever took it was right."""
    for key, limit in sorted(_keys(uses).items(), key=lambda item: item[0]):
        row = db.scalars(select(UsedUp).where(UsedUp.key == key).with_for_update()).one_or_none()
        if row:
            row.used_until -= limit.interval


def _keys(uses: Sequence[tuple[Limit, str]]) -> dict[bytes, Limit]:
    return {_key(limit, subject): limit for limit, subject in uses}


def _key(limit: Limit, subject: str) -> bytes:
    return keyed_hash(app_state().configuration.secret_key, f"{limit.door}:{subject}")


def _locked(db: Session, database: Database, key: bytes, now: datetime) -> UsedUp:
    """The row of a key, made if need be; two workers that make it at once end up with one."""
    database.insert_or_ignore(db, UsedUp, key=key, used_until=now)
    return db.scalars(select(UsedUp).where(UsedUp.key == key).with_for_update()).one()


def forget_old(db: Session, *, now: datetime) -> int:
    """Delete one batch of rows that no longer limit anything; gives how many."""
    return delete_batch(db, UsedUp, UsedUp.used_until < now)
