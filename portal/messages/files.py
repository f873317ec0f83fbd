"""Files of a message: added to what somebody writes, removed, brought back, and listed beside messages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from flask_babel import gettext as _

from portal.drafts.uploads import file_view
from portal.form_definitions.types.answers import InvalidAnswerError
from portal.form_definitions.types.field_types import message as sentence_of
from portal.form_definitions.types.files import FileEntry, size_text
from portal.form_definitions.types.form_fields import FileView
from portal.messages.definition import FILES
from portal.messages.models import Thread
from portal.messages.operations import Desk
from portal.messages.sealing import draft_place, message_place, removed_place, work_of_draft
from portal.sessions.late_forms import may_take_late
from portal.storage.definition import Scan
from portal.storage.models import StoredFile
from portal.storage.operations import Upload, claim_upload, late_work, open_content, rekey_file, release_files
from portal.storage.queries import files_of_work
from portal.storage.uploads import RefusedFile
from portal.web.languages import language

UNSCANNED = "unscanned"


def refusal_text(problem: InvalidAnswerError) -> str:
    """Return why a file was not kept, in a sentence."""
    if problem.key == UNSCANNED:
        name = problem.values["name"]
        return _(
            "“%(name)s” was not added: we cannot check it for viruses now. Choose it again later, or go on without it",
            name=name,
        )
    return sentence_of(FILES, problem, language(), _)


@dataclass(kw_only=True)
class DraftFiles:
    """The files of what somebody writes in a thread, or to begin one; the caller holds the lock of the draft.

    `page` is the address at which files that came too late wait, `person_id` whose they may be.
    """

    desk: Desk
    thread: Thread | None
    holder: str
    page: str
    person_id: int | None

    @property
    def _work(self) -> str:
        return work_of_draft(self.thread, self.holder)

    @cached_property
    def _found(self) -> Mapping[str, StoredFile]:
        return files_of_work(self.desk.db, self._work, late_work(self.page))

    @property
    def rows(self) -> Mapping[str, StoredFile]:
        """All files of the thread, by name."""
        return {name: file for name, file in self._found.items() if file.work == self._work}

    def _at(self, place: str) -> list[StoredFile]:
        return [file for file in self.rows.values() if file.place == place]

    @property
    def kept(self) -> list[StoredFile]:
        """The files that would be sent."""
        return self._at(draft_place(self.holder))

    @property
    def late(self) -> list[StoredFile]:
        """The files that came after the session had ended and wait to be taken."""
        waiting = [file for file in self._found.values() if file.work == late_work(self.page)]
        alive = [file for file in waiting if file.delete_at is not None and file.delete_at > self.desk.now]
        return [file for file in alive if file.sealed and may_take_late(file.place, self.person_id)]

    def add(self, uploads: Iterable[Upload]) -> list[RefusedFile]:
        """Add uploads while there is room; return the refusals.

        A file that the scanner could not judge is refused: a message is in somebody's hands as soon as it is sent.
        """
        refusals = []
        for upload in uploads:
            if upload.scan is Scan.WAITING:
                refusals.append((FILES.id, InvalidAnswerError(UNSCANNED, name=upload.entry.name)))
            elif self._is_full:
                refusals.append((FILES.id, _is_full(upload.entry.name)))
            elif not claim_upload(
                self.desk.db,
                upload,
                work=self._work,
                place=draft_place(self.holder),
                keyring=self.desk.keyring,
                now=self.desk.now,
            ):
                refusals.append((FILES.id, InvalidAnswerError("again", name=upload.entry.name)))
            self._forget()
        return refusals

    def take_late(self, names: Iterable[str]) -> list[RefusedFile]:
        """Add files that came too late, as the page showed them; return the refusals."""
        refusals = []
        for file in [file for file in self.late if file.name in frozenset(names)]:
            if self._is_full:
                name = open_content(self.desk.keyring, file).name
                refusals.append((FILES.id, _is_full(name)))
                continue
            place = draft_place(self.holder)
            rekey_file(self.desk.db, file, work=self._work, place=place, keyring=self.desk.keyring)
            self._forget()
        return refusals

    def remove(self, file_id: str) -> None:
        """Remove one file, a late one too, and keep it aside; delete it if a virus was found in it."""
        file = next((file for file in (*self.kept, *self.late) if file.name == file_id), None)
        if file is None:
            return
        if file.scan == Scan.INFECTED.value:
            release_files(self.desk.db, file.work, [file.name], now=self.desk.now)
        else:
            place = removed_place(self.holder)
            rekey_file(self.desk.db, file, work=self._work, place=place, keyring=self.desk.keyring)
        self._forget()

    def bring_back(self, file_id: str) -> list[RefusedFile]:
        """Put a removed file back; return the refusal if there is no room."""
        file = next((file for file in self._at(removed_place(self.holder)) if file.name == file_id), None)
        if file is None:
            return []
        if self._is_full:
            return [(FILES.id, _is_full(open_content(self.desk.keyring, file).name))]
        rekey_file(self.desk.db, file, work=self._work, place=draft_place(self.holder), keyring=self.desk.keyring)
        self._forget()
        return []

    def set_aside(self) -> list[RefusedFile]:
        """Remove the files that are too many, where those of two drafts came together; return the refusals."""
        refusals = []
        for file in self.kept[FILES.files.max if FILES.files else 0 :]:
            name = open_content(self.desk.keyring, file).name if file.sealed else _("A file")
            refusals.append((FILES.id, _is_full(name)))
            self.remove(file.name)
        return refusals

    @property
    def _is_full(self) -> bool:
        return FILES.files is not None and len(self.kept) >= FILES.files.max

    def _forget(self) -> None:
        """Read the files again when they are asked for next."""
        self.desk.db.flush()
        self.__dict__.pop("_found", None)

    def infected(self) -> list[InvalidAnswerError]:
        """Return a problem for each file in which a virus was found after it was kept."""
        found = [file for file in self.kept if file.scan == Scan.INFECTED.value]
        return [InvalidAnswerError("infected.later", name=_("A file")) for _file in found]

    def shown(self, address: str) -> list[FileView]:
        """Return the kept files, to be downloaded below `address`, and those that came too late."""
        kept = [_view(self.desk, file, address, self.rows) for file in self.kept]
        return [*kept, *self._plain(self.late, is_late=True)]

    def removed(self) -> list[FileView]:
        """Return the files that can be brought back."""
        return self._plain([file for file in self._at(removed_place(self.holder)) if file.sealed])

    def _plain(self, files: Iterable[StoredFile], *, is_late: bool = False) -> list[FileView]:
        named = [(file, open_content(self.desk.keyring, file).name) for file in files]
        return [
            FileView(id=file.name, name=name, size=size_text(file.size), href=None, remark=None, is_late=is_late)
            for file, name in named
        ]


def _is_full(name: str) -> InvalidAnswerError:
    return InvalidAnswerError("max", name=name, limit=FILES.files.max if FILES.files else 0)


def _view(desk: Desk, file: StoredFile, address: str, rows: Mapping[str, StoredFile]) -> FileView:
    """Return one file as a page lists it; an infected one has lost its name with its key."""
    if not file.sealed:
        return FileView(
            id=file.name,
            name=_("A file"),
            size=size_text(file.size),
            href=None,
            remark=_("Deleted because it had a virus"),
        )
    content = open_content(desk.keyring, file)
    entry = FileEntry(id=file.name, name=content.name, kind=content.kind, size=file.size)
    return file_view(address, entry, rows)


def files_of_message(desk: Desk, number: int, rows: Mapping[str, StoredFile], address: str) -> Sequence[FileView]:
    """Return the files of one message, of all the files of its thread."""
    own = [file for file in rows.values() if file.place == message_place(number)]
    return [_view(desk, file, address, rows) for file in own]
