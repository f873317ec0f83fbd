"""The outbox: deliveries, written in the transaction of their cause."""

from datetime import datetime

from sqlalchemy import Identity, Index, Integer, LargeBinary, String, and_
from sqlalchemy.orm import Mapped, mapped_column

from portal.audit import Id
from portal.db import Base


class Delivery(Base):
    """One delivery: waiting, sent (`sent_at`) or given up (`failed_at`).

    `payload` is sealed, as it contains addresses, links and codes, and is deleted once sent. `public_id` never changes,
    so that the receiver recognises a repetition (by an e-mail's Message-ID). `message` is the name of the message.
    """

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    message: Mapped[str] = mapped_column(String(32))
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    leased_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None] = mapped_column(index=True)
    failed_at: Mapped[datetime | None] = mapped_column(index=True)
    last_error: Mapped[str | None] = mapped_column(String(200))
    last_failure: Mapped[str | None] = mapped_column(String(16))
    """The `DeliveryFailure` of the last attempt; None before a failure, and once sent."""


WAITING = and_(Delivery.sent_at.is_(None), Delivery.failed_at.is_(None))
Index("ix_outbox_waiting", Delivery.due_at, sqlite_where=WAITING, postgresql_where=WAITING)
