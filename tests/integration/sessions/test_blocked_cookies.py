"""A browser that keeps no cookies is told so before anything long is typed."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.audit import AuditEvent
from portal.db import Database
from portal.drafts.models import Draft
from portal.sessions.models import SessionRow
from tests.citizen import Citizen
from tests.people import add_person, sign_in

SENTENCE = "Your browser is not keeping the cookie we need, so we cannot keep you signed in."
SIGN_IN = "/account/sign-in"
START_PAGE = "/forms/housing-support"


@pytest.fixture
def forgetful(app: Flask) -> FlaskClient:
    """A browser in which cookies are blocked."""
    return app.test_client(use_cookies=False)


def send(browser: FlaskClient, path: str, **typed: str) -> TestResponse:
    """Send the form of a page as it was served."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(path).text)
    assert token
    return browser.post(path, data={"csrf_token": token[1]} | typed)


@pytest.mark.usefixtures("demo_forms")
@pytest.mark.parametrize("path", [SIGN_IN, START_PAGE])
def test_browser_that_blocks_cookies_is_told_so(forgetful: FlaskClient, path: str) -> None:
    answer = send(forgetful, path, email="ada@mail.example", password="whatever it is")
    assert answer.status_code == 403
    assert SENTENCE in answer.text
    assert f'href="{path}"' in answer.text
    assert 'href="/help/sessions"' in answer.text


@pytest.mark.usefixtures("demo_forms")
def test_browser_that_blocks_cookies_starts_no_draft_and_no_session(forgetful: FlaskClient, database: Database) -> None:
    send(forgetful, START_PAGE)
    with database.reading() as db:
        assert db.scalars(select(Draft)).all() == []
        assert db.scalars(select(SessionRow)).all() == []


def test_blocked_cookies_never_count_as_a_failed_sign_in(
    app: Flask, forgetful: FlaskClient, citizen: Citizen, database: Database
) -> None:
    add_person(app)
    for _ in range(15):
        assert send(forgetful, SIGN_IN, email="ada@mail.example", password="wrong password").status_code == 403
    with database.reading() as db:
        assert "sign_in_failed" not in db.scalars(select(AuditEvent.action)).all()
    sign_in(citizen)
    assert citizen.open("/account").status == 200


@pytest.mark.usefixtures("demo_forms")
@pytest.mark.parametrize("path", [SIGN_IN, START_PAGE])
def test_browser_that_keeps_cookies_is_not_warned(client: FlaskClient, path: str) -> None:
    assert SENTENCE not in send(client, path, email="ada@mail.example", password="wrong password").text
