"""Staff of the hub, cases in number, and what the database was asked."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from portal.audit import AuditEvent
from portal.db import Database
from portal.drafts.models import Draft
from portal.submissions.customers import Customer, keys_of, seal_customer
from portal.submissions.models import Case, Submission
from portal.submissions.sealing import seal_answers, sent_answers
from tests.citizen import Citizen
from tests.loan import publish_loan, send
from tests.people import add_person, sign_in

Copy = Callable[..., list[str]]


@pytest.fixture
def reference(app: Flask, citizen: Citizen) -> str:
    publish_loan(app)
    return send(citizen, news="yes", topic="Lathes", email="minnie@mail.example")


def staff_browser(app: Flask, email: str = "mina@mail.example", role: str = "staff") -> Citizen:
    add_person(app, email, role)
    browser = Citizen(app)
    sign_in(browser, email)
    return browser


@pytest.fixture
def staff(app: Flask) -> Citizen:
    browser = staff_browser(app)
    assert browser.page.path == "/hub"
    return browser


@pytest.fixture
def colleague(app: Flask) -> Citizen:
    return staff_browser(app, "farrow@mail.example")


@pytest.fixture
def deeds(database: Database) -> Callable[[str], list[str | None]]:
    """The subjects of what was written down of one action."""

    def read(action: str) -> list[str | None]:
        with database.reading() as db:
            found = select(AuditEvent.subject).where(AuditEvent.action == action).order_by(AuditEvent.id)
            return list(db.scalars(found))

    return read


@pytest.fixture
def copy_case(app: Flask, reference: str) -> Copy:
    """Cases beside the first one, each sent a second after the one before; gives their references."""

    def copy(copies: int, *, prefix: str = "TL-0000", **values: object) -> list[str]:
        parts = app.extensions["portal"]
        keyring, secret = parts.configuration.keyring, parts.configuration.secret_key
        names = [f"{prefix}-{number:04}" for number in range(copies)]
        with parts.database.writing() as db:
            first = db.scalars(select(Submission).where(Submission.reference == reference)).one()
            old, answers = db.get_one(Draft, first.draft_id), sent_answers(keyring, first)
            for number, name in enumerate(names):
                draft = Draft(
                    reference=name,
                    version=old.version,
                    started_at=old.started_at,
                    changed_at=old.changed_at,
                    expires_at=old.expires_at,
                )
                db.add(draft)
                db.flush()
                later = first.sent_at + timedelta(seconds=number + 1)
                customer = Customer(name=f"Copy Number{number:04}", emails=(f"copy{number}@mail.example",))
                chosen = {"form_id": "tool_loan", "status": "new", "sent_at": later, "status_at": later, **values}
                submission = Submission(
                    reference=name,
                    draft_id=draft.id,
                    idempotency_key=name,
                    version=old.version,
                    sealed=seal_answers(keyring, name, answers),
                    sent_at=later,
                    case=Case(**chosen, customer=seal_customer(keyring, name, customer)),
                )
                db.add(submission)
                db.flush()
                db.add_all(keys_of(customer, secret=secret, submission_id=submission.id))
        return names

    return copy


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """What the database is asked from here on, without what begins and ends transactions."""
    heard: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE")):
            heard.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield heard
    event.remove(database.engine, "before_cursor_execute", note)
