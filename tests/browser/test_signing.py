"""Signing in real browsers: what goes wrong elsewhere (two clicks, scanners, one computer for two) is harmless here."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from portal.sessions.models import SessionRow
from portal.signing.models import Outcome
from tests.browser.conftest import Console, warning
from tests.browser.server import Server
from tests.browser.visitors import Enter, button, fill, follow, pass_time, press, stop_time
from tests.citizen import Citizen
from tests.people import PASSWORD, add_person
from tests.signatures import ANSWERS, BORN, link_to, sent_form, state_of

pytestmark = pytest.mark.browser
NAME = "Calder Homes"
SEEN = "18 Weir Lane"
AGENT = {"fact": "Łódź"}


@pytest.fixture
def reference(server: Server, citizen: Citizen) -> str:
    """The reference of a form that asks a landlord and an agent to sign."""
    return sent_form(server.app, citizen)


@pytest.fixture
def link(server: Server, reference: str) -> str:
    """The landlord's link."""
    return link_to(server.app, reference)


@pytest.fixture
def page(enter: Enter) -> Page:
    """The browser of a signer whom nobody knows yet."""
    return enter()


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def pass_check(page: Page, link: str, **fact: str) -> None:
    """Open the link and pass its check."""
    page.goto(link)
    press(page, "Continue", **(fact or BORN))


def come_to_sign(page: Page, link: str) -> None:
    """Pass the check, read, and answer the landlord's questions."""
    pass_check(page, link)
    page.wait_for_url("**/sign")
    button(page, "Continue").click()
    page.wait_for_url("**/sign/questions")
    press(page, "Continue", **ANSWERS)
    page.wait_for_url("**/sign/confirm")


def sign(page: Page, name: str = NAME) -> None:
    press(page, "Sign", name=name, consent="yes")
    page.wait_for_url("**/sign/done")
    heading(page, "You have signed this form")


def count(server: Server) -> int:
    with server.app.extensions["portal"].database.reading() as db:
        return db.scalar(select(func.count()).select_from(SessionRow).where(SessionRow.kind == "signing")) or 0


def outcomes(server: Server) -> int:
    with server.app.extensions["portal"].database.reading() as db:
        return db.scalar(select(func.count()).select_from(Outcome)) or 0


def new_tab(page: Page) -> Page:
    return page.context.new_page()


# The causes of trouble that a signing service has to expect


@pytest.mark.two_browsers
def test_double_click_on_the_check_opens_one_session(page: Page, link: str, server: Server, reference: str) -> None:
    page.goto(link)
    fill(page, **BORN)
    button(page, "Continue").dblclick()
    page.wait_for_url("**/sign")
    heading(page, "Read this before you sign")
    assert count(server) == 1
    come_back = new_tab(page)
    come_back.goto("/sign")
    expect(come_back.get_by_text(SEEN)).to_be_visible()


def test_link_that_is_opened_twice_and_checked_twice_is_one_session(page: Page, link: str, server: Server) -> None:
    other = new_tab(page)
    page.goto(link)
    other.goto(link)
    for tab in (page, other):
        fill(tab, **BORN)
    button(page, "Continue").click()
    button(other, "Continue").click()
    for tab in (page, other):
        tab.wait_for_url("**/sign")
        expect(tab.get_by_text(SEEN)).to_be_visible()
    assert count(server) == 1


def test_tab_that_was_closed_is_opened_again_where_it_was_without_a_new_check(page: Page, link: str) -> None:
    come_to_sign(page, link)
    again = new_tab(page)
    page.close()
    again.goto(link)
    again.wait_for_url("**/sign/confirm")
    sign(again)


def test_scanner_that_opens_the_link_first_uses_nothing_up(enter: Enter, page: Page, link: str, server: Server) -> None:
    scanner = enter()
    for _ in range(3):
        scanner.goto(link)
    assert scanner.context.request.head(link).status == 200
    assert (count(server), outcomes(server)) == (0, 0)
    come_to_sign(page, link)
    sign(page)


def test_scanner_that_presses_every_button_signs_and_refuses_nothing(
    enter: Enter, page: Page, link: str, server: Server, console: Console
) -> None:
    console.expects("422")
    scanner = enter(java_script_enabled=False)
    scanner.goto(link)
    names = scanner.locator("main").get_by_role("button").all_inner_texts()
    assert names == ["Continue", "This is not for me"]
    for name in names:
        scanner.goto(link)
        button(scanner, name).click()
    assert (count(server), outcomes(server)) == (0, 0)
    server.clock.advance(minutes=4)
    come_to_sign(page, link)
    sign(page)


@pytest.mark.two_browsers
def test_two_people_at_one_computer_meet_nothing_of_each_other(
    page: Page, link: str, server: Server, reference: str
) -> None:
    come_to_sign(page, link)
    other = link_to(server.app, reference, "agent")
    page.goto(other)
    expect(page.get_by_role("main")).to_contain_text("Someone else is signing on this computer. Finish or hand over?")
    for words in (NAME, "Ann Agent", "Zoë", SEEN, reference):
        expect(page.locator("body")).not_to_contain_text(words)
    follow(page, "Finish")
    page.wait_for_url("**/sign")
    page.goto(other)
    button(page, "Hand over").click()
    expect(page.get_by_text("The form of the person before you has been closed.")).to_be_visible()
    press(page, "Continue", **AGENT)
    page.wait_for_url("**/sign")
    button(page, "Continue").click()
    page.wait_for_url("**/sign/confirm")
    expect(page.locator("#name")).to_have_value("")
    sign(page, "Ann Agent")
    assert state_of(server.app, reference) == "checked"
    assert state_of(server.app, reference, "agent") == "signed"


def test_page_of_one_person_that_is_sent_in_the_session_of_another_signs_nothing(
    enter: Enter, link: str, server: Server, reference: str, console: Console
) -> None:
    console.expects("403")
    page = enter(java_script_enabled=False)  # with script the page has left by itself
    come_to_sign(page, link)
    fill(page, name=NAME, consent="yes")
    other = new_tab(page)
    other.goto(link_to(server.app, reference, "agent"))
    button(other, "Hand over").click()
    press(other, "Continue", **AGENT)
    other.wait_for_url("**/sign")
    button(page, "Sign").click()
    heading(page, "This page was opened by someone else")
    expect(page.locator("body")).not_to_contain_text(SEEN)
    assert outcomes(server) == 0
    button(other, "Continue").click()
    other.wait_for_url("**/sign/confirm")
    expect(other.locator("#name")).to_have_value("")


def test_other_tab_of_somebody_who_was_handed_over_shows_nothing_any_more(
    page: Page, link: str, server: Server, reference: str, console: Console
) -> None:
    console.expects("401")
    come_to_sign(page, link)
    other = new_tab(page)
    other.goto(link_to(server.app, reference, "agent"))
    button(other, "Hand over").click()
    expect(other.get_by_text("The form of the person before you has been closed.")).to_be_visible()
    page.wait_for_url("**/session/ended?kind=signing")
    expect(page.locator("body")).not_to_contain_text(SEEN)


def test_several_tabs_go_on_together_and_sign_once(page: Page, link: str, server: Server) -> None:
    come_to_sign(page, link)
    other = new_tab(page)
    other.goto("/sign/confirm")
    sign(page)
    press(other, "Sign", name="Somebody else", consent="yes")
    other.wait_for_url("**/sign/done")
    expect(other.get_by_role("main")).to_contain_text(NAME)
    assert outcomes(server) == 1


def test_shared_mailbox_gives_each_of_two_people_their_own_form(enter: Enter, server: Server, citizen: Citizen) -> None:
    reference = sent_form(server.app, citizen, agent_email="calder@mail.example")
    page = enter()
    pass_check(page, link_to(server.app, reference))
    page.wait_for_url("**/sign")
    expect(page.get_by_role("main")).to_contain_text("You are asked to sign as: Landlord.")
    page.get_by_role("banner").get_by_role("button", name="Quit").click()
    heading(page, "You have closed the form")
    pass_check(page, link_to(server.app, reference, "agent"), **AGENT)
    page.wait_for_url("**/sign")
    expect(page.get_by_role("main")).to_contain_text("You are asked to sign as: Agent.")
    button(page, "Continue").click()
    sign(page, "Ann Agent")
    assert state_of(server.app, reference) == "checked"


def test_whoever_comes_from_another_portal_or_account_without_signing_out_signs_all_the_same(
    page: Page, link: str, server: Server
) -> None:
    add_person(server.app)
    page.goto("/account/sign-in")
    press(page, "Sign in", email="ada@mail.example", password=PASSWORD)
    page.wait_for_url("**/account**")
    come_to_sign(page, link)
    expect(page.get_by_role("banner")).not_to_contain_text("ada@mail.example")
    sign(page)
    page.get_by_role("banner").get_by_role("button", name="Quit").click()
    heading(page, "You have closed the form")
    page.goto("/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("My Requests")


# Saving, the end, and the ways out


@pytest.mark.two_browsers
def test_questions_save_themselves_and_come_back_on_another_device(
    enter: Enter, page: Page, link: str, server: Server
) -> None:
    stop_time(page.context, server)
    pass_check(page, link)
    page.wait_for_url("**/sign")
    button(page, "Continue").click()
    page.wait_for_url("**/sign/questions")
    fill(page, since="Since the flood")
    pass_time(server, page, 5)
    expect(page.locator("[data-saved-status]")).to_have_attribute("data-state", "saved")
    other = enter()
    pass_check(other, link)
    other.wait_for_url("**/sign/questions")
    expect(other.locator("#since")).to_have_value("Since the flood")


@pytest.mark.two_browsers
def test_idle_signer_is_warned_signed_out_and_signs_after_the_next_check(
    page: Page, link: str, server: Server, console: Console
) -> None:
    console.expects("401|403")
    stop_time(page.context, server)
    come_to_sign(page, link)
    fill(page, name=NAME)
    pass_time(server, page, 5)
    pass_time(server, page, 13 * 60 - 5)
    expect(warning(page)).to_be_visible()
    expect(warning(page)).to_contain_text("Your time to sign ends in")
    pass_time(server, page, 120)
    page.wait_for_url("**/session/ended?kind=signing")
    heading(page, "Your time to sign ended at 14:17")
    follow(page, "Check again and continue")
    press(page, "Continue", **BORN)
    page.wait_for_url("**/sign/confirm")
    expect(page.locator("#name")).to_have_value(NAME)
    press(page, "Sign", consent="yes")
    page.wait_for_url("**/sign/done")
    assert outcomes(server) == 1


@pytest.mark.two_browsers
def test_quit_by_keyboard_and_back_shows_nothing(page: Page, link: str, browser_name: str) -> None:
    come_to_sign(page, link)
    page.get_by_role("banner").get_by_role("button", name="Quit").focus()
    page.keyboard.press("Enter")
    heading(page, "You have closed the form")
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_url("**/sign**")
    expect(page.locator("body")).not_to_contain_text(SEEN)
    heading(page, "Sign a form that someone else sent")


@pytest.mark.parametrize("width", [1280, 320])
def test_whole_way_without_script(enter: Enter, link: str, server: Server, width: int) -> None:
    page = enter(java_script_enabled=False, viewport={"width": width, "height": 640})
    come_to_sign(page, link)
    expect(page.get_by_role("button", name="Save and stay signed in")).to_be_visible()
    sign(page)
    page.get_by_role("banner").get_by_role("button", name="Quit").click()
    heading(page, "You have closed the form")
    assert outcomes(server) == 1
