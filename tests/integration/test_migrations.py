"""Migrations bring an empty database of each kind to what the models say, however many start at once."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from portal import app as _all_models
from portal import migrations
from portal.db import Base, Database

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


def test_several_processes_starting_at_once_upgrade_once(empty: Database) -> None:
    together = threading.Barrier(3)
    failures: list[Exception] = []

    def start() -> None:
        database = Database(empty.engine.url.render_as_string(hide_password=False))
        together.wait()
        try:
            migrations.upgrade(database)
        except Exception as failure:
            failures.append(failure)
        database.close()

    threads = [threading.Thread(target=start, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert not any(thread.is_alive() for thread in threads)
    assert is_current(empty)


def test_newest_migration_is_the_head_that_alembic_knows() -> None:
    from alembic.script import ScriptDirectory

    assert [migrations.newest()] == ScriptDirectory(str(migrations.FOLDER)).get_heads()


def test_migration_can_be_reversed(empty: Database) -> None:
    from alembic import command

    migrations.upgrade(empty)
    with empty.engine.execution_options(portal_writes=True).begin() as connection:
        command.downgrade(migrations.alembic_config(connection), "base")
    assert not is_current(empty)
