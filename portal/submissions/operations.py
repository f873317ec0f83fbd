"""Send a draft, in one transaction; count and delete what a person holds."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from portal.db import insert_into
from portal.drafts.models import Draft, DraftPart
from portal.drafts.operations import delete_draft
from portal.drafts.queries import count_answered
from portal.drafts.rules import Filled
from portal.form_definitions.definition import FormAnswers
from portal.keyring import Keyring
from portal.sessions.late_forms import forget_parked_of, hand_over_late
from portal.sessions.operations import Holder
from portal.submissions.customers import Customer, keys_of, seal_customer
from portal.submissions.definition import NEW
from portal.submissions.files import move_sent_files
from portal.submissions.models import Case, OpenCases, Submission
from portal.web.app_state import app_state

ANSWERS_PLACE = "answers"
KEY_LENGTH = 64
_PLAIN = {"synchronize_session": False}


def seal_answers(keyring: Keyring, reference: str, answers: FormAnswers) -> bytes:
    """Encrypt the answers that are sent."""
    plain = json.dumps(answers, ensure_ascii=False, default=dict, separators=(",", ":"))
    return keyring.seal(plain.encode(), subject=f"submission:{reference}", place=ANSWERS_PLACE)


def sent_answers(keyring: Keyring, submission: Submission) -> FormAnswers:
    """Decrypt the answers that were sent."""
    plain = keyring.open(submission.sealed, subject=f"submission:{submission.reference}", place=ANSWERS_PLACE)
    answers: FormAnswers = json.loads(plain)
    return answers


def answers_of_draft(db: Session, draft: Draft) -> FormAnswers:
    """Return the answers of a sent draft."""
    submission = db.scalars(select(Submission).where(Submission.draft_id == draft.id)).one()
    return sent_answers(app_state().configuration.keyring, submission)


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
    """Send what shows and nothing that is hidden; delete the answers of the draft; return the submission.

    The caller must hold the draft's lock and have checked that it was not sent. `key` is the page's idempotency key,
    bound to this draft, so that a key copied from another draft's page has no effect here. `customer` is who sends it;
    they are found by hashes made with `secret`.
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
    move_sent_files(db, draft, filled.shown.answers, keyring=keyring, now=now)
    db.execute(delete(DraftPart).where(DraftPart.draft_id == draft.id))
    forget_parked_of(db, f"/drafts/{draft.reference}")
    draft.sent_at = draft.changed_at = now
    count_open(db, submission.case, 1)
    return submission


def _new_case(form_id: str, customer: bytes, now: datetime) -> Case:
    return Case(form_id=form_id, status=NEW, sent_at=now, status_at=now, customer=customer)


def count_open(db: Session, case: Case, change: int) -> None:
    """Note that one case more (1) or one fewer (-1) is open, of those of its form and its day."""
    key = {"form_id": case.form_id, "sent_on": case.sent_at.astimezone(UTC).date()}
    added = insert_into(db, OpenCases).values(**key, number=change)
    number = {"number": OpenCases.number + change}
    db.execute(added.on_conflict_do_update(index_elements=list(key), set_=number), execution_options=_PLAIN)
    if change < 0:
        db.execute(delete(OpenCases).filter_by(**key, number=0), execution_options=_PLAIN)


@dataclass(frozen=True, kw_only=True)
class Held:
    """How many drafts with answers, and how many sent forms, a person has."""

    drafts: int
    sent: int


def held_by(db: Session, person_id: int, *, now: datetime) -> Held:
    """Return how much a person has, as My Requests lists it."""
    sent = select(func.count()).select_from(Submission).join(Draft, Submission.draft_id == Draft.id)
    return Held(
        drafts=count_answered(db, Holder(person_id=person_id), now=now),
        sent=db.scalar(sent.where(Draft.person_id == person_id)) or 0,
    )


def hand_over_held(db: Session, from_id: int, to_id: int) -> None:
    """Make the drafts and sent forms of one person another's, who has proved to be the same; and what came late."""
    for table in (Draft, Submission):
        db.execute(update(table).where(table.person_id == from_id).values(person_id=to_id))
    hand_over_late(db, app_state().configuration.keyring, from_id, to_id)


def delete_drafts_of(db: Session, person_id: int, *, now: datetime) -> None:
    """Delete everything that a person typed and did not send, in the transaction that deletes the account."""
    unsent = select(Draft).where(Draft.person_id == person_id, Draft.sent_at.is_(None), Draft.deleted_at.is_(None))
    for draft in db.scalars(unsent.order_by(Draft.id).with_for_update(of=Draft)).all():
        delete_draft(db, draft, now=now)
        app_state().hooks.draft_deleted(db, draft.id)
