"""Reading the outbox: what is due, how much is waiting and since when, what has failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, func, or_, select
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


IS_REFUSED = and_(
    Delivery.sent_at.is_(None),
    or_(Delivery.failed_at.is_not(None), Delivery.last_failure == DeliveryFailure.REFUSED.value),
)


def fate_of(db: Session, public_id: str) -> Fate | None:
    """Return the state of a delivery, or None if it was deleted."""
    row = db.execute(select(Delivery.sent_at, IS_REFUSED).where(Delivery.public_id == public_id)).one_or_none()
    if row is None:
        return None
    sent_at, is_refused = row
    return Fate.SENT if sent_at else Fate.REFUSED if is_refused else Fate.WAITING


def dead_letters(db: Session, limit: int = 100) -> Sequence[Delivery]:
    """Return failed deliveries, newest first."""
    query = select(Delivery).where(Delivery.failed_at.is_not(None)).order_by(Delivery.id.desc())
    return db.scalars(query.limit(limit)).all()
