"""People with accounts, and browsers that fill in the forms they are served, hidden inputs included."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_string
from email.message import Message
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.accounts.models import MailedToken, Person
from portal.accounts.operations import create_account
from portal.accounts.rules import parse_email_address
from portal.accounts.signed_in import current_person, viewer
from portal.audit import Actor, AuditEvent
from portal.db import Database
from portal.keyring import Keyring
from portal.outbox.definition import mail_of
from portal.outbox.models import Delivery
from portal.outbox.operations import SUBJECT
from portal.sessions.browser_sessions import browser
from portal.sessions.models import SessionRow
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, now
from tests.applications import Equipment
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.html import elements
from tests.people import PASSWORD, password_hash

HEADER_FORMS = ("/account/sign-out", "/messages/unlock", "/session/")
DOORS = {
    "customer": Access.PERSON,
    "staff": Access.STAFF,
    "administrator": Access.ADMINISTRATOR,
    "draft": Access.DRAFT_OWNER,
    "messages": Access.MESSAGES,
}


@pytest.fixture
def equipment() -> Equipment:
    return add_doors


def add_doors(app: Flask) -> None:
    """Add a page for each role to open, and forms of the guest called `began`."""
    for name, door in DOORS.items():
        app.add_url_rule(f"/probe/{name}", f"probe.{name}", _page(door), methods=["GET", "POST"])
    app.add_url_rule("/probe/viewer", "probe.viewer", _page(Access.PUBLIC, lambda: repr(viewer())))
    app.add_url_rule("/probe/person", "probe.person", _page(Access.PUBLIC, lambda: repr(current_person())))
    app.add_url_rule("/probe/token", "probe.token", _page(Access.ANY_KIND, lambda: browser().token()))
    app.add_url_rule("/probe/tokens", "probe.tokens", _page(Access.MESSAGES, _both_tokens))
    parts = app.extensions["portal"]
    parts.hooks = replace(
        parts.hooks,
        guest_has_drafts=lambda _db, guest_id: guest_id == "began",
        claim_drafts=_claim_drafts,
        kept_work=lambda *_found: None,
    )


def _page(door: Access, show: Callable[[], str] = lambda: "through") -> Callable[[], str]:
    @access(door)
    @activity(Activity.NAVIGATE)
    def page() -> str:
        return show()

    return page


def _both_tokens() -> str:
    return f"{browser().token('customer')} {browser().token()}"


def _claim_drafts(session: Any, guest_id: str, person_id: int) -> None:
    """Record, in the request's own transaction, who claimed what."""
    assert session is db()
    session.add(AuditEvent(at=now(), action="claimed", person_id=person_id, subject=guest_id, details={}))


def served_form(page: TestResponse, of: str = "") -> tuple[str | None, dict[str, str]]:
    """Return action and hidden inputs of the page's own form, or of the one whose action begins with `of`."""
    found = elements(page.text)
    for form in (element for element in found if element.tag == "form"):
        action = form.get("action")
        if action.startswith(of) if of else not action.startswith(HEADER_FORMS):
            hidden = [each for each in found if each.inside("form") is form and each.get("type") == "hidden"]
            return form.attributes.get("action"), {each.get("name"): each.get("value") for each in hidden}
    raise AssertionError("no form on the page")


class Browser(Citizen):
    """A browser that opens the pages of each role."""

    def __init__(self, app: Flask, address: str = "192.0.2.1") -> None:
        super().__init__(app, address)

    def fill_in(self, path: str, **fields: Any) -> TestResponse:
        """Open a page and send its form."""
        action, hidden = served_form(self.get(path))
        return self.post(action or path, hidden | fields)

    def sign_in(self, email: str, password: str = PASSWORD, next: str | None = None) -> TestResponse:
        query = f"?next={next}" if next else ""
        return self.fill_in(f"/account/sign-in{query}", email=email, password=password)

    def sign_out(self, kind: str = "customer") -> TestResponse:
        token = self.get(f"/probe/token?kind={kind}").text
        return self.post(f"/account/sign-out?kind={kind}", {"csrf_token": token})

    def cookie(self, kind: str = "customer") -> str | None:
        found = self.client.get_cookie(f"session_{kind}")
        return found.value if found else None

    def begin_as_guest(self, guest_id: str = "began") -> int:
        """Open a guest's session, as Start now does."""
        return self.hold("customer", guest_id=guest_id).id


@pytest.fixture
def visitor(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def another_visitor(app: Flask) -> Browser:
    return Browser(app, "198.51.100.7")


@pytest.fixture
def make_person(database: Database, clock: MovableClock, app: Flask) -> Callable[..., Person]:
    """Return a function that adds a person whose password is `PASSWORD`."""

    def make(email: str = "ada@example.test", role: str = "citizen", **values: Any) -> Person:
        with database.writing() as db:
            person = create_account(
                db, parse_email_address(email), role, password_hash=password_hash(), by=Actor(), now=clock.now()
            )
            for name, value in values.items():
                setattr(person, name, value)
        return person

    return make


@pytest.fixture
def citizen(make_person: Callable[..., Person]) -> Person:
    return make_person()


@pytest.fixture
def staff(make_person: Callable[..., Person]) -> Person:
    return make_person("mina@example.test", "staff", name="Mina Harker")


class Mailbox:
    """The mails in the outbox, oldest first."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database, self._keyring = database, keyring

    def __iter__(self) -> Iterator[Message]:
        with self._database.reading() as db:
            rows = db.scalars(select(Delivery).order_by(Delivery.id)).all()
        for row in rows:
            sealed = row.payload or b""
            yield message_from_string(mail_of(self._keyring.open(sealed, subject=SUBJECT, place=row.public_id)).content)

    @property
    def subjects(self) -> list[tuple[str, str]]:
        return [(str(mail["To"]), str(mail["Subject"])) for mail in self]

    @property
    def last_link(self) -> str:
        """Return the path of the link in the newest mail, which has a line of its own."""
        *_older, mail = self
        (text,) = (part for part in mail.walk() if part.get_content_type() == "text/plain")
        payload = text.get_payload(decode=True)
        assert isinstance(payload, bytes)
        (link,) = (line for line in payload.decode().splitlines() if line.startswith("http://127.0.0.1:8000/"))
        return link.removeprefix("http://127.0.0.1:8000")


@pytest.fixture
def mailbox(database: Database, app: Flask) -> Mailbox:
    return Mailbox(database, app.extensions["portal"].configuration.keyring)


class Records:
    """What the database holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _all(self, model: Any) -> list[Any]:
        with self._database.reading() as db:
            return list(db.scalars(select(model).order_by(model.id)))

    @property
    def sessions(self) -> list[SessionRow]:
        return self._all(SessionRow)

    @property
    def people(self) -> list[Person]:
        return self._all(Person)

    @property
    def tokens(self) -> list[MailedToken]:
        return self._all(MailedToken)

    def events(self, action: str) -> list[AuditEvent]:
        return [event for event in self._all(AuditEvent) if event.action == action]


@pytest.fixture
def records(database: Database) -> Records:
    return Records(database)
