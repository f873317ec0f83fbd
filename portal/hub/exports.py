"""A filtered list as CSV or JSON, streamed in small batches: a long list costs no more memory than a short one."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from portal.db import Database
from portal.form_definitions.queries import definition_of
from portal.hub.queries import Listed, Search, listed_cases
from portal.hub.rules import safe_cell
from portal.keyring import Keyring
from portal.site_settings.times import language
from portal.submissions.customers import customer_of
from portal.submissions.definition import STATUSES

BATCH = 500
BOM = "\ufeff"
"""Spreadsheet programs take a CSV file without it for something else than UTF-8."""
COLUMNS = ("reference", "form", "version", "sent_at", "status", "status_since", "assigned_to", "customer", "email")

Rows = Iterator[dict[str, str | int | None]]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A way to write a list: its type, the ending of the file's name, and how."""

    content_type: str
    ending: str
    write: Callable[[Rows], Iterator[str]]


def rows_of(database: Database, keyring: Keyring, search: Search) -> Rows:
    """All cases that the filter shows, in its order; each batch is one short look at the database."""
    last = replace(search, filter=search.filter.with_())
    while True:
        with database.reading() as db:
            batch = listed_cases(db, last, limit=BATCH)
            yield from (_row(keyring, listed) for listed in batch)
        if len(batch) < BATCH:
            return
        last = replace(last, filter=last.filter.with_(after=str(batch[-1].case.submission_id)))


def _row(keyring: Keyring, listed: Listed) -> dict[str, str | int | None]:
    customer = customer_of(keyring, listed.reference, listed.case)
    return {
        "reference": listed.reference,
        "form": definition_of(listed.version).title.in_(language()),
        "version": listed.version.number,
        "sent_at": listed.case.sent_at.isoformat(timespec="seconds"),
        "status": str(STATUSES[listed.case.status].staff_words),
        "status_since": listed.case.status_at.isoformat(timespec="seconds"),
        "assigned_to": listed.assignee,
        "customer": customer.name,
        "email": customer.email,
    }


def as_csv(rows: Rows) -> Iterator[str]:
    """RFC 4180, in UTF-8 with a byte order mark; no cell is a formula."""
    yield BOM + _line(dict(zip(COLUMNS, COLUMNS, strict=True)))
    for row in rows:
        yield _line(row)


def _line(row: Mapping[str, str | int | None]) -> str:
    line = io.StringIO()
    cells = ("" if row[column] is None else safe_cell(str(row[column])) for column in COLUMNS)
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def as_json(rows: Rows) -> Iterator[str]:
    """One array of objects in UTF-8, one object a line."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


FORMATS: Mapping[str, Format] = {
    "csv": Format(content_type="text/csv; charset=utf-8", ending="csv", write=as_csv),
    "json": Format(content_type="application/json", ending="json", write=as_json),
}
