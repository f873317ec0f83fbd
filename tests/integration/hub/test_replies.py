"""Replies of staff: sent once, seen half a minute later, taken back into the draft, and never lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.messages.definition import YOU
from tests.citizen import Citizen, File
from tests.conftest import MovableClock
from tests.files import PDF
from tests.integration.hub.conftest import Threads
from tests.people import PASSWORD, add_person, sign_in
from tests.post import letters

Audited = Callable[[str], list[str | None]]
IDLE, GRACE = 21_600, 7_200
HTMX = {"HX-Request": "true"}


@pytest.fixture
def zoe(app: Flask) -> Person:
    return add_person(app, "zoe@mail.example")


@pytest.fixture
def thread(threads: Threads, zoe: Person) -> str:
    return threads.begin(person=zoe)


@pytest.fixture
def address(thread: str) -> str:
    return f"/hub/messages/{thread}"


def content(browser: Citizen, address: str) -> bytes:
    """Return what is downloaded at an address."""
    with browser.get(address) as answer:
        assert answer.status_code == 200
        return answer.data


def texts(threads: Threads, reference: str) -> int:
    return len(threads.messages(reference))


def test_reply_is_sent_shown_and_e_mailed_when_the_customer_can_see_it(
    app: Flask, staff: Citizen, threads: Threads, thread: str, address: str, clock: MovableClock, audited: Audited
) -> None:
    page = staff.open(address)
    assert "Message to zoe@mail.example" in page
    assert "The customer sees your first name." in page
    assert "After you send it, you have 30 seconds to take it back." in page
    page = staff.press("Send", text="Thank you. We have all we need.")
    assert page.address == f"{address}?sent=1"
    assert "Thank you. We have all we need." in page
    assert "The reply is sent. The customer sees it in 30 seconds." in page
    assert page.links["You can take it back until then"] == "#message-2"
    assert threads.of(thread).waits_for == YOU
    assert audited("message_sent") == [thread]
    assert letters(app) == []
    clock.advance(seconds=30)
    (letter,) = letters(app)
    assert letter.to == "zoe@mail.example"
    assert letter.link == f"/messages/{thread}"
    assert "need" not in " ".join(letter.lines)


def test_reply_taken_back_in_time_is_the_draft_again_and_no_e_mail(
    app: Flask, staff: Citizen, threads: Threads, thread: str, address: str, clock: MovableClock
) -> None:
    staff.open(address)
    staff.press("Send", text="Dear Zoë", files=File("rent.pdf", PDF))
    clock.advance(seconds=29)
    page = staff.press("Take back")
    assert page.value("text") == "Dear Zoë"
    assert "rent.pdf" in page
    assert texts(threads, thread) == 1
    clock.advance(seconds=60)
    assert letters(app) == []
    page = staff.press("Send")
    assert texts(threads, thread) == 2
    assert content(staff, page.links["rent.pdf"]) == PDF


@pytest.mark.both_databases
def test_twenty_presses_at_once_send_one_reply(
    app: Flask, staff: Citizen, threads: Threads, thread: str, address: str
) -> None:
    staff.open(address)
    tabs = [staff.tab() for _ in range(20)]
    for tab in tabs:
        tab.page = staff.page
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda tab: tab.send("Send", text="Once").status_code, tabs))
    assert set(answers) <= {303, 503}
    assert texts(threads, thread) == 2


@pytest.mark.parametrize("text", ["", "  \n", "x" * 5001], ids=["nothing", "blanks", "too long"])
def test_empty_or_long_reply_is_refused_and_kept(
    staff: Citizen, threads: Threads, thread: str, address: str, text: str
) -> None:
    staff.open(address)
    page = staff.press("Send", text=text, files=File("rent.pdf", PDF))
    assert page.status == 422
    assert page.title.startswith("Error:")
    assert page.value("text").strip() == text.strip()
    assert "rent.pdf" in page
    assert texts(threads, thread) == 1


def test_file_of_a_wrong_type_is_refused_and_the_rest_kept(
    staff: Citizen, threads: Threads, thread: str, address: str
) -> None:
    staff.open(address)
    page = staff.press("Send", text="Here it is", files=[File("rent.pdf", PDF), File("tool.exe", b"MZ")])
    assert page.status == 422
    assert page.value("text") == "Here it is"
    assert "rent.pdf" in page
    staff.press("Send without it")
    assert texts(threads, thread) == 2


def test_saved_reply_waits_for_its_writer(
    staff: Citizen, colleague: Citizen, threads: Threads, thread: str, address: str
) -> None:
    staff.open(address)
    page = staff.press("Save and come back later", text="Dear Zoë")
    assert page.address == f"/hub/messages?saved={thread}"
    assert "Your reply is saved, not sent." in page
    assert staff.open(address).value("text") == "Dear Zoë"
    assert colleague.open(address).value("text") == ""
    assert texts(threads, thread) == 1


def test_script_saves_what_is_typed(staff: Citizen, threads: Threads, thread: str, address: str) -> None:
    page = staff.open(address)
    names = ("csrf_token", "_page", "_revision")
    fields = {name: page.value(name) for name in names} | {
        "_sequence": "1",
        "_changed": "text",
        "text": "Dear",
        "_end": "1",
    }
    assert staff.post(f"{address}/autosave", fields, headers=HTMX).status_code == 200
    assert staff.post(f"{address}/autosave", fields).status_code == 404
    assert staff.open(address).value("text") == "Dear"


def test_reply_changed_in_another_tab_is_shown_beside_this_one(
    staff: Citizen, threads: Threads, thread: str, address: str
) -> None:
    staff.open(address)
    other = staff.tab()
    other.open(address)
    other.press("Save and come back later", text="From the other tab")
    page = staff.press("Send", text="From this tab")
    assert page.status == 409
    assert "From the other tab" in page
    assert page.value("text") == "From this tab"
    assert texts(threads, thread) == 1


def test_newer_message_is_shown_before_the_reply_is_sent(
    staff: Citizen, threads: Threads, thread: str, address: str
) -> None:
    staff.open(address)
    threads.write(thread, "I have moved.")
    page = staff.press("Send", text="See you on Monday.")
    assert page.status == 409
    assert "I have moved." in page
    assert page.value("text") == "See you on Monday."
    assert texts(threads, thread) == 2
    assert staff.press("Send anyway").status == 200
    assert texts(threads, thread) == 3


def test_reply_of_a_colleague_counts_as_a_newer_message(
    staff: Citizen, colleague: Citizen, threads: Threads, thread: str, address: str
) -> None:
    staff.open(address)
    colleague.open(address)
    colleague.press("Send", text="Done.")
    page = staff.press("Send", text="Done, too.")
    assert page.status == 409
    assert "Done." in page
    staff.press("Keep as draft")
    assert staff.open(address).value("text") == "Done, too."
    assert texts(threads, thread) == 2


def test_colleague_who_writes_blocks_nothing(
    staff: Citizen, colleague: Citizen, threads: Threads, thread: str, address: str
) -> None:
    colleague.open(address)
    colleague.press("Save and come back later", text="Dear")
    page = staff.open(address)
    assert "farrow@mail.example has been writing since 14:02. You can still send your own reply." in page
    assert staff.press("Send", text="Mine").status == 200
    assert colleague.open(address).value("text") == "Dear"


def test_reply_to_a_thread_closed_meanwhile_is_kept(
    staff: Citizen, colleague: Citizen, threads: Threads, thread: str, address: str
) -> None:
    staff.open(address)
    colleague.open(address)
    colleague.press("Close thread")
    page = staff.press("Send", text="Too late")
    assert page.status == 409
    assert "This thread is closed. Nobody can write in it." in page
    assert "Too late" in page
    assert page.value("text") is None
    assert texts(threads, thread) == 1


def test_page_with_an_old_token_keeps_the_reply(staff: Citizen, threads: Threads, thread: str, address: str) -> None:
    staff.open(address)
    page = staff.press("Send", text="Keep me", csrf_token="old")
    assert page.status == 409
    assert page.value("text") == "Keep me"
    assert texts(threads, thread) == 1
    staff.press("Send")
    assert texts(threads, thread) == 2


def test_reply_after_the_grace_is_kept_with_its_files_for_its_writer(
    staff: Citizen, colleague: Citizen, threads: Threads, thread: str, address: str, clock: MovableClock
) -> None:
    staff.open(address)
    clock.advance(seconds=IDLE + GRACE)
    assert staff.press("Send", text="Too late", files=File("rent.pdf", PDF)).status == 403
    assert texts(threads, thread) == 1
    sign_in(colleague, "farrow@mail.example")
    assert colleague.open(address).value("text") == ""
    sign_in(staff, "mina@mail.example")
    page = staff.open(address)
    assert page.value("text") == "Too late"
    assert "rent.pdf" in page
    staff.press("Send")
    assert texts(threads, thread) == 2
    assert staff.open(address).value("text") == ""


def test_reply_in_a_confidential_thread_outlives_the_question_for_the_password(
    staff: Citizen, threads: Threads, thread: str, address: str, clock: MovableClock
) -> None:
    threads.change(thread, is_confidential=True)
    staff.open(address)
    clock.advance(minutes=15)
    page = staff.press("Send", text="Between us", files=File("rent.pdf", PDF))
    assert page.path == "/account/again"
    assert texts(threads, thread) == 1
    page = staff.press("Continue", password=PASSWORD)
    assert page.path == address
    assert page.value("text") == "Between us"
    assert "rent.pdf" in page
    staff.press("Send")
    assert texts(threads, thread) == 2


def test_downloads_are_counted_on_both_sides_and_not_what_a_browser_loads_in_advance(
    app: Flask, staff: Citizen, threads: Threads, zoe: Person, thread: str, address: str, clock: MovableClock
) -> None:
    customer = Citizen(app)
    customer.hold("messages", person_id=zoe.id)
    customer.open(f"/messages/{thread}")
    theirs = customer.press("Send", text="See this", files=File("rent.pdf", PDF)).links["rent.pdf"]
    staff.open(address)
    ours = staff.press("Send", text="And this", files=File("form.pdf", PDF)).links["form.pdf"]
    clock.advance(seconds=30)
    both = ((staff, f"/hub{theirs}"), (customer, ours.removeprefix("/hub")))
    for browser, file in both:
        browser.client.head(file).close()
        with browser.get(file, headers={"Sec-Purpose": "prefetch"}) as answer:
            assert answer.data == PDF
    assert [(each.read_at, each.downloads) for each in threads.messages(thread)[1:]] == [(None, 0), (None, 0)]
    for browser, file in both:
        assert content(browser, file) == PDF
    assert [each.downloads for each in threads.messages(thread)[1:]] == [1, 1]


def test_files_of_a_draft_are_its_writers_alone_until_they_are_sent(
    staff: Citizen, colleague: Citizen, threads: Threads, thread: str, address: str, audited: Audited
) -> None:
    staff.open(address)
    staff.press("Save and come back later", text="See this", files=File("rent.pdf", PDF))
    own = staff.open(address).links["rent.pdf"]
    assert content(staff, own) == PDF
    assert colleague.get(own).status_code == 404
    staff.press("Send")
    assert content(colleague, own) == PDF
    assert audited("message_file_downloaded") == [thread, thread]
    assert colleague.get(f"{address}/files/none").status_code == 404
