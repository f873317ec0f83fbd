"""Receive the files of a request, and send files to browsers."""

import logging
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from time import monotonic
from typing import cast
from urllib.parse import quote

from flask import Flask, Response, g, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import NotFound
from werkzeug.http import dump_options_header

from portal.form_definitions.definition import Field, FileLimits
from portal.form_definitions.types.answers import InvalidAnswerError
from portal.form_definitions.types.files import FILE_KINDS, MEGABYTE, FileEntry, kind_of_name, kinds_text, name_of_kind
from portal.site_settings.current import settings
from portal.storage.adapters import open_storage
from portal.storage.definition import Scan
from portal.storage.inspection import clean_name, judge_file
from portal.storage.models import StoredFile
from portal.storage.operations import Content, Upload, delete_rows, new_name, open_content, stage
from portal.storage.queries import bytes_of_work, still_staged
from portal.storage.scanner import SCAN_DEADLINE_S, ScannerAwayError, read_scanner, scan
from portal.storage.sealed_files import CHUNK_BYTES, SealedSpool, plain_chunks
from portal.web.addresses import remote_network
from portal.web.app_state import app_state
from portal.web.limits import UNIT, Limit, hour_of, require, take_all
from portal.web.unit_of_work import at_once, now

DOWNLOAD_POLICY = "default-src 'none'; sandbox"
"""Whatever is in a file, nothing of it runs as ours, even where a browser shows it all the same."""
UPLOADS = Limit(name="upload", burst=120, interval=timedelta(seconds=5))
"""Of one draft: more than any form asks for at once, and no more than a person can choose."""
logger = logging.getLogger(__name__)
RefusedFile = tuple[str, InvalidAnswerError]


def saved_as(name: str) -> str:
    """Return the header that names a download: a plain name for old browsers and the real one (RFC 6266, RFC 8187)."""
    plain = clean_name(unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode())
    return dump_options_header("attachment", {"filename": plain, "filename*": f"UTF-8''{quote(name, safe='')}"})


def file_answer(file: StoredFile) -> Response:
    """Return the file to save; answer 404 if it was infected. The caller must have checked that it may be opened."""
    if file.scan == Scan.INFECTED.value:
        raise NotFound
    content = open_content(app_state().configuration.keyring, file)
    sealed = open_storage(app_state().configuration).open(file.name)
    answer = Response(plain_chunks(sealed, content.key, file.size), mimetype=FILE_KINDS[content.kind].media_type)
    answer.call_on_close(sealed.close)
    answer.headers["Content-Length"] = str(file.size)
    answer.headers["Content-Disposition"] = saved_as(content.name)
    answer.headers["Content-Security-Policy"] = DOWNLOAD_POLICY
    return answer


@dataclass(frozen=True, kw_only=True)
class Received:
    """The files of one request: those that are stored and wait to be claimed, and why others were refused, by field."""

    uploads: tuple[Upload, ...] = ()
    refusals: tuple[RefusedFile, ...] = ()


def file_stream(limit: int) -> SealedSpool:
    """Return the stream into which the parser writes a file; it keeps at most `limit` bytes, none for 0."""
    spool = SealedSpool(limit=limit, folder=app_state().configuration.data_dir)
    g.setdefault("spools", []).append(spool)
    return spool


def expect_files(fields: Mapping[str, Field], *, work: str, holder: str) -> None:
    """Say for which questions this request may bring files, which work they are for, and who sends them."""
    g.expected_files = (fields, work, holder)


def receive() -> Received:
    """Judge, scan and store the expected files once, before the transaction that may claim them.

    Nothing here may wait inside a transaction: the scanner is asked over the network, and disks are slow. Raise
    `TooManyRequests` if one work gets more uploads than a person would make.
    """
    if "expected_files" not in g:
        return Received()
    if "received" not in g:
        g.received = _received()
    received: Received = g.received
    return received


def _received() -> Received:
    fields, work, holder = cast("tuple[Mapping[str, Field], str, str]", g.expected_files)
    arrived = {field_id: _arrived(field_id) for field_id in fields}
    if not any(arrived.values()):
        return Received()
    require(take_all([(UPLOADS, work)], now=now()))
    end = monotonic() + SCAN_DEADLINE_S
    uploads: list[tuple[Upload, SealedSpool]] = []
    refusals: list[RefusedFile] = []
    for field_id, files in arrived.items():
        for number, file in enumerate(files):
            try:
                uploads.append(_taken(fields[field_id], file, number, end))
            except InvalidAnswerError as refusal:
                refusals.append((field_id, refusal))
    largest = max((field.files.max_mb for field in fields.values() if field.files), default=0)
    over = _over_quota(sum(upload.entry.size for upload, _spool in uploads), work, holder, largest)
    if over:
        key, limit = over
        refusals += [(each.field_id, InvalidAnswerError(key, name=each.entry.name, limit=limit)) for each, _ in uploads]
        uploads = []
    _store_uploads(uploads)
    return Received(uploads=tuple(upload for upload, _spool in uploads), refusals=tuple(refusals))


def _over_quota(size: int, work: str, holder: str, largest: int) -> tuple[str, int] | None:
    """Return why so many bytes may not be kept: of this work, or for now of this holder or network; None: they may.

    No site setting holds up one file for ever that the form permits: it may have `largest` MB.
    """
    if not size:
        return None
    most, network_most = (max(each, largest) for each in (settings().draft_files_mb, settings().network_files_mb))
    with app_state().database.reading() as db:
        if bytes_of_work(db, work) + size > most * MEGABYTE:
            return "full", most
    throttle = [
        (hour_of("upload-bytes-holder", most), holder),
        (hour_of("upload-bytes-network", network_most), remote_network(settings().known_networks)),
    ]
    wait = take_all(throttle, now=now(), number=ceil(size / UNIT))
    return ("too_much", ceil(wait / timedelta(minutes=1))) if wait else None


def _arrived(field_id: str) -> list[FileStorage]:
    """Return the files of a question; an input in which nothing was chosen sends one without a name."""
    return [file for file in request.files.getlist(field_id) if file.filename or _spool(file).size]


def _spool(file: FileStorage) -> SealedSpool:
    return cast("SealedSpool", file.stream)


def _taken(field: Field, file: FileStorage, number: int, end: float) -> tuple[Upload, SealedSpool]:
    limits, spool = cast("FileLimits", field.files), _spool(file)
    name = clean_name(file.filename or "")
    kind = _judged(limits, spool, name, number)
    name = name_of_kind(name, kind)
    found = _scanned(spool, end)
    if found is Scan.INFECTED:
        raise InvalidAnswerError("infected", name=name)
    entry = FileEntry(id=new_name(), name=name, kind=kind, size=spool.size)
    content = Content(key=spool.key, name=name, kind=kind, field_id=field.id)
    return Upload(field_id=field.id, entry=entry, content=content, scan=found), spool


def _judged(limits: FileLimits, spool: SealedSpool, name: str, number: int) -> str:
    """Return the kind of a file; raise `InvalidAnswerError` if it may not be kept. The cheap checks come first."""
    claimed = kind_of_name(name, limits.types)
    if number >= limits.max:
        raise InvalidAnswerError("max", name=name, limit=limits.max)
    if claimed is None and kind_of_name(name, tuple(FILE_KINDS)) is None:
        raise InvalidAnswerError("type", name=name, kinds=kinds_text(limits.types, _))
    if not spool.size:
        raise InvalidAnswerError("empty", name=name)
    if spool.size > limits.max_mb * MEGABYTE or spool.is_too_large:
        raise InvalidAnswerError("size", name=name, limit=limits.max_mb)
    try:
        with spool.plain() as plain:
            return judge_file(plain, spool.size, claimed, limits.types, name)
    except InvalidAnswerError as refusal:
        if refusal.key == "content" and claimed is None:
            raise InvalidAnswerError("type", name=name, kinds=kinds_text(limits.types, _)) from refusal
        raise


def _scanned(spool: SealedSpool, end: float) -> Scan:
    """Return the result of the scan; if the scanner does not answer, the file is kept and the worker asks again."""
    scanner = read_scanner(app_state().configuration.clamav_url)
    if scanner is None:
        return Scan.NOT_SCANNED
    try:
        with spool.plain() as plain:
            return scan(scanner, iter(lambda: plain.read(CHUNK_BYTES), b""), deadline_s=end - monotonic())
    except ScannerAwayError as reason:
        logger.warning("An upload is kept unscanned for now: %s", reason)
        return Scan.WAITING


def _store_uploads(uploads: list[tuple[Upload, SealedSpool]]) -> None:
    if not uploads:
        return
    with at_once() as db:
        stage(db, [upload for upload, _spool in uploads], now=now())
    g.staged = [upload.entry.id for upload, _spool in uploads]
    storage = open_storage(app_state().configuration)
    for upload, spool in uploads:
        storage.put(upload.entry.id, spool.sealed())


def _discard_unclaimed(_error: BaseException | None) -> None:
    """Delete what this request stored and no transaction claimed; if that fails, leave it to the worker."""
    for spool in g.pop("spools", []):
        spool.close()
    names: list[str] = g.pop("staged", [])
    if not names:
        return
    try:
        _discard(names)
    except (SQLAlchemyError, OSError):
        logger.warning("Unclaimed files are left to the worker", exc_info=True)


def _discard(names: list[str]) -> None:
    with app_state().database.reading() as db:
        left = still_staged(db, names)
    storage = open_storage(app_state().configuration)
    for name in left:
        storage.delete(name)
    if left:
        with app_state().database.writing() as db:
            delete_rows(db, left)


def init_app(app: Flask) -> None:
    """Clean up after each request, once its transaction is over; call this before the unit of work is added."""
    app.teardown_request(_discard_unclaimed)
