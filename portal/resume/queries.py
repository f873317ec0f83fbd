"""Finding links and codes by what people present, and what became of the mails that took them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import case, exists, select
from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.outbox.definition import Fate
from portal.outbox.models import Delivery
from portal.outbox.queries import IS_REFUSED, fate_of
from portal.resume.models import ResumeCode, ResumeLink
from portal.sessions.models import SessionRow
from portal.tokens import token_hash


def find_link(db: Session, token: str) -> ResumeLink | None:
    """The link of this token, unless its address was taken back."""
    is_named = ResumeLink.token_hash == token_hash(token)
    return db.scalar(select(ResumeLink).where(is_named, ResumeLink.taken_back.is_(None)))


def is_stopped(db: Session, link_id: int) -> bool:
    """Whether the address of a link was taken back, as the database says now."""
    works = exists().where(ResumeLink.id == link_id, ResumeLink.taken_back.is_(None))
    return not db.scalar(select(works))


def last_link(db: Session, draft_id: int) -> ResumeLink | None:
    """The link to the draft that was mailed last, to an address that is not forgotten."""
    query = select(ResumeLink).where(ResumeLink.draft_id == draft_id, ResumeLink.address != b"")
    return db.scalars(query.order_by(ResumeLink.id.desc()).limit(1)).one_or_none()


def links_to(db: Session, draft_id: int) -> Sequence[ResumeLink]:
    """The links to the draft, the latest first, without those whose address is forgotten."""
    query = select(ResumeLink).where(ResumeLink.draft_id == draft_id, ResumeLink.address != b"")
    return db.scalars(query.order_by(ResumeLink.id.desc())).all()


def sessions_of_guests(db: Session, guests: Collection[str]) -> Sequence[SessionRow]:
    """The sessions of some guests that nothing has ended yet."""
    query = select(SessionRow).where(SessionRow.guest_id.in_(guests), SessionRow.ended_at.is_(None))
    return db.scalars(query.order_by(SessionRow.id)).all()


def guests_drafts_with(
    db: Session,
    address_key: bytes,
    *,
    mailed_since: datetime,
    is_enough: bool,
    must_be_proved: bool,
    now: datetime,
    limit: int,
) -> Sequence[Draft]:
    """The open drafts of guests who answered the address with this key: proved ones first, then last changed first.

    Anybody can answer somebody else's address, and must not crowd out those whose guest has shown to read its mail.
    Drafts to which a link was mailed at `mailed_since` or later come last; if it `is_enough`, only others come. With
    `must_be_proved` only proved ones come.
    """
    links = select(ResumeLink.id).where(ResumeLink.draft_id == Draft.id).correlate(Draft)
    is_open = (Draft.person_id.is_(None), Draft.sent_at.is_(None), Draft.deleted_at.is_(None), Draft.expires_at > now)
    query = select(Draft).where(Draft.address_key == address_key, *is_open)
    is_mailed = links.where(ResumeLink.issued_at >= mailed_since).exists()
    is_proved = links.where(ResumeLink.proved_at.is_not(None)).exists()
    query = query.where(~is_mailed) if is_enough else query
    query = query.where(is_proved) if must_be_proved else query
    order = (case((is_mailed, 1), else_=0), case((is_proved, 0), else_=1), Draft.changed_at.desc(), Draft.id.desc())
    return db.scalars(query.order_by(*order).limit(limit)).all()


def is_link_mailed(db: Session, draft_id: int, *, since: datetime) -> bool:
    """Return whether a link to this draft was mailed at this instant or later."""
    is_since = (ResumeLink.issued_at >= since, ResumeLink.taken_back.is_(None))
    return bool(db.scalar(select(exists().where(ResumeLink.draft_id == draft_id, *is_since))))


_LAST_DELIVERY = (
    select(ResumeLink.delivery)
    .where(ResumeLink.draft_id == Draft.id, ResumeLink.delivery.is_not(None), ResumeLink.address != b"")
    .order_by(ResumeLink.id.desc())
    .limit(1)
)
MAIL_IS_REFUSED = exists().where(Delivery.public_id == _LAST_DELIVERY.correlate(Draft).scalar_subquery(), IS_REFUSED)
"""Of a draft: whether a mail server refused the e-mail with the last link to it."""


def fate_of_link(db: Session, draft_id: int) -> Fate | None:
    """What became of the mail with the last link to a draft; None where there is none, or we no longer know."""
    delivery = db.scalar(select(_LAST_DELIVERY.correlate(Draft).scalar_subquery()).where(Draft.id == draft_id))
    return fate_of(db, delivery) if delivery else None


def is_refused(db: Session, draft_id: int) -> bool:
    """Whether a mail server said no to the last link to this draft."""
    return bool(db.scalar(select(MAIL_IS_REFUSED).where(Draft.id == draft_id)))


def find_code(db: Session, cookie: str) -> ResumeCode | None:
    """The code that was mailed for this browser."""
    return db.scalar(select(ResumeCode).where(ResumeCode.token_hash == token_hash(cookie)))


def last_code(db: Session, link_id: int, *, now: datetime) -> ResumeCode | None:
    """The code that was mailed last for a link, if it still opens something."""
    query = select(ResumeCode).where(
        ResumeCode.link_id == link_id, ResumeCode.expires_at > now, ResumeCode.used_at.is_(None)
    )
    return db.scalars(query.order_by(ResumeCode.mailed_at.desc(), ResumeCode.id.desc()).limit(1)).one_or_none()


def link_of_device(db: Session, draft_id: int, device_hash: bytes) -> ResumeLink | None:
    """The last link to this draft that was asked for in the browser with this cookie."""
    query = select(ResumeLink).where(ResumeLink.draft_id == draft_id, ResumeLink.device_hash == device_hash)
    return db.scalars(query.order_by(ResumeLink.id.desc()).limit(1)).one_or_none()


def return_code_of(db: Session, reference: str) -> tuple[int, bytes | None] | None:
    """The draft of a reference and its sealed return code: no more, so that an unknown one takes as long."""
    row = db.execute(select(Draft.id, Draft.return_code).where(Draft.reference == reference)).one_or_none()
    return (row.id, row.return_code) if row else None
