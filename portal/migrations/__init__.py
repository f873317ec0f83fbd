"""Bringing a database to the present schema, with Alembic (loaded only when it is needed: it is large)."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from portal.db import Database

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).resolve().parent
LOCK = int.from_bytes(b"portal")
"""The number of our advisory lock on PostgreSQL."""


def upgrade(database: Database) -> None:
    """Run what is missing, in one transaction; of several that start at once, one works and the others wait.

    They wait as long as it takes: on a large database that is longer than a writer has to wait otherwise.
    """
    from alembic import command

    with database.writing() as db:
        connection = db.connection()
        _wait_for_turn(connection)
        command.upgrade(alembic_config(connection), "head")


def draft(database: Database, message: str) -> Path:
    """Write the next numbered migration from the difference between the models and a database that is current."""
    from alembic import command

    with database.engine.begin() as connection:
        number = f"{int(newest() or 0) + 1:04}"
        script = command.revision(alembic_config(connection), message, autogenerate=True, rev_id=number)
    return Path(getattr(script, "path", FOLDER))


def newest() -> str | None:
    """The number of the newest migration: files are named by it, so that Alembic need not be asked."""
    return max((path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py")), default=None)


def is_current(db: Session) -> bool:
    """Whether the database has the schema that this program was written for.

    Raises `OperationalError` where the database does not answer.
    """
    if not inspect(db.connection()).has_table("alembic_version"):
        return False
    return list(db.execute(text("SELECT version_num FROM alembic_version")).scalars()) == [newest()]


def alembic_config(connection: Connection) -> "Config":
    """What `env.py` and Alembic's own commands need, without an ini file."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def _wait_for_turn(connection: Connection) -> None:
    """On SQLite the turn to write lines up the starters; on PostgreSQL a lock of ours does, until the commit."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
