"""Finding people, mailed links, and what happened to an account."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from portal.accounts.models import MailedToken, Person
from portal.accounts.rules import ADMINISTRATOR, Purpose, person_subject
from portal.audit import AuditEvent
from portal.tokens import token_hash


def person_by_id(db: Session, person_id: int) -> Person | None:
    """The person with this id."""
    return db.scalars(select(Person).where(Person.id == person_id)).one_or_none()


def person_by_key(db: Session, email_key: str) -> Person | None:
    """The person whose address has this key."""
    return db.scalars(select(Person).where(Person.email_key == email_key)).one_or_none()


def locked_person(db: Session, person_id: int) -> Person | None:
    """The person as the row is now, locked until the transaction ends."""
    query = select(Person).where(Person.id == person_id).with_for_update()
    return db.scalars(query.execution_options(populate_existing=True)).one_or_none()


def locked_open_administrators(db: Session) -> Sequence[int]:
    """The numbers of all administrators who can sign in, locked until the transaction ends.

    The order is always the same, so that two transactions never wait for each other.
    """
    query = select(Person.id).where(
        Person.role == ADMINISTRATOR, Person.disabled_at.is_(None), Person.verified_at.is_not(None)
    )
    return db.scalars(query.order_by(Person.id).with_for_update()).all()


def mailed_token(db: Session, purpose: Purpose, token: str) -> MailedToken | None:
    """The link with this token, used or expired ones included."""
    return db.scalars(
        select(MailedToken).where(MailedToken.token_hash == token_hash(token), MailedToken.purpose == purpose.value)
    ).one_or_none()


def has_open_link(db: Session, person_id: int, purpose: Purpose, *, until: datetime) -> bool:
    """Whether a link that was mailed to a person for this purpose is unused and works until after this instant."""
    unused = exists().where(
        MailedToken.person_id == person_id, MailedToken.purpose == purpose.value, MailedToken.used_at.is_(None)
    )
    return bool(db.scalar(select(unused.where(MailedToken.expires_at > until))))


def is_still_open(db: Session, link: MailedToken, *, now: datetime) -> bool:
    """Whether a link that was read before still works, in the transaction that has locked its person."""
    query = select(MailedToken.id).where(MailedToken.id == link.id, MailedToken.used_at.is_(None))
    return db.scalar(query.where(MailedToken.expires_at > now)) is not None


def objection_ends_at(db: Session, person_id: int, *, now: datetime) -> datetime | None:
    """Until when an address of a person's account may object to a change of it; None where none may."""
    links = open_links(db, person_id, Purpose.OBJECT, now=now)
    return max((link.expires_at for link in links), default=None)


def open_links(db: Session, person_id: int, purpose: Purpose, *, now: datetime) -> Sequence[MailedToken]:
    """The links that were mailed to a person for this purpose and still work, oldest first."""
    mine = (MailedToken.person_id == person_id, MailedToken.purpose == purpose.value, MailedToken.used_at.is_(None))
    return db.scalars(select(MailedToken).where(*mine, MailedToken.expires_at > now).order_by(MailedToken.id)).all()


def actions_of(
    db: Session, person_id: int, actions: Iterable[str], *, since: datetime, limit: int
) -> Sequence[AuditEvent]:
    """What the audit log holds of a person's own account, newest first; what they did to others is left out."""
    subject = person_subject(person_id)
    own = or_(AuditEvent.person_id == person_id, AuditEvent.subject == subject)
    query = select(AuditEvent).where(own, AuditEvent.action.in_(actions), AuditEvent.at > since)
    events = db.scalars(query.order_by(AuditEvent.id.desc()).limit(limit)).all()
    return [event for event in events if event.subject in (None, subject)]
