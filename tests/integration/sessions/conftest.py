"""Probe views for the kinds and actions that have no page of their own yet."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from flask import Flask, Response
from sqlalchemy import select

from portal.accounts.operations import create_account
from portal.accounts.rules import EmailAddress
from portal.audit import Actor
from portal.db import Database
from portal.sessions.models import SessionRow
from portal.tokens import masked
from portal.web.declarations import Access, Activity, access, activity
from tests.applications import Equipment
from tests.citizen import Citizen
from tests.statements import Statements, heard

PROBES = {
    "load": ("GET", Activity.LOAD, 200),
    "navigate": ("GET", Activity.NAVIGATE, 200),
    "refresh": ("GET", Activity.NAVIGATE, 200),
    "submit": ("POST", Activity.SUBMIT, 422),
    "save": ("POST", Activity.SAVE, 303),
    "integration": ("POST", Activity.INTEGRATION, 502),
    "continue_section": ("POST", Activity.CONTINUE_SECTION, 303),
    "back_section": ("POST", Activity.CONTINUE_SECTION, 303),
    "autosave": ("POST", Activity.AUTOSAVE, 200),
}


@pytest.fixture
def equipment() -> Equipment:
    return add_probes


def add_probes(app: Flask) -> None:
    """Add a view for each kind and action."""
    for name, (method, meaning, status) in PROBES.items():
        app.add_url_rule(f"/probe/{name}", f"probe.{name}", _probe(meaning, status), methods=[method])


def _probe(meaning: Activity, status: int) -> Callable[[], Response]:
    @access(Access.ANY_KIND)
    @activity(meaning)
    def view() -> Response:
        return Response("probe", status=status, headers={"Location": "/probe/load"} if status == 303 else {})

    return view


class Browser(Citizen):
    """A browser that holds one session of one kind and shows how the server sees it."""

    def __init__(self, app: Flask, kind: str, **holder: int | str) -> None:
        super().__init__(app)
        self.kind = kind
        row = self.hold(kind, **holder)
        self.id, self.csrf_secret = row.id, row.csrf_secret
        self.database: Database = app.extensions["portal"].database

    @property
    def row(self) -> SessionRow:
        with self.database.reading() as db:
            return db.scalars(select(SessionRow).where(SessionRow.id == self.id)).one()

    @property
    def expires_at(self) -> datetime:
        return self.row.expires_at

    @property
    def token(self) -> str:
        return masked(self.csrf_secret)


@pytest.fixture
def open_browser(app: Flask) -> Callable[..., Browser]:
    def begin(kind: str = "customer", **holder: int | str) -> Browser:
        return Browser(app, kind, **(holder or {"guest_id": "guest"}))

    return begin


@pytest.fixture
def statements(database: Database) -> Iterator[Statements]:
    with heard(database) as statements:
        yield statements


@pytest.fixture
def person(app: Flask) -> Callable[[str], int]:
    """Return a function that creates a person with a role and returns the id."""

    def make(role: str = "citizen") -> int:
        parts = app.extensions["portal"]
        with parts.database.writing() as db:
            address = EmailAddress(email=f"{role}@mail.example")
            made = create_account(db, address, role, password_hash=None, by=Actor(), now=parts.clock.now())
            db.flush()
            return made.id

    return make


@pytest.fixture
def newest_session(database: Database) -> Callable[[], SessionRow]:
    """Return a function that reads the session opened last."""

    def read() -> SessionRow:
        with database.reading() as db:
            return db.scalars(select(SessionRow).order_by(SessionRow.id.desc()).limit(1)).one()

    return read
