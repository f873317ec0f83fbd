"""The tables of signatures: invitations, who passed their check, what is written, outcomes, and the chain of events."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.audit import Id
from portal.db import Base
from portal.signing.definition import LIVE, MISSING, State

_PLACE_LENGTH = 100


class Invitation(Base):
    """One signer at one address, asked to sign one sent form; another address is another invitation.

    `name`, `address` and `link` (its token and the code of the mail, so that a reminder can repeat them) are encrypted;
    of token and code the hashes are stored to find it by. `state` is a `definition.State`. An invitation that waits for
    others has no times yet. `is_current` is taken from one that another address has replaced.
    """

    __tablename__ = "invitations"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    submission_id: Mapped[int] = mapped_column(Id, ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    signer_id: Mapped[str] = mapped_column(String(64))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    link: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[bytes] = mapped_column(LargeBinary)
    address: Mapped[bytes] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(String(8))
    check: Mapped[str] = mapped_column(String(8))
    fact_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    copy_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    state: Mapped[str] = mapped_column(String(16))
    is_current: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    shares_mailbox: Mapped[bool] = mapped_column(Boolean)
    """Whether its address is one of the applicant's."""

    issued_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]
    """When the signer is reminded next; None where nothing more is to be said."""
    checked_at: Mapped[datetime | None]
    tries_told_at: Mapped[datetime | None]
    new_link_told_at: Mapped[datetime | None]
    """When the applicant was last told that somebody did not pass the check, and that the signer wants a new link."""
    waived_at: Mapped[datetime | None]
    """When staff went on without this signature."""
    delivery: Mapped[str | None] = mapped_column(String(32))
    """The name in the outbox of the last mail to the signer, until we know what became of it."""
    place: Mapped[str | None] = mapped_column(String(_PLACE_LENGTH))
    """The page on which the signer was last."""


def _is_one_of(states: Collection[State]) -> ColumnElement[bool]:
    """Return the condition as the partial indexes have it: SQLite knows it again only by its very words."""
    return Invitation.state.in_(bindparam(None, sorted(states), expanding=True, literal_execute=True))


IS_LIVE = _is_one_of(LIVE)
_IS_MISSING = and_(Invitation.waived_at.is_(None), _is_one_of(MISSING))
IS_MISSING = and_(Invitation.is_current, _IS_MISSING)
IS_REMINDED = Invitation.remind_at.is_not(None)
IS_ON_ITS_WAY = Invitation.delivery.is_not(None)
Index("ix_invitations_expires_at", Invitation.expires_at, sqlite_where=IS_LIVE, postgresql_where=IS_LIVE)
Index("ix_invitations_remind_at", Invitation.remind_at, sqlite_where=IS_REMINDED, postgresql_where=IS_REMINDED)
Index("ix_invitations_delivery", Invitation.delivery, sqlite_where=IS_ON_ITS_WAY, postgresql_where=IS_ON_ITS_WAY)
Index("ix_invitations_missing", Invitation.submission_id, sqlite_where=_IS_MISSING, postgresql_where=_IS_MISSING)


class SigningGuest(Base):
    """A guest who passed the check of an invitation; a signing session reads only what is listed here."""

    __tablename__ = "signing_guests"

    guest_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    invitation_id: Mapped[int] = mapped_column(Id, ForeignKey("invitations.id", ondelete="CASCADE"), index=True)


class SigningCode(Base):
    """The six digits that were mailed last to the address of an invitation whose check is a code."""

    __tablename__ = "signing_codes"

    invitation_id: Mapped[int] = mapped_column(
        Id, ForeignKey("invitations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    mailed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SigningDraft(Base):
    """What a signer has typed and not signed yet: their name, and the answers of their own section, encrypted.

    `page_id` and `sequence` are those of the last save, as with the parts of a form.
    """

    __tablename__ = "signing_drafts"

    invitation_id: Mapped[int] = mapped_column(
        Id, ForeignKey("invitations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    revision: Mapped[int] = mapped_column(Integer)
    page_id: Mapped[str] = mapped_column(String(32))
    sequence: Mapped[int] = mapped_column(Integer)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime]


class Outcome(Base):
    """How an invitation was answered: once, for ever. `sealed` holds the typed name or the reason, and the answers."""

    __tablename__ = "signing_outcomes"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    invitation_id: Mapped[int] = mapped_column(Id, ForeignKey("invitations.id", ondelete="CASCADE"), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    copy_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    statement_hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class SigningEvent(Base):
    """One thing that happened to the signatures of a form, chained to the one before by its digest.

    `details` is canonical JSON and names nobody. Only the last event of a form has a `signature`, so a chain that was
    cut has none.
    """

    __tablename__ = "signing_events"
    __table_args__ = (UniqueConstraint("submission_id", "number"),)

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    submission_id: Mapped[int] = mapped_column(Id, ForeignKey("submissions.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime]
    name: Mapped[str] = mapped_column(String(16))
    details: Mapped[str] = mapped_column(Text)
    previous: Mapped[bytes] = mapped_column(LargeBinary(32))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    signature: Mapped[bytes | None] = mapped_column(LargeBinary(64))


class SigningKey(Base):
    """The portal's pair of keys for signing chains (Ed25519), made at the first use; the private half is encrypted."""

    __tablename__ = "signing_keys"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    public: Mapped[bytes] = mapped_column(LargeBinary(32))
    made_at: Mapped[datetime]


class Correction(Base):
    """A draft that was made from a sent form to correct it; sending it withdraws that form's invitations."""

    __tablename__ = "signing_corrections"

    draft_id: Mapped[int] = mapped_column(
        Id, ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    submission_id: Mapped[int] = mapped_column(Id, ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
