"""The statements that a database receives while somebody listens."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any

from sqlalchemy import event, text

from portal.db import Database

WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
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


@contextmanager
def sent_between(database: Database, statement: str, send: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """Send a request once this thread has made a statement (a pattern), and go on when that request waits or is done.

    On SQLite it waits before its first statement, which no query shows.
    """
    sent, here = list[Future[Any]](), threading.get_ident()

    def listen(_connection: object, _cursor: object, made: str, *_rest: object) -> None:
        if sent or threading.get_ident() != here or not re.search(statement, made):
            return
        sent.append(pool.submit(send))
        ends = monotonic() + 30
        while database.engine.dialect.name == "postgresql" and not sent[0].done() and monotonic() < ends:
            with database.engine.connect() as connection:
                if connection.scalar(WAITING):
                    break

    event.listen(database.engine, "after_cursor_execute", listen)
    try:
        with ThreadPoolExecutor(1) as pool:
            yield sent
    finally:
        event.remove(database.engine, "after_cursor_execute", listen)
