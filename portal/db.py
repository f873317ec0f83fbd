"""The database: base class, UTC times, engines to read and to write, and the checks of a connection."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, DateTime, MetaData, create_engine, delete, event, inspect, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, CursorResult, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeDecorator

from portal.errors import ConfigurationError

PRIVATE = 0o600
BUSY_TIMEOUT_MS = 5000
POOL_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 10_000
STARTERS = 20
"""How often a connection tries again to set up a new database of SQLite that others are setting up as well."""
SWEEP_BATCH = 50
"""The most rows that a sweep changes in one transaction, so that nobody waits long for its locks."""
CONSTRAINT_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
WANTED_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": BUSY_TIMEOUT_MS}


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


class Database:
    """One database with two ways in: `reading` never writes, `writing` is one short transaction.

    On SQLite a lock in the process queues the writers before `BEGIN IMMEDIATE` would, because its own waiting is slow.
    """

    def __init__(self, url: str, *, pool_size: int = 12) -> None:
        self.engine = _sqlite_engine(url, pool_size) if url.startswith("sqlite") else _postgresql_engine(url, pool_size)
        self._writer: AbstractContextManager[Any] = (
            threading.Lock() if self.engine.dialect.name == "sqlite" else nullcontext()
        )
        reader = self.engine.execution_options(portal_writes=False, postgresql_readonly=True)
        self._reading = sessionmaker(reader, expire_on_commit=False, autoflush=False)
        self._writing = sessionmaker(self.engine.execution_options(portal_writes=True), expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that sees one state of the database and cannot change it."""
        with self._reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session in one write transaction, which is committed at the end and rolled back by an exception."""
        with self._writer, self._writing.begin() as session:
            yield session

    def check(self) -> None:
        """Check the settings of the database that protect the data.

        Raise `ConfigurationError` if one of them is missing.
        """
        with self.engine.connect() as connection:
            (_check_sqlite if self.engine.dialect.name == "sqlite" else _check_postgresql)(connection)

    def insert_or_ignore(self, db: Session, model: type[Base], **values: Any) -> bool:
        """Insert a row unless a unique constraint already has it; return whether it was inserted."""
        insert = sqlite.insert if self.engine.dialect.name == "sqlite" else postgresql.insert
        statement = insert(model).values(**values).on_conflict_do_nothing()
        # Read the returned key, not `rowcount`: PostgreSQL's driver sets none when a statement returns rows.
        return db.execute(statement.returning(*model.__table__.primary_key)).first() is not None

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


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


def _keep_private(database: str | None) -> None:
    """Let nobody else on this machine read the database: SQLite makes its other files as readable as the first.

    What is wrong with the folder is reported by the connection. A file that exists is not opened: closing it would give
    up the locks that other connections of this process hold.
    """
    if not database or database == ":memory:":
        return
    with suppress(OSError):
        os.close(os.open(database, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    for suffix in ("", "-wal", "-shm"):
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
    driver.execute(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql_engine(url: str, pool_size: int) -> Engine:
    return create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": POOL_TIMEOUT_S,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
        },
    )


def _check_sqlite(connection: Connection) -> None:
    for name, wanted in WANTED_PRAGMAS.items():
        found = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        if found != wanted:
            raise ConfigurationError(f"SQLite runs with {name}={found}; the portal needs {wanted}.")


def _check_postgresql(connection: Connection) -> None:
    if connection.execute(text("SHOW fsync")).scalar() != "on":
        raise ConfigurationError("PostgreSQL runs with fsync off and may lose what it confirmed; switch it on.")
