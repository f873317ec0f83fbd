"""Guests without an account: the mailed link, its code, and what they may do with the one thread it opens."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.db import Database
from portal.messages.definition import STAFF_SIDE
from portal.messages.models import Message, Reading, Thread, ThreadGuest
from portal.messages.operations import Author, begin_thread, desk_at, send_message
from portal.messages.telling import tell_customer
from portal.site_settings.queries import current_settings
from portal.submissions.customers import Customer
from portal.submissions.models import Submission
from portal.tokens import new_token
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.messages.conftest import texts
from tests.loan import publish_loan, send
from tests.people import add_person, sign_in
from tests.post import letters


@pytest.fixture
def link(app: Flask, citizen: Citizen, database: Database, clock: MovableClock) -> str:
    """The mailed link to a thread that staff have begun about a guest's form."""
    publish_loan(app)
    reference = send(citizen, news="yes", topic="Lathes", email="minnie@mail.example")
    with app.test_request_context(), database.writing() as db:
        at = desk_at(db, current_settings(db), now=clock.now())
        thread = begin_thread(
            at,
            customer=Customer(name="Minnie", emails=("minnie@mail.example",)),
            person_id=None,
            submission=db.scalars(select(Submission).where(Submission.reference == reference)).one(),
            topic="",
            subject="Your form",
            language="en",
            secret="secret",
        )
        author = Author(side=STAFF_SIDE, holder="person:99", person_id=99, name="Anna Whitfield")
        message = send_message(at, thread, "Which lathe?", author=author, key=new_token(), written_in=thread)
        tell_customer(at, thread, message)
    clock.advance(seconds=30)
    return letters(app)[-1].link


@pytest.fixture
def minnie(app: Flask) -> Citizen:
    """The guest's other browser, in which nothing is open."""
    return Citizen(app)


def come_in(app: Flask, guest: Citizen, link: str) -> Page:
    guest.open(link)
    guest.press("Open messages")
    return guest.press("Continue", code=letters(app)[-1].code)


def test_link_and_code_open_the_one_thread(app: Flask, minnie: Citizen, link: str) -> None:
    assert link.startswith("/messages/open/")
    page = come_in(app, minnie, link)
    assert page.path.startswith("/messages/MS-")
    assert texts(page) == ["Which lathe?"]
    minnie.press("Send", text="The green one")
    assert texts(minnie.page) == ["Which lathe?", "The green one"]


def test_scanners_open_the_link_and_change_nothing(app: Flask, minnie: Citizen, link: str, database: Database) -> None:
    mails = len(letters(app))
    for _ in range(2):
        assert minnie.get(link).status_code == 200
        assert minnie.client.head(link).status_code == 200
    page = minnie.open(link)
    assert not {"Minnie", "lathe", "HS", "Anna"} & set(page.words.split())
    assert len(letters(app)) == mails
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Reading)) == 0
        assert db.scalar(select(func.count()).select_from(ThreadGuest)) == 0


def test_scanner_that_presses_buttons_gets_no_further_than_the_code(app: Flask, minnie: Citizen, link: str) -> None:
    scanner = Citizen(app, "203.0.113.9")
    scanner.open(link)
    scanner.press("Open messages")
    mails = len(letters(app))
    assert come_in(app, minnie, link).path.startswith("/messages/MS-")
    assert len(letters(app)) == mails, "the guest's press shares the mail of the scanner's"


def test_guest_reads_no_other_thread_and_begins_none(
    app: Flask, minnie: Citizen, link: str, database: Database
) -> None:
    come_in(app, minnie, link)
    own = minnie.page.path
    with app.test_request_context(), database.writing() as db:
        at = desk_at(db, current_settings(db), now=app.extensions["portal"].clock.now())
        other = begin_thread(
            at,
            customer=Customer(name=None, emails=("eve@mail.example",)),
            person_id=None,
            submission=None,
            topic="Housing",
            subject="Not hers",
            language="en",
            secret="secret",
        ).reference
    assert minnie.get(f"/messages/{other}").status_code == 404
    assert minnie.get("/messages/new").location.startswith("/account/sign-in")
    assert "Write a message" not in minnie.open("/messages")
    assert own in minnie.page.text


def test_wrong_codes_are_slowed_down_and_destroy_nothing(
    app: Flask, minnie: Citizen, link: str, clock: MovableClock
) -> None:
    minnie.open(link)
    minnie.press("Open messages")
    right = letters(app)[-1].code
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        assert minnie.press("Continue", code=wrong).status == 422
    page = minnie.press("Continue", code=right)
    assert page.status == 429
    assert "Wait 3 minutes" in page
    clock.advance(minutes=3)
    assert minnie.press("Continue", code=right).path.startswith("/messages/MS-")


def test_what_a_guest_wrote_waits_behind_the_next_code(
    app: Flask, minnie: Citizen, link: str, clock: MovableClock
) -> None:
    come_in(app, minnie, link)
    minnie.press("Save and come back later", text="The green")
    clock.advance(hours=2)
    other_device = Citizen(app)
    assert come_in(app, other_device, link).value("text") == "The green"


def test_message_that_a_guest_sent_too_late_waits_behind_the_next_code(
    app: Flask, minnie: Citizen, link: str, clock: MovableClock, database: Database
) -> None:
    come_in(app, minnie, link)
    clock.advance(hours=1)
    assert minnie.press("Send", text="The green one").status == 403
    page = come_in(app, minnie, link)
    assert "We kept what you typed. You have not sent it yet." in page
    assert page.value("text") == "The green one"
    minnie.press("Send")
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Message)) == 2


@pytest.mark.parametrize("has_messages", [True, False], ids=["messages open", "signed in"])
def test_somebody_else_in_this_browser_is_not_shown_and_is_signed_out(
    app: Flask, minnie: Citizen, link: str, *, has_messages: bool
) -> None:
    person = add_person(app)
    sign_in(minnie)
    if has_messages:
        minnie.hold("messages", person_id=person.id)
    page = minnie.open(link)
    assert "Someone is using this computer already." in page
    assert "ada@mail.example" not in page
    assert "The person before you has been signed out." in minnie.press("Hand over")
    assert minnie.get("/messages").status_code == 302
    assert minnie.get("/account").location == "/account/sign-in?next=%2Faccount"
    assert come_in(app, minnie, link).path.startswith("/messages/MS-")


def test_link_that_is_none_of_ours_says_nothing(minnie: Citizen) -> None:
    assert minnie.get(f"/messages/open/{'x' * 43}").status_code == 404
    assert minnie.get("/messages/code").status_code == 302


def test_thread_of_an_account_is_opened_by_no_code(database: Database, ada: Citizen, thread: str) -> None:
    with database.reading() as db:
        assert db.scalars(select(Thread.address)).all() == [None]
