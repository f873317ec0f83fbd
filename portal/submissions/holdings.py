"""What a person holds: drafts, which go with the account, and sent forms, which stay with those who got them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.drafts.operations import delete_draft
from portal.drafts.queries import answered_drafts
from portal.sessions.operations import Holder
from portal.submissions.models import Submission
from portal.web.portal import portal


@dataclass(frozen=True, kw_only=True)
class Held:
    """How many drafts with an answer, and how many sent forms, somebody has."""

    drafts: int
    sent: int


def held_by(db: Session, person_id: int, *, now: datetime) -> Held:
    """What a person has, as My Requests lists it."""
    sent = select(func.count()).select_from(Submission).join(Draft, Submission.draft_id == Draft.id)
    return Held(
        drafts=len(answered_drafts(db, Holder(person_id=person_id), now=now)),
        sent=db.scalar(sent.where(Draft.person_id == person_id)) or 0,
    )


def delete_drafts_of(db: Session, person_id: int, *, now: datetime) -> None:
    """Delete everything that a person typed and did not send, in the transaction that deletes the account."""
    unsent = select(Draft).where(Draft.person_id == person_id, Draft.sent_at.is_(None), Draft.deleted_at.is_(None))
    for draft in db.scalars(unsent.order_by(Draft.id)).all():
        delete_draft(db, draft, now=now)
        portal().registry["draft_deleted"](db, draft.id)
