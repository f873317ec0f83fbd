"""A file as its answer: streamed, decrypted on the way, to be saved and never shown as a page of ours."""

import unicodedata
from urllib.parse import quote

from flask import Response
from werkzeug.exceptions import NotFound
from werkzeug.http import dump_options_header

from portal.form_definitions.file_kinds import FILE_KINDS
from portal.storage.adapters import open_storage
from portal.storage.definition import Scan
from portal.storage.models import StoredFile
from portal.storage.operations import opened
from portal.storage.sealed_files import plain_chunks
from portal.web.portal import portal

POLICY = "default-src 'none'; sandbox"
"""Whatever is in a file, nothing of it runs as ours, even where a browser shows it all the same."""


def saved_as(name: str) -> str:
    """How browsers save it: the plain name for old ones, and the true one (RFC 6266, RFC 8187)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return dump_options_header("attachment", {"filename": plain, "filename*": f"UTF-8''{quote(name, safe='')}"})


def file_answer(file: StoredFile) -> Response:
    """The file to save; the caller has seen that it may be opened. One that was infected does not exist."""
    if file.scan == Scan.INFECTED.value:
        raise NotFound
    content = opened(portal().configuration.keyring, file)
    sealed = open_storage(portal().configuration).open(file.name)
    answer = Response(plain_chunks(sealed, content.key, file.size), mimetype=FILE_KINDS[content.kind].media_type)
    answer.call_on_close(sealed.close)
    answer.headers["Content-Length"] = str(file.size)
    answer.headers["Content-Disposition"] = saved_as(content.name)
    answer.headers["Content-Security-Policy"] = POLICY
    return answer
