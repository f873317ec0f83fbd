"""Drafts, their parts with revisions, and the guests who may open them."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Identity, Integer, LargeBinary, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from portal.audit import Id
from portal.db import Base
from portal.form_definitions.models import FormVersion


class Draft(Base):
    """One form being filled. `reference` is readable and not a secret; the return code and address are encrypted.

    A deleted draft stays as a tombstone without parts, so that its links can say when it went.
    """

    __tablename__ = "drafts"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    form_version_id: Mapped[int] = mapped_column(Id, ForeignKey("form_versions.id"))
    person_id: Mapped[int | None] = mapped_column(Id, index=True)
    return_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    save_address: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_section_id: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]

    version: Mapped[FormVersion] = relationship(lazy="joined", innerjoin=True)
    has_parked: Mapped[bool] = query_expression(default_expr=false())
    """Whether something that was typed too late waits; only `find_draft` asks."""


class DraftPart(Base):
    """A section, an item of a repeat, or a repeat as a whole (`item_id` empty); each has its own revision.

    `page_id` and `sequence` name the save that wrote it: a page follows its own saves, whatever became of the answers.
    """

    __tablename__ = "draft_parts"
    __table_args__ = (UniqueConstraint("draft_id", "section_id", "item_id"),)

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    draft_id: Mapped[int] = mapped_column(Id, ForeignKey("drafts.id", ondelete="CASCADE"))
    section_id: Mapped[str] = mapped_column(String(64))
    item_id: Mapped[str] = mapped_column(String(16), default="")
    revision: Mapped[int] = mapped_column(Integer)
    is_confirmed: Mapped[bool] = mapped_column(Boolean, default=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime]
    page_id: Mapped[str] = mapped_column(String(32), default="", server_default="")
    sequence: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class DraftGuest(Base):
    """A guest who started a draft or came back to it; a guest may open only the drafts named here."""

    __tablename__ = "draft_guests"

    draft_id: Mapped[int] = mapped_column(Id, ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True)
    guest_id: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
