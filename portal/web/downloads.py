"""Lists to take away as CSV or JSON, streamed row by row; no cell is a formula."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Response, stream_with_context

BOM = "\ufeff"
"""Spreadsheet programs take a CSV file without it for something else than UTF-8."""
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
Record = Mapping[str, str | int | None]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A way to write a list: its type, the ending of the file's name, and how."""

    content_type: str
    ending: str
    write: Callable[[Sequence[str], Iterator[Record]], Iterator[str]]


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula: before what could begin one stands an apostrophe (OWASP)."""
    return f"'{text}" if _FORMULA.match(text) else text


def csv_lines(columns: Sequence[str], rows: Iterator[Record]) -> Iterator[str]:
    """RFC 4180, in UTF-8 with a byte order mark; no cell is a formula."""
    yield BOM + _csv_line(columns)
    for row in rows:
        yield _csv_line(["" if row[column] is None else safe_cell(str(row[column])) for column in columns])


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def json_lines(columns: Sequence[str], rows: Iterator[Record]) -> Iterator[str]:
    """One array of objects in UTF-8, one object a line."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps({column: row[column] for column in columns}, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


FORMATS: Mapping[str, Format] = {
    "csv": Format(content_type="text/csv; charset=utf-8", ending="csv", write=csv_lines),
    "json": Format(content_type="application/json", ending="json", write=json_lines),
}


def list_download(name: str, form: Format, columns: Sequence[str], rows: Iterator[Record]) -> Response:
    """The answer that a browser saves as `name` with the format's ending; `rows` are asked for one by one."""
    answer = Response(stream_with_context(form.write(columns, rows)), content_type=form.content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{form.ending}"'
    return answer
