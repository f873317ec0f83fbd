"""The database: base class, UTC times, engines to read and to write, and the checks of a connection."""

import fcntl
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, DateTime, MetaData, create_engine, delete, event, inspect, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, CursorResult, Dialect, Engine
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeDecorator

from portal.errors import ConfigurationError

PRIVATE = 0o600
BUSY_TIMEOUT_MS = 5000
POOL_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 10_000
STARTERS = 20
"""How often a connection tries again to set up a new database of SQLite that others are setting up as well."""
LOG_BYTES, LOG_STEP_BYTES = 16 * 2**20, 4 * 2**20
"""How long SQLite's write-ahead log may grow until we make a moment without readers to empty it; where somebody reads
on meanwhile, by how much it grows until the next try."""
LEAVE_WITHIN_S = 0.5
"""How long such a moment may take to come; others wait for it no longer than that."""
EMPTIED_WITHIN_MS = 200
"""How long emptying waits for readers of other processes."""
ASKED_AFTER_S = 1
"""After how many idle seconds a connection to PostgreSQL is asked whether it is still there."""
TURN_FILES = ("-next", "-turn")
"""What the names of the files end in that are locked by who writes to SQLite next, and by who writes now."""
SWEEP_BATCH = 50
"""The most rows that a sweep changes in one transaction, so that nobody waits long for its locks."""
CONSTRAINT_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
_OUTSIDE_TRANSACTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {"portal_writes": None},
    "postgresql": {"isolation_level": "AUTOCOMMIT", "postgresql_readonly": True},
}
WANTED_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": BUSY_TIMEOUT_MS,
    "journal_size_limit": LOG_STEP_BYTES,
}


class Instant(TypeDecorator[datetime]):
    """An aware time in UTC, on every database; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the value to store; SQLite stores it naive in UTC, as text that sorts."""
        if value is None:
            return None
        utc = value.astimezone(UTC) if value.tzinfo else _refuse_naive(value)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored value as an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _refuse_naive(value: datetime) -> datetime:
    raise ValueError(f"{value} has no time zone")


class Base(DeclarativeBase):
    """The base class of all models."""

    metadata = MetaData(naming_convention=CONSTRAINT_NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Instant}


class _Door:
    """Who uses a database in this process, by thread; closed for a moment, it lets out and nobody in."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open_of: Counter[int] = Counter()
        self._is_closed = False

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Use the database; whoever uses it already may go on, so nobody waits for a door that waits for them."""
        thread = threading.get_ident()
        with self._changed:
            if thread not in self._open_of:
                self._changed.wait_for(lambda: not self._is_closed, LEAVE_WITHIN_S)
            self._open_of[thread] += 1
        try:
            yield
        finally:
            with self._changed:
                self._open_of[thread] -= 1
                if not self._open_of[thread]:
                    del self._open_of[thread]
                    self._changed.notify_all()

    def is_passed(self) -> bool:
        """Whether this thread uses the database."""
        return threading.get_ident() in self._open_of

    @contextmanager
    def closed(self) -> Iterator[bool]:
        """Close it, from outside; yield whether nobody uses the database until the end of the block."""
        with self._changed:
            was_closed, self._is_closed = self._is_closed, True
            is_empty = not was_closed and self._changed.wait_for(lambda: not self._open_of, LEAVE_WITHIN_S)
        try:
            yield is_empty
        finally:
            with self._changed:
                self._is_closed = was_closed
                self._changed.notify_all()


class _Turn:
    """The turn to write to a database of SQLite: one thread of one process at a time, and no process overtakes another.

    SQLite itself would look again after ever longer pauses, and whoever looks at the right moment comes first. So a
    process waits in front of the other lock, where only one can stand. The turn of a process that dies passes on.
    """

    def __init__(self, database: str | None) -> None:
        self._threads = threading.Lock()
        in_file = database not in (None, "", ":memory:")
        self._names = tuple(f"{database}{suffix}" for suffix in TURN_FILES) if in_file else ()
        self._files: tuple[int, ...] = ()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, and have it until the end of the block."""
        with self._threads:
            # Opened at the first use: what is wrong with the folder is reported by the connection.
            self._files = self._files or tuple(os.open(name, os.O_WRONLY | os.O_CREAT, PRIVATE) for name in self._names)
            try:
                for file in self._files:
                    fcntl.flock(file, fcntl.LOCK_EX)
                for file in self._files[:1]:
                    fcntl.flock(file, fcntl.LOCK_UN)
                yield
            finally:
                for file in self._files:
                    fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close what it has opened."""
        for file in self._files:
            os.close(file)
        self._files = ()


class Database:
    """One database with three ways in: `looking` for one statement, `reading`, and `writing` in one transaction.

    On SQLite a lock queues the writers of all processes before `BEGIN IMMEDIATE` would. And as its write-ahead log only
    starts anew when nobody reads, which never happens on a busy day, readers are kept out for a moment when it has
    grown.
    """

    def __init__(self, url: str, *, pool_size: int = 12) -> None:
        self.engine = _sqlite_engine(url, pool_size) if url.startswith("sqlite") else _postgresql_engine(url, pool_size)
        self._turn = _Turn(self.engine.url.database) if self.engine.dialect.name == "sqlite" else None
        self._writers = set[int]()
        self._door, self._log, self._next_at = _Door(), _log_of(self.engine), LOG_BYTES
        reader = self.engine.execution_options(portal_writes=False, postgresql_readonly=True)
        self._looker = self.engine.execution_options(**_OUTSIDE_TRANSACTIONS[self.engine.dialect.name])
        self._reading = sessionmaker(reader, expire_on_commit=False, autoflush=False)
        self._writing = sessionmaker(self.engine.execution_options(portal_writes=True), expire_on_commit=False)

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """Yield a connection that reads outside a transaction: each statement sees what is committed by then."""
        with self._door.passed(), self._looker.connect() as connection:
            yield connection
        self._shorten_log()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that sees one state of the database and cannot change it."""
        with self._door.passed(), self._reading() as session:
            yield session
        self._shorten_log()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session in one write transaction, which is committed at the end and rolled back by an exception."""
        thread = threading.get_ident()
        if thread in self._writers:
            raise RuntimeError("This thread is writing already: it would wait for itself.")
        with self._door.passed(), self._turn.taken() if self._turn else nullcontext():
            self._writers.add(thread)
            try:
                with self._writing.begin() as session:
                    yield session
            finally:
                self._writers.discard(thread)
        self._shorten_log()

    def _shorten_log(self) -> None:
        """Empty SQLite's log if it has grown and nobody reads or writes; else try again when it has grown on."""
        if self._log is None or _size(self._log) < self._next_at or self._door.is_passed():
            return
        with self._door.closed() as is_alone:
            if is_alone:
                self._empty_log()
            self._next_at = max(LOG_BYTES, _size(self._log) + LOG_STEP_BYTES)

    def _empty_log(self) -> None:
        # Readers of other processes may be in the way; then a later try succeeds.
        with suppress(SQLAlchemyError, sqlite3.Error), closing(self.engine.raw_connection()) as connection:
            try:
                connection.cursor().execute(f"PRAGMA busy_timeout={EMPTIED_WITHIN_MS}")
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.cursor().execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")

    def check(self) -> None:
        """Check the settings of the database that protect the data.

        Raise `ConfigurationError` if one of them is missing.
        """
        with self.engine.connect() as connection:
            (_check_sqlite if self.engine.dialect.name == "sqlite" else _check_postgresql)(connection)

    def insert_or_ignore(self, db: Session, model: type[Base], **values: Any) -> bool:
        """Insert a row unless a unique constraint already has it; return whether it was inserted."""
        statement = insert_into(db, model).values(**values).on_conflict_do_nothing()
        # Read the returned key, not `rowcount`: PostgreSQL's driver sets none when a statement returns rows.
        return db.execute(statement.returning(*model.__table__.primary_key)).first() is not None

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._turn:
            self._turn.close()


def insert_into(db: Session, model: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """Return an `INSERT` as this database writes it, which can say what to do where there is such a row."""
    return (sqlite.insert if db.get_bind().dialect.name == "sqlite" else postgresql.insert)(model)


def rows_changed(db: Session, statement: UpdateBase) -> int:
    """Execute an UPDATE or DELETE; return how many rows it changed."""
    result = db.execute(statement)
    return result.rowcount if isinstance(result, CursorResult) else 0


def delete_batch(db: Session, model: type[Base], *over: ColumnElement[bool]) -> int:
    """Delete at most `SWEEP_BATCH` of the rows for which all of `over` hold; return how many.

    The conditions are in the statement twice, in case somebody changes a row in between.
    """
    (key,) = inspect(model).primary_key
    batch = select(key).where(*over).limit(SWEEP_BATCH)
    statement = delete(model).where(key.in_(batch.scalar_subquery()), *over)
    return rows_changed(db, statement.execution_options(synchronize_session=False))


def _sqlite_engine(url: str, pool_size: int) -> Engine:
    _keep_private(make_url(url).database)
    engine = create_engine(
        url,
        pool_size=pool_size,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _log_of(engine: Engine) -> Path | None:
    """Return the write-ahead log of a database of SQLite in a file."""
    is_file = engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:")
    return Path(f"{engine.url.database}-wal") if is_file else None


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _keep_private(database: str | None) -> None:
    """Let nobody else on this machine read the database: SQLite makes its other files as readable as the first.

    What is wrong with the folder is reported by the connection. A file that exists is not opened: closing it would give
    up the locks that other connections of this process hold.
    """
    if not database or database == ":memory:":
        return
    with suppress(OSError):
        os.close(os.open(database, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    for suffix in ("", "-wal", "-shm", *TURN_FILES):
        with suppress(OSError):
            Path(f"{database}{suffix}").chmod(PRIVATE)


def _set_pragmas(connection: Any, _record: object) -> None:
    for name, value in WANTED_PRAGMAS.items():
        _set_pragma(connection, name, value)


def _set_pragma(connection: Any, name: str, value: object, tries: int = STARTERS) -> None:
    """Set it, after those who write: to change the journal of a new database, SQLite itself would not wait for them."""
    try:
        connection.execute(f"PRAGMA {name}={value}")
    except sqlite3.OperationalError:
        if tries == 1:
            raise
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")
        _set_pragma(connection, name, value, tries - 1)


def _begin_sqlite(connection: Connection) -> None:
    """Begin a transaction; the driver is in autocommit, so only this hook does.

    Every request runs it, so it calls the driver directly.
    """
    writes = connection.get_execution_options().get("portal_writes", True)
    driver: Any = connection.connection.driver_connection
    if writes is None:
        return
    if connection.info.get("writes") is not writes:
        driver.execute(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
        connection.info["writes"] = writes
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql_engine(url: str, pool_size: int) -> Engine:
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args={
            "connect_timeout": POOL_TIMEOUT_S,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
        },
    )
    event.listen(engine, "checkout", partial(_ask_if_idle, engine.dialect))
    event.listen(engine, "checkin", _note_use)
    return engine


def _ask_if_idle(dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Ask a connection that has been idle for a while whether it is still there; the pool makes another if it is not.

    One that was used a moment ago is not asked: that would be a way to the database and back for each use.
    """
    if monotonic() - record.info.get("used_at", monotonic()) < ASKED_AFTER_S:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as gone:
        raise DisconnectionError from gone


def _note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = monotonic()


def _check_sqlite(connection: Connection) -> None:
    for name, wanted in WANTED_PRAGMAS.items():
        found = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        if found != wanted:
            raise ConfigurationError(f"SQLite runs with {name}={found}; the portal needs {wanted}.")


def _check_postgresql(connection: Connection) -> None:
    if connection.execute(text("SHOW fsync")).scalar() != "on":
        raise ConfigurationError("PostgreSQL runs with fsync off and may lose what it confirmed; switch it on.")
