"""Reading the outbox: what is due, how much is waiting and since when, what has failed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from portal.outbox.definition import DeliveryFailure, Fate
from portal.outbox.models import WAITING, Delivery


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """How much is waiting, and since when the oldest delivery has been due (None: nothing is waiting)."""

    waiting: int
    oldest_due_at: datetime | None
    given_up: int


def due(now: datetime) -> Select[Delivery]:
    """Return the query of what may be tried at `now`: due, and not leased to another deliverer."""
    free = or_(Delivery.leased_until.is_(None), Delivery.leased_until <= now)
    return select(Delivery).where(WAITING, Delivery.due_at <= now, free).order_by(Delivery.due_at, Delivery.id)


def anything_due(db: Session, *, now: datetime) -> bool:
    """Return whether anything is due; by a read, so that an idle worker never takes the write lock."""
    return db.execute(due(now).with_only_columns(Delivery.id).limit(1)).first() is not None


def backlog(db: Session) -> Backlog:
    """Return the state of the outbox in numbers."""
    waiting, oldest = db.execute(select(func.count(), func.min(Delivery.due_at)).where(WAITING)).one()
    given_up = db.scalar(select(func.count()).where(Delivery.failed_at.is_not(None)))
    return Backlog(waiting=waiting, oldest_due_at=oldest, given_up=given_up or 0)


def fates_of(db: Session, public_ids: Collection[str]) -> dict[str, Fate]:
    """Return the state of each of these deliveries; those that were deleted are missing."""
    query = select(Delivery.public_id, Delivery.sent_at, Delivery.failed_at, Delivery.last_failure)
    rows = db.execute(query.where(Delivery.public_id.in_(public_ids)))
    return {row.public_id: _fate(row.sent_at, row.failed_at, row.last_failure) for row in rows}


def _fate(sent_at: datetime | None, failed_at: datetime | None, last_failure: str | None) -> Fate:
    if sent_at:
        return Fate.SENT
    return Fate.REFUSED if failed_at or last_failure == DeliveryFailure.REFUSED.value else Fate.WAITING


def dead_letters(db: Session, limit: int = 100) -> Sequence[Delivery]:
    """Return failed deliveries, newest first."""
    query = select(Delivery).where(Delivery.failed_at.is_not(None)).order_by(Delivery.id.desc())
    return db.scalars(query.limit(limit)).all()
