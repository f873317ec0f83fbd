"""What was sent: one row a draft, written once and never changed."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.audit import Id
from portal.db import Base
from portal.form_definitions.models import FormVersion


class Submission(Base):
    """One form that was sent, under the reference of its draft.

    Two unique constraints stand behind "exactly once": one draft, one submission; one press of Send, one row.
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

    version: Mapped[FormVersion] = relationship(lazy="joined", innerjoin=True)
