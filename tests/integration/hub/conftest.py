"""Staff of the hub, many cases, and the statements sent to the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.accounts.queries import person_by_key
from portal.audit import AuditEvent
from portal.db import Database
from portal.drafts.rules import Seen
from portal.messages.definition import CUSTOMER_SIDE, STAFF_SIDE
from portal.messages.models import Thread
from portal.messages.operations import Author, Desk, begin_thread, locked_draft, save_draft, send_message
from portal.messages.queries import ReadMessage, messages_of, thread_by_reference
from portal.messages.sealing import Written
from portal.submissions.customers import Customer
from portal.submissions.models import Submission
from portal.tokens import new_token
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


@dataclass(frozen=True)
class Threads:
    """Threads of messages as customers and staff leave them."""

    app: Flask

    def desk(self, db: Session) -> Desk:
        parts = self.app.extensions["portal"]
        keyring, zone = parts.configuration.keyring, ZoneInfo("Europe/London")
        return Desk(db=db, database=parts.database, keyring=keyring, now=parts.clock.now(), zone=zone, reply_days=5)

    @contextmanager
    def writing(self) -> Iterator[Desk]:
        with self.app.extensions["portal"].database.writing() as db:
            yield self.desk(db)

    def begin(
        self,
        subject: str = "Proof of your rent",
        *,
        case: str | None = None,
        person: Person | None = None,
        name: str = "Zoë Łukasz",
        topic: str = "Housing",
        text: str = "Here is my rent statement.",
    ) -> str:
        """Begin a thread by a message of the customer; return its reference."""
        with self.writing() as desk:
            submission = desk.db.scalars(select(Submission).where(Submission.reference == case)).one_or_none()
            thread = begin_thread(
                desk,
                customer=Customer(name=name, emails=(person.email if person else "minnie@mail.example",)),
                person_id=person.id if person else None,
                submission=submission,
                topic=topic,
                subject=subject,
                language="en",
                secret=self.app.extensions["portal"].configuration.secret_key,
            )
            self._send(desk, thread, text)
            return thread.reference

    def write(self, reference: str, text: str) -> None:
        """Send another message of the customer."""
        with self.writing() as desk:
            thread = thread_by_reference(desk.db, reference, locked=True)
            assert thread
            self._send(desk, thread, text)

    def reply(self, reference: str, text: str, *, by: Person, key: str = "") -> None:
        """Send a reply of a member of staff."""
        author = Author(side=STAFF_SIDE, holder=f"person:{by.id}", person_id=by.id, name=by.shown_name)
        with self.writing() as desk:
            thread = thread_by_reference(desk.db, reference, locked=True)
            assert thread
            send_message(desk, thread, text, author=author, key=key or new_token(), written_in=thread)

    def type(self, reference: str, text: str, *, by: Person) -> None:
        """Keep what a member of staff is writing."""
        with self.writing() as desk:
            thread = thread_by_reference(desk.db, reference, locked=True)
            draft = locked_draft(desk, thread, f"person:{by.id}")
            seen = Seen(page_id="p", sequence=draft.sequence + 1, revision=draft.revision)
            save_draft(desk, thread, draft, Written(text=text), seen)

    def change(self, reference: str, **values: object) -> None:
        """Set columns of a thread."""
        with self.writing() as desk:
            thread = thread_by_reference(desk.db, reference, locked=True)
            for name, value in values.items():
                setattr(thread, name, value)

    def of(self, reference: str) -> Thread:
        """Return a thread as it is stored."""
        with self.app.extensions["portal"].database.reading() as db:
            return thread_by_reference(db, reference)

    def messages(self, reference: str) -> list[ReadMessage]:
        """Return the messages of a thread as they are stored."""
        with self.app.extensions["portal"].database.reading() as db:
            return messages_of(db, thread_by_reference(db, reference))

    @staticmethod
    def _send(desk: Desk, thread: Thread, text: str) -> None:
        author = Author(side=CUSTOMER_SIDE, holder=f"person:{thread.person_id}", person_id=thread.person_id)
        send_message(desk, thread, text, author=author, key=new_token())


@pytest.fixture
def threads(app: Flask) -> Threads:
    return Threads(app)


@pytest.fixture
def mina(app: Flask, staff: Citizen) -> Person:
    """Return the member of staff of the browser `staff`."""
    with app.extensions["portal"].database.reading() as db:
        return person_by_key(db, "mina@mail.example")
