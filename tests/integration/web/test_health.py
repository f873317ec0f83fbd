"""What operations ask: whether the process is alive, and whether it is ready."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from portal.db import Database


def test_a_live_process_says_so(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_migrated_database_is_ready(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")


@pytest.mark.each_case
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
