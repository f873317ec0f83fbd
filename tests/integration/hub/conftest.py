"""Staff of the hub, many cases, and the statements sent to the database."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit import AuditEvent
from portal.db import Database
from tests.cases import copy_cases
from tests.citizen import Citizen
from tests.conftest import Prepared
from tests.loan import publish_loan, send
from tests.people import add_person, sign_in
from tests.statements import Statements, heard

Copy = Callable[..., list[str]]


@pytest.fixture
def reference(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    def walk() -> str:
        publish_loan(app)
        return send(citizen, news="yes", topic="Lathes", email="minnie@mail.example")

    return prepared(walk, citizen)


def staff_browser(app: Flask, email: str = "mina@mail.example", role: str = "staff") -> Citizen:
    add_person(app, email, role)
    browser = Citizen(app)
    sign_in(browser, email)
    return browser


@pytest.fixture
def staff(app: Flask, prepared: Prepared) -> Citizen:
    browser = Citizen(app)

    def walk() -> None:
        add_person(app, "mina@mail.example", "staff")
        sign_in(browser, "mina@mail.example")

    prepared(walk, browser)
    assert browser.page.path == "/hub"
    return browser


@pytest.fixture
def colleague(app: Flask) -> Citizen:
    return staff_browser(app, "farrow@mail.example")


@pytest.fixture
def audited(database: Database) -> Callable[[str], list[str | None]]:
    """Return a function that lists the audited subjects of one action."""

    def read(action: str) -> list[str | None]:
        with database.reading() as db:
            found = select(AuditEvent.subject).where(AuditEvent.action == action).order_by(AuditEvent.id)
            return list(db.scalars(found))

    return read


@pytest.fixture
def copy_case(app: Flask, reference: str) -> Copy:
    """Return a function that adds cases, each sent a second after the last, and returns their references."""

    return lambda copies, **values: copy_cases(app, reference, copies, **values)


@pytest.fixture
def statements(database: Database) -> Iterator[Statements]:
    """Record the statements sent to the database from here on."""
    with heard(database) as statements:
        yield statements
