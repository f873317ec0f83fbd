"""The files of a sent form: moved from the draft, and listed with the answers."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.drafts.open_draft import OpenDraft
from portal.drafts.sealing import subject
from portal.drafts.uploads import file_view, infected_files
from portal.form_definitions.definition import FormAnswers, Section
from portal.form_definitions.types.answers import InvalidAnswerError
from portal.form_definitions.types.field_types import message
from portal.form_definitions.types.files import FileEntry, file_entries
from portal.form_definitions.types.form_fields import FileView
from portal.keyring import Keyring
from portal.storage.models import StoredFile
from portal.storage.operations import rekey_file, release_files, release_late_files
from portal.storage.queries import file_of, files_of_work
from portal.submissions.models import Submission
from portal.web.languages import language
from portal.web.unit_of_work import db


def sent_work(reference: str) -> str:
    """Return the name of a submission's own key, under which its files are stored."""
    return f"submission:{reference}"


def move_sent_files(db: Session, draft: Draft, answers: FormAnswers, *, keyring: Keyring, now: datetime) -> None:
    """Seal the files that are sent under the submission's key; release the draft's other files."""
    sent = {entry.id for entry in entries_in(answers)}
    rows = files_of_work(db, subject(draft.id))
    for name, row in rows.items():
        if name in sent and row.sealed:
            rekey_file(db, row, work=sent_work(draft.reference), place=row.place, keyring=keyring)
        elif name in sent:
            # An infected file has no key left to encrypt again.
            row.work = sent_work(draft.reference)
    db.flush()
    release_files(db, subject(draft.id), rows.keys() - sent, now=now)
    release_late_files(db, f"/drafts/{draft.reference}", now=now)


def entries_in(answers: Mapping[str, Any]) -> Iterator[FileEntry]:
    """Yield all files that answers name, in sections and items."""
    for value in answers.values():
        if isinstance(value, Mapping):
            yield from entries_in(value)
        else:
            yield from file_entries(value)


def sent_file(reference: str, name: str) -> StoredFile | None:
    """Return one file of a submission."""
    return file_of(db(), sent_work(reference), name)


def files_of_draft(opened: OpenDraft) -> dict[str, FileView]:
    """Return the files that a draft would send, by id."""
    work, address = subject(opened.draft.id), f"/files/{opened.reference}"
    return _listed(work, opened.filled.shown.answers, address)


def files_of_submission(submission: Submission, answers: FormAnswers, address: str) -> dict[str, FileView]:
    """Return the files that were sent, by id, to be downloaded below `address`."""
    return _listed(sent_work(submission.reference), answers, address)


def _listed(work: str, answers: FormAnswers, address: str) -> dict[str, FileView]:
    """Return the files that answers name, by id; query the database only if there are some."""
    entries = list(entries_in(answers))
    rows = files_of_work(db(), work) if entries else {}
    return {entry.id: file_view(address, entry, rows) for entry in entries}


def infected_answers(opened: OpenDraft) -> list[tuple[Section, str]]:
    """Return the sections that hold a file in which a virus was found after it was kept, each with its sentence."""
    answers = opened.filled.shown.answers
    infected = infected_files(opened) if any(entries_in(answers)) else frozenset()
    problems = [
        (section, field, InvalidAnswerError("infected.later", name=entry.name))
        for section in opened.definition.sections
        for page in opened.filled.shown.pages.get(section.id, {}).values()
        for field in page.fields
        for entry in file_entries(page.answers.get(field.id))
        if entry.id in infected
    ]
    return [(section, message(field, problem, language(), _)) for section, field, problem in problems]
