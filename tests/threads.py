"""Threads of secure messages as customers and staff leave them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask

from portal.accounts.models import Person
from portal.messages.definition import CUSTOMER_SIDE, STAFF_SIDE
from portal.messages.guests import _issue_code
from portal.messages.models import Message, Thread
from portal.messages.operations import Author, Desk, add_note, begin_thread, desk_at, grant, issue_link, send_message
from portal.messages.queries import thread_by_reference
from portal.messages.telling import tell_customer
from portal.site_settings.queries import current_settings
from portal.submissions.customers import Customer
from portal.tokens import new_token


@contextmanager
def at_desk(app: Flask) -> Iterator[Desk]:
    """A transaction that may change threads and mail somebody."""
    parts = app.extensions["portal"]
    with app.test_request_context(), parts.database.writing() as db:
        yield desk_at(db, current_settings(db), now=parts.clock.now())


def begin(
    app: Flask, person: Person | None = None, *, email: str = "zoe@mail.example", text: str = "Here is my rent."
) -> str:
    """Begin a thread by a message of its customer, a person or the guest of an address; return its reference."""
    with at_desk(app) as desk:
        thread = begin_thread(
            desk,
            customer=Customer(name="Zoë Łukasz", emails=(person.email if person else email,)),
            person_id=person.id if person else None,
            submission=None,
            topic="Housing",
            subject="Proof of my rent",
            language="en",
            secret=app.extensions["portal"].configuration.secret_key,
        )
        holder = f"person:{person.id}" if person else f"guest:{grant(desk, thread)}"
        author = Author(side=CUSTOMER_SIDE, holder=holder, person_id=person.id if person else None)
        send_message(desk, thread, text, author=author, key=new_token(), written_in=thread)
        return thread.reference


def reply(app: Flask, reference: str, text: str = "A rent statement, please.", *, is_visible: bool = False) -> Message:
    """Reply as a member of staff; the customer sees it half a minute later, or at once where it `is_visible`."""
    with at_desk(app) as desk:
        thread = stored(desk, reference)
        author = Author(side=STAFF_SIDE, holder="person:99", person_id=99, name="Anna Whitfield")
        message = send_message(desk, thread, text, author=author, key=new_token(), written_in=thread)
        tell_customer(desk, thread, message)
        if is_visible:
            message.visible_at = thread.changed_at = desk.now
        return message


def note(app: Flask, reference: str, text: str) -> None:
    """Write a note of staff about a thread."""
    with at_desk(app) as desk:
        author = Author(side=STAFF_SIDE, holder="person:99", person_id=99, name="Anna Whitfield")
        assert add_note(desk, stored(desk, reference), text, key=new_token(), author=author)


def stored(desk: Desk, reference: str) -> Thread:
    """Return a thread, locked."""
    thread = thread_by_reference(desk.db, reference, locked=True)
    assert thread is not None
    return thread


def link_to(app: Flask, reference: str) -> str:
    """Return the token of a mailed link to a guest's thread."""
    with at_desk(app) as desk:
        return issue_link(desk, stored(desk, reference))


def guest_of(app: Flask, reference: str) -> str:
    """Return the number of the guest of a thread."""
    with at_desk(app) as desk:
        return grant(desk, stored(desk, reference))


@dataclass(frozen=True, kw_only=True)
class Code:
    """A mailed code: what the browser has, and what the guest types."""

    cookie: str
    digits: str


def code_for(app: Flask, reference: str) -> Code:
    """Return a new code for a guest's thread."""
    with at_desk(app) as desk:
        cookie, digits = _issue_code(desk, stored(desk, reference), may_share=False)
        assert digits is not None
        return Code(cookie=cookie, digits=digits)
