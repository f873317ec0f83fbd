"""People, and the links mailed to them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.accounts.rules import ROLES, Role
from portal.audit import Id
from portal.db import Base

EMAIL_LENGTH = 254
HASH_LENGTH = 200


class Person(Base):
    """Somebody with an account; `email_key` is what makes two spellings of an address one person."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    email_key: Mapped[str] = mapped_column(String(EMAIL_LENGTH), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(HASH_LENGTH))
    role: Mapped[str] = mapped_column(String(16))
    name: Mapped[str | None] = mapped_column(String(200))
    verified_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        """Whether the account is neither disabled nor waiting for its address to be proved."""
        return self.disabled_at is None and self.verified_at is not None

    @property
    def shown_name(self) -> str:
        """The person's name, else the address."""
        return self.name or self.email

    @property
    def role_row(self) -> Role:
        """What follows from the person's role."""
        return ROLES[self.role]

    def get_id(self) -> str:
        """What Flask-Login calls this person."""
        return str(self.id)


class MailedToken(Base):
    """One mailed link; of its token only the hash is stored.

    A link that confirms an address carries the password chosen at registration, hashed, until it is used.
    """

    __tablename__ = "mailed_tokens"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    person_id: Mapped[int | None] = mapped_column(Id, ForeignKey("people.id", ondelete="CASCADE"), index=True)
    password_hash: Mapped[str | None] = mapped_column(String(HASH_LENGTH))
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
