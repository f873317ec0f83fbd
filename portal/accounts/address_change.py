"""Changing the address of an account: the new one is proved by a mailed link, the old one may object for a week."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.accounts.known_devices import forget_devices_of
from portal.accounts.models import MailedToken, Person
from portal.accounts.operations import LinkTo, issue_token, mail_password_link, void_links
from portal.accounts.queries import person_by_key
from portal.accounts.rules import EmailAddress, Purpose, person_subject
from portal.accounts.second_factors import remove_factor
from portal.accounts.sign_in_steps import end_pending_of
from portal.audit import Actor, record
from portal.mail import messages
from portal.sessions.operations import end_sessions_of
from portal.sessions.rules import EndReason

OBJECTION_LIFETIME = timedelta(days=7)


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
    void_links(db, person.id, Purpose.CHANGE_ADDRESS, now=now)
    known = person_by_key(db, address.key)
    token = issue_token(db, Purpose.CHANGE_ADDRESS, address.email, now=now, person_id=person.id)
    if known:
        void_links(db, person.id, Purpose.CHANGE_ADDRESS, now=now)
        messages.already_registered(db, to=known.email, link=links.account, now=now)
    else:
        messages.confirm_new_address(db, to=address.email, link=links.confirm(token), now=now)
    _offer_objection(db, person, links=links, is_done=False, until=until, now=now)
    record(db, "address_change_asked", by=by, now=now, subject=person_subject(person.id))


def change_address(
    db: Session, person: Person, address: EmailAddress, *, links: AddressLinks, until: date, by: Actor, now: datetime
) -> bool:
    """Give a person the address that was proved; False where somebody else has it by now.

    Links that went to the old address stop working, but for the objection.
    """
    void_links(db, person.id, Purpose.SET_PASSWORD, now=now)
    _offer_objection(db, person, links=links, is_done=True, until=until, now=now)
    if not _take_address(db, person, address):
        return False
    record(db, "address_changed", by=by, now=now, subject=person_subject(person.id))
    return True


def object_to_change(
    db: Session, person: Person, link: MailedToken, *, password_link: LinkTo, by: Actor, now: datetime
) -> None:
    """Give the account back to the address that objected.

    Everybody is signed out, the password and all links are void, devices are strangers, and a second factor that was
    set up since the change was asked for goes: whoever reads that mail gets a link to set a new password.
    """
    _take_address(db, person, EmailAddress(email=link.email))
    person.password_hash = None
    for purpose in Purpose:
        void_links(db, person.id, purpose, now=now)
    end_sessions_of(db, person.id, EndReason.OBJECTED, now=now)
    end_pending_of(db, person.id)
    forget_devices_of(db, person.id)
    remove_factor(db, person.id, since=link.expires_at - OBJECTION_LIFETIME)
    record(db, "address_change_objected", by=by, now=now, subject=person_subject(person.id))
    mail_password_link(db, person, link_to=password_link, to=link.email, now=now)


def _take_address(db: Session, person: Person, address: EmailAddress) -> bool:
    values = {"email": address.email, "email_key": address.key}
    try:
        with db.begin_nested():
            db.execute(update(Person).where(Person.id == person.id).values(**values))
    except IntegrityError:
        return False
    return True


def _offer_objection(
    db: Session, person: Person, *, links: AddressLinks, is_done: bool, until: date, now: datetime
) -> None:
    token = issue_token(db, Purpose.OBJECT, person.email, now=now, person_id=person.id, lifetime=OBJECTION_LIFETIME)
    messages.address_change(db, to=person.email, link=links.object(token), is_done=is_done, until=until, now=now)
