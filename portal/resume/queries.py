"""Finding links and codes by what people present, and what became of the mails that took them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.outbox.definition import Fate
from portal.outbox.queries import fates_of
from portal.resume.models import ResumeCode, ResumeLink
from portal.tokens import token_hash


def find_link(db: Session, token: str) -> ResumeLink | None:
    """The link of this token."""
    return db.scalar(select(ResumeLink).where(ResumeLink.token_hash == token_hash(token)))


def last_link(db: Session, draft_id: int) -> ResumeLink | None:
    """The link to the draft that was mailed last, to an address that is not forgotten."""
    query = select(ResumeLink).where(ResumeLink.draft_id == draft_id, ResumeLink.address != b"")
    return db.scalars(query.order_by(ResumeLink.id.desc()).limit(1)).one_or_none()


def proved_link(db: Session, draft_id: int) -> ResumeLink | None:
    """The link to the draft that was mailed last of those whose address somebody has proved."""
    is_known = (ResumeLink.address != b"", ResumeLink.proved_at.is_not(None))
    query = select(ResumeLink).where(ResumeLink.draft_id == draft_id, *is_known)
    return db.scalars(query.order_by(ResumeLink.id.desc()).limit(1)).one_or_none()


def is_link_mailed(db: Session, draft_id: int, *, since: datetime) -> bool:
    """Return whether a link to this draft was mailed at this instant or later."""
    return bool(db.scalar(select(exists().where(ResumeLink.draft_id == draft_id, ResumeLink.issued_at >= since))))


def fates_of_links(db: Session, draft_ids: Collection[int]) -> dict[int, Fate]:
    """What became of the mail with the last link to each draft; drafts without one are missing."""
    newest = (
        select(func.max(ResumeLink.id))
        .where(ResumeLink.draft_id.in_(draft_ids), ResumeLink.delivery.is_not(None), ResumeLink.address != b"")
        .group_by(ResumeLink.draft_id)
    )
    query = select(ResumeLink.draft_id, ResumeLink.delivery).where(ResumeLink.id.in_(newest))
    deliveries = {draft_id: delivery or "" for draft_id, delivery in db.execute(query)}
    fates = fates_of(db, set(deliveries.values()))
    return {draft_id: fates[delivery] for draft_id, delivery in deliveries.items() if delivery in fates}


def is_refused(db: Session, draft_id: int) -> bool:
    """Whether a mail server said no to the last link to this draft."""
    return fates_of_links(db, [draft_id]).get(draft_id) is Fate.REFUSED


def find_code(db: Session, cookie: str) -> ResumeCode | None:
    """The code that was mailed for this browser."""
    return db.scalar(select(ResumeCode).where(ResumeCode.token_hash == token_hash(cookie)))


def last_code(db: Session, link_id: int, *, now: datetime) -> ResumeCode | None:
    """The code that was mailed last for a link, if it still opens something."""
    query = select(ResumeCode).where(
        ResumeCode.link_id == link_id, ResumeCode.expires_at > now, ResumeCode.used_at.is_(None)
    )
    return db.scalars(query.order_by(ResumeCode.mailed_at.desc(), ResumeCode.id.desc()).limit(1)).one_or_none()


def is_device_of(db: Session, draft_id: int, device_hash: bytes) -> bool:
    """Whether a link to this draft was asked for in the browser with this cookie."""
    asked = exists().where(ResumeLink.draft_id == draft_id, ResumeLink.device_hash == device_hash)
    return bool(db.scalar(select(asked)))


def return_code_of(db: Session, reference: str) -> tuple[int, bytes | None] | None:
    """The draft of a reference and its sealed return code: no more, so that an unknown one takes as long."""
    row = db.execute(select(Draft.id, Draft.return_code).where(Draft.reference == reference)).one_or_none()
    return (row.id, row.return_code) if row else None
