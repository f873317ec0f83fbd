"""Files on a section's page: who may send them, how they are added, removed, brought back, and listed on the page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask import request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.drafts.hooks import open_page_at, place_of_page
from portal.drafts.models import Draft
from portal.drafts.open_draft import OpenDraft, holder, kept_by
from portal.drafts.operations import PartChange, save_part
from portal.drafts.rules import Part
from portal.drafts.sealing import place, removed_place, subject
from portal.form_definitions.definition import Answer, Drafts, Field, Section, SectionState
from portal.form_definitions.forms import SectionForm
from portal.form_definitions.types.answers import InvalidAnswerError, mark
from portal.form_definitions.types.files import MEGABYTE, FileEntry, file_entries, size_text
from portal.form_definitions.types.form_fields import FileView
from portal.keyring import Keyring
from portal.sessions.browser_sessions import browser
from portal.sessions.late_forms import may_take_late
from portal.storage.definition import Scan
from portal.storage.models import StoredFile
from portal.storage.operations import Content, Upload, claim_upload, late_work, open_content, rekey_file, release_files
from portal.storage.queries import file_of, files_of_work
from portal.storage.uploads import RefusedFile, expect_files
from portal.web.app_state import app_state
from portal.web.strict_input import Allowance
from portal.web.unit_of_work import db, now, stop_reading

REMOVE = "_remove_file"
UNDO = "_undo_file"
LEAST_BODY = 64 * MEGABYTE
MOST_BODY = 2000 * MEGABYTE
"""Bytes. We read more than the files may have, so that we can name the one that is too large at its question."""
READ_ONLY = Allowance(body=LEAST_BODY)
"""What a page of somebody else's draft may send.

Its files are dropped, but its form token is read and its answers are parked for the person who opened it. The allowance
is the same for every address, so that nobody learns which drafts exist.
"""
REMARKS: Mapping[Scan, str | None] = {
    Scan.CLEAN: None,
    Scan.NOT_SCANNED: mark("Not checked for viruses"),
    Scan.WAITING: mark("Not checked for viruses yet"),
    Scan.INFECTED: mark("Deleted because it had a virus"),
}


@dataclass(frozen=True, kw_only=True)
class FilePlace:
    """The section or item to which files are added; the caller holds the lock of its draft."""

    db: Session
    draft: Draft
    rules: Drafts
    section: Section
    keyring: Keyring
    now: datetime

    @classmethod
    def of(cls, opened_draft: OpenDraft, section: Section) -> "FilePlace":
        """Return a section of a draft as a place for files."""
        return cls(
            db=db(),
            draft=opened_draft.draft,
            rules=kept_by(opened_draft.definition),
            section=section,
            keyring=app_state().configuration.keyring,
            now=now(),
        )

    @property
    def work(self) -> str:
        """The key under which the files are stored."""
        return subject(self.draft.id)

    def add(self, part: Part, uploads: Iterable[Upload]) -> tuple[Part, list[RefusedFile]]:
        """Add uploads to the answers while there is room; return the changed part, and the refusals."""
        after, refusals = part, list[RefusedFile]()
        for upload in uploads:
            entry = upload.entry
            if not self._has_room(after, upload.field_id):
                refusals.append((upload.field_id, self._is_full(upload.field_id, entry.name)))
            elif self._claim(part, upload):
                after = _with_file(after, upload.field_id, entry)
            else:
                refusals.append((upload.field_id, InvalidAnswerError("again", name=entry.name)))
        return self._saved(part, after), refusals

    def take_late(self, part: Part, files: Sequence[StoredFile]) -> tuple[Part, list[RefusedFile]]:
        """Add files that came after the session had ended; return the changed part, and the refusals."""
        after, refusals = part, list[RefusedFile]()
        for file in files:
            content = open_content(self.keyring, file)
            entry = FileEntry(id=file.name, name=content.name, kind=content.kind, size=file.size)
            if not self._has_room(after, content.field_id):
                refusals.append((content.field_id, self._is_full(content.field_id, entry.name)))
                continue
            rekey_file(self.db, file, work=self.work, place=place(part.section_id, part.item_id), keyring=self.keyring)
            after = _with_file(after, content.field_id, entry)
        return self._saved(part, after), refusals

    def remove(self, part: Part, field_id: str, file_id: str) -> Part:
        """Remove one file from the answers and keep it aside; return the changed part."""
        entries = file_entries(part.state.answers.get(field_id))
        if file_id not in [entry.id for entry in entries]:
            return part
        row = file_of(self.db, self.work, file_id)
        if row:
            self.set_aside(part, row)
        return self._saved(part, _with_entries(part, field_id, [entry for entry in entries if entry.id != file_id]))

    def set_aside(self, part: Part, file: StoredFile) -> None:
        """Keep a file that was removed until the form is sent; release it if a virus was found in it."""
        if file.scan == Scan.INFECTED.value:
            release_files(self.db, file.work, [file.name], now=self.now)
            return
        where = removed_place(part.section_id, part.item_id)
        rekey_file(self.db, file, work=self.work, place=where, keyring=self.keyring)

    def bring_back(self, part: Part, file_id: str) -> tuple[Part, list[RefusedFile]]:
        """Put a removed file back into the answers; return the changed part, and the refusal if there is no room."""
        file = file_of(self.db, self.work, file_id)
        if file is None or not file.sealed or file.place != removed_place(part.section_id, part.item_id):
            return part, []
        content = open_content(self.keyring, file)
        field_id = next((field.id for field in self.section.fields if belongs_to(content, field)), "")
        if not self._has_room(part, field_id):
            return part, [(field_id, self._is_full(field_id, content.name))] if field_id else []
        rekey_file(self.db, file, work=self.work, place=place(part.section_id, part.item_id), keyring=self.keyring)
        entry = FileEntry(id=file.name, name=content.name, kind=content.kind, size=file.size)
        return self._saved(part, _with_file(part, field_id, entry)), []

    def _has_room(self, part: Part, field_id: str) -> bool:
        field = self.section.field(field_id)
        taken = len(file_entries(part.state.answers.get(field_id)))
        return field is not None and field.files is not None and taken < field.files.max

    def _is_full(self, field_id: str, name: str) -> InvalidAnswerError:
        field = self.section.field(field_id)
        return InvalidAnswerError("max", name=name, limit=field.files.max if field and field.files else 0)

    def _claim(self, part: Part, upload: Upload) -> bool:
        where = place(part.section_id, part.item_id)
        return claim_upload(self.db, upload, work=self.work, place=where, keyring=self.keyring, now=self.now)

    def _saved(self, before: Part, after: Part) -> Part:
        """Store the part with its files; keep the revision, because no page's save can undo this."""
        if after is before:
            return before
        change = PartChange(
            section_id=after.section_id,
            item_id=after.item_id,
            state=after.state,
            page_id=after.page_id,
            sequence=after.sequence,
            keeps_revision=True,
        )
        save_part(self.db, self.draft, before, change, rules=self.rules, keyring=self.keyring, now=self.now)
        return replace(after, changed_at=self.now)


def belongs_to(content: Content, field: Field) -> bool:
    """Return whether a file was added to this question, under its present id or one that it had in earlier versions."""
    return field.files is not None and content.field_id in (field.id, *field.was)


def _with_file(part: Part, field_id: str, entry: FileEntry) -> Part:
    return _with_entries(part, field_id, [*file_entries(part.state.answers.get(field_id)), entry])


def _with_entries(part: Part, field_id: str, entries: Sequence[FileEntry]) -> Part:
    answers: dict[str, Answer] = dict(part.state.answers)
    answers.pop(field_id, None)
    if entries:
        answers[field_id] = [entry.stored() for entry in entries]
    return replace(part, state=SectionState(answers=answers, typed=part.state.typed))


LATE = "_late_files"


def upload_allowance(reference: str, section_id: str, item_id: str = "") -> Allowance:
    """Return what may be sent to a section's page, from its file questions and whether the session may fill it in.

    This runs before the body is read. It closes its database session, because a body may arrive slowly.
    """
    found = browser().find()
    page = open_page_at(found, request.path, is_late=browser().live() is None) if found else None
    is_foreign = page is None and _is_foreign()
    stop_reading()
    if page is None or found is None:
        return READ_ONLY if is_foreign else Allowance()
    fields = {field.id: field for field in page.section.fields if field.files}
    if not fields:
        return Allowance()
    holder = f"person {found.person_id}" if found.person_id else f"guest {found.guest_id}"
    expect_files(fields, work=subject(page.draft_id), holder=holder)
    limits = [field.files for field in fields.values() if field.files]
    body = 2 * sum(limit.max * limit.max_mb * MEGABYTE for limit in limits)
    return Allowance(file=max(limit.max_mb for limit in limits) * MEGABYTE, body=min(max(body, LEAST_BODY), MOST_BODY))


def _is_foreign() -> bool:
    """Return whether the live session's holder does not have the draft at this address."""
    live = browser().live()
    return live is not None and not any(place_of_page(live, request.path))


def refuse_files(form: SectionForm, refusals: Iterable[RefusedFile]) -> None:
    """Show at each question why a file was not kept."""
    for field_id, problem in refusals:
        form.refuse_file(field_id, problem)


def infected_files(opened_draft: OpenDraft) -> frozenset[str]:
    """Return the ids of the draft's files in which a virus was found."""
    rows = files_of_work(db(), subject(opened_draft.draft.id)).values()
    return frozenset(row.name for row in rows if row.scan == Scan.INFECTED.value)


def list_files(opened_draft: OpenDraft, part: Part, form: SectionForm) -> list[str]:
    """Put the kept files into the form's questions; gives the ids of those that came too late and wait to be taken."""
    rows = files_of_work(opened_draft.db, subject(opened_draft.draft.id))
    late = _late_files(opened_draft, opened_draft.address(part.section_id, part.item_id))
    where = removed_place(part.section_id, part.item_id)
    removed = [row for row in rows.values() if row.place == where and row.sealed]
    for bound in form.files_fields:
        kept = [file_view(f"/files/{opened_draft.reference}", each, rows) for each in file_entries(bound.answer)]
        bound.files = (*kept, *_views(late, bound.definition, is_late=True))
        bound.removed = tuple(_views(removed, bound.definition, is_late=False))
    return [file.name for file in late]


def file_view(address: str, entry: FileEntry, rows: Mapping[str, StoredFile]) -> FileView:
    """Return one file as a page lists it, to be downloaded below `address`."""
    row = rows.get(entry.id)
    scan = Scan(row.scan) if row else Scan.INFECTED
    remark = REMARKS[scan]
    return FileView(
        id=entry.id,
        name=entry.name,
        size=size_text(entry.size),
        href=None if scan is Scan.INFECTED else f"{address}/{entry.id}",
        remark=_(remark) if remark else None,
    )


def _views(files: Iterable[StoredFile], field: Field, *, is_late: bool) -> list[FileView]:
    """Return those of some files that belong to a question and are not among its answers."""
    contents = [(file, open_content(app_state().configuration.keyring, file)) for file in files]
    return [
        FileView(id=file.name, name=content.name, size=size_text(file.size), href=None, remark=None, is_late=is_late)
        for file, content in contents
        if belongs_to(content, field)
    ]


def _late_files(opened_draft: OpenDraft, page: str) -> list[StoredFile]:
    """Return the late files of a page that its holder may take: a guest's, and those of this person."""
    files, person_id = files_of_work(opened_draft.db, late_work(page)).values(), holder().person_id
    waiting = [file for file in files if file.delete_at is not None and file.delete_at > now()]
    return [file for file in waiting if may_take_late(file.place, person_id)]


def late_files_shown(opened_draft: OpenDraft, page: str) -> list[StoredFile]:
    """Return the late files that the sent page showed."""
    named = frozenset(request.form.get(LATE, "").split(",")) - {""}
    return [file for file in _late_files(opened_draft, page) if file.name in named] if named else []
