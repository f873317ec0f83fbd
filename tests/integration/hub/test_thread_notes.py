"""Notes of staff about a thread: on a page of their own, never where the customer or a reply is."""

from collections.abc import Callable

import pytest
from flask import Flask

from portal.db import Database
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.hub.conftest import Threads
from tests.people import PASSWORD, sign_in

Audited = Callable[[str], list[str | None]]
IDLE, GRACE = 21_600, 7_200


@pytest.fixture
def thread(threads: Threads) -> str:
    return threads.begin()


@pytest.fixture
def notes(thread: str) -> str:
    return f"/hub/messages/{thread}/notes"


def test_notes_have_a_page_of_their_own(staff: Citizen, thread: str, notes: str) -> None:
    page = staff.open(f"/hub/messages/{thread}")
    assert "There are no notes yet. Customers never see notes." in page
    assert page.value("note") is None
    page = staff.follow("Open notes")
    assert (page.path, page.heading) == (notes, "Notes for staff")
    assert page.value("text") is None
    assert page.value("files") is None
    assert "notes-page" in next(element for element in page.elements if element.tag == "body").classes
    assert staff.follow("Back to the messages").path == f"/hub/messages/{thread}"


def test_new_note_comes_first(staff: Citizen, colleague: Citizen, notes: str, thread: str, audited: Audited) -> None:
    staff.open(notes)
    answer = staff.send("Add note", note="The landlord\r\nconfirms it.")
    assert (answer.status_code, answer.location) == (303, notes)
    colleague.open(notes)
    page = colleague.press("Add note", note="So do I.")
    assert page.words.index("Note by you") < page.words.index("Note by mina@mail.example")
    assert "The landlord confirms it." in page
    assert "2 notes, on a page of their own." in staff.open(f"/hub/messages/{thread}")
    assert audited("thread_note_added") == [thread, thread]
    assert audited("thread_notes_viewed") == [thread, thread, thread]


@pytest.mark.both_databases
def test_page_sent_twice_adds_one_note(staff: Citizen, notes: str, thread: str) -> None:
    staff.open(notes)
    for _ in range(2):
        assert staff.send("Add note", note="Once").status_code == 303
    assert "1 note, on a page of its own." in staff.open(f"/hub/messages/{thread}")


def test_other_words_from_a_page_that_has_added_a_note_are_another_note(
    staff: Citizen, notes: str, reference: str
) -> None:
    """A browser keeps the page for Back, with the key of the note that it has added."""
    for address in (notes, f"/hub/cases/{reference}"):
        page = staff.open(address)
        staff.press("Add note", note="The landlord confirms it.")
        staff.page = page
        staff.press("Add note", note="So does the neighbour.")
        assert "The landlord confirms it." in staff.page
        assert "So does the neighbour." in staff.page


@pytest.mark.parametrize("note", ["", "   \n ", "x" * 4001], ids=["nothing", "blanks", "too long"])
def test_empty_or_long_note_is_refused_and_kept_in_its_field(staff: Citizen, notes: str, note: str) -> None:
    staff.open(notes)
    page = staff.press("Add note", note=note)
    assert page.status == 422
    assert page.value("note") == note.strip()
    assert page.title.startswith("Error:")
    assert "There are no notes yet." in staff.open(notes)


def test_page_with_an_old_token_keeps_the_typed_note(staff: Citizen, notes: str) -> None:
    staff.open(notes)
    page = staff.press("Add note", note="Keep me", csrf_token="old")
    assert page.status == 409
    assert page.value("note") == "Keep me"
    assert "There are no notes yet." in page
    assert "Note by you" in staff.press("Add note")


def test_form_that_was_cut_short_is_a_bad_request(staff: Citizen, notes: str) -> None:
    token = staff.open(notes).value("csrf_token") or ""
    assert staff.post(notes, {"csrf_token": token, "note": "x", "_page": "p"}).status_code == 400


def test_note_is_encrypted_and_on_no_other_page(staff: Citizen, thread: str, notes: str, database: Database) -> None:
    staff.open(notes)
    staff.press("Add note", note="Suspicious zebra")
    with database.engine.connect() as connection:
        (row,) = connection.exec_driver_sql("SELECT sealed FROM thread_notes").all()
    assert b"zebra" not in bytes(row[0])
    for address in (f"/hub/messages/{thread}", "/hub/messages", "/hub"):
        assert "zebra" not in staff.open(address).text
    for form in ("csv", "json"):
        token = staff.open("/hub").value("csrf_token") or ""
        assert b"zebra" not in staff.post("/hub/export", {"csrf_token": token, "format": form}).data


def test_note_after_the_grace_is_kept_for_its_writer_only(
    staff: Citizen, colleague: Citizen, clock: MovableClock, notes: str, audited: Audited
) -> None:
    staff.open(notes)
    clock.advance(seconds=IDLE + GRACE)
    page = staff.press("Add note", note="Too late")
    assert page.status == 403
    assert audited("thread_note_added") == []
    sign_in(colleague, "farrow@mail.example")
    assert colleague.open(notes).value("note") == ""
    sign_in(staff, "mina@mail.example")
    page = staff.open(notes)
    assert page.value("note") == "Too late"
    assert "We kept what you typed. You have not sent it yet." in page
    staff.press("Add note")
    page = staff.open(notes)
    assert "Too late" in page
    assert page.value("note") == ""


def test_note_about_a_confidential_thread_outlives_the_question_for_the_password(
    staff: Citizen, threads: Threads, thread: str, notes: str, clock: MovableClock, audited: Audited
) -> None:
    threads.change(thread, is_confidential=True)
    staff.open(notes)
    clock.advance(minutes=15)
    page = staff.press("Add note", note="Take care")
    assert page.path == "/account/again"
    assert audited("thread_note_added") == []
    page = staff.press("Continue", password=PASSWORD)
    assert page.path == notes
    assert page.value("note") == "Take care"
    assert "Note by you" in staff.press("Add note")
    assert staff.open(notes).value("note") == ""


def test_unknown_thread_has_no_notes(staff: Citizen, app: Flask) -> None:
    assert staff.open("/hub/messages/MS-2222-2222/notes").status == 404
