"""People, how they prove who they are, the devices they were seen on, and the links mailed to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Identity, LargeBinary, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from portal.accounts.rules import ROLES, Role
from portal.audit import Id
from portal.db import Base

EMAIL_LENGTH = 254
HASH_LENGTH = 200


class Person(Base):
    """Somebody with an account; `email_key` is what makes two spellings of an address one person.

    The row of a deleted account stays without address, name and password, so that its number is never given again.
    """

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    email_key: Mapped[str] = mapped_column(String(EMAIL_LENGTH), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(HASH_LENGTH))
    role: Mapped[str] = mapped_column(String(16), index=True)
    name: Mapped[str | None] = mapped_column(String(200))
    verified_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    unsettled_at: Mapped[datetime | None] = mapped_column(index=True)
    """When an objection that could not be carried out was left to staff: it closed the account, if nobody had."""
    created_at: Mapped[datetime]

    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        """Whether the account is neither disabled nor waiting for its address to be proved."""
        return self.disabled_at is None and self.verified_at is not None

    @property
    def is_closed_by_objection(self) -> bool:
        """Whether the objection that was left to staff closed the account, and not they before or since."""
        return self.unsettled_at is not None and self.disabled_at == self.unsettled_at

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


class SecondFactor(Base):
    """What a person's code app shares with us, sealed, and the last code that was used, so that none works twice.

    New recovery codes are here, sealed, until their owner says that they are kept, at most until `codes_shown_until`.
    """

    __tablename__ = "second_factors"

    person_id: Mapped[int] = mapped_column(Id, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(Id)
    set_up_at: Mapped[datetime]
    codes_salt: Mapped[bytes] = mapped_column(LargeBinary(16))
    sealed_codes: Mapped[bytes | None] = mapped_column(LargeBinary)
    codes_shown_until: Mapped[datetime | None] = mapped_column(index=True)


class FormerAccount(Base):
    """How an account was just before a change that its address may object to; kept for two weeks.

    `state` is what `remembered.py` puts together: nothing in it is worth more than what the other tables hold.
    """

    __tablename__ = "former_accounts"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("people.id", ondelete="CASCADE"), index=True)
    made_at: Mapped[datetime] = mapped_column(index=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    state: Mapped[dict[str, Any]] = mapped_column(JSON)


class RecoveryCode(Base):
    """One of the codes that stand in for a lost code app, hashed; it works once."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("people.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    used_at: Mapped[datetime | None]


class PendingSignIn(Base):
    """Somebody whose password was right and whose second factor is still asked for; no session is open yet.

    `is_mailed` says that they have just set the password by a mailed link.
    """

    __tablename__ = "pending_sign_ins"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("people.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    is_mailed: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())


class KnownDevice(Base):
    """A browser in which a person has signed in; of its cookie only a hash is stored, another one for each person."""

    __tablename__ = "known_devices"
    __table_args__ = (UniqueConstraint("person_id", "token_hash"),)

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, ForeignKey("people.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    device: Mapped[str | None] = mapped_column(String(200))
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)
