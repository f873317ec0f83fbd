"""Drafts, their parts with revisions, and the guests who may open them."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Identity, Integer, LargeBinary, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from portal.audit import Id
from portal.db import Base
from portal.form_definitions.versions.models import FormVersion
from portal.web.languages import DEFAULT


class Draft(Base):
    """One form being filled. `reference` is readable and not a secret; the return code and address are encrypted.

    A deleted draft stays as a tombstone without parts, so that its links can say when it went.
    """

    __tablename__ = "drafts"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    form_version_id: Mapped[int] = mapped_column(Id, ForeignKey("form_versions.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(Id, index=True)
    return_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    save_address: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_section_id: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    remind_at: Mapped[datetime | None] = mapped_column(index=True)
    """When its person is next told that it will be deleted; None where there is nothing more to tell."""

    sent_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    language: Mapped[str] = mapped_column(String(8), default=DEFAULT, server_default=DEFAULT)
    """The language in which somebody last worked on it: mails about it are written in it."""

    begun_by_id: Mapped[int | None] = mapped_column(Id)
    begun_by_name: Mapped[str | None] = mapped_column(String(254))
    begun_for: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Who of the staff began it, under which name, and for whom (encrypted); nothing where its owner began it."""

    kept_against_id: Mapped[int | None] = mapped_column(Id)
    """The newer version of the form against which its person decided to keep this one."""
    edits: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """How many changes it has had; `edits_checked` is that number as the check page was last seen."""
    edits_checked: Mapped[int | None]

    version: Mapped[FormVersion] = relationship(lazy="joined", innerjoin=True)
    newest_number: Mapped[int | None] = query_expression()
    """The number of the form's newest version; only `find_draft` asks."""
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
    marks: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What a new version of the form asks of the fields, as JSON; empty for nothing."""
    edited: Mapped[str] = mapped_column(Text, default="", server_default="")
    """Which edits of the draft changed which fields since it was first confirmed, as JSON; empty before."""


class DraftGuest(Base):
    """A guest who started a draft or came back to it; a guest may open only the drafts named here.

    `is_former` where the draft became an account's: it opens no more, but what the guest's pages send is kept for it.
    """

    __tablename__ = "draft_guests"

    draft_id: Mapped[int] = mapped_column(Id, ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True)
    guest_id: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    is_former: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
