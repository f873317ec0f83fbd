"""Migrations bring an empty database of each kind to what the models say, however many start at once."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from portal import app as _all_models
from portal import migrations
from portal.db import Base, Database

pytestmark = pytest.mark.both_databases

assert _all_models


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each kind with nothing in it."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    else:
        database = Database(request.getfixturevalue("empty_postgresql"))
    yield database
    database.close()


@pytest.fixture
def empty_postgresql(migrated_postgresql: str) -> str:
    url = make_url(migrated_postgresql)
    name = f"empty_{url.database}"
    database = Database(migrated_postgresql)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    database.close()
    return url.set(database=name).render_as_string(hide_password=False)


def is_current(database: Database) -> bool:
    with database.reading() as db:
        return migrations.is_current(db)


def test_migrated_empty_database_matches_the_models(empty: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    assert not is_current(empty)
    migrations.upgrade(empty)
    assert is_current(empty)
    with empty.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrated_database_has_one_row_of_settings(empty: Database) -> None:
    migrations.upgrade(empty)
    with empty.reading() as db:
        assert db.execute(text("SELECT id, document FROM site_settings")).all() == [(1, "{}")]


class Starter(threading.Thread):
    """A server that upgrades its database as it starts, once all who wait at `together` are there."""

    def __init__(self, url: str, together: threading.Barrier | None = None) -> None:
        super().__init__(daemon=True)
        self.database, self.together, self.failure = Database(url), together, ""

    def run(self) -> None:
        if self.together:
            self.together.wait()
        try:
            migrations.upgrade(self.database)
        except Exception as failure:
            self.failure = repr(failure)
        self.database.close()


def test_several_processes_starting_at_once_upgrade_once(empty: Database) -> None:
    together = threading.Barrier(3)
    starters = [Starter(empty.engine.url.render_as_string(hide_password=False), together) for _ in range(3)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(60)
    assert not any(starter.is_alive() for starter in starters)
    assert not any(starter.failure for starter in starters), [starter.failure for starter in starters]
    assert is_current(empty)


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_start_waits_for_whoever_writes_to_a_new_sqlite_database(tmp_path: Path, lock: str) -> None:
    path = tmp_path / "empty.sqlite3"
    starter = Starter(f"sqlite:///{path}")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("CREATE TABLE other (id INTEGER)")
    writer.execute(f"BEGIN {lock}")
    starter.start()
    starter.join(0.3)
    writer.execute("COMMIT")
    starter.join(60)
    writer.close()
    assert not starter.failure, starter.failure


def test_newest_migration_is_the_head_that_alembic_knows() -> None:
    from alembic.script import ScriptDirectory

    assert [migrations.newest()] == ScriptDirectory(str(migrations.FOLDER)).get_heads()


def test_migration_can_be_reversed(empty: Database) -> None:
    from alembic import command

    migrations.upgrade(empty)
    with empty.engine.execution_options(portal_writes=True).begin() as connection:
        command.downgrade(migrations.alembic_config(connection), "base")
    assert not is_current(empty)
