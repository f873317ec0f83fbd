"""Changing the address of an account: the new one is proved by a mailed link, the old one may object for a week."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts.models import MailedToken, Person
from portal.accounts.operations import LinkTo, forget_person, issue_token, mail_password_link, use_token, void_links
from portal.accounts.queries import locked_person, open_links, person_by_key
from portal.accounts.remembered import (
    OBJECTION_LIFETIME,
    forget_devices_of,
    former_account,
    remember_account,
    restore_account,
)
from portal.accounts.rules import CITIZEN, EmailAddress, Purpose, person_subject
from portal.accounts.second_factors import factor_of
from portal.accounts.sign_in_steps import end_pending_of
from portal.audit import Actor, record
from portal.mail import messages
from portal.mail.messages import Notice
from portal.sessions.operations import end_sessions_of
from portal.sessions.rules import EndReason
from portal.web.app_state import app_state

TRIES = 3
"""How often an address is taken from somebody who registers it at this moment."""


@dataclass(frozen=True, kw_only=True)
class AddressLinks:
    """Where the mails about a change of address lead."""

    confirm: LinkTo
    object: LinkTo
    account: str


def ask_address_change(
    db: Session, person: Person, address: EmailAddress, *, links: AddressLinks, until: date, by: Actor, now: datetime
) -> None:
    """Mail the new address the link that proves it, and the present one how to object until the end of a day.

    Who has an account under the new address already is told so there, and nowhere else.
    """
    remember_account(db, person, now=now, is_minor=True)
    void_links(db, person.id, Purpose.CHANGE_ADDRESS, now=now)
    known = person_by_key(db, address.key)
    token = issue_token(db, Purpose.CHANGE_ADDRESS, address.email, now=now, person_id=person.id)
    if known:
        void_links(db, person.id, Purpose.CHANGE_ADDRESS, now=now)
        messages.already_registered(db, to=known.email, link=links.account, now=now)
    else:
        messages.confirm_new_address(db, to=address.email, link=links.confirm(token), now=now)
    _offer_objection(db, person, person.email, links=links, is_done=False, until=until, now=now)
    record(db, "address_change_asked", by=by, now=now, subject=person_subject(person.id))


def change_address(
    db: Session, person: Person, address: EmailAddress, *, links: AddressLinks, until: date, by: Actor, now: datetime
) -> bool:
    """Give a person the address that was proved; False where somebody else has it by now.

    Links that went to the old address stop working, but for the objection. Where it fails, nothing is remembered.
    """
    old = person.email
    with db.begin_nested() as change:
        remember_account(db, person, now=now)
        if not _take_address(db, person, address):
            change.rollback()
            return False
    void_links(db, person.id, Purpose.SET_PASSWORD, now=now)
    _offer_objection(db, person, old, links=links, is_done=True, until=until, now=now)
    record(db, "address_changed", by=by, now=now, subject=person_subject(person.id))
    return True


def object_to_change(
    db: Session, person: Person, link: MailedToken, *, password_link: LinkTo, by: Actor, now: datetime
) -> bool:
    """Give the account back to the address that objects, as it was before the first change of the seven days.

    Those are the days before the link was mailed, and the change is the first that was made while the account had this
    address. Everybody is signed out, and the password and all links are void, but for the objections of addresses that
    the account had earlier: whoever reads the mail of this one gets a link to set a new password. An account that was
    made with the address meanwhile is joined to this one.

    Return whether it could be done. Where not, staff look at it: the account is closed, and both addresses are told
    once. An account that staff closed stays closed, however often somebody objects.
    """
    key, moved_to = EmailAddress(email=link.email).key, person.email
    former = former_account(db, person.id, key, since=link.expires_at - 2 * OBJECTION_LIFETIME)
    is_open = person.disabled_at is None or person.is_closed_by_objection
    is_settled = is_open and _take_back(db, person, EmailAddress(email=former.email if former else link.email), now=now)
    person.password_hash = None
    _void_links_since(db, person, key, now=now, keeps=not is_settled)
    end_sessions_of(db, person.id, EndReason.OBJECTED, now=now)
    end_pending_of(db, person.id)
    if not is_settled:
        return _leave_to_staff(db, person, {link.email, moved_to}, by=by, now=now)
    use_token(db, link, now=now)
    forget_devices_of(db, person.id)
    if former:
        restore_account(db, person, former)
    person.disabled_at = person.unsettled_at = None
    record(db, "address_change_objected", by=by, now=now, subject=person_subject(person.id))
    if EmailAddress(email=moved_to).key != key:
        messages.security_notice(db, Notice.ADDRESS_GIVEN_BACK, to=moved_to, now=now)
    mail_password_link(db, person, link_to=password_link, to=link.email, now=now)
    return True


def _take_back(db: Session, person: Person, address: EmailAddress, *, now: datetime) -> bool:
    """Give a person the address again, whoever has it by now or gets it at this moment; return whether it worked."""
    return any(
        _make_room(db, person, address.key, now=now) and _take_address(db, person, address) for _ in range(TRIES)
    )


def _make_room(db: Session, person: Person, key: str, *, now: datetime) -> bool:
    """Let whoever has an address by now give way; return whether it is free.

    Somebody proved the same mailbox to get an account with it, so their forms are added to the one that it gets back.
    A second factor or work here is more than a mailbox proves: such an account stays as it is.
    """
    other = person_by_key(db, key)
    if other is None or other.id == person.id:
        return True
    other = locked_person(db, other.id)
    if other is None or other.email_key != key or other.role != CITIZEN or factor_of(db, other.id):
        return other is None or other.email_key != key
    app_state().hooks.hand_over_held(db, other.id, person.id)
    record(db, "account_joined", by=Actor(), now=now, subject=person_subject(other.id), to=person.id)
    for purpose in Purpose:
        void_links(db, other.id, purpose, now=now)
    forget_person(db, other, EndReason.OBJECTED, now=now)
    db.flush()
    return True


def _void_links_since(db: Session, person: Person, key: str, *, now: datetime, keeps: bool) -> None:
    """Stop a person's links; `keeps` leaves the objections of the address with this key, to be tried again.

    Objections of addresses that the account had before it had this one always stay.
    """
    for purpose in (Purpose.SET_PASSWORD, Purpose.CHANGE_ADDRESS):
        void_links(db, person.id, purpose, now=now)
    is_older = True
    for link in open_links(db, person.id, Purpose.OBJECT, now=now):
        is_own = EmailAddress(email=link.email).key == key
        is_older = is_older and not is_own
        if not is_older and not (keeps and is_own):
            link.used_at = now


def _leave_to_staff(db: Session, person: Person, told: Iterable[str], *, by: Actor, now: datetime) -> bool:
    is_told = person.unsettled_at is not None
    person.disabled_at = person.disabled_at or now
    person.unsettled_at = person.unsettled_at or now
    record(db, "address_objection_unsettled", by=by, now=now, subject=person_subject(person.id))
    for email in () if is_told else sorted(told):
        messages.security_notice(db, Notice.OBJECTION_UNSETTLED, to=email, now=now)
    return False


def _take_address(db: Session, person: Person, address: EmailAddress) -> bool:
    values = {"email": address.email, "email_key": address.key}
    try:
        with db.begin_nested():
            db.execute(update(Person).where(Person.id == person.id).values(**values))
    except IntegrityError:
        return False
    return True


def _offer_objection(
    db: Session, person: Person, email: str, *, links: AddressLinks, is_done: bool, until: date, now: datetime
) -> None:
    token = issue_token(db, Purpose.OBJECT, email, now=now, person_id=person.id, lifetime=OBJECTION_LIFETIME)
    messages.address_change(db, to=email, link=links.object(token), is_done=is_done, until=until, now=now)
