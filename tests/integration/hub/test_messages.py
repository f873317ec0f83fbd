"""The page of a thread in the hub: who has seen what, taking back, assigning, closing, and what is confidential."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.messages.definition import NOBODY, US, YOU
from portal.messages.operations import note_read
from portal.messages.queries import message_of, thread_by_reference
from portal.messages.sealing import text_of
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.hub.conftest import Threads
from tests.people import PASSWORD, sign_in

Audited = Callable[[str], list[str | None]]


@pytest.fixture
def thread(threads: Threads) -> str:
    return threads.begin()


@pytest.fixture
def address(thread: str) -> str:
    return f"/hub/messages/{thread}"


def read_by_customer(threads: Threads, reference: str, up_to: int) -> None:
    with threads.writing() as desk:
        thread = thread_by_reference(desk.db, reference, locked=True)
        note_read(desk, thread, "guest:zoe", of_side="staff", up_to=up_to)


def mine(page: Page) -> str:
    """Return the value of the option “You”."""
    return re.findall(r'<option value="(\d+)"[^>]*>You<', page.text)[0]


def test_thread_shows_its_messages_and_the_case(
    staff: Citizen, threads: Threads, reference: str, audited: Audited
) -> None:
    thread = threads.begin("Proof of your rent", case=reference)
    page = staff.open(f"/hub/messages/{thread}")
    assert page.heading == "Proof of your rent"
    for words in (
        "Waiting for us",
        f"Wilhelmina Quartermaine · {thread} · Reply by 27 Nov",
        "Here is my rent statement.",
        "Borrow a tool",
        "21 November 2026 at 14:02",
    ):
        assert words in page
    assert page.links["Open the case"] == f"/hub/cases/{reference}"
    assert page.links["Messages"] == "/hub/messages"
    assert audited("thread_viewed") == [thread]


def test_seen_lines_of_both_sides(
    staff: Citizen, threads: Threads, thread: str, address: str, mina: Person, clock: MovableClock
) -> None:
    threads.reply(thread, "Thank you.", by=mina)
    assert "The customer cannot see it yet" in staff.open(address)
    clock.advance(seconds=30)
    assert "The customer cannot see it yet" not in staff.open(address)
    assert "Not seen yet" in staff.page
    clock.advance(minutes=3)
    read_by_customer(threads, thread, 2)
    assert "Seen today at 14:05" in staff.open(address)
    clock.advance(days=1)
    sign_in(staff, "mina@mail.example")
    assert "Seen on 21 November 2026 at 14:05" in staff.open(address)


def test_reading_is_recorded_by_the_page_and_never_by_opening_it(
    staff: Citizen, threads: Threads, thread: str, address: str
) -> None:
    for _ in range(2):
        staff.open(address)
        staff.client.head(address)
    assert threads.messages(thread)[0].read_at is None
    assert 'hx-trigger="intersect once"' in staff.page.text
    page = staff.press("I have read this")
    assert page.path == address
    assert "Seen today at 14:02" in page
    assert "I have read this" not in page
    assert threads.messages(thread)[0].read_at is not None


def test_reading_by_script_answers_with_nothing(staff: Citizen, address: str) -> None:
    token = staff.open(address).value("csrf_token") or ""
    fields = {"csrf_token": token, "number": "1"}
    assert staff.post(f"{address}/read", fields, headers={"HX-Request": "true"}).status_code == 204


@pytest.mark.both_databases
def test_reading_up_to_a_number_that_no_message_has_reads_those_there_are(
    staff: Citizen, threads: Threads, thread: str, address: str
) -> None:
    token = staff.open(address).value("csrf_token") or ""
    assert staff.post(f"{address}/read", {"csrf_token": token, "number": "9" * 18}).status_code == 303
    assert threads.messages(thread)[0].read_at is not None


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 30])
def test_reading_up_to_no_number_is_a_bad_request(staff: Citizen, address: str, number: str) -> None:
    token = staff.open(address).value("csrf_token") or ""
    assert staff.post(f"{address}/read", {"csrf_token": token, "number": number}).status_code == 400


def test_unseen_reply_goes_back_to_the_draft(
    staff: Citizen, threads: Threads, thread: str, address: str, mina: Person, clock: MovableClock, audited: Audited
) -> None:
    threads.reply(thread, "Thank you, Zoë.", by=mina)
    clock.advance(seconds=29)
    staff.open(address)
    page = staff.press("Take back")
    assert page.path == address
    assert [each.message.number for each in threads.messages(thread)] == [1]
    assert threads.of(thread).waits_for == US
    assert audited("message_taken_back_unseen") == [thread]


def test_page_sent_twice_takes_back_once(
    staff: Citizen, threads: Threads, thread: str, address: str, mina: Person
) -> None:
    threads.reply(thread, "Thank you, Zoë.", by=mina)
    staff.open(address)
    for _ in range(2):
        assert staff.send("Take back").status_code == 303
    assert len(threads.messages(thread)) == 1


def test_visible_reply_is_taken_back_with_a_reason_in_its_place(
    staff: Citizen, threads: Threads, thread: str, address: str, mina: Person, clock: MovableClock, audited: Audited
) -> None:
    threads.reply(thread, "See you in Octember.", by=mina)
    clock.advance(seconds=30)
    staff.open(address)
    page = staff.press("Take back", reason="it named the wrong month.")
    assert "Taken back on 21 November 2026 because it named the wrong month." in page
    assert "Octember" not in page.text
    assert "Take back" not in page
    assert audited("message_taken_back") == [thread]
    assert threads.of(thread).waits_for == US
    with threads.writing() as desk:
        stored = thread_by_reference(desk.db, thread)
        assert text_of(desk.keyring, stored, message_of(desk.db, stored, 2)) == "See you in Octember."


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 501], ids=["nothing", "blanks", "too long"])
def test_taking_back_needs_a_reason_that_fits(
    staff: Citizen, threads: Threads, thread: str, address: str, mina: Person, clock: MovableClock, reason: str
) -> None:
    threads.reply(thread, "Thank you.", by=mina)
    clock.advance(seconds=30)
    staff.open(address)
    page = staff.press("Take back", reason=reason)
    assert page.status == 422
    assert page.title.startswith("Error:")
    assert page.value("reason") == reason.strip()
    assert 'href="#reason-2"' in page.text
    assert "Thank you." in staff.open(address)


def test_page_from_within_the_30_seconds_asks_for_the_reason_later(
    staff: Citizen, threads: Threads, thread: str, address: str, mina: Person, clock: MovableClock
) -> None:
    threads.reply(thread, "Thank you.", by=mina)
    staff.open(address)
    clock.advance(seconds=30)
    page = staff.press("Take back")
    assert page.status == 422
    assert "Taken back on 21 November 2026 because wrong thread" in staff.press("Take back", reason="wrong thread")


@pytest.mark.both_databases
def test_customers_messages_cannot_be_taken_back(staff: Citizen, address: str) -> None:
    page = staff.open(address)
    assert "Take back" not in page
    token = page.value("csrf_token") or ""
    for number in ("1", "7", "0", "9" * 18, "9" * 30, "x", ""):
        fields = {"csrf_token": token, "_action": "take_back", "number": number, "reason": "x", "_end": "1"}
        assert staff.post(address, fields).status_code == 404


def test_assigning_shows_who_has_the_thread_and_touches_no_draft(
    staff: Citizen, colleague: Citizen, threads: Threads, thread: str, address: str, mina: Person, audited: Audited
) -> None:
    threads.type(thread, "Dear Zoë", by=mina)
    before = threads.of(thread).last_number
    page = staff.open(address)
    assert staff.press("Assign", assignee=mine(page)).value("assignee") == str(mina.id)
    assert threads.of(thread).assignee_id == mina.id
    assert "mina@mail.example has been writing since 14:02." in colleague.open(address)
    assert threads.of(thread).last_number == before
    assert audited("thread_assigned") == [thread]
    assert "You" in staff.open("/hub/messages")


def test_second_assignment_overwrites_nothing_unseen(
    staff: Citizen, colleague: Citizen, threads: Threads, thread: str, address: str
) -> None:
    me, other = mine(staff.open(address)), mine(colleague.open(address))
    colleague.press("Assign", assignee=other)
    page = staff.press("Assign", assignee=me)
    assert page.status == 409
    assert "A colleague assigned this thread to somebody else after you opened this page." in page
    assert page.value("assignee") == me
    assert staff.press("Assign").status == 200
    assert threads.of(thread).assignee_id == int(me)


@pytest.mark.parametrize("assignee", ["999", "x", "-1"])
def test_unknown_assignee_is_refused(staff: Citizen, address: str, assignee: str) -> None:
    staff.open(address)
    page = staff.press("Assign", assignee=assignee)
    assert page.status == 422
    assert "Choose from the list" in page


def test_closing_waits_for_nobody_and_keeps_the_messages(
    staff: Citizen, threads: Threads, thread: str, address: str, audited: Audited
) -> None:
    staff.open(address)
    page = staff.press("Close thread")
    assert "This thread is closed. Nobody can write in it." in page
    assert "Here is my rent statement." in page
    assert "Closed" in page
    assert "Close thread" not in page
    stored = threads.of(thread)
    assert (stored.waits_for, stored.closed_at is not None) == (NOBODY, True)
    assert audited("thread_closed") == [thread]


@pytest.mark.parametrize("button", ["Close thread", "Make confidential", "Assign"])
def test_page_with_an_old_token_changes_nothing(
    staff: Citizen, threads: Threads, thread: str, address: str, button: str
) -> None:
    page = staff.open(address)
    values = {"assignee": mine(page)} if button == "Assign" else {}
    page = staff.press(button, csrf_token="old", **values)
    assert page.status == 409
    assert "This page was out of date. Nothing was changed." in page
    stored = threads.of(thread)
    assert (stored.closed_at, stored.is_confidential, stored.assignee_id) == (None, False, None)
    assert staff.press(button).status == 200


@pytest.mark.parametrize("fields", [{}, {"_action": "delete"}, {"other": "x"}])
def test_form_that_no_page_sends_is_a_bad_request(staff: Citizen, address: str, fields: dict[str, str]) -> None:
    token = staff.open(address).value("csrf_token") or ""
    assert staff.post(address, {"csrf_token": token, **fields, "_end": "1"}).status_code == 400


def test_form_that_was_cut_short_is_a_bad_request(staff: Citizen, address: str) -> None:
    token = staff.open(address).value("csrf_token") or ""
    assert staff.post(address, {"csrf_token": token, "_action": "close"}).status_code == 400


@pytest.mark.parametrize("path", ["/hub/messages/MS-2222-2222", "/hub/messages/%00", "/hub/messages/" + "x" * 300])
def test_unknown_thread_is_not_found(staff: Citizen, path: str) -> None:
    assert staff.open(path).status == 404
    assert staff.open(f"{path}/files/abc").status == 404


def test_confidential_thread_asks_for_the_password_once_in_15_minutes(
    staff: Citizen, threads: Threads, thread: str, address: str, clock: MovableClock, audited: Audited
) -> None:
    staff.open(address)
    assert "Confidential" in staff.press("Make confidential")
    assert audited("thread_made_confidential") == [thread]
    opened = len(audited("confidential_thread_opened"))
    assert opened == 1
    clock.advance(minutes=15)
    page = staff.open(address)
    assert page.path == "/account/again"
    assert "statement" not in page.text
    page = staff.press("Continue", password=PASSWORD)
    assert page.path == address
    assert "Here is my rent statement." in page
    clock.advance(minutes=14)
    assert staff.open(address).path == address
    assert audited("confidential_thread_opened") == [thread] * 3
    staff.press("No longer confidential")
    clock.advance(minutes=15)
    assert staff.open(address).path == address


@pytest.mark.parametrize("page", ["", "/notes", "/files/abc"])
def test_every_page_of_a_confidential_thread_asks_first(
    staff: Citizen, threads: Threads, thread: str, address: str, clock: MovableClock, page: str
) -> None:
    threads.change(thread, is_confidential=True)
    clock.advance(minutes=15)
    answer = staff.get(f"{address}{page}")
    assert answer.status_code == 302
    assert answer.location.startswith("/account/again?")


@pytest.mark.parametrize("action", ["assign", "close", "public", "take_back"])
def test_no_change_of_a_confidential_thread_goes_through_without_the_password(
    staff: Citizen, threads: Threads, thread: str, address: str, clock: MovableClock, action: str
) -> None:
    threads.change(thread, is_confidential=True)
    token = staff.open(address).value("csrf_token") or ""
    clock.advance(minutes=15)
    answer = staff.post(address, {"csrf_token": token, "_action": action, "assignee": "", "_end": "1"})
    assert answer.status_code == 303
    assert answer.location.startswith("/account/again?")
    stored = threads.of(thread)
    assert (stored.closed_at, stored.is_confidential) == (None, True)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["button", "script"])
def test_confidential_thread_is_not_read_without_the_password(
    staff: Citizen, threads: Threads, thread: str, address: str, clock: MovableClock, headers: dict[str, str]
) -> None:
    threads.change(thread, is_confidential=True)
    token = staff.open(address).value("csrf_token") or ""
    clock.advance(minutes=15)
    answer = staff.post(f"{address}/read", {"csrf_token": token, "number": "1"}, headers=headers)
    assert answer.location.startswith("/account/again?")
    assert threads.messages(thread)[0].read_at is None


def test_reason_outlives_the_question_for_the_password(
    staff: Citizen, threads: Threads, thread: str, address: str, mina: Person, clock: MovableClock
) -> None:
    threads.reply(thread, "Thank you.", by=mina)
    threads.change(thread, is_confidential=True)
    clock.advance(minutes=1)
    staff.open(address)
    clock.advance(minutes=15)
    assert staff.press("Take back", reason="it was meant for somebody else").path == "/account/again"
    page = staff.press("Continue", password=PASSWORD)
    assert page.path == address
    assert page.value("reason") == "it was meant for somebody else"
    assert "Taken back on 21 November 2026 because it was meant for somebody else" in staff.press("Take back")
    assert "You have not sent this reason yet" not in staff.open(address)


def test_answered_thread_waits_for_the_customer(
    app: Flask, staff: Citizen, threads: Threads, thread: str, address: str, mina: Person
) -> None:
    threads.reply(thread, "Thank you.", by=mina)
    page = staff.open(address)
    assert threads.of(thread).waits_for == YOU
    assert "Waiting for the customer" in page
    assert "Reply by" not in page
