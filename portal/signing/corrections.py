"""A corrected form: a new draft with what was sent, which its applicant changes and sends again.

What was signed is never changed. When the draft is sent, the open invitations to the old form are withdrawn.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.drafts.open_draft import kept_by
from portal.drafts.operations import PartChange, save_part, start_draft
from portal.drafts.rules import Part
from portal.drafts.sealing import place, subject
from portal.form_definitions.definition import Section, SectionState
from portal.form_definitions.rules import PLAIN
from portal.form_definitions.types.files import FileEntry, file_entries
from portal.form_definitions.versions.queries import definition_of
from portal.sessions.operations import Holder
from portal.signing.models import Correction
from portal.storage.adapters import open_storage
from portal.storage.definition import Scan
from portal.storage.operations import Upload, claim_upload, new_name, open_content, stage
from portal.storage.queries import files_of_work
from portal.storage.sealed_files import CHUNK_BYTES
from portal.submissions.files import sent_work
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers
from portal.web.app_state import app_state
from portal.web.languages import language
from portal.web.unit_of_work import reading

Copies = Mapping[str, Upload]
"""The copy of each file of a sent form, by the id of the file."""


def open_correction(db: Session, submission: Submission, *, now: datetime) -> Draft | None:
    """Return the draft that corrects a sent form already, if it can still be filled in."""
    own = select(Draft).join(Correction, Correction.draft_id == Draft.id)
    is_open = (Draft.sent_at.is_(None), Draft.deleted_at.is_(None), Draft.expires_at > now)
    found = own.where(Correction.submission_id == submission.id, *is_open).order_by(Draft.id.desc()).limit(1)
    return db.scalar(found)


def copy_files(submission: Submission, *, now: datetime) -> Copies:
    """Copy the files of a sent form in storage; whoever claims no copy within an hour leaves it to the worker.

    Call it before the transaction of the request begins: disks are slow.
    """
    state = app_state()
    rows = files_of_work(reading(), sent_work(submission.reference)).values()
    copies: dict[str, Upload] = {}
    for row in rows:
        if row.sealed:  # nothing is left of a file in which a virus was found
            content = open_content(state.configuration.keyring, row)
            entry = FileEntry(id=new_name(), name=content.name, kind=content.kind, size=row.size)
            copies[row.name] = Upload(field_id=content.field_id, entry=entry, content=content, scan=Scan(row.scan))
    if not copies:
        return {}
    with state.database.writing() as own:
        stage(own, list(copies.values()), now=now)
    storage = open_storage(state.configuration)
    for name, upload in copies.items():
        with storage.open(name) as sealed:
            storage.put(upload.entry.id, iter(partial(sealed.read, CHUNK_BYTES), b""))
    return copies


def begin_correction(db: Session, submission: Submission, holder: Holder, copies: Copies, *, now: datetime) -> Draft:
    """Start a draft of the same version with what was sent, files included; return it."""
    definition, keyring = definition_of(submission.version), app_state().configuration.keyring
    draft = start_draft(
        db,
        submission.version,
        definition,
        holder,
        rules=kept_by(definition),
        keyring=keyring,
        now=now,
        language=language(),
    )
    db.add(Correction(draft_id=draft.id, submission_id=submission.id))
    answers = sent_answers(keyring, submission)
    for section in definition.sections:
        for change in _parts(section, answers.get(section.id)):
            state = SectionState(answers=_claimed(db, draft, change, copies, now))
            change = PartChange(
                section_id=change.section_id, item_id=change.item_id, state=state, is_confirmed=change.is_confirmed
            )
            before = Part(section_id=change.section_id, item_id=change.item_id)
            save_part(db, draft, before, change, rules=kept_by(definition), keyring=keyring, now=now)
    return draft


def _parts(section: Section, sent: Mapping[str, Any] | None) -> Iterator[PartChange]:
    """Yield what a draft stores of a section that was sent: itself, and each of its items."""
    if sent is None:
        return
    if section.repeat is None:
        yield PartChange(section_id=section.id, state=SectionState(answers=sent), is_confirmed=True)
        return
    for item_id, answers in sent.items():
        yield PartChange(section_id=section.id, item_id=item_id, state=SectionState(answers=answers), is_confirmed=True)
    yield PartChange(section_id=section.id, item_id=PLAIN, state=SectionState(), is_confirmed=True)


def _claimed(db: Session, draft: Draft, change: PartChange, copies: Copies, now: datetime) -> dict[str, Any]:
    """Return the answers of a part with the copies of its files, which the draft owns from now on."""
    keyring, where = app_state().configuration.keyring, place(change.section_id, change.item_id)
    found: dict[str, Any] = {}
    for field_id, answer in change.state.answers.items():
        files = file_entries(answer)
        kept = [copies[file.id] for file in files if file.id in copies]
        for upload in kept:
            claim_upload(db, upload, work=subject(draft.id), place=where, keyring=keyring, now=now)
        if kept or not files:
            found[field_id] = [upload.entry.stored() for upload in kept] if files else answer
    return found
