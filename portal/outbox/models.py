"""The outbox: what has to go out, written in the transaction of its cause."""

from datetime import datetime

from sqlalchemy import Identity, Index, Integer, LargeBinary, String, and_
from sqlalchemy.orm import Mapped, mapped_column

from portal.audit import Id
from portal.db import Base


class Delivery(Base):
    """One thing that has to go out.

    `payload` is sealed, for it holds addresses, links and codes, and is wiped once sent. `public_id` is the stable
    name by which the other side recognises a repetition (a mail's Message-ID). `message` says which message it is.
    A delivery waits, or has been sent (`sent_at`), or was given up (`failed_at`).
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
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(200))
    last_failure: Mapped[str | None] = mapped_column(String(16))
    """The `DeliveryFailure` of the last attempt; None before one failed, and once it is out."""


WAITING = and_(Delivery.sent_at.is_(None), Delivery.failed_at.is_(None))
Index("ix_outbox_waiting", Delivery.due_at, sqlite_where=WAITING, postgresql_where=WAITING)
