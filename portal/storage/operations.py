"""Keeping, handing over and letting go of files: the row in the transaction of its cause, the content around it.

A file is first staged: a row that would be deleted in an hour, then the content. Only the transaction that keeps what
the file belongs to claims it. Whatever breaks off in between leaves a row that the worker deletes with its content.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from portal.db import rows_changed
from portal.form_definitions.types.files import FileEntry
from portal.keyring import Keyring
from portal.storage.definition import RELEASED, STAGED, Scan
from portal.storage.models import StoredFile

STAGED_FOR = timedelta(hours=1)
"""Longer than any request takes."""
SCAN_AGAIN_AFTER = timedelta(minutes=2)
"""How soon the worker asks again about a file that the scanner said nothing about."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a file's row holds encrypted: the key of its content, its cleaned name, its kind, and for which question."""

    key: bytes
    name: str
    kind: str
    field_id: str

    def plain(self) -> bytes:
        """The values as they are sealed."""
        return json.dumps([self.key.hex(), self.name, self.kind, self.field_id], ensure_ascii=False).encode()


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that arrived whole and was found good, for the question `field_id`."""

    field_id: str
    entry: FileEntry
    content: Content
    scan: Scan


def new_name() -> str:
    """A name in storage that says nothing."""
    return uuid4().hex


def stage(db: Session, uploads: Sequence[Upload], *, now: datetime) -> None:
    """Announce files whose contents are about to be written; nobody can open them yet."""
    for upload in uploads:
        db.add(
            StoredFile(
                name=upload.entry.id,
                work=STAGED,
                place="",
                sealed=b"",
                size=upload.entry.size,
                stored_at=now,
                delete_at=now + STAGED_FOR,
                scan=upload.scan.value,
                scan_at=None,
            )
        )


def claim_upload(
    db: Session,
    upload: Upload,
    *,
    work: str,
    place: str,
    keyring: Keyring,
    now: datetime,
    until: datetime | None = None,
) -> bool:
    """Make a staged file part of `work`, for good or `until` an instant; tells whether it was there to be claimed."""
    staged = update(StoredFile).where(
        StoredFile.name == upload.entry.id, StoredFile.work == STAGED, StoredFile.delete_at > now
    )
    values = staged.values(
        work=work,
        place=place,
        sealed=_sealed(keyring, work, place, upload.entry.id, upload.content),
        delete_at=until,
        scan_at=now if upload.scan is Scan.WAITING else None,
    )
    return rows_changed(db, values) == 1


def rekey_file(
    db: Session, file: StoredFile, *, work: str, place: str, keyring: Keyring, until: datetime | None = None
) -> None:
    """Make a file part of something else: its key is sealed anew, its content stays where it is."""
    content = open_content(keyring, file)
    file.sealed = _sealed(keyring, work, place, file.name, content)
    file.work, file.place, file.delete_at = work, place, until


def open_content(keyring: Keyring, file: StoredFile) -> Content:
    """The key, name and kind of a file.

    Raises `UndecryptableError` where the row was moved from elsewhere, or nothing is left of the file.
    """
    plain = keyring.open(file.sealed, subject=file.work, place=_sealed_place(file.place, file.name))
    key, name, kind, field_id = json.loads(plain)
    return Content(key=bytes.fromhex(key), name=name, kind=kind, field_id=field_id)


def _sealed(keyring: Keyring, work: str, place: str, name: str, content: Content) -> bytes:
    return keyring.seal(content.plain(), subject=work, place=_sealed_place(place, name))


def _sealed_place(place: str, name: str) -> str:
    return f"file {place}/{name}"


def release_files(db: Session, work: str, names: Collection[str], *, now: datetime) -> None:
    """Let go of some files of a work: nobody can open them from now on, and the worker deletes them."""
    if names:
        _release_where(db, StoredFile.work == work, StoredFile.name.in_(names), now=now)


def release_files_of_place(db: Session, work: str, place: str, *, now: datetime) -> None:
    """Let go of all files of one section or item."""
    _release_where(db, StoredFile.work == work, StoredFile.place == place, now=now)


def release_files_of_works(db: Session, works: Collection[str], *, now: datetime) -> None:
    """Let go of all files of some works."""
    if works:
        _release_where(db, StoredFile.work.in_(works), now=now)


def release_late_files(db: Session, whole: str, *, now: datetime) -> None:
    """Let go of all files that came too late for the pages of a whole, such as a draft."""
    _release_where(db, StoredFile.work.startswith(late_work(f"{whole}/"), autoescape=True), now=now)


def late_work(page: str) -> str:
    """What files belong to that came for a page after its session had ended."""
    return f"late:{page}"


def _release_where(db: Session, *conditions: object, now: datetime) -> None:
    """Without its key no copy of the content can be read, should one have been made."""
    gone = update(StoredFile).where(*conditions)  # type: ignore[arg-type]
    rows_changed(db, gone.values(sealed=b"", work=RELEASED, delete_at=now, scan_at=None))


def note_scan(db: Session, name: str, scan: Scan) -> None:
    """Write down what the scanner said in the end; of an infected file nothing can be opened from now on."""
    values: dict[str, object] = {"scan": scan.value, "scan_at": None}
    if scan is Scan.INFECTED:
        values["sealed"] = b""
    waiting = update(StoredFile).where(StoredFile.name == name, StoredFile.scan == Scan.WAITING.value)
    rows_changed(db, waiting.values(values))


def put_off_scan(db: Session, file: StoredFile, *, now: datetime) -> bool:
    """Have a file's next scan to oneself for a while; tells whether nobody else was faster."""
    mine = update(StoredFile).where(StoredFile.name == file.name, StoredFile.scan_at == file.scan_at)
    return rows_changed(db, mine.values(scan_at=now + SCAN_AGAIN_AFTER)) == 1


def delete_rows(db: Session, names: Collection[str]) -> None:
    """Remove the rows of files whose contents are deleted."""
    db.execute(delete(StoredFile).where(StoredFile.name.in_(names)))
