"""Making a guest's drafts a person's: from then on they open to that person alone."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.drafts.models import Draft, DraftGuest


def claim_drafts(db: Session, guest_id: str, person_id: int) -> None:
    """Make all that a guest holds a person's; whoever held it as a guest no longer does."""
    own = select(DraftGuest.draft_id).where(DraftGuest.guest_id == guest_id)
    _claim(db, db.scalars(select(Draft.id).where(Draft.id.in_(own), Draft.person_id.is_(None))).all(), person_id)


def claim_draft(db: Session, draft: Draft, person_id: int) -> None:
    """Make one guest's draft a person's, who has proved the right to it."""
    _claim(db, [draft.id], person_id)


def _claim(db: Session, drafts: Sequence[int], person_id: int) -> None:
    db.execute(update(Draft).where(Draft.id.in_(drafts)).values(person_id=person_id, return_code=None))
    db.execute(update(DraftGuest).where(DraftGuest.draft_id.in_(drafts)).values(is_former=True))
