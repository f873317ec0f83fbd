"""A hundred thousand cases: every page of the list reads along one index, on both databases."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from portal.db import Database
from portal.hub.queries import Listed, Search, form_loads, listed_cases
from portal.hub.rules import CASES_A_PAGE, Filter
from portal.submissions.customers import search_key
from portal.submissions.models import Submission
from tests.citizen import Citizen
from tests.conftest import START
from tests.integration.hub.conftest import Copy
from tests.statements import Statements

MANY = 100_000
SENT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', '2026-11-22', '+' || i || ' minutes')",
    "postgresql": "timestamptz '2026-11-22 00:00+00' + i * interval '1 minute'",
}
NUMBERS = f"WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {MANY}) "
DRAFTS = """INSERT INTO drafts (id, reference, form_version_id, started_at, changed_at, expires_at, language)
    SELECT 1000 + i, 'GN-' || i, {version}, {sent}, {sent}, {sent}, 'en' FROM numbers"""
SUBMISSIONS = """INSERT INTO submissions (id, reference, draft_id, idempotency_key, form_version_id, sealed, sent_at)
    SELECT 1000 + i, 'GN-' || i, 1000 + i, 'GN-' || i, {version}, {nothing}, {sent} FROM numbers"""
CASES = """INSERT INTO cases (submission_id, form_id, status, assignee_id, sent_at, status_at, closed_at, customer)
    SELECT 1000 + i, CASE WHEN i % 3 = 0 THEN 'tool_loan' ELSE 'form_' || i % 20 END,
        CASE WHEN i % 10 > 0 THEN 'closed' WHEN i % 50 = 0 THEN 'waiting' ELSE 'new' END,
        CASE WHEN i % 4 = 0 THEN NULL ELSE i % 40 + 1 END, {sent}, {sent},
        CASE WHEN i % 10 > 0 THEN {sent} END, {nothing} FROM numbers"""
OPEN_CASES = """INSERT INTO open_cases (form_id, sent_on, number)
    SELECT form_id, date(sent_at), count(*) FROM cases WHERE closed_at IS NULL AND submission_id > 1000
    GROUP BY form_id, date(sent_at)
    ON CONFLICT (form_id, sent_on) DO UPDATE SET number = open_cases.number + excluded.number"""
FILTERS = {
    "open": Filter(),
    "newest": Filter(order="newest"),
    "all": Filter(status="all"),
    "one status": Filter(status="waiting"),
    "one form": Filter(form="tool_loan"),
    "one form, closed": Filter(form="tool_loan", status="closed", order="newest"),
    "mine": Filter(assignee="me", status="all"),
    "nobody's": Filter(assignee="nobody"),
    "overdue": Filter(overdue="yes"),
    "far down": Filter(status="all", after="50999"),
    "far down, newest": Filter(order="newest", after="50999"),
}


@pytest.fixture
def many(database: Database, reference: str, copy_case: Copy) -> None:
    """Real cases fill the first page, generated ones all others."""
    copy_case(CASES_A_PAGE)
    kind = database.engine.dialect.name
    with database.writing() as db:
        db.execute(text("SET LOCAL statement_timeout = 0")) if kind == "postgresql" else None
        values = {
            "version": db.scalar(select(Submission.form_version_id).limit(1)),
            "sent": SENT[kind],
            "nothing": {"sqlite": "x''", "postgresql": "''::bytea"}[kind],
        }
        for statement in (DRAFTS, SUBMISSIONS, CASES):
            db.execute(text(NUMBERS + statement.format(**values)))
            db.execute(text("ANALYZE"))  # else foreign keys may be checked by the plan of an empty table
        db.execute(text(OPEN_CASES))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if kind == "sqlite" else "VACUUM ANALYZE")


@pytest.fixture
def plans(database: Database) -> Iterator[list[str]]:
    """Record the plan that the database reports for each query."""
    found: list[str] = []
    explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}[database.engine.dialect.name]

    def note(connection: object, cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            cursor.execute(explain + statement, parameters)  # type: ignore[attr-defined]
            rows = cursor.fetchall()  # type: ignore[attr-defined]
            found.append("\n".join(str(row[-1]) for row in rows))

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def few_statements(staff: Citizen, statements: Statements) -> None:
    staff.open("/hub")
    statements.forget()
    page = staff.open("/hub")
    assert len([link for link in page.links.values() if link.startswith("/hub/cases/")]) == CASES_A_PAGE
    assert len(statements.asked) <= 5, "\n\n".join(statements.asked)


def one_walk(database: Database, chosen: Filter, plans: list[str], **search: Any) -> list[Listed]:
    plans.clear()
    with database.reading() as db:
        question = Search(filter=chosen, person_id=7, overdue_before=START + timedelta(days=30), **search)
        found = listed_cases(db, question, limit=CASES_A_PAGE + 1)
    (plan,) = plans
    assert "Seq Scan on cases" not in plan, f"{chosen}:\n{plan}"
    assert "SCAN cases\n" not in f"{plan}\n", f"{chosen}:\n{plan}"
    return found


def test_every_page_search_and_chart_reads_along_an_index(
    app: Flask, database: Database, staff: Citizen, many: None, plans: list[str], statements: Statements
) -> None:
    few_statements(staff, statements)
    for name, chosen in FILTERS.items():
        assert len(one_walk(database, chosen, plans)) == CASES_A_PAGE + 1, name
        assert "ix_cases_" in plans[0], f"{name}:\n{plans[0]}"
    key = search_key("quartermaine", secret=app.extensions["portal"].configuration.secret_key)
    (found,) = one_walk(database, Filter(), plans, keys=[key])
    assert (found.version.form_id, "case_keys" in plans[0]) == ("tool_loan", True)
    plans.clear()
    with database.reading() as db:
        loads = form_loads(db, young_from=START + timedelta(days=60), overdue_before=START + timedelta(days=30))
    assert sum(loads[0].waiting) == CASES_A_PAGE + 1 + MANY // 30
    assert ("ix_cases_open" in plans[0], "Seq Scan on cases" in plans[0]) == (True, False), plans[0]
