"""What the tests of a module begin with, such as a form that is filled in: walked once, and put back for the others.

A walk is put back whole: the rows, the files, the cookies and pages of its browsers, the clock, and what the canary has
noted. That is right only where nothing but other walks has come before it in a test, which the commits tell.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event, text

from portal.db import Base, Database
from tests.canary import Canary
from tests.citizen import Citizen, Page

SECRETS = {"SECRET_KEY": "tests-" * 8, "ANSWER_KEYS": "k1:dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtMTI="}
"""Of every application in tests, so that what one has encrypted another can read."""
NUMBERS = "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"

Rows = dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Everything that a walk has led to."""

    result: Any
    rows: Rows
    numbers: dict[str, int]
    files: dict[Path, bytes]
    browsers: list[tuple[dict[Any, Any], Page | None]]
    at: datetime
    tally: dict[str, Any]
    noted: Canary


class Walks:
    """The walks of one module; `begin` starts a test, in which `walk` walks, or puts back what it has led to."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Kept] = {}
        self._heard: set[Engine] = set()
        self._commits = 0
        self._test = ""

    def begin(self, test: str, app: Flask, equipment: object) -> None:
        """Begin the test of this id, in an empty database."""
        if test.partition("::")[0] != self._test.partition("::")[0]:
            self._kept.clear()
        self._test, self._app, self._database = test, app, app.extensions["portal"].database
        if self._database.engine not in self._heard:
            self._heard.add(self._database.engine)
            event.listen(self._database.engine, "commit", self._note_commit)
        self._way: tuple[Any, ...] = (equipment, self._database.engine.dialect.name)
        self._commits = 0

    def _note_commit(self, _connection: object) -> None:
        self._commits += 1

    def walk(self, test: str, canary: Canary, walk: Callable[[], Any], *browsers: Citizen) -> Any:
        """Walk, in these new browsers; return what the walk returns. Nothing in it may differ from test to test."""
        is_new = test == self._test and not self._commits and not any(each.client._cookies for each in browsers)
        if not is_new or not _is_alone(self._database):
            return walk()
        self._way = (*self._way, walk.__code__, *self._circumstances(browsers))
        if self._way in self._kept:
            self._put_back(self._kept[self._way], canary, browsers)
        else:
            self._kept[self._way] = self._keep(walk(), canary, browsers)
        self._commits = 0
        return self._kept[self._way].result

    def _circumstances(self, browsers: tuple[Citizen, ...]) -> tuple[Any, ...]:
        """Return what a walk depends on beside the rows."""
        parts = self._app.extensions["portal"]
        same = replace(parts.configuration, data_dir=Path("/"))
        places = [sorted(each.client.environ_base.items()) for each in browsers]
        return (parts.clock.now(), repr((same, same.integration_secrets, places)), *same.keyring.keys.values())

    def _keep(self, result: Any, canary: Canary, browsers: tuple[Citizen, ...]) -> Kept:
        parts = self._app.extensions["portal"]
        folder = parts.configuration.data_dir
        files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
        rows, numbers = _read(self._database)
        return Kept(
            result=result,
            rows=rows,
            numbers=numbers,
            files={path.relative_to(folder): path.read_bytes() for path in files},
            browsers=[(dict(each.client._cookies or {}), getattr(each, "page", None)) for each in browsers],
            at=parts.clock.now(),
            tally=_counted(parts.tally),
            noted=canary.copy(),
        )

    def _put_back(self, kept: Kept, canary: Canary, browsers: tuple[Citizen, ...]) -> None:
        parts = self._app.extensions["portal"]
        _write(self._database, kept.rows, kept.numbers)
        for path, content in kept.files.items():
            found = parts.configuration.data_dir / path
            found.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            found.write_bytes(content)
        for browser, (cookies, page) in zip(browsers, kept.browsers, strict=True):
            browser.client._cookies = dict(cookies)
            if page is not None:
                browser.page = page
        parts.clock.set(kept.at)
        vars(parts.tally).update({name: copy(value) for name, value in kept.tally.items()})
        canary.note(kept.noted)


def _counted(tally: object) -> dict[str, Any]:
    return {name: copy(value) for name, value in vars(tally).items() if name != "_lock"}


def _is_alone(database: Database) -> bool:
    """Return whether nobody else has the file of SQLite open."""
    if database.engine.dialect.name != "sqlite":
        return True
    database.close()
    path = _file(database)
    return not path.with_name(f"{path.name}-wal").exists()


def _file(database: Database) -> Path:
    return Path(str(database.engine.url.database))


def _read(database: Database) -> tuple[Rows, dict[str, int]]:
    """Return all rows as the database copies them, and where its numbers have come to; of SQLite, its file."""
    if database.engine.dialect.name == "sqlite":
        database.close()  # which brings what was written last into the file
        return {"": _file(database).read_bytes()}, {}
    with database.reading() as db:
        numbers = {row[0]: row[1] for row in db.execute(text(NUMBERS))}
        cursor = db.connection().connection.cursor()
        rows = {}
        for table in Base.metadata.sorted_tables:
            with cursor.copy(f"COPY {table.name} TO STDOUT") as copied:
                rows[table.name] = b"".join(copied)
    return {name: content for name, content in rows.items() if content}, numbers


def _write(database: Database, rows: Rows, numbers: dict[str, int]) -> None:
    if database.engine.dialect.name == "sqlite":
        database.close()
        _file(database).write_bytes(rows[""])
        return
    with database.writing() as db:
        cursor = db.connection().connection.cursor()
        for name in reversed([*rows]):
            cursor.execute(f"DELETE FROM {name}")
        for name, content in rows.items():
            with cursor.copy(f"COPY {name} FROM STDIN") as copied:
                copied.write(content)
        if numbers:
            values = ", ".join(f"setval('{name}', {value})" for name, value in numbers.items())
            db.execute(text(f"SELECT {values}"))
