"""The files of a draft: an answer names them, storage keeps them, and both change in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from portal.drafts.models import Draft
from portal.drafts.operations import Change, save_part
from portal.drafts.rules import Part
from portal.drafts.sealing import place, subject
from portal.form_definitions.answers import InvalidAnswerError
from portal.form_definitions.answers_file import FileEntry, file_entries
from portal.form_definitions.definition import Answer, Drafts, Section, SectionState
from portal.keyring import Keyring
from portal.storage.interface import Refusal
from portal.storage.models import StoredFile
from portal.storage.operations import Upload, claim, hand_over, let_go, opened


@dataclass(frozen=True, kw_only=True)
class FilePlace:
    """Where files are added: a section or item of a draft whose lock the caller holds."""

    db: Session
    draft: Draft
    rules: Drafts
    section: Section
    keyring: Keyring
    now: datetime

    @property
    def work(self) -> str:
        """What the files belong to."""
        return subject(self.draft.id)

    def add(self, part: Part, uploads: Iterable[Upload]) -> tuple[Part, list[Refusal]]:
        """Make uploads part of the answers, as many as there is room for; gives the part with them, and why not."""
        after, refusals = part, list[Refusal]()
        for upload in uploads:
            entry = upload.entry
            if not self._has_room(after, upload.field_id):
                refusals.append((upload.field_id, self._is_full(upload.field_id, entry.name)))
            elif self._claim(part, upload):
                after = _with_file(after, upload.field_id, entry)
            else:
                refusals.append((upload.field_id, InvalidAnswerError("again", name=entry.name)))
        return self._saved(part, after), refusals

    def take_late(self, part: Part, files: Sequence[StoredFile]) -> tuple[Part, list[Refusal]]:
        """The same for files that came after the session had ended and were kept beside the form."""
        after, refusals = part, list[Refusal]()
        for file in files:
            content = opened(self.keyring, file)
            entry = FileEntry(id=file.name, name=content.name, kind=content.kind, size=file.size)
            if not self._has_room(after, content.field_id):
                refusals.append((content.field_id, self._is_full(content.field_id, entry.name)))
                continue
            hand_over(self.db, file, work=self.work, place=place(part.section_id, part.item_id), keyring=self.keyring)
            after = _with_file(after, content.field_id, entry)
        return self._saved(part, after), refusals

    def remove(self, part: Part, field_id: str, file_id: str) -> Part:
        """Take one file out of the answers and let go of it."""
        entries = file_entries(part.state.answers.get(field_id))
        if file_id not in [entry.id for entry in entries]:
            return part
        let_go(self.db, self.work, [file_id], now=self.now)
        return self._saved(part, _with_entries(part, field_id, [entry for entry in entries if entry.id != file_id]))

    def _has_room(self, part: Part, field_id: str) -> bool:
        field = self.section.field(field_id)
        taken = len(file_entries(part.state.answers.get(field_id)))
        return field is not None and field.files is not None and taken < field.files.max

    def _is_full(self, field_id: str, name: str) -> InvalidAnswerError:
        field = self.section.field(field_id)
        return InvalidAnswerError("max", name=name, limit=field.files.max if field and field.files else 0)

    def _claim(self, part: Part, upload: Upload) -> bool:
        where = place(part.section_id, part.item_id)
        return claim(self.db, upload, work=self.work, place=where, keyring=self.keyring, now=self.now)

    def _saved(self, before: Part, after: Part) -> Part:
        """Store the part as it is now; files are added to and never typed over, so its revision stays."""
        if after is before:
            return before
        change = Change(
            section_id=after.section_id,
            item_id=after.item_id,
            state=after.state,
            page_id=after.page_id,
            sequence=after.sequence,
            keeps_revision=True,
        )
        save_part(self.db, self.draft, before, change, rules=self.rules, keyring=self.keyring, now=self.now)
        return replace(after, changed_at=self.now)


def _with_file(part: Part, field_id: str, entry: FileEntry) -> Part:
    return _with_entries(part, field_id, [*file_entries(part.state.answers.get(field_id)), entry])


def _with_entries(part: Part, field_id: str, entries: Sequence[FileEntry]) -> Part:
    answers: dict[str, Answer] = dict(part.state.answers)
    answers.pop(field_id, None)
    if entries:
        answers[field_id] = [entry.stored() for entry in entries]
    return replace(part, state=SectionState(answers=answers, typed=part.state.typed))
