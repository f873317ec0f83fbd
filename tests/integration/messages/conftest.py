"""A customer with an account and a sent form, staff who reply, and their threads."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.messages.definition import STAFF_SIDE
from portal.messages.models import Message, Thread
from portal.messages.operations import Author, desk_at, send_message
from portal.messages.telling import tell_customer
from portal.site_settings.queries import current_settings
from portal.tokens import new_token
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock, Prepared
from tests.loan import publish_loan, send
from tests.people import add_person, sign_in

Reply = Callable[..., Message]


@pytest.fixture
def ada(app: Flask, citizen: Citizen, prepared: Prepared) -> Citizen:
    """A citizen who is signed in and whose messages are open."""

    def walk() -> None:
        publish_loan(app)
        person = add_person(app)
        sign_in(citizen)
        citizen.hold("messages", person_id=person.id)

    prepared(walk, citizen)
    return citizen


@pytest.fixture
def thread(ada: Citizen) -> str:
    """The address of a thread that Ada has begun."""
    page = write(ada, topic="Housing", subject="Proof of my rent", text="What do you need?")
    assert page.status == 200
    return page.path


def write(citizen: Citizen, **values: Any) -> Page:
    """Write a new message and send it; return the page that follows."""
    citizen.open("/messages/new")
    return citizen.press("Send", **values)


@pytest.fixture
def reply(app: Flask) -> Reply:
    """Return a function by which a member of staff replies in a thread; the customer sees it half a minute later."""

    return partial(reply_of_staff, app)


def reply_of_staff(
    app: Flask, address: str, text: str = "A rent statement, please.", *, name: str = "Anna Whitfield"
) -> Message:
    """Reply in the thread at an address, as a member of staff."""
    parts = app.extensions["portal"]
    with app.test_request_context(), parts.database.writing() as db:
        at = desk_at(db, current_settings(db), now=parts.clock.now())
        thread = db.scalars(select(Thread).where(Thread.reference == address.rpartition("/")[2])).one()
        author = Author(side=STAFF_SIDE, holder="person:99", person_id=99, name=name)
        message = send_message(at, thread, text, author=author, key=new_token(), written_in=thread)
        tell_customer(at, thread, message)
        return message


@pytest.fixture
def case(app: Flask, ada: Citizen) -> str:
    """The reference of a form that Ada has sent."""
    return send(ada, news="yes", topic="Lathes", email="ada@mail.example")


def seen_soon(clock: MovableClock) -> None:
    """Let the half minute pass after which a customer sees a reply."""
    clock.advance(seconds=30)


def row_of(database: Database, address: str) -> Thread:
    """Return the stored thread."""
    with database.reading() as db:
        return db.scalars(select(Thread).where(Thread.reference == address.rpartition("/")[2])).one()


def texts(page: Page) -> list[str]:
    """Return the texts of the messages that a page shows."""
    return [element.text for element in page.elements if element.get("class") == "message__text"]
