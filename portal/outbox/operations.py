"""Putting things into the outbox, leasing them out, and writing down what became of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Update, or_, update
from sqlalchemy.orm import Session

from portal.db import delete_batch, rows_changed
from portal.keyring import Keyring
from portal.outbox.definition import LEASE, Failure, next_try
from portal.outbox.models import WAITING, Delivery
from portal.outbox.queries import due

SUBJECT = "outbox"
KEPT = timedelta(days=30)
"""How long sent and given-up deliveries are kept for whoever asks what became of them."""


def new_public_id() -> str:
    """A name that one delivery keeps for ever."""
    return uuid4().hex


def enqueue(
    db: Session, keyring: Keyring, *, public_id: str, kind: str, message: str, payload: bytes, now: datetime
) -> Delivery:
    """Add a delivery to the transaction of its cause: both are kept, or neither."""
    sealed = keyring.seal(payload, subject=SUBJECT, place=public_id)
    delivery = Delivery(
        public_id=public_id, kind=kind, message=message, payload=sealed, created_at=now, due_at=now, attempts=0
    )
    db.add(delivery)
    return delivery


@dataclass(frozen=True, kw_only=True)
class Leased:
    """A delivery that one deliverer has for itself until its lease ends; `attempt` tells its leases apart."""

    id: int
    public_id: str
    kind: str
    message: str
    sealed: bytes
    created_at: datetime
    attempt: int

    def opened(self, keyring: Keyring) -> bytes:
        """The payload.

        Raises `UndecryptableError` where no key of the ring opens it.
        """
        return keyring.open(self.sealed, subject=SUBJECT, place=self.public_id)


def lease_next(db: Session, *, now: datetime) -> Leased | None:
    """Take the longest-due delivery for `LEASE`, or None; two deliverers never get the same one."""
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
    """Write down that it is out, and forget what it said; also by a deliverer whose lease ran out meanwhile."""
    statement = update(Delivery).where(Delivery.id == leased.id, Delivery.sent_at.is_(None))
    _execute(
        db,
        statement.values(
            sent_at=now, failed_at=None, payload=None, leased_until=None, last_error=None, last_failure=None
        ),
    )


def mark_failed(db: Session, leased: Leased, failure: Failure, sentence: str, *, now: datetime) -> datetime | None:
    """Write down a failure; gives when it is tried again, or None where it is now a dead letter.

    A deliverer whose lease ran out changes nothing: the delivery is somebody else's.
    """
    again_at = next_try(failure, leased.attempt, created_at=leased.created_at, now=now)
    ours = update(Delivery).where(Delivery.id == leased.id, Delivery.attempts == leased.attempt, WAITING)
    outcome = {"due_at": again_at} if again_at else {"failed_at": now}
    _execute(db, ours.values(leased_until=None, last_error=sentence, last_failure=failure.value, **outcome))
    return again_at


def send_again(db: Session, public_id: str, *, now: datetime) -> bool:
    """Give a dead letter a new start; tells whether there was one."""
    statement = update(Delivery).where(
        Delivery.public_id == public_id, Delivery.failed_at.is_not(None), Delivery.payload.is_not(None)
    )
    fresh = {"failed_at": None, "last_failure": None, "created_at": now, "due_at": now, "attempts": 0}
    return _execute(db, statement.values(fresh)) == 1


def forget_delivered(db: Session, *, now: datetime) -> int:
    """Delete one batch of deliveries that ended long ago; gives how many."""
    before = now - KEPT
    return delete_batch(db, Delivery, or_(Delivery.sent_at < before, Delivery.failed_at < before))


def _execute(db: Session, statement: Update) -> int:
    return rows_changed(db, statement.execution_options(synchronize_session=False))
