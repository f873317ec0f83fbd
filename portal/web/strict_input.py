"""Reading a request body strictly: what is cut short, undecodable or too large is refused, never taken as empty.

Werkzeug's own parser answers a wrong byte or a cut multipart body with an empty form, which would blank a draft.
"""

from collections import Counter
from dataclasses import dataclass
from typing import IO, Any, cast
from urllib.parse import parse_qsl

from flask import Flask, g, request
from flask import Request as FlaskRequest
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from portal.web.app_state import app_state, called_view

MAX_FIELDS = 2000
MAX_BODY = 1024 * 1024
"""Without files; a view that takes files says how much those may add."""
END_MARKER = "_end"
NUL = "\0"
"""PostgreSQL refuses it, and nobody types it."""
REFUSED = {"multipart/form-data": frozenset(NUL + "\ufffd")}
"""Besides NUL, the mark that Werkzeug leaves where multipart text could not be decoded."""


class StrictFormParser(FormDataParser):
    """Werkzeug's parser with errors that are heard."""

    def _parse_urlencoded(self, stream: Any, mimetype: str, content_length: int | None, options: dict[str, str]) -> Any:
        body = stream.read()
        if body.count(b"&") >= MAX_FIELDS:
            raise RequestEntityTooLarge
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        return stream, self.cls(pairs), self.cls()


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How many bytes of files somebody may send here: each file, and all together with what is refused."""

    file: int = 0
    body: int = 0


class Request(FlaskRequest):
    """A request whose form either is whole or does not exist."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Where a file goes: encrypted aside where it may be sent, else nowhere."""
        return cast("IO[bytes]", app_state().hooks.file_stream(g.get("largest_file", 0)))

    def make_form_data_parser(self) -> FormDataParser:
        """A parser that raises instead of giving an empty form."""
        return StrictFormParser(
            self._get_file_stream,
            max_form_memory_size=self.max_form_memory_size,
            max_content_length=self.max_content_length,
            max_form_parts=self.max_form_parts,
            cls=self.parameter_storage_class,
            silent=False,
        )


def _read_whole_request() -> None:
    """Parse before anything else, so that a faulty body changes nothing."""
    if NUL in request.path:
        raise NotFound
    if request.method != "POST":
        return
    try:
        view = called_view()
        if request.mimetype == "multipart/form-data" and view is not None and view.accepts_files:
            # A body may be larger only where the view takes files, and whoever sends them may add them there.
            allowance: Allowance = app_state().hooks.upload_allowance(**(request.view_args or {}))
            g.largest_file, request.max_content_length = allowance.file, MAX_BODY + allowance.body
        refused = REFUSED.get(request.mimetype, frozenset(NUL))
        if any(not refused.isdisjoint(text) for pair in request.form.items(multi=True) for text in pair):
            raise BadRequest("The form holds a character that no keyboard types.")
    except (HTTPException, ValueError) as reason:
        request.__dict__["form"] = ImmutableMultiDict()  # the error page must not parse, and fail, again
        if isinstance(reason, HTTPException):
            raise
        raise BadRequest("The form could not be read.") from reason


def repeated(names: set[str]) -> bool:
    """Whether a field that has one value was sent more than once."""
    counts = Counter(name for name, _ in request.form.items(multi=True))
    return any(counts[name] > 1 for name in names)


def require_end_marker() -> None:
    """Refuse a form that was cut short on its way: its last field is missing."""
    if END_MARKER not in request.form:
        raise BadRequest("The form arrived incomplete. Nothing was changed.")


def init_app(app: Flask) -> None:
    """Read every body strictly."""
    app.request_class = Request
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_MEMORY_SIZE=MAX_BODY, MAX_FORM_PARTS=MAX_FIELDS)
    app.before_request(_read_whole_request)
