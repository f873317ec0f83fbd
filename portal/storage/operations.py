"""Stage, claim, rekey and release files: a row in the transaction of the change, and the content beside it.

A file is staged first: a row that is deleted after an hour, then the content. Only the transaction that keeps the
file's owner claims it. If anything fails in between, a row is left, and the worker deletes it with its content.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Session

from portal.db import rows_changed
from portal.form_definitions.types.files import FileEntry
from portal.keyring import Keyring
from portal.storage.definition import RELEASED, STAGED, Scan
from portal.storage.models import StoredFile

STAGED_FOR = timedelta(hours=1)
"""Longer than any request takes."""
SCAN_AGAIN_AFTER = timedelta(minutes=2)
"""When the worker asks again about a file for which the scanner gave no answer."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a file's row holds encrypted: the key of its content, its cleaned name, its kind, and its question."""

    key: bytes
    name: str
    kind: str
    field_id: str

    def plain(self) -> bytes:
        """Return the values as bytes to encrypt."""
        return json.dumps([self.key.hex(), self.name, self.kind, self.field_id], ensure_ascii=False).encode()


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that arrived whole and was accepted, for the question `field_id`."""

    field_id: str
    entry: FileEntry
    content: Content
    scan: Scan


def new_name() -> str:
    """Return a random name for a file in storage."""
    return uuid4().hex


def stage(db: Session, uploads: Sequence[Upload], *, now: datetime) -> None:
    """Add rows for files whose contents are about to be written; nobody can open them yet."""
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
    """Give a staged file to `work`, for good or `until` a time; return whether it was still staged."""
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
    """Give a file to another owner: encrypt its key again, and leave its content as it is."""
    content = open_content(keyring, file)
    file.sealed = _sealed(keyring, work, place, file.name, content)
    file.work, file.place, file.delete_at = work, place, until


def open_content(keyring: Keyring, file: StoredFile) -> Content:
    """Decrypt the key, name and kind of a file.

    Raise `UndecryptableError` if the row was moved from elsewhere, or the file was released.
    """
    plain = keyring.open(file.sealed, subject=file.work, place=_sealed_place(file.place, file.name))
    key, name, kind, field_id = json.loads(plain)
    return Content(key=bytes.fromhex(key), name=name, kind=kind, field_id=field_id)


def _sealed(keyring: Keyring, work: str, place: str, name: str, content: Content) -> bytes:
    return keyring.seal(content.plain(), subject=work, place=_sealed_place(place, name))


def _sealed_place(place: str, name: str) -> str:
    return f"file {place}/{name}"


def release_files(db: Session, work: str, names: Collection[str], *, now: datetime) -> None:
    """Release some files of a work: nobody can open them from now on, and the worker deletes them."""
    if names:
        _release_where(db, StoredFile.work == work, StoredFile.name.in_(names), now=now)


def release_files_of_works(db: Session, works: Collection[str], *, now: datetime) -> None:
    """Release all files of some works."""
    if works:
        _release_where(db, StoredFile.work.in_(works), now=now)


def release_late_files(db: Session, whole: str, *, now: datetime, places: Collection[str] | None = None) -> None:
    """Release the late files of the pages below `whole`, such as a draft: all, or those of some places."""
    of_places = [] if places is None else [StoredFile.place.in_(places)]
    _release_where(db, _begins_with(late_work(f"{whole}/")), *of_places, now=now)


def hand_over_late_files(db: Session, place: str, *, to: str, keyring: Keyring) -> None:
    """Bind the late files of one place to another, on the same pages and for as long as before."""
    late = select(StoredFile).where(StoredFile.place == place, _begins_with(late_work("/")))
    for file in db.scalars(late.order_by(StoredFile.id).with_for_update()).all():
        if file.sealed:
            rekey_file(db, file, work=file.work, place=to, keyring=keyring, until=file.delete_at)
        file.place = to  # an infected file has no key left


def _begins_with(prefix: str) -> ColumnElement[bool]:
    """Return the condition that a file's work begins like this: as a range, which the index of works knows."""
    return and_(StoredFile.work >= prefix, StoredFile.work < prefix[:-1] + chr(ord(prefix[-1]) + 1))


def late_work(page: str) -> str:
    """Return the owner of files that came for a page after its session had ended."""
    return f"late:{page}"


def _release_where(db: Session, *conditions: object, now: datetime) -> None:
    """Release files: delete their keys, so that no copy of a content can be read, and mark them for deletion."""
    gone = update(StoredFile).where(*conditions)  # type: ignore[arg-type]
    rows_changed(db, gone.values(sealed=b"", work=RELEASED, delete_at=now, scan_at=None))


def note_scan(db: Session, name: str, scan: Scan) -> None:
    """Store the result of a scan; delete the key of an infected file, so that nobody can open it."""
    values: dict[str, object] = {"scan": scan.value, "scan_at": None}
    if scan is Scan.INFECTED:
        values["sealed"] = b""
    waiting = update(StoredFile).where(StoredFile.name == name, StoredFile.scan == Scan.WAITING.value)
    rows_changed(db, waiting.values(values))


def put_off_scan(db: Session, file: StoredFile, *, now: datetime) -> bool:
    """Postpone a file's next scan, so that only this worker scans it; return whether no other worker was faster."""
    mine = update(StoredFile).where(StoredFile.name == file.name, StoredFile.scan_at == file.scan_at)
    return rows_changed(db, mine.values(scan_at=now + SCAN_AGAIN_AFTER)) == 1


def delete_rows(db: Session, names: Collection[str]) -> None:
    """Delete the rows of files whose contents are deleted."""
    db.execute(delete(StoredFile).where(StoredFile.name.in_(names)))
