"""Without its database the portal says so, and says when to come back."""

import pytest
from flask import Flask

from portal.db import Database


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
