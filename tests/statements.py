"""The statements that a database receives while somebody listens."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from portal.db import Database

AROUND = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SAVEPOINT", "RELEASE")
"""Statements that begin and end transactions are not counted."""


class Statements:
    """Statements and commits since the beginning, or since they were forgotten."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.commits = 0

    @property
    def writes(self) -> list[str]:
        return [each for each in self.asked if each.startswith(("INSERT", "UPDATE", "DELETE"))]

    @property
    def reads(self) -> list[str]:
        return [each for each in self.asked if each.startswith("SELECT")]

    def note(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.lstrip().upper().startswith(AROUND):
            self.asked.append(statement)

    def commit(self, _connection: object) -> None:
        self.commits += 1

    def forget(self) -> None:
        self.asked.clear()
        self.commits = 0


@contextmanager
def heard(database: Database) -> Iterator[Statements]:
    """Listen to all connections of a database."""
    statements = Statements()
    event.listen(database.engine, "before_cursor_execute", statements.note)
    event.listen(database.engine, "commit", statements.commit)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", statements.note)
        event.remove(database.engine, "commit", statements.commit)
