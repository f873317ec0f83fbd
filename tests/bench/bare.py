"""The measure of everything else: Flask's smallest view with one read; and the portal as users install it."""

import os
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, insert, select

from portal.db import WANTED_PRAGMAS

ROWS, SOUGHT = 10_000, 4_711
THREADS = 32
DEVELOPMENT_ONLY = ("rich",)
"""What a library imports where it is installed, and only our own tools install: users' servers do not hold it."""
people = Table("people", MetaData(), Column("id", Integer, primary_key=True), Column("name", String))


def bare_app(data_dir: str) -> Flask:
    """Return an application with one view, which reads one row by its primary key with SQLAlchemy Core.

    Its database has the pragmas of the portal's; it opens no transaction, has no session, no template and no rule.
    """
    file = Path(data_dir) / "bare.sqlite3"
    is_new = not file.exists()
    connect = {"isolation_level": None, "check_same_thread": False}
    engine = create_engine(f"sqlite:///{file}", pool_size=THREADS, connect_args=connect)
    event.listen(engine, "connect", _set_pragmas)
    if is_new:
        _fill(engine)
    sought = select(people.c.name).where(people.c.id == SOUGHT)
    app = Flask("bare")

    def name() -> str:
        with engine.connect() as connection:
            return str(connection.execute(sought).scalar_one())

    app.add_url_rule("/", view_func=name)
    return app


def _fill(engine: Any) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        people.create(connection)
        connection.execute(insert(people), [{"name": f"Person {number}"} for number in range(ROWS)])
        connection.exec_driver_sql("COMMIT")


def _set_pragmas(connection: Any, _record: object) -> None:
    for pragma, value in WANTED_PRAGMAS.items():
        connection.execute(f"PRAGMA {pragma}={value}")


def serve() -> Flask:
    """Return the bare application in a server's process."""
    return bare_app(os.environ["DATA_DIR"])


def serve_portal() -> Flask:
    """Return the portal in a server's process, without the packages that only our tools install."""
    for name in DEVELOPMENT_ONLY:
        sys.modules[name] = None
    from wsgi import serve as serve_installed

    return serve_installed()
