"""Messages on the page of a case: its threads, writing to its customer, and a status with a message."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from portal.accounts.operations import disable_account
from portal.accounts.queries import person_by_key
from portal.audit import Actor
from portal.messages.definition import YOU
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.hub.conftest import Threads
from tests.loan import fill, publish_loan, send, start
from tests.people import add_person, sign_in
from tests.post import letters

Audited = Callable[[str], list[str | None]]
IDLE, GRACE = 21_600, 7_200


@pytest.fixture
def case(reference: str) -> str:
    return f"/hub/cases/{reference}"


@pytest.fixture
def account_case(app: Flask) -> str:
    """The address of a case of somebody with an account."""
    publish_loan(app)
    add_person(app)
    person = Citizen(app)
    sign_in(person)
    return f"/hub/cases/{send(person)}"


def threads_on(page: Page) -> list[str]:
    return re.findall(r'href="/hub/messages/(MS-[^"]+)">\1</a>\s*<bdi>', page.text)


def test_staff_begin_a_thread_with_the_account_of_a_case(
    app: Flask, staff: Citizen, account_case: str, threads: Threads, clock: MovableClock, audited: Audited
) -> None:
    page = staff.open(account_case)
    assert threads_on(page) == []
    page = staff.press("Send", text="Please bring\r\nyour card.")
    assert page.path == account_case
    assert "The message is sent. The customer sees it in 30 seconds." in page
    (thread,) = threads_on(page)
    stored = threads.of(thread)
    with app.extensions["portal"].database.reading() as db:
        assert stored.person_id == person_by_key(db, "ada@mail.example").id
    assert (stored.address, stored.waits_for) == (None, YOU)
    page = staff.open(f"/hub/messages/{thread}")
    assert page.heading == "Borrow a tool"
    assert "Please bring your card." in page
    assert audited("message_sent") == [thread]
    clock.advance(seconds=30)
    letter = letters(app)[-1]
    assert (letter.to, letter.link) == ("ada@mail.example", f"/messages/{thread}")


def test_on_a_guests_case_it_goes_to_the_address_of_the_form(
    app: Flask, staff: Citizen, case: str, reference: str, clock: MovableClock
) -> None:
    staff.open(case)
    staff.press("Send", text="Please bring your card.")
    clock.advance(seconds=30)
    letter = letters(app)[-1]
    assert letter.to == "minnie@mail.example"
    assert letter.subject == f"You have a new message about {reference}"
    assert letter.link.startswith("/messages/open/")
    assert "card" not in " ".join(letter.lines)


def test_second_message_goes_on_in_the_latest_open_thread(
    staff: Citizen, case: str, threads: Threads, clock: MovableClock
) -> None:
    staff.open(case)
    staff.press("Send", text="One")
    (thread,) = threads_on(staff.page)
    staff.press("Send", text="Two")
    assert threads_on(staff.page) == [thread]
    assert len(threads.messages(thread)) == 2
    staff.open(f"/hub/messages/{thread}")
    staff.press("Close thread")
    clock.advance(seconds=60)
    staff.open(case)
    staff.press("Send", text="Three")
    assert len(threads_on(staff.page)) == 2
    assert len(threads.messages(thread)) == 2


def test_writing_from_the_case_leaves_the_draft_in_its_thread(staff: Citizen, case: str, threads: Threads) -> None:
    staff.open(case)
    staff.press("Send", text="One")
    (thread,) = threads_on(staff.page)
    staff.open(f"/hub/messages/{thread}")
    staff.press("Save and come back later", text="A longer reply")
    staff.open(case)
    staff.press("Send", text="Two")
    assert staff.open(f"/hub/messages/{thread}").value("text") == "A longer reply"


@pytest.mark.both_databases
def test_twenty_presses_at_once_begin_one_thread_with_one_message(staff: Citizen, case: str, threads: Threads) -> None:
    staff.open(case)
    tabs = [staff.tab() for _ in range(20)]
    for tab in tabs:
        tab.page = staff.page
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda tab: tab.send("Send", text="Once").status_code, tabs))
    assert set(answers) <= {303, 503}
    (thread,) = threads_on(staff.open(case))
    assert len(threads.messages(thread)) == 1


def test_other_words_from_a_page_that_has_sent_already_are_not_lost(
    staff: Citizen, case: str, threads: Threads
) -> None:
    """A browser keeps the page for Back, with the key of the message that it has sent."""
    page = staff.open(case)
    staff.press("Send", text="Once")
    staff.page = page
    again = staff.press("Send", text="And something else")
    assert again.status == 409
    assert again.value("text") == "And something else"
    assert staff.press("Send").status == 200
    (thread,) = threads_on(staff.open(case))
    assert len(threads.messages(thread)) == 2


@pytest.mark.parametrize("text", ["", " \n", "x" * 5001], ids=["nothing", "blanks", "too long"])
def test_empty_or_long_message_is_refused_beside_its_field(staff: Citizen, case: str, text: str) -> None:
    staff.open(case)
    page = staff.press("Send", text=text)
    assert page.status == 422
    assert page.title.startswith("Error:")
    assert 'href="#text"' in page.text
    assert page.value("text").strip() == text.strip()
    assert threads_on(staff.open(case)) == []


def test_page_with_an_old_token_keeps_the_message(staff: Citizen, case: str) -> None:
    staff.open(case)
    page = staff.press("Send", text="Keep me", csrf_token="old")
    assert page.status == 409
    assert page.value("text") == "Keep me"
    assert threads_on(page) == []
    assert len(threads_on(staff.press("Send"))) == 1


def test_customers_newer_message_is_read_before_ours_is_sent(staff: Citizen, case: str, threads: Threads) -> None:
    staff.open(case)
    page = staff.press("Send", text="One")
    (thread,) = threads_on(page)
    threads.write(thread, "I have moved.")
    page = staff.press("Send", text="Two")
    assert page.status == 409
    assert "There is a newer message about this case. Read it before you send yours." in page
    assert page.value("text") == "Two"
    assert "New" in page.words.split()
    staff.press("Send")
    assert len(threads.messages(thread)) == 3


def test_panel_names_no_subject_of_a_confidential_thread(
    staff: Citizen, case: str, reference: str, threads: Threads
) -> None:
    thread = threads.begin("My neighbour", case=reference)
    assert "My neighbour" in staff.open(case)
    threads.change(thread, is_confidential=True)
    page = staff.open(case)
    assert "My neighbour" not in page
    assert "Confidential" in page
    assert thread in page


def test_case_without_an_address_says_that_nobody_can_be_written_to(
    app: Flask, staff: Citizen, citizen: Citizen
) -> None:
    publish_loan(app)
    draft = start(citizen)
    fill(citizen, draft)
    citizen.press("Send", declaration="yes")
    case = f"/hub/cases/{draft.rpartition('/')[2]}"
    page = staff.open(case)
    words = "We have neither an account nor an e-mail address, so nobody can be written to."
    assert words in page
    assert (page.value("text"), page.value("message")) == (None, None)
    fields = {"csrf_token": page.value("csrf_token"), "text": "Hello", "_key": "k", "_end": "1"}
    answer = staff.post(case, fields)
    assert answer.status_code == 409
    assert "Hello" in answer.text
    fields = {**fields, "status": "decided", "_seen": "new", "message": "Hello"}
    del fields["text"]
    assert staff.post(case, fields).status_code == 409
    assert staff.open(case).value("status") == "new"


def test_closed_account_is_not_written_to(app: Flask, staff: Citizen, account_case: str, clock: MovableClock) -> None:
    with app.extensions["portal"].database.writing() as db:
        disable_account(db, person_by_key(db, "ada@mail.example").id, by=Actor(), now=clock.now())
    assert staff.open(account_case).value("text") is None


def test_status_with_a_message_is_told_in_one_e_mail(
    app: Flask, staff: Citizen, account_case: str, threads: Threads, clock: MovableClock, audited: Audited
) -> None:
    staff.open(account_case)
    before = len(letters(app))
    page = staff.press("Save status", status="decided", message="You can have the drill.")
    (thread,) = threads_on(page)
    assert page.value("status") == "decided"
    assert page.value("message") == ""
    assert len(letters(app)) == before
    clock.advance(seconds=30)
    (letter,) = letters(app)[before:]
    assert letter.subject.startswith("News about your form")
    assert "Its status is now: Decided" in letter.lines
    assert letter.link == f"/messages/{thread}"
    assert "drill" not in " ".join(letter.lines)
    stored = threads.of(thread)
    assert stored.remind_at is not None
    assert [each.message.number for each in threads.messages(thread)] == [1]
    assert audited("message_sent") == [thread]


def test_page_sent_twice_saves_one_status_and_one_message(
    app: Flask, staff: Citizen, case: str, threads: Threads, clock: MovableClock
) -> None:
    staff.open(case)
    before = len(letters(app))
    for _ in range(2):
        assert staff.send("Save status", status="decided", message="Once").status_code == 303
    (thread,) = threads_on(staff.open(case))
    assert len(threads.messages(thread)) == 1
    clock.advance(seconds=30)
    assert len(letters(app)) == before + 1


def test_message_beside_an_unchanged_status_is_sent_all_the_same(
    app: Flask, staff: Citizen, case: str, threads: Threads, clock: MovableClock
) -> None:
    staff.open(case)
    page = staff.press("Save status", message="Nothing new yet.")
    (thread,) = threads_on(page)
    clock.advance(seconds=30)
    assert letters(app)[-1].subject.startswith("You have a new message")
    assert len(threads.messages(thread)) == 1


def test_status_is_told_alone_where_its_message_is_taken_back(
    app: Flask, staff: Citizen, account_case: str, threads: Threads, clock: MovableClock
) -> None:
    staff.open(account_case)
    before = len(letters(app))
    page = staff.press("Save status", status="decided", message="You can have the drill.")
    (thread,) = threads_on(page)
    staff.open(f"/hub/messages/{thread}")
    page = staff.press("Take back")
    assert page.value("text") == "You can have the drill."
    clock.advance(seconds=60)
    (letter,) = letters(app)[before:]
    assert "Its status is now: Decided" in letter.lines
    assert not any(line.startswith("http") for line in letter.lines)


@pytest.mark.parametrize("refused", ["overtaken", "old page", "unknown", "too long"])
def test_refused_status_keeps_its_message(staff: Citizen, colleague: Citizen, case: str, refused: str) -> None:
    staff.open(case)
    values = {"status": "waiting", "message": "Please call us."}
    if refused == "overtaken":
        colleague.open(case)
        colleague.press("Save status", status="decided")
    elif refused == "old page":
        values["csrf_token"] = "old"
    elif refused == "unknown":
        values["status"] = "eaten"
    else:
        values["message"] = "x" * 5001
    page = staff.press("Save status", **values)
    assert page.status == (409 if refused in ("overtaken", "old page") else 422)
    assert page.value("message") == values["message"]
    if refused != "unknown":
        assert page.value("status") == "waiting"
    assert threads_on(page) == []
    assert "Waiting for customer" not in page.words.partition("What has happened")[2]


@pytest.mark.parametrize(("button", "name"), [("Send", "text"), ("Save status", "message")])
def test_message_after_the_grace_is_kept_for_its_writer(
    staff: Citizen, colleague: Citizen, clock: MovableClock, case: str, button: str, name: str
) -> None:
    staff.open(case)
    clock.advance(seconds=IDLE + GRACE)
    assert staff.press(button, **{name: "Too late"}).status == 403
    sign_in(colleague, "farrow@mail.example")
    assert colleague.open(case).value(name) == ""
    sign_in(staff, "mina@mail.example")
    page = staff.open(case)
    assert page.value(name) == "Too late"
    assert len(threads_on(staff.press(button))) == 1
    assert staff.open(case).value(name) == ""


def test_customer_cannot_see_the_message_for_half_a_minute(
    app: Flask, staff: Citizen, account_case: str, clock: MovableClock
) -> None:
    staff.open(account_case)
    (thread,) = threads_on(staff.press("Send", text="Please bring your card."))
    person = Citizen(app)
    sign_in(person)
    with app.extensions["portal"].database.reading() as db:
        person.hold("messages", person_id=person_by_key(db, "ada@mail.example").id)
    assert person.open(f"/messages/{thread}").status == 404
    assert "Borrow a tool" not in person.open("/messages")
    clock.advance(seconds=30)
    assert "Please bring your card." in person.open(f"/messages/{thread}")
    assert "Borrow a tool" in person.open("/messages")


def test_customer_never_sees_a_thread_whose_only_message_was_taken_back_in_time(
    app: Flask, staff: Citizen, account_case: str, clock: MovableClock
) -> None:
    staff.open(account_case)
    (thread,) = threads_on(staff.press("Send", text="Wrong case."))
    staff.open(f"/hub/messages/{thread}")
    staff.press("Take back")
    clock.advance(minutes=1)
    person = Citizen(app)
    sign_in(person)
    with app.extensions["portal"].database.reading() as db:
        person.hold("messages", person_id=person_by_key(db, "ada@mail.example").id)
    assert thread not in person.open("/messages").text
    assert person.open(f"/messages/{thread}").status == 404
