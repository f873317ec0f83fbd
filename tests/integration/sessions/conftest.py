"""Probe views for the kinds and actions that have no page of their own yet."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import event, select

from portal.accounts.operations import create_account
from portal.accounts.rules import EmailAddress
from portal.audit import Actor
from portal.db import Database
from portal.sessions.browser_sessions import cookie_name, policy_of
from portal.sessions.models import SessionRow
from portal.sessions.operations import Holder, open_session
from portal.sessions.policies import KINDS
from portal.tokens import masked
from portal.web.declarations import Access, Activity, access, activity
from tests.conftest import MovableClock

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
def app(app: Flask) -> Flask:
    for name, (method, meaning, status) in PROBES.items():
        app.add_url_rule(f"/probe/{name}", f"probe.{name}", _probe(meaning, status), methods=[method])
    return app


def _probe(meaning: Activity, status: int) -> Callable[[], Response]:
    @access(Access.ANY_KIND)
    @activity(meaning)
    def view() -> Response:
        return Response("probe", status=status, headers={"Location": "/probe/load"} if status == 303 else {})

    return view


class Browser:
    """A test client that holds one session of one kind and tells how the server sees it."""

    def __init__(self, app: Flask, kind: str, **holder: int | str) -> None:
        self.client: FlaskClient = app.test_client()
        self.kind = kind
        with app.test_request_context(), app.extensions["portal"].database.writing() as db:
            clock: MovableClock = app.extensions["portal"].clock
            token, row = open_session(db, kind, policy_of(kind), Holder(**holder), now=clock.now())  # type: ignore[arg-type]
            self.id, self.csrf_secret = row.id, row.csrf_secret
            self.client.set_cookie(cookie_name(KINDS[kind].cookie), token)
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


class Statements:
    """What was sent to the database while it listened."""

    def __init__(self) -> None:
        self.writes: list[str] = []
        self.commits = 0

    def note(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            self.writes.append(statement)

    def commit(self, _connection: object) -> None:
        self.commits += 1

    def forget(self) -> None:
        self.writes.clear()
        self.commits = 0


@pytest.fixture
def statements(database: Database) -> Iterator[Statements]:
    heard = Statements()
    event.listen(database.engine, "before_cursor_execute", heard.note)
    event.listen(database.engine, "commit", heard.commit)
    yield heard
    event.remove(database.engine, "before_cursor_execute", heard.note)
    event.remove(database.engine, "commit", heard.commit)


@pytest.fixture
def person(app: Flask) -> Callable[[str], int]:
    """Makes somebody of a role; gives the id."""

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
    """The session that was opened last, as it stands."""

    def read() -> SessionRow:
        with database.reading() as db:
            return db.scalars(select(SessionRow).order_by(SessionRow.id.desc()).limit(1)).one()

    return read
