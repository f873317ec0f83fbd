"""The files of what was sent: taken over from the draft, and kept as long as it is."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.drafts.sealing import subject
from portal.form_definitions.answers_file import FileEntry, file_entries
from portal.form_definitions.definition import FormAnswers
from portal.keyring import Keyring
from portal.storage.operations import hand_over, let_go, let_go_of_pages
from portal.storage.queries import files_of


def sent_work(reference: str) -> str:
    """What the files of a submission belong to: the name of its own key."""
    return f"submission:{reference}"


def take_over_files(db: Session, draft: Draft, answers: FormAnswers, *, keyring: Keyring, now: datetime) -> None:
    """Keep what is sent under the submission's key; files whose answers are not sent go."""
    sent = {entry.id for entry in entries_in(answers)}
    rows = files_of(db, subject(draft.id))
    for name, row in rows.items():
        if name in sent and row.sealed:
            hand_over(db, row, work=sent_work(draft.reference), place=row.place, keyring=keyring)
        elif name in sent:
            row.work = sent_work(draft.reference)
    db.flush()
    let_go(db, subject(draft.id), rows.keys() - sent, now=now)
    let_go_of_pages(db, f"/drafts/{draft.reference}", now=now)


def entries_in(answers: Mapping[str, Any]) -> Iterator[FileEntry]:
    """All files that answers name, in sections and items."""
    for value in answers.values():
        if isinstance(value, Mapping):
            yield from entries_in(value)
        else:
            yield from file_entries(value)
