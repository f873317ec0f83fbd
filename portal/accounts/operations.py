"""Making accounts, proving addresses, setting passwords, and taking away what people may do."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts.models import MailedToken, Person
from portal.accounts.queries import (
    has_open_link,
    locked_open_administrators,
    locked_person,
    objection_ends_at,
    person_by_key,
)
from portal.accounts.remembered import forget_devices_of, forget_former_of, remember_account
from portal.accounts.rules import ADMINISTRATOR, LINK_LIFETIME, EmailAddress, Purpose, person_subject
from portal.accounts.second_factors import remove_factor
from portal.accounts.sign_in_steps import end_pending_of
from portal.audit import Actor, record
from portal.db import delete_batch, rows_changed
from portal.errors import PortalError
from portal.mail import messages
from portal.mail.messages import Notice
from portal.sessions.operations import end_sessions_of
from portal.sessions.rules import EndReason
from portal.tokens import new_token, token_hash

LinkTo = Callable[[str], str]
"""Makes the full address of a mailed link from its token."""

KEPT_AFTER_END = timedelta(days=7)
LATELY = timedelta(hours=1)


class DuplicateAddressError(PortalError):
    """There is an account for this address already; nothing was changed."""


class LastAdministratorError(PortalError):
    """Nobody else is an administrator whose account is open; nothing was changed."""


class ObjectionOpenError(PortalError):
    """An address of the account may still object to a change; nothing was changed."""


def create_account(
    db: Session,
    address: EmailAddress,
    role: str,
    *,
    password_hash: str | None,
    by: Actor,
    now: datetime,
    name: str | None = None,
) -> Person:
    """Add a person whose address is known to be theirs.

    Raises `DuplicateAddressError`, also where another worker added the same address a moment ago.
    """
    person = Person(
        email=address.email,
        email_key=address.key,
        password_hash=password_hash,
        role=role,
        name=name,
        verified_at=now,
        created_at=now,
    )
    try:
        with db.begin_nested():
            db.add(person)
    except IntegrityError as reason:
        raise DuplicateAddressError(f"There is already an account for {address.email}.") from reason
    record(db, "account_created", by=by, now=now, subject=person_subject(person.id), role=role)
    return person


def begin_registration(
    db: Session, address: EmailAddress, password_hash: str, *, confirm_link: LinkTo, account_link: str, now: datetime
) -> None:
    """Mail an address the link that makes its account, or, where there is one, that there is one."""
    known = person_by_key(db, address.key)
    token = issue_token(db, Purpose.CONFIRM, address.email, now=now, password_hash=None if known else password_hash)
    if known:
        messages.already_registered(db, to=known.email, link=account_link, now=now)
    else:
        messages.confirm_address(db, to=address.email, link=confirm_link(token), now=now)


def offer_password_link(
    db: Session, address: EmailAddress, *, unless_mailed: bool = False, link_to: LinkTo, by: Actor, now: datetime
) -> None:
    """Mail a link for a new password to an address that has a working account.

    For any other address the same is done and then undone, so that time tells nobody which addresses we know; and so
    it is, with `unless_mailed`, where a link of the last hour still works. The person is locked, so that whatever stops
    such links, or gives the account another address, comes before this one or stops it, too.
    """
    found = person_by_key(db, address.key)
    person = locked_person(db, found.id if found else 0)
    person = person if person and person.email_key == address.key else None
    is_mailed = has_open_link(db, person.id if person else 0, Purpose.SET_PASSWORD, until=now + LINK_LIFETIME - LATELY)
    with db.begin_nested() as done:
        mail_password_link(db, person, link_to=link_to, to=person.email if person else address.email, now=now)
        db.flush()
        if person is None or person.disabled_at or (unless_mailed and is_mailed):
            done.rollback()
    record(db, "password_link_requested", by=by, now=now, subject=person_subject(person.id) if person else None)


def mail_password_link(db: Session, person: Person | None, *, link_to: LinkTo, to: str, now: datetime) -> None:
    """Mail a link with which the holder of the mailbox sets the password."""
    token = issue_token(db, Purpose.SET_PASSWORD, to, now=now, person_id=person.id if person else None)
    messages.set_password_link(db, to=to, link=link_to(token), now=now)


def use_token(db: Session, token: MailedToken, *, now: datetime) -> bool:
    """Use a link up, with the password hash it carried; return whether it still worked."""
    statement = update(MailedToken).where(
        MailedToken.id == token.id, MailedToken.used_at.is_(None), MailedToken.expires_at > now
    )
    return rows_changed(db, statement.values(used_at=now, password_hash=None)) == 1


def verify(db: Session, person: Person, *, now: datetime) -> None:
    """Note that the person proved to read the mail of their address."""
    person.verified_at = person.verified_at or now


def replace_password(
    db: Session, person: Person, password_hash: str, *, by: Actor, now: datetime, but: int | None = None
) -> None:
    """Give a person a new password; their sessions end, one excepted where given, and older links stop working.

    An objection against a change of address stays open: the new password may be a thief's.
    """
    is_change, person.password_hash = person.password_hash is not None, password_hash
    for purpose in (Purpose.SET_PASSWORD, Purpose.CHANGE_ADDRESS):
        void_links(db, person.id, purpose, now=now)
    end_pending_of(db, person.id)
    end_sessions_of(db, person.id, EndReason.PASSWORD_CHANGED, now=now, but=but)
    record(db, "password_set", by=by, now=now, subject=person_subject(person.id))
    if is_change:
        messages.security_notice(db, Notice.PASSWORD_CHANGED, to=person.email, now=now)


def change_name(db: Session, person: Person, name: str, *, by: Actor, now: datetime) -> None:
    """Call a person by another name, or by the address where it is empty."""
    remember_account(db, person, now=now, is_minor=True)
    person.name = name or None
    record(db, "name_changed", by=by, now=now, subject=person_subject(person.id))


def delete_account(db: Session, person: Person, *, by: Actor, now: datetime) -> None:
    """Forget a person: address, name, password, links, devices and second factor; every session ends.

    Forms that were sent belong to those who got them and stay. The caller deletes the drafts first, in the same
    transaction.
    Raise `LastAdministratorError` if the portal would have no administrator, and `ObjectionOpenError` as long as an
    address may object to a change: it would find nothing that it could get back.
    """
    if person.role == ADMINISTRATOR:
        _require_other_administrator(db, person.id)
    if objection_ends_at(db, person.id, now=now):
        raise ObjectionOpenError("The former address may still object to a change.")
    messages.security_notice(db, Notice.ACCOUNT_DELETED, to=person.email, now=now)
    record(db, "account_deleted", by=by, now=now, subject=person_subject(person.id))
    forget_person(db, person, EndReason.ACCOUNT_DELETED, now=now)


def forget_person(db: Session, person: Person, reason: EndReason, *, now: datetime) -> None:
    """Leave nothing of a person but the number; their sessions end for this reason."""
    end_sessions_of(db, person.id, reason, now=now)
    db.execute(delete(MailedToken).where(MailedToken.person_id == person.id))
    end_pending_of(db, person.id)
    forget_devices_of(db, person.id)
    forget_former_of(db, person.id)
    remove_factor(db, person.id)
    person.email = person.email_key = f"deleted-{person.id}"
    person.name = person.password_hash = None
    person.disabled_at = person.disabled_at or now
    person.deleted_at = now


def disable_account(db: Session, person_id: int, *, by: Actor, now: datetime) -> None:
    """Let a person sign in no longer, and end their sessions; one that an objection closed for now stays closed.

    Raise `LastAdministratorError` if the portal would have no administrator.
    """
    _require_other_administrator(db, person_id)
    person = locked_person(db, person_id)
    if person is None or (person.disabled_at and not person.unsettled_at):
        return
    person.disabled_at, person.unsettled_at = now, None
    end_pending_of(db, person.id)
    end_sessions_of(db, person.id, EndReason.STAFF, now=now)
    record(db, "account_disabled", by=by, now=now, subject=person_subject(person.id))


def enable_account(db: Session, person_id: int, *, by: Actor, now: datetime) -> None:
    """Let a person sign in again; a deleted account stays deleted."""
    person = locked_person(db, person_id)
    if person is None or person.disabled_at is None or person.deleted_at:
        return
    person.disabled_at = person.unsettled_at = None
    record(db, "account_enabled", by=by, now=now, subject=person_subject(person.id))


def change_role(db: Session, person_id: int, role: str, *, by: Actor, now: datetime) -> None:
    """Give a person another role; their sessions end, as the next one may be of another kind.

    Raise `LastAdministratorError` if the portal would have no administrator.
    """
    if role != ADMINISTRATOR:
        _require_other_administrator(db, person_id)
    person = locked_person(db, person_id)
    if person is None or person.role == role:
        return
    record(db, "role_changed", by=by, now=now, subject=person_subject(person.id), old=person.role, new=role)
    person.role = role
    end_sessions_of(db, person.id, EndReason.STAFF, now=now)


def _require_other_administrator(db: Session, person_id: int) -> None:
    """Raise `LastAdministratorError` if a person is the only administrator who can sign in.

    The administrators stay locked until the transaction ends, before the person is: of two who close each other's
    account at the same moment, one waits, and then finds the other gone.
    """
    if list(locked_open_administrators(db)) == [person_id]:
        raise LastAdministratorError("This is the only administrator whose account is open.")


def sweep_tokens(db: Session, *, now: datetime) -> int:
    """Delete one batch of links that ended long enough ago to need no explaining; return how many."""
    return delete_batch(db, MailedToken, MailedToken.expires_at < now - KEPT_AFTER_END)


def void_links(db: Session, person_id: int, purpose: Purpose, *, now: datetime) -> None:
    """Stop the unused links that were mailed to a person for one purpose."""
    unused = update(MailedToken).where(
        MailedToken.person_id == person_id, MailedToken.purpose == purpose.value, MailedToken.used_at.is_(None)
    )
    db.execute(unused.values(used_at=now))


def issue_token(
    db: Session,
    purpose: Purpose,
    email: str,
    *,
    now: datetime,
    person_id: int | None = None,
    password_hash: str | None = None,
    lifetime: timedelta = LINK_LIFETIME,
) -> str:
    """A token for a link that is mailed to this address; it is stored nowhere."""
    token = new_token()
    db.add(
        MailedToken(
            purpose=purpose.value,
            token_hash=token_hash(token),
            email=email,
            person_id=person_id,
            password_hash=password_hash,
            expires_at=now + lifetime,
        )
    )
    return token
