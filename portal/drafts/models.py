"""Drafts, their parts with revisions, and the guests who may open them."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Identity, Index, Integer, LargeBinary, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from portal.audit import Id
from portal.db import Base
from portal.form_definitions.versions.models import FormVersion
from portal.web.languages import DEFAULT


class Draft(Base):
    """One form being filled in.

    The `reference` is readable and not a secret. The return code and the address are encrypted. A deleted draft stays
    as a row without parts, so that its links can say when it was deleted.
    """

    __tablename__ = "drafts"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    form_version_id: Mapped[int] = mapped_column(Id, ForeignKey("form_versions.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(Id, index=True)
    return_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    save_address: Mapped[bytes | None] = mapped_column(LargeBinary)
    address_key: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    """A keyed hash of the address that the form names as its customer's, by which a guest is mailed a lost link."""

    last_section_id: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    remind_at: Mapped[datetime | None] = mapped_column(index=True)
    """When we next remind the person that the draft will be deleted; None if there is nothing more to send."""

    sent_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    swept_at: Mapped[datetime | None]
    """When the worker swept it after its last day; None again if its last day moves."""

    language: Mapped[str] = mapped_column(String(8), default=DEFAULT, server_default=DEFAULT)
    """The language in which somebody last worked on it; e-mails about it are written in this language."""

    begun_by_id: Mapped[int | None] = mapped_column(Id)
    begun_by_name: Mapped[str | None] = mapped_column(String(254))
    begun_for: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Which member of staff started it, under which name, and for whom (encrypted); empty if its owner started it."""

    kept_against_id: Mapped[int | None] = mapped_column(Id)
    """The newer version of the form that the person decided not to use."""
    edits: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """How many changes it has had; `edits_checked` is that number when the check page was last seen."""
    edits_checked: Mapped[int | None]

    version: Mapped[FormVersion] = relationship(lazy="joined", innerjoin=True)
    newest_number: Mapped[int | None] = query_expression()
    """The number of the form's newest version; only some queries load it."""
    mail_is_refused: Mapped[bool] = query_expression(default_expr=false())
    """Whether a mail server refused our last e-mail about it; only `whole_drafts` loads it."""
    has_parked: Mapped[bool] = query_expression(default_expr=false())
    """Whether late answers wait to be taken; only `find_draft` loads it."""


NOT_SWEPT = Draft.swept_at.is_(None)
Index("ix_drafts_not_swept", Draft.expires_at, sqlite_where=NOT_SWEPT, postgresql_where=NOT_SWEPT)


class DraftPart(Base):
    """A section, an item of a repeat, or a repeat as a whole (`item_id` empty), each with its own revision.

    `page_id` and `sequence` name the save that wrote it. They let a page save again even if it never got our response.
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
    """Which edits of the draft changed which fields since the part was first confirmed, as JSON; empty before that."""


class DraftGuest(Base):
    """A guest who started a draft or came back to it; guests may open only drafts that are listed here.

    `is_former` is set when an account claims the draft. The guest can no longer open it, but what their pages send late
    is kept for the account. Guests whose right the account's does not come from are deleted then.
    """

    __tablename__ = "draft_guests"

    draft_id: Mapped[int] = mapped_column(Id, ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True)
    guest_id: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    is_former: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    number: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    """Counts the grants of the draft; 0 where it is older than the counting."""
    made_by: Mapped[str | None] = mapped_column(String(64))
    through: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """From whom the right comes, and the keyed hash of the address whose code proved it (`rules.Grant`)."""
