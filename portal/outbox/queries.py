"""Looking at the outbox: what is due, how much waits and since when, what was given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from portal.outbox.models import WAITING, Delivery


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """How much waits, and how long the oldest due delivery has been due (None: nothing waits)."""

    waiting: int
    oldest_due_at: datetime | None
    given_up: int


def due(now: datetime) -> Select[Delivery]:
    """The deliveries that may be tried at `now`: due, and not leased to another deliverer."""
    free = or_(Delivery.leased_until.is_(None), Delivery.leased_until <= now)
    return select(Delivery).where(WAITING, Delivery.due_at <= now, free).order_by(Delivery.due_at, Delivery.id)


def anything_due(db: Session, *, now: datetime) -> bool:
    """Whether there is something to do; a read, so that an idle worker never takes the write lock."""
    return db.execute(due(now).with_only_columns(Delivery.id).limit(1)).first() is not None


def backlog(db: Session) -> Backlog:
    """The state of the outbox in numbers."""
    waiting, oldest = db.execute(select(func.count(), func.min(Delivery.due_at)).where(WAITING)).one()
    given_up = db.scalar(select(func.count()).where(Delivery.failed_at.is_not(None)))
    return Backlog(waiting=waiting, oldest_due_at=oldest, given_up=given_up or 0)


def dead_letters(db: Session, limit: int = 100) -> Sequence[Delivery]:
    """What was given up, newest first."""
    query = select(Delivery).where(Delivery.failed_at.is_not(None)).order_by(Delivery.id.desc())
    return db.scalars(query.limit(limit)).all()
