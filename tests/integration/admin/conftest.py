"""People who are signed in, and forms sent as they were served."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts.operations import create_account
from portal.accounts.rules import ROLES, EmailAddress
from portal.audit import Actor
from portal.sessions.browser_sessions import cookie_name, policy_of
from portal.sessions.operations import Holder, open_session
from portal.sessions.policies import KINDS
from portal.tokens import masked

GENERAL = "/admin/self/site-settings/general"


class _FormReader(HTMLParser):
    """Collects what a browser would send of a page's main form, untouched."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._in_form = False
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._in_form = "site-settings" in found.get("action", "")
        if not self._in_form:
            return
        if tag == "select":
            self._select = found["name"]
        if tag == "textarea":
            self._textarea = found["name"]
            self.values[self._textarea] = ""
        if tag == "option" and "selected" in found:
            self.values[self._select] = found["value"]
        if tag == "input" and (found["type"] != "radio" or "checked" in found):
            self.values[found["name"]] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.values[self._textarea] = self.values[self._textarea].removeprefix("\n").replace("\n", "\r\n")
            self._textarea = ""


def form_of(page: TestResponse) -> dict[str, str]:
    """The inputs of the settings form on a page, with their values."""
    reader = _FormReader()
    reader.feed(page.text)
    return reader.values


class SignedIn:
    """A browser in which somebody is signed in."""

    def __init__(self, app: Flask, email: str, role: str) -> None:
        self.client = app.test_client()
        parts = app.extensions["portal"]
        now = parts.clock.now()
        kind = ROLES[role].session_kind
        with app.test_request_context(), parts.database.writing() as db:
            person = create_account(db, EmailAddress(email=email), role, password_hash=None, by=Actor(), now=now)
            db.flush()
            token, row = open_session(db, kind, policy_of(kind), Holder(person_id=person.id), now=now)
            self.client.set_cookie(cookie_name(KINDS[kind].cookie), token)
            self.id = person.id
            self.form_token = masked(row.csrf_secret, str(row.id))

    def get(self, path: str = GENERAL) -> TestResponse:
        return self.client.get(path)

    def post(self, values: dict[str, str], path: str = GENERAL) -> TestResponse:
        return self.client.post(path, data=values)

    def save(self, path: str = GENERAL, **typed: str) -> TestResponse:
        """Load the form, type, and press Save settings."""
        return self.post(form_of(self.get(path)) | typed, path)


@pytest.fixture
def sign_in(app: Flask) -> Callable[[str, str], SignedIn]:
    return lambda email, role: SignedIn(app, email, role)


@pytest.fixture
def administrator(sign_in: Callable[[str, str], SignedIn]) -> SignedIn:
    return sign_in("mina@example.org", "administrator")
