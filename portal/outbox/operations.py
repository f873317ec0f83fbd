"""Adding deliveries to the outbox, leasing them, and recording whether they were sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Update, delete, or_, update
from sqlalchemy.orm import Session

from portal.db import delete_batch, rows_changed
from portal.keyring import Keyring
from portal.outbox.definition import LEASE, DeliveryFailure, next_try
from portal.outbox.models import WAITING, Delivery
from portal.outbox.queries import due

SUBJECT = "outbox"
KEPT = timedelta(days=30)
"""How long sent and failed deliveries are kept, so that their state can be looked up."""


def new_public_id() -> str:
    """Return a new id for a delivery, which never changes."""
    return uuid4().hex


def enqueue(
    db: Session,
    keyring: Keyring,
    *,
    public_id: str,
    kind: str,
    message: str,
    payload: bytes,
    now: datetime,
    due_at: datetime | None = None,
) -> Delivery:
    """Add a delivery in the transaction of its cause: both are stored, or neither.

    It is never tried before `due_at`. Its age counts from `now`, so what is due much later has fewer days of tries.
    """
    delivery = Delivery(
        public_id=public_id,
        kind=kind,
        message=message,
        payload=keyring.seal(payload, subject=SUBJECT, place=public_id),
        created_at=now,
        due_at=due_at or now,
        attempts=0,
    )
    db.add(delivery)
    return delivery


def cancel(db: Session, public_id: str) -> bool:
    """Delete a delivery that was never tried; return whether there was one. What a deliverer has leased goes out."""
    untried = delete(Delivery).where(Delivery.public_id == public_id, Delivery.attempts == 0, WAITING)
    return rows_changed(db, untried.execution_options(synchronize_session=False)) == 1


@dataclass(frozen=True, kw_only=True)
class Leased:
    """A delivery that is leased to one deliverer until the lease ends; each lease has another `attempt`."""

    id: int
    public_id: str
    kind: str
    message: str
    sealed: bytes
    created_at: datetime
    attempt: int

    def opened(self, keyring: Keyring) -> bytes:
        """Return the payload; raise `UndecryptableError` where no key of the ring opens it."""
        return keyring.open(self.sealed, subject=SUBJECT, place=self.public_id)


def lease_next(db: Session, *, now: datetime) -> Leased | None:
    """Lease the delivery that has been due longest for `LEASE`, or return None; two deliverers never get the same."""
    delivery = db.scalars(due(now).limit(1).with_for_update(skip_locked=True)).first()
    if delivery is None:
        return None
    delivery.leased_until = now + LEASE
    delivery.attempts += 1
    return Leased(
        id=delivery.id,
        public_id=delivery.public_id,
        kind=delivery.kind,
        message=delivery.message,
        sealed=delivery.payload or b"",
        created_at=delivery.created_at,
        attempt=delivery.attempts,
    )


def mark_sent(db: Session, leased: Leased, *, now: datetime) -> None:
    """Record that it was sent, and delete its payload, even where the lease has ended meanwhile."""
    statement = update(Delivery).where(Delivery.id == leased.id, Delivery.sent_at.is_(None))
    _execute(
        db,
        statement.values(
            sent_at=now, failed_at=None, payload=None, leased_until=None, last_error=None, last_failure=None
        ),
    )


def mark_failed(
    db: Session, leased: Leased, failure: DeliveryFailure, sentence: str, *, now: datetime
) -> datetime | None:
    """Record a failure; return when it is tried again, or None where it is given up.

    Change nothing where the lease has ended: the delivery may be leased to another deliverer.
    """
    again_at = next_try(failure, leased.attempt, created_at=leased.created_at, now=now)
    ours = update(Delivery).where(Delivery.id == leased.id, Delivery.attempts == leased.attempt, WAITING)
    outcome = {"due_at": again_at} if again_at else {"failed_at": now}
    _execute(db, ours.values(leased_until=None, last_error=sentence, last_failure=failure.value, **outcome))
    return again_at


def send_again(db: Session, public_id: str, *, now: datetime) -> bool:
    """Make a failed delivery due again; return whether there was one."""
    statement = update(Delivery).where(
        Delivery.public_id == public_id, Delivery.failed_at.is_not(None), Delivery.payload.is_not(None)
    )
    fresh = {"failed_at": None, "last_failure": None, "created_at": now, "due_at": now, "attempts": 0}
    return _execute(db, statement.values(fresh)) == 1


def forget_delivered(db: Session, *, now: datetime) -> int:
    """Delete one batch of old deliveries, sent or failed; return how many."""
    before = now - KEPT
    return delete_batch(db, Delivery, or_(Delivery.sent_at < before, Delivery.failed_at < before))


def _execute(db: Session, statement: Update) -> int:
    return rows_changed(db, statement.execution_options(synchronize_session=False))
