"""Without its database the portal says so, and says when to come back."""

from time import monotonic

import pytest
from flask import Flask
from sqlalchemy import text

from portal import db as portal_db
from portal.db import ASKED_AFTER_S, Database

END_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("path", ["/", "/account", "/session/poll", "/nothing-here"])
def test_a_page_without_its_database_is_a_friendly_503(app: Flask, path: str) -> None:
    client = app.test_client()
    client.set_cookie("session_customer", "a-session")
    app.extensions["portal"].database.close()
    app.extensions["portal"].database = Database("sqlite:////nowhere/portal.sqlite3")
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "What you saved before is safe." in answer.text


def test_every_address_without_its_database_answers_with_a_whole_page(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that an error page shows may ask for what is away, whoever the page is for."""
    client = app.test_client()
    for name in ("session_customer", "session_hub"):
        client.set_cookie(name, "a-session")
    app.extensions["portal"].database.close()
    app.extensions["portal"].database = Database("sqlite:////nowhere/portal.sqlite3")
    urls = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        address = urls.build(rule.endpoint, dict.fromkeys(rule.arguments, 1 if "int" in rule.rule else "x"))
        for method in {"GET", "POST"} & (rule.methods or set()):
            answer = client.open(address, method=method, data={"_shared_offered": "1"} if method == "POST" else None)
            assert answer.status_code < 500 or answer.status_code == 503, (method, address)
            assert answer.headers["X-Content-Type-Options"] == "nosniff", (method, address)
    assert "Request finalizing failed" not in caplog.text


@pytest.mark.both_databases
def test_connections_that_ended_while_nobody_used_them_are_replaced(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart of PostgreSQL."""
    database, other = Database(postgresql_url), Database(postgresql_url)
    for use in (database.looking, database.reading, database.writing):
        with use() as connection:
            own = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        with other.reading() as db:
            db.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
        monkeypatch.setattr(portal_db, "monotonic", lambda: monotonic() + ASKED_AFTER_S)
        with use() as connection:
            assert connection.execute(text("SELECT pg_backend_pid()")).scalar() != own
        monkeypatch.undo()
    database.close()
    other.close()
