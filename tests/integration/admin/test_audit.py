"""The audit log: filters, pages, and downloads without formulas."""

import csv
import io
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.admin.rules import EVENTS_A_PAGE, AuditFilter, read_audit_filter
from portal.audit import Actor, AuditEvent, record
from portal.db import Database
from tests.conftest import MovableClock
from tests.integration.admin.conftest import SignedIn

AUDIT = "/admin/self/audit"


@pytest.fixture
def events(database: Database, administrator: SignedIn, clock: MovableClock) -> None:
    """One event a day, of three kinds, the last one today."""
    rows = [
        ("signed_in", administrator.id, None),
        ("link_used", None, "HS-7K4M-92QX"),
        ("setting_changed", administrator.id, "=1+1"),
    ]
    with database.writing() as db:
        for days, (action, person, subject) in enumerate(rows):
            at = clock.now() - timedelta(days=len(rows) - 1 - days)
            record(db, action, by=Actor(person_id=person, address="198.51.100.7"), now=at, subject=subject, old=1)


SHOWN = {
    "everything": ("", {"Signed in", "Link used", "Setting changed"}),
    "what": ("?action=link_used", {"Link used"}),
    "who": ("?person={person}", {"Signed in", "Setting changed"}),
    "about": ("?subject=HS-7K4M-92QX", {"Link used"}),
    "from a day": ("?since=2026-11-20", {"Link used", "Setting changed"}),
    "to a day": ("?until=2026-11-20", {"Signed in", "Link used"}),
    "one day": ("?since=2026-11-20&until=2026-11-20", {"Link used"}),
    "what cannot be": ("?since=yesterday&person=x&before=%C2%B2", {"Signed in", "Link used", "Setting changed"}),
    "nothing": ("?action=link_used&since=2026-11-21", set()),
}


@pytest.mark.both_databases
@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(("query", "shown"), SHOWN.values(), ids=SHOWN)
def test_query_in_the_address_filters_the_log(administrator: SignedIn, query: str, shown: set[str]) -> None:
    page = administrator.get(AUDIT + query.format(person=administrator.id))
    table = page.text.partition("<tbody>")[2]
    assert page.status_code == 200
    assert {words for words in ("Signed in", "Link used", "Setting changed") if f"<div>{words}<" in table} == shown


def test_long_log_is_paged_without_repeating_or_missing_an_event(
    administrator: SignedIn, database: Database, clock: MovableClock
) -> None:
    with database.writing() as db:
        for number in range(EVENTS_A_PAGE + 3):
            record(db, "many", by=Actor(), now=clock.now(), subject=f"number {number:03}")
    first = administrator.get(f"{AUDIT}?action=many").text
    following = first.partition('class="pages"')[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = administrator.get(following).text
    seen = [
        [number for number in range(EVENTS_A_PAGE + 3) if f">number {number:03}<" in page] for page in (first, second)
    ]
    assert [len(each) for each in seen] == [EVENTS_A_PAGE, 3]
    assert sorted(seen[0] + seen[1]) == list(range(EVENTS_A_PAGE + 3))


@pytest.mark.usefixtures("events")
def test_download_matches_the_page_has_no_formulas_and_is_recorded(administrator: SignedIn, database: Database) -> None:
    data = {"csrf_token": administrator.form_token, "format": "csv", "person": str(administrator.id)}
    answer = administrator.post(data, AUDIT)
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    shown = [("audit_exported", ""), ("setting_changed", "'=1+1"), ("signed_in", "")]
    assert [(row["action"], row["subject"]) for row in rows] == shown
    assert "attachment" in answer.headers["Content-Disposition"]
    with database.reading() as db:
        assert db.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first().action == "audit_exported"


def test_an_unknown_format_is_refused(administrator: SignedIn) -> None:
    assert administrator.post({"csrf_token": administrator.form_token, "format": "exe"}, AUDIT).status_code == 422


def test_filter_writes_only_what_was_chosen_and_reads_it_back() -> None:
    chosen = AuditFilter(action="signed_in", since="2026-11-20")
    assert chosen.address == "/admin/self/audit?action=signed_in&since=2026-11-20"
    assert read_audit_filter({"action": "signed_in", "since": "2026-11-20"}) == chosen
    assert read_audit_filter({"person": "9" * 40, "until": "20261120", "subject": "a\nb"}) == AuditFilter()
