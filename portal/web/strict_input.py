"""Reading a request body strictly: what is cut short, undecodable or too large is refused, never taken as empty.

Werkzeug's own parser answers a wrong byte or a cut multipart body with an empty form, which would blank a draft.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, cast
from urllib.parse import parse_qsl

from flask import Flask, g, request
from flask import Request as FlaskRequest
from werkzeug.datastructures import Headers, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest, NotFound, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser, MultiPartParser

from portal.web.app_state import app_state, called_view

MAX_FIELDS = 2000
MAX_BODY = 1024 * 1024
"""Without files; a view that takes files says how much those may add."""
END_MARKER = "_end"
NUL = "\0"
"""PostgreSQL refuses it and nobody types it, but Chromium pastes it with what somebody copied elsewhere."""
_ADDRESS_AS_HOST = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?")
_AS_IT_CAME = "latin-1"
"""Gives each byte a character, so that bytes can be told apart from what was made of them."""


class _BytesParser(MultiPartParser):
    """Werkzeug's parser of multipart bodies, which decodes nothing."""

    def get_part_charset(self, headers: Headers) -> str:
        """Name the encoding in which every byte stays what it is."""
        return _AS_IT_CAME


class StrictFormParser(FormDataParser):
    """Werkzeug's parser with errors that are heard."""

    def _parse_urlencoded(self, stream: Any, mimetype: str, content_length: int | None, options: dict[str, str]) -> Any:
        body = stream.read()
        if body.count(b"&") >= MAX_FIELDS:
            raise RequestEntityTooLarge
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        return stream, self.cls(pairs), self.cls()

    def _parse_multipart(self, stream: Any, mimetype: str, content_length: int | None, options: dict[str, str]) -> Any:
        """Decode values strictly; Werkzeug writes U+FFFD for wrong bytes, which people can also type."""
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("There is no boundary.")
        parser = _BytesParser(self.stream_factory, self.max_form_memory_size, self.cls, max_form_parts=MAX_FIELDS)
        form, files = parser.parse(stream, boundary, content_length)
        if None in form or None in files:
            raise ValueError("A part has no name.")
        pairs = [(name, value.encode(_AS_IT_CAME).decode()) for name, value in form.items(multi=True)]
        return stream, self.cls(pairs), files


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How many bytes of files somebody may send here: each file, and all together with what is refused."""

    file: int = 0
    body: int = 0


class Request(FlaskRequest):
    """A request whose form either is whole or does not exist, and whose values hold no NUL."""

    _named_hosts: list[str] | None = None

    @property
    def trusted_hosts(self) -> list[str] | None:
        """The names that we answer to; None, for any, where one of our IPv6 addresses is asked for.

        Werkzeug checks how the name is written, but takes the colons of an IPv6 address for the start of a port.
        """
        address = _ADDRESS_AS_HOST.fullmatch(self.headers.get("Host", ""))
        return None if address and address[1].lower() in (self._named_hosts or ()) else self._named_hosts

    @trusted_hosts.setter
    def trusted_hosts(self, names: list[str] | None) -> None:
        self._named_hosts = names

    @cached_property
    def args(self) -> "MultiDict[str, str]":
        """The values of the address."""
        return _without_nul(super().args)

    def _load_form_data(self) -> None:
        """Read the form of a POST, once; whatever else comes, or cannot be read, is no form, however often asked."""
        if "form" in self.__dict__:
            return
        try:
            if self.method == "POST":
                super()._load_form_data()
                form = self.__dict__.pop("form")
                if any(NUL in name for name in form):
                    raise ValueError("No page of ours has such a name.")
                self.__dict__["form"] = _without_nul(form)
        except ValueError as reason:
            raise BadRequest("The form could not be read.") from reason
        finally:
            self.give_up_form()

    def give_up_form(self) -> None:
        """Take what has not been read of the form as empty: a page that says so must not read, and fail, again."""
        self.__dict__.setdefault("form", ImmutableMultiDict())
        self.__dict__.setdefault("files", ImmutableMultiDict())

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


def _without_nul(given: "MultiDict[str, str]") -> "MultiDict[str, str]":
    """Drop NUL wherever it stands."""
    pairs = list(given.items(multi=True))
    if not any(NUL in text for pair in pairs for text in pair):
        return given
    return ImmutableMultiDict([(name.replace(NUL, ""), value.replace(NUL, "")) for name, value in pairs])


def _read_whole_request() -> None:
    """Parse before anything else, so that a faulty body changes nothing."""
    try:
        if NUL in request.path:
            raise NotFound
        view = called_view()
        if request.mimetype == "multipart/form-data" and view is not None and view.allowance:
            # A body may be larger only where the view takes files, and whoever sends them may add them there.
            allowance: Allowance = view.allowance(**(request.view_args or {}))
            g.largest_file, request.max_content_length = allowance.file, MAX_BODY + allowance.body
        request.form  # noqa: B018 - reads it
    finally:
        cast("Request", request).give_up_form()


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
