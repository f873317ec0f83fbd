"""Threads of a customer: beginning one, replying, what is listed, and what is refused."""

from flask import Flask

from portal.db import Database
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.messages.conftest import Reply, row_of, texts, write
from tests.people import add_person


def test_new_message_begins_a_thread_that_is_ours_to_answer(ada: Citizen, database: Database) -> None:
    page = write(ada, topic="Housing", subject="Proof of my rent", text="What do you need?")
    assert page.heading == "Proof of my rent"
    assert texts(page) == ["What do you need?"]
    assert "Waiting for us" in page
    assert row_of(database, page.path).waits_for == "us"


def test_reply_of_staff_is_shown_after_half_a_minute_and_asks_for_an_answer(
    ada: Citizen, thread: str, reply: Reply, clock: MovableClock
) -> None:
    reply(thread)
    clock.advance(seconds=29)
    assert texts(ada.open(thread)) == ["What do you need?"]
    assert "Waiting for us" in ada.page
    clock.advance(seconds=1)
    assert texts(ada.open(thread)) == ["What do you need?", "A rent statement, please."]
    assert "You need to reply" in ada.page
    assert "Anna" in ada.page
    assert "Whitfield" not in ada.page


def test_what_is_saved_comes_back(ada: Citizen, thread: str) -> None:
    ada.open(thread)
    assert ada.press("Save and come back later", text="Here it is").path == "/messages"
    assert "Your reply is saved. You have not sent it yet." in ada.page
    assert ada.open(thread).value("text") == "Here it is"


def test_new_message_that_is_saved_begins_the_list_and_leads_back_to_itself(ada: Citizen) -> None:
    ada.open("/messages/new")
    page = ada.press("Save and come back later", subject="Proof of my rent", text="What do you need?")
    assert "Your message is saved. You have not sent it yet." in page
    assert ada.follow("Proof of my rent").value("text") == "What do you need?"
    ada.press("Send", topic="Housing")
    assert "Your message is saved." not in ada.open("/messages")


def test_somebody_else_finds_no_thread(app: Flask, ada: Citizen, thread: str) -> None:
    other = Citizen(app)
    other.hold("messages", person_id=add_person(app, "eve@mail.example").id)
    assert other.get(thread).status_code == 404
    assert other.get("/messages/MS-2222-2222").status_code == 404
    assert other.open("/messages").status == 200
    assert thread not in other.page.text


def test_list_from_somebody_elses_thread_on_is_that_from_no_thread_on(
    app: Flask, ada: Citizen, clock: MovableClock
) -> None:
    """Else the list would tell which references there are, and when something was written there."""
    eve = Citizen(app)
    eve.hold("messages", person_id=add_person(app, "eve@mail.example").id)
    write(eve, topic="Housing", subject="My own", text="Good morning")
    clock.advance(minutes=1)
    of_ada = write(ada, topic="Housing", subject="Proof of my rent", text="What do you need?").path
    for reference in (of_ada.rpartition("/")[2], "MS-2222-2222"):
        assert "My own" not in eve.open(f"/messages?before={reference}")
