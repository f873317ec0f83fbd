"""Mailed links and the codes that guests prove themselves with; of both only hashes are stored."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.audit import Id
from portal.db import Base
from portal.drafts.models import Draft


class ResumeLink(Base):
    """A link to a draft: it works for the draft's life, and a newer one does not end it.

    `address` is where it was mailed, encrypted: a guest's code goes there and nowhere else.
    """

    __tablename__ = "resume_links"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    draft_id: Mapped[int] = mapped_column(Id, ForeignKey("drafts.id", ondelete="CASCADE"), index=True)
    address: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[datetime]

    draft: Mapped[Draft] = relationship(lazy="joined", innerjoin=True)


class ResumeCode(Base):
    """A code mailed to the address of a link, for the browser that asked (its cookie's hash names the row)."""

    __tablename__ = "resume_codes"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    link_id: Mapped[int] = mapped_column(Id, ForeignKey("resume_links.id", ondelete="CASCADE"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    expires_at: Mapped[datetime]

    link: Mapped[ResumeLink] = relationship(lazy="joined", innerjoin=True)
