"""The session table: the only authority on who is signed in, and until when."""

from datetime import datetime

from sqlalchemy import Boolean, Identity, Index, Integer, LargeBinary, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from portal.audit import Id
from portal.db import Base


class SessionRow(Base):
    """One session of one kind in one browser.

    `person_id` is None for a guest; `guest_id` ties a guest to the drafts that were started or resumed here. Of the
    cookie's token only the hash is stored.
    """

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    csrf_secret: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[int | None] = mapped_column(Id, index=True)
    guest_id: Mapped[str | None] = mapped_column(String(64), index=True)
    idle_timeout_s: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    absolute_end_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(32))
    quiet_path: Mapped[str | None] = mapped_column(String(200))
    quiet_until: Mapped[datetime | None]
    network: Mapped[str | None] = mapped_column(String(64))
    device: Mapped[str | None] = mapped_column(String(200))
    authenticated_at: Mapped[datetime | None]
    """When the person last proved who they are in this session; None where a link or a code opened it."""
    sole_slot: Mapped[str | None] = mapped_column(String(40), unique=True)
    """Where only one sign-in at a time is allowed, the place that this session takes while it lives."""
    language: Mapped[str | None] = mapped_column(String(8))
    is_shared: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Whether its holder said that others use this computer, too: a short clock, and nothing of it left behind."""


NOT_ENDED = SessionRow.ended_at.is_(None)
Index("ix_sessions_open", SessionRow.expires_at, sqlite_where=NOT_ENDED, postgresql_where=NOT_ENDED)


class ParkedValues(Base):
    """What a form said that arrived after its session had ended, encrypted; one row a tab in which it was open.

    `work` is the address of the whole that the page belongs to, such as a draft.
    """

    __tablename__ = "parked_values"
    __table_args__ = (UniqueConstraint("page", "tab"),)

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    work: Mapped[str] = mapped_column(String(64), index=True)
    page: Mapped[str] = mapped_column(String(200))
    tab: Mapped[str] = mapped_column(String(16))
    person_id: Mapped[int | None] = mapped_column(Id)
    guest_id: Mapped[str | None] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    gave_way: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether older ones of its holder were deleted to make room for it."""
    parked_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
