"""Changes to a case: notes, another status, another assignee; each is added to its history."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from portal.db import Database
from portal.keyring import Keyring
from portal.submissions.definition import STATUSES
from portal.submissions.models import CaseEvent, Submission
from portal.submissions.operations import count_open
from portal.tokens import token_hash

NOTE, STATUS, ASSIGNED = "note", "status", "assigned"


@dataclass(frozen=True, kw_only=True)
class Acting:
    """Who acts, and when."""

    person_id: int
    now: datetime


def add_note(
    db: Session, database: Database, submission: Submission, text: str, *, key: str, keyring: Keyring, by: Acting
) -> bool:
    """Add a note for staff; return whether it is new, as the same page sent twice is one note.

    Other words from the same page, to which somebody went back, are another one.
    """
    own_key = token_hash(f"{submission.id}:{key} {text}").hex()
    sealed = keyring.seal(text.encode(), subject=_note_subject(submission), place=NOTE)
    values = {"submission_id": submission.id, "at": by.now, "person_id": by.person_id, "kind": NOTE}
    return database.insert_or_ignore(db, CaseEvent, **values, key=own_key, sealed=sealed)


def note_text(keyring: Keyring, submission: Submission, event: CaseEvent) -> str:
    """Return the text of a note."""
    return keyring.open(event.sealed or b"", subject=_note_subject(submission), place=NOTE).decode()


def _note_subject(submission: Submission) -> str:
    return f"case:{submission.reference}"


def change_status(db: Session, submission: Submission, status: str, *, by: Acting) -> None:
    """Change the status of a case; the caller has locked the case and checked that the status is a new one."""
    case = submission.case
    was_open = case.closed_at is None
    case.status, case.status_at = status, by.now
    case.closed_at = None if STATUSES[status].is_open else case.closed_at or by.now
    _add_event(db, submission, STATUS, status, by)
    if STATUSES[status].is_open != was_open:
        count_open(db, case, -1 if was_open else 1)


def assign(db: Session, submission: Submission, person_id: int | None, *, by: Acting) -> None:
    """Assign a case to somebody, or to nobody; the caller has locked the case."""
    submission.case.assignee_id = person_id
    _add_event(db, submission, ASSIGNED, str(person_id) if person_id else None, by)


def _add_event(db: Session, submission: Submission, kind: str, value: str | None, by: Acting) -> None:
    db.add(CaseEvent(submission_id=submission.id, at=by.now, person_id=by.person_id, kind=kind, value=value))
