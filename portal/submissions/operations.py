"""Sending a draft: the row, the mail and the end of the draft in one transaction."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.drafts.models import Draft, DraftPart
from portal.drafts.rules import Filled
from portal.keyring import Keyring
from portal.sessions.parked_values import forget_parked_of
from portal.submissions.customers import Customer, keys_of, seal_customer
from portal.submissions.definition import NEW
from portal.submissions.models import Case, Submission
from portal.submissions.sealing import seal_answers
from portal.submissions.sent_files import take_over_files

KEY_LENGTH = 64


def send(
    db: Session,
    draft: Draft,
    filled: Filled,
    *,
    key: str,
    customer: Customer,
    keyring: Keyring,
    secret: str,
    now: datetime,
) -> Submission:
    """Send what shows, and nothing that is hidden; the draft's own values are deleted.

    The caller holds the draft's lock and has seen that it was not sent; `key` is the page's idempotency key, made
    this draft's own, so that a key copied from another draft's page stands in nobody's way. `customer` is who sends it,
    found by hashes made with `secret`.
    """
    submission = Submission(
        reference=draft.reference,
        draft_id=draft.id,
        idempotency_key=f"{draft.id}:{key}"[:KEY_LENGTH],
        version=draft.version,
        person_id=draft.person_id,
        sealed=seal_answers(keyring, draft.reference, filled.shown.answers),
        sent_at=now,
        begun_by_id=draft.begun_by_id,
        begun_by_name=draft.begun_by_name,
        case=_new_case(filled.definition.id, seal_customer(keyring, draft.reference, customer), now),
    )
    db.add(submission)
    db.flush()
    db.add_all(keys_of(customer, secret=secret, submission_id=submission.id))
    take_over_files(db, draft, filled.shown.answers, keyring=keyring, now=now)
    db.execute(delete(DraftPart).where(DraftPart.draft_id == draft.id))
    forget_parked_of(db, f"/drafts/{draft.reference}")
    draft.sent_at = draft.changed_at = now
    return submission


def _new_case(form_id: str, customer: bytes, now: datetime) -> Case:
    return Case(form_id=form_id, status=NEW, sent_at=now, status_at=now, customer=customer)
