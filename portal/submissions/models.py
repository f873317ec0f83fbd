"""What was sent, one row for each draft, never changed; and beside it the case on which staff work, and its history."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Identity, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from portal.audit import Id
from portal.db import Base
from portal.form_definitions.versions.models import FormVersion


class Submission(Base):
    """One form that was sent, under the reference of its draft.

    Two unique constraints ensure "exactly once": a draft has one submission, and one press of Send makes one row.
    """

    __tablename__ = "submissions"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    draft_id: Mapped[int] = mapped_column(Id, ForeignKey("drafts.id"), unique=True)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    form_version_id: Mapped[int] = mapped_column(Id, ForeignKey("form_versions.id"))
    person_id: Mapped[int | None] = mapped_column(Id, index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    sent_at: Mapped[datetime] = mapped_column(index=True)

    begun_by_id: Mapped[int | None] = mapped_column(Id)
    begun_by_name: Mapped[str | None] = mapped_column(String(254))
    """Which member of staff started the form for its sender, and under which name."""

    version: Mapped[FormVersion] = relationship(lazy="joined", innerjoin=True)
    case: Mapped["Case"] = relationship(lazy="joined", innerjoin=True, back_populates="submission")
    asked_number: Mapped[int | None] = query_expression()
    signed_number: Mapped[int | None] = query_expression()
    """How many were asked to sign it, and how many have; only some queries load them."""


class Case(Base):
    """The work on a sent form: its status and who it is assigned to.

    `form_id` and `sent_at` repeat what the submission says, so that one index serves the filter, the order and the
    place in the list. `customer` is who sent it, encrypted. A case is open until `closed_at`.
    """

    __tablename__ = "cases"

    submission_id: Mapped[int] = mapped_column(Id, ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True)
    form_id: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(16))
    assignee_id: Mapped[int | None] = mapped_column(Id)
    sent_at: Mapped[datetime]
    status_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    customer: Mapped[bytes] = mapped_column(LargeBinary)

    submission: Mapped[Submission] = relationship(back_populates="case")


CASE_IS_OPEN = Case.closed_at.is_(None)
_LIST_ORDER = (Case.sent_at, Case.submission_id)
Index("ix_cases_place", *_LIST_ORDER)
Index("ix_cases_form", Case.form_id, *_LIST_ORDER)
Index("ix_cases_status", Case.status, *_LIST_ORDER)
Index("ix_cases_assignee", Case.assignee_id, *_LIST_ORDER)
Index("ix_cases_open", *_LIST_ORDER, sqlite_where=CASE_IS_OPEN, postgresql_where=CASE_IS_OPEN)
Index(
    "ix_cases_open_assignee", Case.assignee_id, *_LIST_ORDER, sqlite_where=CASE_IS_OPEN, postgresql_where=CASE_IS_OPEN
)
Index("ix_cases_open_form", Case.form_id, *_LIST_ORDER, sqlite_where=CASE_IS_OPEN, postgresql_where=CASE_IS_OPEN)


class OpenCases(Base):
    """How many cases are open, of those of one form that were sent on one day (UTC); no row stands for none.

    Kept by whatever opens or closes a case, so that the work list need not count them.
    """

    __tablename__ = "open_cases"

    form_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sent_on: Mapped[date] = mapped_column(Date, primary_key=True)
    number: Mapped[int] = mapped_column(Integer)


class CaseKey(Base):
    """One word of the sender's name or one of their addresses, as a keyed hash, by which staff can search."""

    __tablename__ = "case_keys"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    submission_id: Mapped[int] = mapped_column(
        Id, ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class CaseEvent(Base):
    """One action on a case: a note (sealed), another status, or another assignee; rows are only added.

    `value` is the status, or the person's number. `key` is that of the page on which a note was written: the same page
    sent twice is one note.
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
