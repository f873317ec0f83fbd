"""Sending a draft: the row, the mail and the end of the draft in one transaction."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.drafts.models import Draft, DraftPart
from portal.drafts.rules import Filled
from portal.keyring import Keyring
from portal.sessions.parked_values import forget_parked_of
from portal.submissions.models import Submission
from portal.submissions.sealing import seal_answers

KEY_LENGTH = 64


def send(db: Session, draft: Draft, filled: Filled, *, key: str, keyring: Keyring, now: datetime) -> Submission:
    """Send what shows, and nothing that is hidden; the draft's own values are deleted.

    The caller holds the draft's lock and has seen that it was not sent; `key` is the page's idempotency key, made
    this draft's own, so that a key copied from another draft's page stands in nobody's way.
    """
    submission = Submission(
        reference=draft.reference,
        draft_id=draft.id,
        idempotency_key=f"{draft.id}:{key}"[:KEY_LENGTH],
        version=draft.version,
        person_id=draft.person_id,
        sealed=seal_answers(keyring, draft.reference, filled.shown.answers),
        sent_at=now,
    )
    db.add(submission)
    db.execute(delete(DraftPart).where(DraftPart.draft_id == draft.id))
    forget_parked_of(db, f"/drafts/{draft.reference}")
    draft.sent_at = draft.changed_at = now
    return submission
