"""Who has read what, what is mailed about it, and when a reply is due."""

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.audit import Actor
from portal.db import Database
from portal.messages.definition import NOT_DUE
from portal.messages.models import Message, Reading, Thread, WaitingThreads
from portal.messages.operations import desk_at, take_back, take_back_unseen
from portal.messages.queries import thread_by_reference
from portal.messages.telling import send_message_reminders, stop_mail, sweep_old_messages, sweep_unsent_messages
from portal.site_settings.operations import change_settings
from portal.site_settings.queries import current_settings
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.messages.conftest import Reply, row_of, seen_soon, texts, write
from tests.people import add_person
from tests.post import letters
from tests.threads import at_desk, stored


def readings(database: Database) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(Reading)) or 0


def about_messages(app: Flask) -> list[str]:
    return [letter.subject for letter in letters(app) if "message about" in letter.subject]


def read(citizen: Citizen, thread: str) -> int:
    """Say what the page says by itself once it is shown."""
    page = citizen.open(thread)
    form, _button = page.form_with("I have read this")
    fields = {control.name: control.value for control in form.controls}
    return citizen.post(form.action or "", fields, headers={"HX-Request": "true"}).status_code


def test_get_and_head_leave_every_reading_empty(
    ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    reply(thread)
    seen_soon(clock)
    for _ in range(2):
        ada.open(thread)
        ada.open("/messages")
        ada.client.head(thread)
        ada.get(thread, headers={"Sec-Purpose": "prefetch"})
    assert readings(database) == 0


def test_page_that_was_shown_records_the_reading_and_the_count_goes(
    ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    reply(thread)
    seen_soon(clock)
    assert "1 new" in ada.open("/messages")
    assert read(ada, thread) == 204
    assert readings(database) == 1
    assert "1 new" not in ada.open("/messages")
    assert "I have read this" not in ada.open(thread)


def test_button_records_the_reading_without_script(
    ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    reply(thread)
    seen_soon(clock)
    ada.open(thread)
    assert ada.press("I have read this").path == thread
    assert readings(database) == 1


def test_reply_that_became_visible_since_is_not_read_with_the_page(
    ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    reply(thread)
    seen_soon(clock)
    reply(thread, "The one of March will do.")
    ada.open(thread)
    ada.press("Send", text="Which month?")
    assert texts(ada.page) == ["What do you need?", "A rent statement, please.", "Which month?"]
    seen_soon(clock)
    ada.press("I have read this")
    assert readings(database) == 1
    assert "1 new" in ada.open("/messages")


def test_reading_is_no_activity(ada: Citizen, thread: str, reply: Reply, clock: MovableClock) -> None:
    reply(thread)
    clock.advance(minutes=1)
    read(ada, thread)
    clock.advance(minutes=59)
    form, _button = ada.page.form_with("I have read this")
    fields = {control.name: control.value for control in form.controls}
    assert ada.post(form.action or "", fields).status_code == 303
    clock.advance(minutes=1)
    assert ada.get(thread).status_code == 302


def test_message_that_is_not_visible_cannot_be_read(
    ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    reply(thread, "First")
    seen_soon(clock)
    reply(thread, "Second")
    ada.open(thread)
    form, _button = ada.page.form_with("I have read this")
    fields = {control.name: control.value for control in form.controls} | {"number": "99"}
    ada.post(form.action or "", fields)
    assert readings(database) == 1


def test_mail_says_that_there_is_something_and_nothing_of_it(
    app: Flask, ada: Citizen, thread: str, reply: Reply, clock: MovableClock
) -> None:
    reply(thread, "Your rent is 650.")
    assert about_messages(app) == []
    clock.advance(seconds=29)
    assert about_messages(app) == []
    clock.advance(seconds=1)
    reference = thread.rpartition("/")[2]
    assert about_messages(app) == [f"You have a new message about {reference}"]
    letter = letters(app)[-1]
    assert letter.link == thread
    assert not {"rent", "Anna", "Proof"} & set(" ".join(letter.lines).split())


def test_mail_about_a_case_names_the_case(
    app: Flask, ada: Citizen, case: str, reply: Reply, clock: MovableClock
) -> None:
    thread = write(ada, topic=f"case:{case}", subject="My form", text="When?").path
    reply(thread)
    seen_soon(clock)
    assert about_messages(app) == [f"You have a new message about {case}"]


def test_one_mail_a_thread_goes_out_in_ten_minutes(
    app: Flask, ada: Citizen, thread: str, reply: Reply, clock: MovableClock
) -> None:
    reply(thread)
    clock.advance(minutes=5)
    reply(thread, "One thing more.")
    clock.advance(minutes=20)
    assert len(about_messages(app)) == 1
    reply(thread, "And another.")
    seen_soon(clock)
    assert len(about_messages(app)) == 2


def test_mail_about_something_newer_than_what_was_read_waits_for_its_time(
    app: Flask, ada: Citizen, thread: str, reply: Reply, clock: MovableClock
) -> None:
    reply(thread)
    clock.advance(minutes=5)
    read(ada, thread)
    reply(thread, "One thing more.")
    clock.advance(minutes=5)
    assert len(about_messages(app)) == 1
    clock.advance(seconds=30)
    assert len(about_messages(app)) == 2


@pytest.mark.both_databases
def test_one_reminder_is_sent_after_three_days_unread(
    app: Flask, ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    reply(thread)
    clock.advance(days=3)
    assert remind(app, database, clock) == 0
    clock.advance(seconds=30)
    assert remind(app, database, clock) == 1
    assert remind(app, database, clock) == 0
    clock.advance(days=9)
    assert remind(app, database, clock) == 0
    assert len(about_messages(app)) == 2
    assert "You have not read our message" in " ".join(letters(app)[-1].lines)


@pytest.mark.both_databases
def test_no_reminder_is_sent_of_what_was_read(
    app: Flask, ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    reply(thread)
    seen_soon(clock)
    read(ada, thread)
    clock.advance(days=4)
    assert remind(app, database, clock) == 0


def remind(app: Flask, database: Database, clock: MovableClock) -> int:
    with app.app_context(), database.writing() as db:
        return send_message_reminders(db, now=clock.now())


def test_assignee_is_mailed_when_the_customer_writes(
    app: Flask, ada: Citizen, thread: str, database: Database, clock: MovableClock
) -> None:
    staff_id = add_person(app, "mina@mail.example", "staff").id
    with database.writing() as db:
        found = thread_by_reference(db, thread.rpartition("/")[2], locked=True)
        assert found is not None
        found.assignee_id = staff_id
    ada.open(thread)
    ada.press("Send", text="Hello?")
    told = [letter for letter in letters(app) if "customer has written" in letter.subject]
    assert [letter.to for letter in told] == ["mina@mail.example"]


def test_team_of_the_topic_is_mailed_where_nobody_is_assigned(
    app: Flask, ada: Citizen, database: Database, clock: MovableClock
) -> None:
    change(app, database, messages_topics="Housing; housing team; housing@mail.example")
    thread = write(ada, topic="Housing", subject="My rent", text="Hello").path
    assert [letter.to for letter in letters(app)] == ["housing@mail.example"]
    assert letters(app)[-1].link == thread.replace("/messages", "/hub/messages")
    assert "My rent" not in " ".join(letters(app)[-1].lines)
    assert "The housing team reads this." in ada.open(thread)


def change(app: Flask, database: Database, **settings: str) -> None:
    with app.app_context(), database.writing() as db:
        change_settings(db, settings, by=Actor(), now=app.extensions["portal"].clock.now())


def test_reply_is_due_in_working_days_from_the_first_unanswered_message(
    ada: Citizen, database: Database, clock: MovableClock, reply: Reply
) -> None:
    thread = write(ada, topic="Housing", subject="My rent", text="Hello").path  # on a Saturday
    assert row_of(database, thread).due_on == date(2026, 11, 27)
    clock.advance(days=2)
    ada.hold("messages", person_id=1)
    ada.open(thread)
    ada.press("Send", text="Hello?")
    assert row_of(database, thread).due_on == date(2026, 11, 27)
    assert waiting(database) == {date(2026, 11, 27): 1}
    reply(thread)
    assert row_of(database, thread).due_on == NOT_DUE
    assert waiting(database) == {}


def waiting(database: Database) -> dict[date, int]:
    with database.reading() as db:
        return {row.due_on: row.number for row in db.scalars(select(WaitingThreads).order_by(WaitingThreads.due_on))}


@pytest.mark.both_databases
def test_reply_taken_back_within_half_a_minute_is_a_draft_again_and_mails_nobody(
    app: Flask, ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    message = reply(thread)
    clock.advance(seconds=29)
    with app.test_request_context(), database.writing() as db:
        at = desk_at(db, current_settings(db), now=clock.now())
        found = thread_by_reference(db, thread.rpartition("/")[2], locked=True)
        assert found is not None
        stored = db.get_one(Message, message.id)
        stop_mail(at, found, stored)
        take_back_unseen(at, found, stored, "person:99")
    clock.advance(minutes=1)
    assert about_messages(app) == []
    assert texts(ada.open(thread)) == ["What do you need?"]
    assert "Waiting for us" in ada.page
    assert waiting(database) == {date(2026, 11, 27): 1}


def take_back_at_once(app: Flask, thread: str, message: Message) -> None:
    with at_desk(app) as at:
        found, unseen = stored(at, thread.rpartition("/")[2]), at.db.get_one(Message, message.id)
        stop_mail(at, found, unseen)
        take_back_unseen(at, found, unseen, "person:99")


def test_second_reply_is_mailed_where_the_first_is_taken_back(
    app: Flask, thread: str, reply: Reply, clock: MovableClock
) -> None:
    first = reply(thread)
    clock.advance(seconds=10)
    reply(thread, "I mean of March.")
    clock.advance(seconds=10)
    take_back_at_once(app, thread, first)
    assert len(about_messages(app)) == 0
    clock.advance(seconds=20)
    assert len(about_messages(app)) == 1


def test_mail_about_something_newer_is_stopped_with_its_message(
    app: Flask, ada: Citizen, thread: str, reply: Reply, clock: MovableClock
) -> None:
    reply(thread)
    seen_soon(clock)
    assert len(about_messages(app)) == 1
    read(ada, thread)
    clock.advance(minutes=2)
    take_back_at_once(app, thread, reply(thread))
    clock.advance(minutes=10)
    assert len(about_messages(app)) == 1


@pytest.mark.both_databases
def test_message_taken_back_later_shows_the_reason_in_its_place(
    app: Flask, ada: Citizen, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    message = reply(thread, "Your rent is 650.")
    clock.advance(hours=1)
    with app.test_request_context(), database.writing() as db:
        found = thread_by_reference(db, thread.rpartition("/")[2], locked=True)
        assert found is not None
        at = desk_at(db, current_settings(db), now=clock.now())
        take_back(at, found, db.get_one(Message, message.id), "it named the wrong month.")
    ada.hold("messages", person_id=1)
    page = ada.open(thread)
    assert texts(page) == ["What do you need?"]
    assert "Taken back on 21 November 2026 because it named the wrong month." in page
    assert "Your rent is" not in page.text
    with database.reading() as db:
        assert db.get_one(Message, message.id).sealed


def test_no_reminder_is_sent_of_what_was_taken_back(
    app: Flask, thread: str, reply: Reply, clock: MovableClock, database: Database
) -> None:
    first, second = reply(thread), reply(thread)
    clock.advance(hours=1)
    for message, is_reminded in ((first, True), (second, False)):
        with at_desk(app) as at:
            take_back(at, stored(at, thread.rpartition("/")[2]), at.db.get_one(Message, message.id), "it was wrong.")
        assert (row_of(database, thread).remind_at is not None) is is_reminded


@pytest.mark.both_databases
def test_thread_without_a_case_is_deleted_after_its_time_and_one_with_a_case_stays(
    app: Flask, ada: Citizen, case: str, database: Database, clock: MovableClock
) -> None:
    write(ada, topic="Housing", subject="My rent", text="Hello")
    kept = write(ada, topic=f"case:{case}", subject="My form", text="When?").path
    clock.advance(days=366)
    with app.app_context(), database.writing() as db:
        assert sweep_old_messages(db, now=clock.now()) == 1
    with database.reading() as db:
        assert [f"/messages/{reference}" for reference in db.scalars(select(Thread.reference))] == [kept]
    assert sum(waiting(database).values()) == 1


@pytest.mark.both_databases
def test_message_that_was_never_sent_is_deleted_after_its_time(
    app: Flask, ada: Citizen, database: Database, clock: MovableClock
) -> None:
    ada.open("/messages/new")
    ada.press("Save and come back later", topic="Housing", subject="My rent", text="Hello")
    with app.app_context(), database.writing() as db:
        clock.advance(days=365)
        assert sweep_unsent_messages(db, now=clock.now()) == 0
        clock.advance(days=1)
        assert sweep_unsent_messages(db, now=clock.now()) == 1
