"""Messages in real browsers: what locks them, what comes back, and what is read by nobody but the customer."""

from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect
from sqlalchemy import func, select, update

from portal.messages.models import Message, Reading
from portal.sessions.models import SessionRow
from tests.browser.conftest import Console, warning
from tests.browser.server import Server
from tests.browser.visitors import Enter, button, fill, pass_time, press, share_sessions, show_again, stop_time
from tests.citizen import Citizen
from tests.files import PDF
from tests.integration.messages.conftest import reply_of_staff
from tests.people import PASSWORD, add_person, sign_in
from tests.post import letters

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
HOUR = 60 * 60
WRITTEN = "The letter came today. It shows the new rent."
RENT = FilePayload(name="rent.pdf", mimeType="application/pdf", buffer=PDF)


@pytest.fixture
def thread(server: Server, citizen: Citizen) -> str:
    """A thread of Ada's, to which staff have replied a minute ago; she is signed in, and her messages are open."""
    add_person(server.app)
    sign_in(citizen)
    citizen.press("Messages")
    citizen.follow("Write a message")
    address = citizen.press("Send", topic="Housing", subject="Proof of my rent", text="What do you need?").path
    reply_of_staff(server.app, address, "A rent statement, please.")
    server.clock.advance(minutes=1)
    citizen.open(address)
    return address


@pytest.fixture
def page(enter: Enter, server: Server, citizen: Citizen, thread: str) -> Page:
    """A browser with her sessions, whose time stands still."""
    page = enter()
    share_sessions(page.context, citizen, server)
    stop_time(page.context, server)
    return page


def count(server: Server, model: Any) -> int:
    with server.app.extensions["portal"].database.reading() as db:
        return db.scalar(select(func.count()).select_from(model)) or 0


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def attach(page: Page) -> None:
    page.locator("#files").set_input_files([RENT])
    expect(page.get_by_role("link", name="rent.pdf")).to_be_visible()


def saved(page: Page) -> None:
    expect(page.locator("[data-saved-status]")).to_have_attribute("data-state", "saved")


@pytest.mark.two_browsers
def test_idle_messages_lock_and_words_and_file_come_back(
    page: Page, thread: str, server: Server, console: Console
) -> None:
    console.expects("401|403")
    page.goto(thread)
    fill(page, text=WRITTEN)
    pass_time(server, page, 5)
    saved(page)
    attach(page)
    pass_time(server, page, HOUR - 60)
    expect(warning(page)).to_be_visible()
    expect(warning(page)).to_contain_text("Your messages will be closed in")
    pass_time(server, page, 60)
    page.wait_for_url("**/session/ended?kind=messages")
    heading(page, "Your messages were closed at 15:03")
    expect(page.get_by_role("main")).to_contain_text("Your reply and 1 file")
    page.get_by_role("main").get_by_role("link", name="Open messages").click()
    sign_in_again(page)
    page.wait_for_url(f"**{thread}")
    expect(page.locator("#text")).to_have_value(WRITTEN)
    expect(page.get_by_role("link", name="rent.pdf")).to_be_visible()
    button(page, "Send").click()
    expect(page.locator(".message__text").last).to_have_text(WRITTEN)
    assert count(server, Message) == 3


def sign_in_again(page: Page) -> None:
    """Type what is asked for before messages open: the whole sign-in, where that has ended, too."""
    if "/account/sign-in" in page.url:
        press(page, "Sign in", email="ada@mail.example", password=PASSWORD)
        page.wait_for_url("**/messages/**")
    if page.locator("main #password").count():
        fill(page, password=PASSWORD)
    if button(page, "Open messages").count():
        button(page, "Open messages").click()


def test_message_sent_after_the_lock_is_not_sent_and_goes_out_after_the_password(
    page: Page, thread: str, server: Server, console: Console
) -> None:
    console.expects("401|403")
    page.goto(thread)
    fill(page, text=WRITTEN)
    keep_signed_in(server)
    server.clock.advance(minutes=61)
    button(page, "Send").click()
    heading(page, "We have not sent your message.")
    expect(page.get_by_role("main")).to_contain_text("Your messages were closed at 15:03.")
    assert count(server, Message) == 2
    press(page, "Open messages", password=PASSWORD)
    page.wait_for_url(f"**{thread}")
    expect(page.get_by_role("main")).to_contain_text("We kept what you typed. You have not sent it yet.")
    expect(page.locator("#text")).to_have_value(WRITTEN)
    button(page, "Send").click()
    expect(page.locator(".message__text").last).to_have_text(WRITTEN)
    assert count(server, Message) == 3


def keep_signed_in(server: Server) -> None:
    """Give the customer's own session two hours, as if somebody had worked elsewhere in the portal."""
    with server.app.extensions["portal"].database.writing() as db:
        later = server.clock.now().replace(hour=16)
        db.execute(update(SessionRow).where(SessionRow.kind == "customer").values(expires_at=later))


def test_changed_network_closes_messages_and_not_the_rest(
    page: Page, thread: str, server: Server, console: Console
) -> None:
    console.expects("401|403")
    page.goto(thread)
    fill(page, text=WRITTEN)
    pass_time(server, page, 5)
    saved(page)
    with server.app.extensions["portal"].database.writing() as db:
        db.execute(update(SessionRow).where(SessionRow.kind == "messages").values(network="203.0.113.9"))
    page.reload()
    page.wait_for_url("**/session/ended?kind=messages")
    expect(page.get_by_role("main")).to_contain_text(
        "Your internet connection changed, so we closed your messages to keep them private. Your draft is saved."
    )
    page.get_by_role("main").get_by_role("link", name="Open messages").click()
    press(page, "Open messages", password=PASSWORD)
    page.wait_for_url(f"**{thread}")
    expect(page.locator("#text")).to_have_value(WRITTEN)


def test_signing_out_in_another_tab_closes_messages_here(
    page: Page, thread: str, server: Server, console: Console
) -> None:
    console.expects("401|403")
    page.goto(thread)
    other = page.context.new_page()
    other.goto("/account")
    other.get_by_role("banner").get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/session/ended?**")
    page.wait_for_url("**/session/ended?**")  # the tab that signed out tells the others


def test_two_tabs_share_what_is_written_and_neither_overwrites_the_other_unseen(
    page: Page, thread: str, server: Server, console: Console
) -> None:
    console.expects("409")
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(thread)
    fill(page, text="From the first tab")
    pass_time(server, page, 5)
    saved(page)
    fill(other, text="From the second tab")
    button(other, "Send").click()
    expect(other.get_by_role("main")).to_contain_text("This message was changed in another tab or on another device.")
    expect(other.get_by_role("main")).to_contain_text("From the first tab")
    expect(other.locator("#text")).to_have_value("From the second tab")
    assert count(server, Message) == 2
    button(other, "Send anyway").click()
    expect(other.locator(".message__text").last).to_have_text("From the second tab")
    assert count(server, Message) == 3


def test_back_after_the_lock_shows_nothing(page: Page, thread: str, server: Server, console: Console) -> None:
    console.expects("401|403")
    for address in ("/messages", thread):
        page.goto(address)
        page.wait_for_load_state("networkidle")
    keep_signed_in(server)
    server.clock.advance(minutes=61)
    show_again(page)
    page.wait_for_url("**/session/ended?kind=messages")
    page.wait_for_load_state("networkidle")
    with page.expect_navigation():
        page.evaluate("history.back()")
    page.wait_for_url("**/session/ended?kind=messages")
    expect(page.get_by_text("What do you need?")).to_have_count(0)


def test_words_of_six_seconds_ago_and_a_file_outlive_the_browser(
    page: Page, thread: str, server: Server, enter: Enter, citizen: Citizen
) -> None:
    page.goto(thread)
    fill(page, text=WRITTEN)
    attach(page)
    pass_time(server, page, 6)
    saved(page)
    page.context.close()
    again = enter()
    share_sessions(again.context, citizen, server)
    again.goto(thread)
    expect(again.locator("#text")).to_have_value(WRITTEN)
    expect(again.get_by_role("link", name="rent.pdf")).to_be_visible()


def test_page_that_is_seen_records_the_reading_and_the_sender_is_told(page: Page, thread: str, server: Server) -> None:
    assert count(server, Reading) == 0
    with page.expect_response("**/read"):
        page.goto(thread)
    assert count(server, Reading) == 1
    page.goto("/messages")
    expect(page.get_by_text("1 new")).to_have_count(0)


def test_scanner_that_runs_scripts_reads_nothing(thread: str, server: Server, enter: Enter, console: Console) -> None:
    console.expects("401|403|404")
    link = letters(server.app)[-1].link
    assert link == thread
    scanner = enter()
    for _ in range(2):
        scanner.goto(link)
        scanner.wait_for_load_state("networkidle")
        scanner.request.head(f"{server.base_url}{link}")
    assert count(server, Reading) == 0
    expect(scanner.get_by_text("A rent statement, please.")).to_have_count(0)


def test_whole_conversation_works_without_script(enter: Enter, server: Server, citizen: Citizen, thread: str) -> None:
    page = enter(java_script_enabled=False)
    share_sessions(page.context, citizen, server)
    page.goto("/account")
    page.get_by_role("banner").get_by_role("button", name="Messages").first.click()
    page.wait_for_url("**/messages")
    page.get_by_role("link", name="Proof of my rent").click()
    button(page, "I have read this").click()
    page.locator("#text").fill(WRITTEN)
    page.locator("#files").set_input_files([RENT])
    button(page, "Save and come back later").click()
    page.wait_for_url("**/messages?saved=1")
    page.get_by_role("link", name="Proof of my rent").click()
    expect(page.locator("#text")).to_have_value(WRITTEN)
    button(page, "Save and stay signed in").click()
    button(page, "Send").click()
    expect(page.locator(".message__text").last).to_have_text(WRITTEN)
    assert count(server, Message) == 3
