"""What staff did with a case: rows are only added."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.audit import Id
from portal.db import Base


class CaseEvent(Base):
    """One event: a note (sealed), another status, or another assignee (`value`: the status, or the person's number).

    `key` is that of the page a note was written on: the same page sent twice is one note.
    """

    __tablename__ = "case_events"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    submission_id: Mapped[int] = mapped_column(Id, ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    person_id: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[str | None] = mapped_column(String(32))
    key: Mapped[str | None] = mapped_column(String(64), unique=True)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
