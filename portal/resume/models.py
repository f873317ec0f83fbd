"""Mailed links and the codes that guests prove themselves with; of both only hashes are stored."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Identity, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.audit import Id
from portal.db import Base
from portal.drafts.models import Draft


class ResumeLink(Base):
    """A link to a draft: it works for the draft's life, and a newer one does not end it.

    `address` is where it was mailed, encrypted: a guest's code goes there and nowhere else. Once that address is taken
    back, only its keyed hash is left, `taken_back`: the link opens nothing, and no mail goes there by itself.
    """

    __tablename__ = "resume_links"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    draft_id: Mapped[int] = mapped_column(Id, ForeignKey("drafts.id", ondelete="CASCADE"), index=True)
    address: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[datetime]
    delivery: Mapped[str | None] = mapped_column(String(32))
    """The name in the outbox of the mail that took it there."""

    device_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """Of the cookie of the browser in which it was asked for; None where that computer is shared, or nobody asked."""

    guest_id: Mapped[str | None] = mapped_column(String(64))
    """The guest who asked for it; None where staff did, or nobody."""

    proof_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    proved_at: Mapped[datetime | None]
    """Of the code that went with it, and when the guest who asked showed that mail to this address arrives."""

    taken_back: Mapped[bytes | None] = mapped_column(LargeBinary(32))

    draft: Mapped[Draft] = relationship(lazy="joined", innerjoin=True)


class ResumeCode(Base):
    """A code mailed to the address of a link, for the browser that asked (its cookie's hash names the row).

    Browsers that ask within minutes of each other share one mail and its code, but not their tries. `keeps` says that
    whoever types it wants the draft kept longer.
    """

    __tablename__ = "resume_codes"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    link_id: Mapped[int] = mapped_column(Id, ForeignKey("resume_links.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    mailed_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    keeps: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())

    link: Mapped[ResumeLink] = relationship(lazy="joined", innerjoin=True)
