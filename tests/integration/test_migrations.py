"""Migrations bring an empty database of each kind to what the models say, however many start at once."""

import sqlite3
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text

from portal import app as _all_models
from portal import db as db_module
from portal import migrations
from portal.db import Base, Database
from portal.drafts.models import NOT_SWEPT, Draft
from portal.submissions.models import OpenCases

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


def test_a_start_waits_for_an_upgrade_that_takes_longer_than_any_other_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db_module, "BUSY_TIMEOUT_MS", 20)
    monkeypatch.setitem(db_module.WANTED_PRAGMAS, "busy_timeout", 20)
    first = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    starter = Starter(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    with first.writing() as writer:
        writer.execute(text("CREATE TABLE other (id INTEGER)"))
        starter.start()
        starter.join(0.5)
        assert starter.is_alive()
    starter.join(60)
    assert not starter.failure, starter.failure
    first.close()


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


OLD_ROWS = (
    """INSERT INTO form_versions (id, form_id, slug, number, document, digest, published_at)
    VALUES (1, 'loan', 'loan', 1, '{}', 'd', '2026-01-01')""",
    """INSERT INTO drafts (id, reference, form_version_id, save_address, started_at, changed_at, expires_at, sent_at)
    VALUES (1, 'EMPTY', 1, NULL, '2026-01-01', '2026-01-01', '2026-01-31', NULL),
        (2, 'ANSWERED', 1, NULL, '2026-01-01', '2026-01-01', '2026-01-31', NULL),
        (3, 'ADDRESSED', 1, 'sealed', '2026-01-01', '2026-01-01', '2026-01-31', NULL),
        (4, 'LINKED', 1, NULL, '2026-01-01', '2026-01-01', '2026-01-31', '2026-01-02'),
        (5, 'SENT', 1, 'sealed', '2026-01-01', '2026-01-01', '2026-01-31', '2026-01-02'),
        (6, 'CLOSED', 1, NULL, '2026-01-01', '2026-01-01', '2026-01-31', '2026-01-02'),
        (7, 'LIVE', 1, NULL, '2026-01-01', '2026-01-01', '2999-01-31', NULL)""",
    """INSERT INTO draft_parts (draft_id, section_id, item_id, revision, is_confirmed, sealed, changed_at)
    VALUES (2, 'you', '', 1, false, 'sealed', '2026-01-01')""",
    """INSERT INTO resume_links (token_hash, draft_id, address, issued_at)
    VALUES ('a', 4, 'sealed', '2026-01-01'), ('b', 5, {nothing}, '2026-01-01')""",
    """INSERT INTO submissions (id, reference, draft_id, idempotency_key, form_version_id, sealed, sent_at)
    VALUES (4, 'LINKED', 4, '4', 1, 'sealed', '2026-01-02 23:30:00.000000'),
        (5, 'SENT', 5, '5', 1, 'sealed', '2026-01-02 00:30:00.000000'),
        (6, 'CLOSED', 6, '6', 1, 'sealed', '2026-01-02 00:30:00.000000')""",
    """INSERT INTO cases (submission_id, form_id, status, sent_at, status_at, closed_at, customer)
    VALUES (4, 'loan', 'new', '2026-01-02 23:30:00.000000', '2026-01-02', NULL, ''),
        (5, 'loan', 'new', '2026-01-02 00:30:00.000000', '2026-01-02', NULL, ''),
        (6, 'loan', 'closed', '2026-01-02 00:30:00.000000', '2026-01-02', '2026-01-03', '')""",
)
NOTHING = {"sqlite": "x''", "postgresql": "''"}


def test_migrated_old_drafts_are_swept_if_anything_is_left_and_open_cases_are_counted(empty: Database) -> None:
    from alembic import command

    with empty.engine.execution_options(portal_writes=True).begin() as connection:
        command.upgrade(migrations.alembic_config(connection), "0008")
        for statement in OLD_ROWS:
            connection.exec_driver_sql(statement.replace("{nothing}", NOTHING[empty.engine.dialect.name]))
    migrations.upgrade(empty)
    with empty.reading() as db:
        waiting = select(Draft.reference).where(NOT_SWEPT).order_by(Draft.id)
        assert list(db.scalars(waiting)) == ["ANSWERED", "ADDRESSED", "LINKED", "LIVE"]
        (counted,) = db.scalars(select(OpenCases))
        assert (counted.form_id, counted.sent_on, counted.number) == ("loan", date(2026, 1, 2), 2)
