"""Working on a case: notes, another status, another assignee; each written into its history."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from portal.db import Database
from portal.hub.models import CaseEvent
from portal.keyring import Keyring
from portal.submissions.definition import STATUSES
from portal.submissions.models import Submission

NOTE, STATUS, ASSIGNED = "note", "status", "assigned"


@dataclass(frozen=True, kw_only=True)
class By:
    """Who acts, and when."""

    person_id: int
    now: datetime


def add_note(
    db: Session, database: Database, submission: Submission, text: str, *, key: str, keyring: Keyring, by: By
) -> bool:
    """Keep a note that only staff read; tells whether it is new: the same page sent twice is one note."""
    sealed = keyring.seal(text.encode(), subject=_subject(submission), place=NOTE)
    values = {"submission_id": submission.id, "at": by.now, "person_id": by.person_id, "kind": NOTE}
    return database.insert_or_ignore(db, CaseEvent, **values, key=f"{submission.id}:{key}"[:64], sealed=sealed)


def note_text(keyring: Keyring, submission: Submission, event: CaseEvent) -> str:
    """What a note says."""
    return keyring.open(event.sealed or b"", subject=_subject(submission), place=NOTE).decode()


def _subject(submission: Submission) -> str:
    return f"case:{submission.reference}"


def change_status(db: Session, submission: Submission, status: str, *, by: By) -> None:
    """Give a case another status; the caller holds the case's lock and has seen that it is another one."""
    case = submission.case
    case.status, case.status_at = status, by.now
    case.closed_at = None if STATUSES[status].is_open else case.closed_at or by.now
    _tell(db, submission, STATUS, status, by)


def assign(db: Session, submission: Submission, person_id: int | None, *, by: By) -> None:
    """Give a case to somebody, or to nobody; the caller holds the case's lock."""
    submission.case.assignee_id = person_id
    _tell(db, submission, ASSIGNED, str(person_id) if person_id else None, by)


def _tell(db: Session, submission: Submission, kind: str, value: str | None, by: By) -> None:
    db.add(CaseEvent(submission_id=submission.id, at=by.now, person_id=by.person_id, kind=kind, value=value))
