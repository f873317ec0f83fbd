"""Finding links and codes by what people present."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.resume.models import ResumeCode, ResumeLink
from portal.tokens import token_hash


def find_link(db: Session, token: str) -> ResumeLink | None:
    """The link of this token."""
    return db.scalar(select(ResumeLink).where(ResumeLink.token_hash == token_hash(token)))


def last_link_at(db: Session, draft_id: int) -> datetime | None:
    """When a link to the draft was last mailed."""
    return db.scalar(select(func.max(ResumeLink.issued_at)).where(ResumeLink.draft_id == draft_id))


def find_code(db: Session, cookie: str) -> ResumeCode | None:
    """The code that was mailed for this browser."""
    return db.scalar(select(ResumeCode).where(ResumeCode.token_hash == token_hash(cookie)))
