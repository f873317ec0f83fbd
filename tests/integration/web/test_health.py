"""What operations ask: whether the process is alive, and whether it is ready."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from portal.db import Database
from portal.web.front import TURNS_ON_POSTGRESQL, TURNS_ON_SQLITE

WITHIN_S = 20


def test_a_live_process_says_so(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.both_databases
def test_a_migrated_database_is_ready(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")


@pytest.mark.both_databases
@pytest.mark.parametrize("change", ["UPDATE alembic_version SET version_num = '0000'", "DROP TABLE alembic_version"])
def test_a_database_of_another_version_is_not_ready(client: FlaskClient, database: Database, change: str) -> None:
    with database.engine.execution_options(portal_writes=True).begin() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        connection.execute(text(change))
    try:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "not ready: the database needs “flask db upgrade”\n")
    finally:
        _restore(database, before)


def _restore(database: Database, version: str) -> None:
    with database.engine.execution_options(portal_writes=True).begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})


def test_process_without_its_database_is_alive_but_not_ready(client: FlaskClient, database: Database) -> None:
    database.close()
    client.application.extensions["portal"].database = Database("postgresql+psycopg://127.0.0.1:1/nowhere")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "not ready: the database does not answer\n")
    assert client.get("/healthz").status_code == 200


@pytest.mark.own_app  # how much at once depends on the database
def test_process_is_alive_while_it_works_on_as_much_as_it_may_and_on_no_more(
    client: FlaskClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = TURNS_ON_SQLITE if database.engine.dialect.name == "sqlite" else TURNS_ON_POSTGRESQL
    app, begun, may_end = client.application, threading.Semaphore(0), threading.Event()
    inside: list[int] = []
    page = app.view_functions["home.cookies"]

    @wraps(page)
    def slow_page(**values: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        begun.release()
        may_end.wait(WITHIN_S)
        inside.pop()
        return page(**values)

    def status_of(path: str) -> int:
        return app.test_client().get(path).status_code

    most: list[int] = []
    monkeypatch.setitem(app.view_functions, "home.cookies", slow_page)
    with ThreadPoolExecutor(3 * turns) as threads, ThreadPoolExecutor(1) as aside:
        pages = threads.map(status_of, ["/cookies"] * 3 * turns)
        try:
            assert all(begun.acquire(timeout=WITHIN_S) for _ in range(turns))
            assert aside.submit(status_of, "/healthz").result(WITHIN_S) == 200
        finally:
            may_end.set()
        assert list(pages) == [200] * 3 * turns
    assert max(most) == turns
