"""Roles and what follows from them, addresses, passwords and mailed links. Pure: no clock, no Flask."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType

from email_validator import EmailNotValidError, validate_email

from portal.characters import plain, without_unseen
from portal.errors import PortalError
from portal.form_definitions.types.answers import mark
from portal.site_settings.definition import Settings
from portal.web.declarations import BY_PERSON, CUSTOMER, HUB, Door

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128
LONGEST_TYPED_ADDRESS = 320
LONGEST_PERSON_NAME = 200
BAD_ADDRESS = mark("Enter an e-mail address in the right format, like name@example.com")
LINK_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Role:
    """What a person is here for: the kind of session that signing in opens, and where it leads."""

    name: str
    session_kind: str
    home: str


ADMINISTRATOR, CITIZEN = "administrator", "citizen"
ROLES: Mapping[str, Role] = MappingProxyType(
    {
        role.name: role
        for role in (
            Role(name=ADMINISTRATOR, session_kind=HUB, home="/admin/self"),
            Role(name="staff", session_kind=HUB, home="/hub"),
            Role(name="designer", session_kind=HUB, home="/"),
            Role(name="field", session_kind=CUSTOMER, home="/account"),
            Role(name=CITIZEN, session_kind=CUSTOMER, home="/account"),
        )
    }
)


def opens(door: Door, role: Role, *, within: str | None = None) -> bool:
    """Whether a person of this role, signed in, gets through a door; `within` is the kind around its own."""
    if not door.session:
        return True
    fits = door.kind == BY_PERSON or role.session_kind in (door.kind, within)
    return fits and (door.roles is None or role.name in door.roles)


def must_have_factor(role: Role, settings: Settings) -> bool:
    """Whether this role signs in with a second factor under the settings in force."""
    return settings.second_factor_required and role.session_kind == HUB


@dataclass(frozen=True, kw_only=True)
class EmailAddress:
    """One e-mail address: as mail is sent to it, and the key under which one person has it."""

    email: str

    @property
    def key(self) -> str:
        """The form in which two spellings of one mailbox are equal: capitals do not count."""
        return self.email.lower()


class BadAddressError(PortalError):
    """What was typed is not exactly one e-mail address."""


def parse_email_address(typed: str) -> EmailAddress:
    """Take exactly one e-mail address; nobody is asked whether mail arrives there.

    Raises `BadAddressError`.
    """
    text = plain(typed)
    if len(text) > LONGEST_TYPED_ADDRESS:
        raise BadAddressError(BAD_ADDRESS)
    try:
        # The test environment allows the domain .test, which RFC 6761 keeps free for trying things out.
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError as reason:
        raise BadAddressError(BAD_ADDRESS) from reason
    return EmailAddress(email=found.ascii_email or found.normalized)


def address_key(typed: str) -> str:
    """The key of what was typed at sign-in, so that one mailbox has one key; what is no address is nobody's key."""
    try:
        return parse_email_address(typed).key
    except BadAddressError:
        return plain(typed).lower()


def password_fault(password: str) -> str | None:
    """Why a new password is refused, or None: length alone counts (ASVS 5.0 6.2.1, 6.2.5, 6.2.9)."""
    length = len(without_unseen(password))
    if length < SHORTEST_PASSWORD:
        return mark("Enter a password of at least 8 characters")
    return mark("Enter a password of no more than 128 characters") if length > LONGEST_PASSWORD else None


def person_subject(person_id: int) -> str:
    """Return how the audit log and the keyring name a person."""
    return f"person {person_id}"


class Purpose(Enum):
    """What a mailed link is for."""

    CONFIRM = "confirm"
    SET_PASSWORD = "set_password"  # noqa: S105 - a purpose, not a secret
    CHANGE_ADDRESS = "change_address"
    OBJECT = "object"


class LinkState(Enum):
    """Whether a mailed link still works."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"


def link_state(expires_at: datetime, used_at: datetime | None, now: datetime) -> LinkState:
    """A link works once, and only before its end."""
    if used_at is not None:
        return LinkState.USED
    return LinkState.OPEN if now < expires_at else LinkState.EXPIRED
