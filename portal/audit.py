"""The audit log: who did what, when and from where, written in the same transaction, without answers or secrets."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Identity, Integer, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.db import Base

Id = BigInteger().with_variant(Integer(), "sqlite")


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, a person or nobody known, and the network address from which they act."""

    person_id: int | None = None
    address: str | None = None


class AuditEvent(Base):
    """One recorded action; rows are only added."""

    __tablename__ = "audit_events"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(String(64), index=True)
    person_id: Mapped[int | None] = mapped_column(Id, index=True)
    address: Mapped[str | None] = mapped_column(String(64))
    subject: Mapped[str | None] = mapped_column(String(128), index=True)
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


def record(
    db: Session, action: str, *, by: Actor, now: datetime, subject: str | None = None, **details: str | int | None
) -> None:
    """Add one event, in the transaction of the action that it records."""
    db.add(
        AuditEvent(at=now, action=action, person_id=by.person_id, address=by.address, subject=subject, details=details)
    )
