"""People who are signed in, and forms sent as they were served."""

from collections.abc import Callable, Mapping

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts.operations import create_account
from portal.accounts.rules import ROLES, EmailAddress
from portal.audit import Actor
from portal.tokens import masked
from tests.citizen import Citizen
from tests.html import Element, elements

GENERAL = "/admin/self/site-settings/general"


def form_of(page: TestResponse) -> dict[str, str]:
    """Return the inputs of the settings form with their values, as a browser would send them unchanged."""
    values: dict[str, str] = {}
    for element in elements(page.text):
        form = element.inside("form")
        if form and "site-settings" in form.get("action"):
            values |= _sent(element)
    return values


def _sent(element: Element) -> dict[str, str]:
    select = element.inside("select")
    if element.tag == "textarea":
        return {element.get("name"): element.written.removeprefix("\n").replace("\n", "\r\n")}
    if element.tag == "option" and select and "selected" in element.attributes:
        return {select.get("name"): element.get("value")}
    is_sent = element.tag == "input" and (element.get("type") != "radio" or "checked" in element.attributes)
    return {element.get("name"): element.get("value")} if is_sent else {}


class SignedIn:
    """A browser in which a person is signed in."""

    def __init__(self, app: Flask, email: str, role: str) -> None:
        browser = Citizen(app)
        self.client = browser.client
        parts = app.extensions["portal"]
        now = parts.clock.now()
        with parts.database.writing() as db:
            person = create_account(db, EmailAddress(email=email), role, password_hash=None, by=Actor(), now=now)
        row = browser.hold(ROLES[role].session_kind, person_id=person.id)
        self.id = person.id
        self.form_token = masked(row.csrf_secret, str(row.id))

    def get(self, path: str = GENERAL) -> TestResponse:
        return self.client.get(path)

    def post(self, values: Mapping[str, str | list[str]], path: str = GENERAL) -> TestResponse:
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
