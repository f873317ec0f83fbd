"""Downloading a list: what the filter shows, no formulas, streamed, and recorded."""

import csv
import io
import json
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit import AuditEvent
from portal.db import Database
from portal.hub.views import CASES_AT_ONCE
from portal.web.downloads import safe_cell
from tests.citizen import Citizen
from tests.integration.hub.conftest import Copy
from tests.loan import send

Audited = Callable[[str], list[str | None]]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_csv_file_has_a_byte_order_mark_and_one_line_per_case(staff: Citizen, reference: str) -> None:
    staff.open("/hub")
    answer = staff.send("Download as CSV")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="cases-2026-11-21.csv"'
    (row,) = rows_of(answer.text)
    assert row == {
        "reference": reference,
        "form": "Borrow a tool",
        "version": "1",
        "sent_at": "2026-11-21T14:02:00+00:00",
        "status": "New",
        "status_since": "2026-11-21T14:02:00+00:00",
        "assigned_to": "",
        "customer": "Wilhelmina Quartermaine",
        "email": "minnie@mail.example",
    }


def test_json_file_has_the_same_rows(staff: Citizen, reference: str) -> None:
    staff.open("/hub")
    answer = staff.send("Download as JSON")
    (row,) = json.loads(answer.data)
    assert row["reference"] == reference
    assert row["assigned_to"] is None
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.both_databases
@pytest.mark.parametrize("status", ["open", "closed"])
def test_download_holds_only_what_the_filter_shows(
    staff: Citizen, reference: str, copy_case: Copy, status: str
) -> None:
    names = copy_case(3, status="closed", closed_at=None)
    assert names
    page = staff.open(f"/hub?status={status}")
    shown = [link.rpartition("/")[2] for link in page.links.values() if link.startswith("/hub/cases/")]
    assert [row["reference"] for row in rows_of(staff.send("Download as CSV").text)] == shown


def test_download_follows_a_search(staff: Citizen, reference: str, copy_case: Copy) -> None:
    copy_case(2)
    staff.open("/hub")
    staff.press("Show", find="Quartermaine")
    assert [row["reference"] for row in rows_of(staff.send("Download as CSV").text)] == [reference]


@pytest.mark.parametrize("ending", ["CSV", "JSON"])
def test_download_of_a_long_list_is_whole_and_in_order(
    staff: Citizen, reference: str, copy_case: Copy, ending: str
) -> None:
    names = [reference, *copy_case(CASES_AT_ONCE + 20)]
    staff.open("/hub")
    text = staff.send(f"Download as {ending}").text
    found = rows_of(text) if ending == "CSV" else json.loads(text)
    assert [row["reference"] for row in found] == names


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"],
)
def test_text_that_could_begin_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Zoë", "a=1", "1", "'x", " x"])
def test_other_texts_are_exported_unchanged(text: str) -> None:
    assert safe_cell(text) == text


def test_a_name_that_is_a_formula_arrives_as_text(staff: Citizen, citizen: Citizen, reference: str) -> None:
    send(citizen, name="=cmd|' /C calc'!A0", email="evil@mail.example")
    staff.open("/hub")
    names = {row["customer"] for row in rows_of(staff.send("Download as CSV").text)}
    assert "'=cmd|' /C calc'!A0" in names


def test_every_download_is_recorded_with_what_was_taken(
    staff: Citizen, reference: str, database: Database, app: Flask
) -> None:
    staff.open("/hub?form=tool_loan&assignee=nobody")
    staff.send("Download as JSON")
    with database.reading() as db:
        event = db.scalars(select(AuditEvent).where(AuditEvent.action == "cases_exported")).one()
    assert event.person_id
    assert event.details["format"] == "json"
    assert event.details["number"] == 1
    assert (event.details["form"], event.details["assignee"]) == ("tool_loan", "nobody")


def test_an_unknown_format_is_refused(staff: Citizen, reference: str, audited: Audited) -> None:
    token = staff.open("/hub").value("csrf_token") or ""
    assert staff.client.post("/hub/export", data={"csrf_token": token, "format": "xlsx"}).status_code == 422
    assert audited("cases_exported") == []
