"""The plans by which a database answers what it is asked while somebody listens, and the full scans in them."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from portal.db import Base, Database

STEADY = {
    "form_versions",
    "site_settings",
    "open_cases",
    "waiting_threads",
    "counters",
    "integration_records",
    "gazetteer_addresses",
}
"""Tables that do not grow with what people do; those of counts grow with the days."""
OF_WORK_LEFT = {"ix_outbox_waiting"}
"""Partial indexes that hold only what is about to be done: they may be read as a whole."""
PLANNED = ("SELECT", "UPDATE", "DELETE", "WITH")
SQLITE_SCAN = re.compile(r"SCAN (\w+?)(?:_\d+)?(?: USING (?:COVERING )?INDEX (\w+))?$")
OF_FEW_ROWS = ("seqscan", "hashjoin", "mergejoin")
"""How PostgreSQL reads tables as a whole, which is quick while they are small."""
OURS = "relnamespace = 'public'::regnamespace AND relkind = 'r'"
FORGET_SIZES = (
    f"DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE {OURS})",
    f"UPDATE pg_class SET relpages = 0, reltuples = -1 WHERE {OURS}",
)
"""PostgreSQL counts tables now and then, unasked; of those that it has never counted it expects ten pages of rows."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A statement, how the database would answer it, and which growing tables it would read as a whole."""

    statement: str
    text: str
    full: tuple[str, ...]


@contextmanager
def explained(database: Database) -> Iterator[list[Plan]]:
    """Record the plan of each statement that a database receives until the end of the block."""
    plans: list[Plan] = []
    explain = EXPLAIN[database.engine.dialect.name]
    if database.engine.dialect.name == "postgresql":
        with closing(database.engine.raw_connection()) as connection:  # whoever counts statements hears nothing of it
            for statement in FORGET_SIZES:
                connection.cursor().execute(statement)
            connection.commit()

    def note(
        _connection: object, cursor: Any, statement: str, parameters: object, _context: object, many: bool
    ) -> None:
        if statement.startswith(PLANNED) and not many:
            plans.append(explain(cursor, statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def full_scans(plans: list[Plan]) -> list[str]:
    """Return each statement that reads a growing table as a whole, with its plan."""
    return [f"{plan.full}: {plan.statement}\n{plan.text}" for plan in plans if plan.full]


def _sqlite(cursor: Any, statement: str, parameters: object) -> Plan:
    cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
    steps = [str(row[-1]) for row in cursor.fetchall()]
    scans = [found.groups() for found in map(SQLITE_SCAN.match, steps) if found]
    # Whoever wants a few rows in the order of an index walks along it until there are enough.
    full = [table for table, index in scans if index not in OF_WORK_LEFT and not (index and " LIMIT " in statement)]
    return Plan(statement=statement, text="\n".join(steps), full=tuple(_growing() & set(full)))


def _postgresql(cursor: Any, statement: str, parameters: object) -> Plan:
    """Explain it as with many more rows: of few the planner reads all, though there is an index."""
    for method in OF_FEW_ROWS:
        cursor.execute(f"SET enable_{method} = off")
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    plan = cursor.fetchone()[0][0]["Plan"]
    for method in OF_FEW_ROWS:
        cursor.execute(f"RESET enable_{method}")
    full = set(_full_scans(plan, is_limited=False))
    return Plan(statement=statement, text="\n".join(_lines(plan)), full=tuple(_growing() & full))


def _lines(node: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    shown = (node.get(name) for name in ("Node Type", "Relation Name", "Index Name", "Index Cond", "Filter"))
    yield "  " * depth + " · ".join(filter(None, shown))
    for child in node.get("Plans", ()):
        yield from _lines(child, depth + 1)


EXPLAIN: Mapping[str, Callable[[Any, str, object], Plan]] = {"sqlite": _sqlite, "postgresql": _postgresql}


def _full_scans(node: Mapping[str, Any], *, is_limited: bool) -> Iterator[str]:
    kind, table = node["Node Type"], node.get("Relation Name", "")
    walks = kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node
    if kind == "Seq Scan" or (walks and not is_limited and node["Index Name"] not in OF_WORK_LEFT):
        yield table
    for child in node.get("Plans", ()):
        yield from _full_scans(child, is_limited=is_limited or kind == "Limit")


def _growing() -> set[str]:
    return set(Base.metadata.tables) - STEADY


@contextmanager
def counted(db: Session) -> Iterator[Callable[[], int]]:
    """Count the work of a transaction: steps of SQLite's machine, in twenties, or rows that PostgreSQL looks at.

    On PostgreSQL each statement is made twice, which only changes nothing where there is nothing to change.
    """
    work = [0]

    def step() -> None:
        work[0] += 1

    def note(
        _connection: object, cursor: Any, statement: str, parameters: object, _context: object, many: bool
    ) -> None:
        if statement.startswith(PLANNED) and not many:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            work[0] += _rows(cursor.fetchone()[0][0]["Plan"])

    connection = db.connection()
    if connection.dialect.name == "postgresql":
        event.listen(connection, "before_cursor_execute", note)
        yield lambda: work[0]
    else:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(step, 20)
        yield lambda: work[0]
        driver.set_progress_handler(None, 0)


def _rows(node: Mapping[str, Any]) -> int:
    """Return how many rows the leaves of a plan have looked at."""
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    own = sum(node.get(name, 0) for name in names) * node.get("Actual Loops", 1)
    return round(own) + sum(map(_rows, node.get("Plans", ())))
