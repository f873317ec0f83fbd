"""The files of a draft or of what was sent, as pages list them with the answers."""

from flask_babel import gettext as _

from portal.drafts.opening import OpenDraft
from portal.drafts.sealing import subject
from portal.drafts.uploads import file_view, infected_files
from portal.form_definitions.answers import InvalidAnswerError
from portal.form_definitions.answers_file import file_entries
from portal.form_definitions.definition import FormAnswers, Section
from portal.form_definitions.field_types import message
from portal.form_definitions.form_fields import FileView
from portal.site_settings.times import language
from portal.storage.models import StoredFile
from portal.storage.queries import file_of, files_of
from portal.submissions.models import Submission
from portal.submissions.sent_files import entries_in, sent_work
from portal.web.unit_of_work import db


def sent_file(reference: str, name: str) -> StoredFile | None:
    """One file of a submission."""
    return file_of(db(), sent_work(reference), name)


def files_of_draft(opened: OpenDraft) -> dict[str, FileView]:
    """The files that a draft would send."""
    work, address = subject(opened.draft.id), f"/files/{opened.reference}"
    return _listed(work, opened.filled.shown.answers, address)


def files_of_submission(submission: Submission, answers: FormAnswers, address: str) -> dict[str, FileView]:
    """The files that were sent, to be downloaded below `address`."""
    return _listed(sent_work(submission.reference), answers, address)


def _listed(work: str, answers: FormAnswers, address: str) -> dict[str, FileView]:
    """The files that answers name, by their ids; the database is asked only where there are some."""
    entries = list(entries_in(answers))
    rows = files_of(db(), work) if entries else {}
    return {entry.id: file_view(address, entry, rows) for entry in entries}


def infected_answers(opened: OpenDraft) -> list[tuple[Section, str]]:
    """The sections that hold a file in which a virus was found after it had been kept, each with its sentence."""
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
