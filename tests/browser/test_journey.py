"""The housing form from Start now to the confirmation, in a real browser: filled, left and found again."""

import re

import pytest
from playwright.sync_api import Page, expect

from portal.submissions.models import Submission
from tests.browser.conftest import Console
from tests.browser.server import Server
from tests.browser.visitors import (
    Enter,
    button,
    expect_answers,
    fill,
    follow,
    pass_time,
    press,
    share_sessions,
    stop_time,
)
from tests.citizen import Citizen
from tests.journeys import housing
from tests.people import PASSWORD, add_person
from tests.post import letters

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
RECEIVED = "We have received your form"
HALF_A_HOME = housing.HOME | {"address__postcode": ""}
RESUMED = "We kept what you typed. You have not sent it yet."


def heading(page: Page, words: str) -> None:
    """Expect this heading, and a title that begins with it."""
    expect(page.get_by_role("heading", level=1)).to_have_text(words)
    expect(page).to_have_title(re.compile(f"^{re.escape(words)} – "))


def start(page: Page) -> str:
    """Start the form; return the reference."""
    page.goto("/")
    follow(page, "Apply for housing support")
    press(page, "Start now")
    page.wait_for_url("**/drafts/*")
    return page.url.rpartition("/")[2]


def finish(page: Page) -> None:
    """Go from the rent to the confirmation."""
    heading_of_section(page, "Your rent")
    press(page, **housing.RENT)
    press(page, "Add a person")
    press(page, **housing.PERSON)
    expect(page.get_by_role("listitem").filter(has_text="Joel")).to_be_visible()
    press(page)
    press(page, "Continue", **housing.INCOME)
    press(page, **housing.NEEDS)
    heading_of_section(page, "Evidence")
    press(page)
    press(page, share="yes")
    expect(page).to_have_url(re.compile("/check$"))
    for words in ("Zoë Łukasz", "9 May 1988", "Flat 6, 18 Weir Lane", "£650.00", "Joel", "£1,420.00"):
        expect(page.get_by_role("main")).to_contain_text(words)
    press(page, "Send", declaration="yes")


def heading_of_section(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def received(page: Page, server: Server, reference: str) -> None:
    """Expect the confirmation, and exactly one submission."""
    heading(page, RECEIVED)
    expect(page).to_have_url(f"{server.base_url}/submissions/{reference}")
    expect(page.get_by_role("main")).to_contain_text(reference)
    with server.app.extensions["portal"].database.reading() as db:
        assert [row.reference for row in db.query(Submission)] == [reference]


@pytest.mark.two_browsers
def test_the_whole_form_is_saved_while_somebody_types_with_script(enter: Enter, server: Server) -> None:
    page = enter()
    stop_time(page.context, server)
    reference = start(page)
    follow(page, "About you")
    fill(page, **housing.ABOUT_YOU)
    pass_time(server, page, 2)
    expect(page.get_by_text("Saved 14:02")).to_be_visible()
    page.reload()
    expect_answers(page, **housing.ABOUT_YOU)
    press(page)
    press(page, **housing.HOME)
    finish(page)
    received(page, server, reference)


def test_the_whole_form_can_be_filled_and_sent_without_script(enter: Enter, server: Server) -> None:
    page = enter(java_script_enabled=False)
    reference = start(page)
    expect(page.get_by_text("This form stays open until 14:32")).to_be_visible()
    server.clock.advance(minutes=5)
    press(page, "Stay signed in")
    expect(page.get_by_text("This form stays open until 14:37")).to_be_visible()
    follow(page, "About you")
    server.clock.advance(minutes=5)
    press(page, "Save and stay signed in", full_name="Zoë Łukasz", born__day="9")
    expect(page.get_by_text("This form stays open until 14:42")).to_be_visible()
    expect_answers(page, full_name="Zoë Łukasz", born__day="9", email="")
    press(page, **housing.ABOUT_YOU)
    press(page, **housing.HOME)
    finish(page)
    received(page, server, reference)


def focused(page: Page) -> str:
    """Return what the keyboard would act on: a control's words, or an input's name."""
    words: str = page.evaluate("document.activeElement.innerText.trim() || document.activeElement.name")
    return words


def tab_to(page: Page, control: str) -> None:
    """Press Tab until the control has the focus, as somebody without a mouse does."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if focused(page) == control:
            return
    raise AssertionError(f"Tab does not reach “{control}”")


def type_rent(page: Page) -> None:
    """Fill the rent section by Tab, Space and arrows, up to the last question."""
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to main content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focused(page) == "amount"
    page.keyboard.type("650")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    assert focused(page) == "arrears"
    page.keyboard.type("1300")
    page.keyboard.press("Tab")
    page.keyboard.type("Calder Homes Ltd")


def at_rent(citizen: Citizen) -> str:
    """Fill the form up to the rent; return the draft's address."""
    draft = housing.begin(citizen)
    citizen.press("Continue", **housing.HOME)
    return draft


def test_a_section_and_the_warning_work_by_keyboard_alone(enter: Enter, server: Server, citizen: Citizen) -> None:
    draft = at_rent(citizen)
    page = enter()
    share_sessions(page.context, citizen, server)
    stop_time(page.context, server)
    page.goto(f"{draft}/rent")
    type_rent(page)
    pass_time(server, page, 28 * 60)
    expect(page.get_by_role("heading", name="You will be signed out in 2 minutes.")).to_be_focused()
    tab_to(page, "Stay signed in")
    page.context.clock.resume()
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_be_hidden()
    expect(page.locator("[name=landlord]")).to_be_focused()
    page.keyboard.press("Enter")
    heading_of_section(page, "People who live with you")
    page.goto(f"{draft}/rent")
    expect_answers(page, amount="650.00", period="month", in_arrears="yes", arrears="1300.00")
    expect_answers(page, landlord="Calder Homes Ltd")


def test_an_error_can_be_reached_and_corrected_by_keyboard(
    enter: Enter, server: Server, citizen: Citizen, console: Console
) -> None:
    console.expects("422")
    draft = at_rent(citizen)
    page = enter()
    share_sessions(page.context, citizen, server)
    page.goto(f"{draft}/income")
    tab_to(page, "Continue")
    page.keyboard.press("Enter")
    expect(page.locator("[data-error-summary]")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert focused(page) == "kinds"
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    tab_to(page, "Continue")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/needs$"))


def leave_half_done(page: Page) -> str:
    """Fill a section and a half, and press Save and come back later; return the reference."""
    reference = start(page)
    follow(page, "About you")
    press(page, **housing.ABOUT_YOU)
    press(page, "Save and come back later", **HALF_A_HOME)
    expect(page).to_have_url(re.compile(f"/drafts/{reference}/save$"))
    heading(page, "Your form is saved")
    return reference


def all_is_there(page: Page, server: Server, reference: str) -> None:
    """Expect the half-done section, with all that was typed in it and in the section before."""
    expect(page).to_have_url(f"{server.base_url}/drafts/{reference}/home")
    expect(page.get_by_text(RESUMED)).to_be_visible()
    expect_answers(page, **HALF_A_HOME)
    button(page, "Back").click()
    expect_answers(page, **housing.ABOUT_YOU)


def sign_in(page: Page) -> None:
    page.goto("/")
    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    press(page, "Sign in", email="ada@mail.example", password=PASSWORD)
    expect(page).to_have_url(re.compile("/account$"))


def test_a_guest_comes_back_in_another_browser_by_link_and_code(enter: Enter, server: Server) -> None:
    page = enter()
    reference = leave_half_done(page)
    press(page, "Send link", email="zoe@home.example")
    expect(page.get_by_role("status").filter(has_text="The link is on its way to zoe@home.example.")).to_be_visible()
    button(page, "Sign out").click()
    heading(page, "You have signed out")
    server.clock.advance(days=3)
    elsewhere = enter()
    elsewhere.goto(letters(server.app)[-1].link)
    press(elsewhere, "Continue your form")
    expect(elsewhere).to_have_url(re.compile("/resume/code$"))
    press(elsewhere, code=letters(server.app)[-1].code)
    all_is_there(elsewhere, server, reference)
    press(elsewhere)
    press(elsewhere, address__postcode="AS4 2LN")
    finish(elsewhere)
    received(elsewhere, server, reference)


def test_a_guest_comes_back_without_script_by_reference_and_return_code(enter: Enter, server: Server) -> None:
    page = enter()
    reference = leave_half_done(page)
    slip = page.locator(".slip")
    expect(slip).to_contain_text(reference)
    code = slip.locator("dd").nth(1).inner_text()
    server.clock.advance(days=3)
    elsewhere = enter(java_script_enabled=False)
    elsewhere.goto("/")
    follow(elsewhere, "Continue a saved form")
    press(elsewhere, "Continue your form", reference=reference.lower(), return_code=code)
    all_is_there(elsewhere, server, reference)


def test_a_person_signs_out_and_continues_from_my_requests_in_another_browser(enter: Enter, server: Server) -> None:
    add_person(server.app)
    page = enter()
    sign_in(page)
    reference = leave_half_done(page)
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/session/ended*")
    server.clock.advance(days=3)
    elsewhere = enter()
    sign_in(elsewhere)
    expect(elsewhere.get_by_role("region", name="Apply for housing support")).to_contain_text(reference)
    follow(elsewhere, "Continue")
    heading(elsewhere, "Apply for housing support")
    follow(elsewhere, "Continue")
    all_is_there(elsewhere, server, reference)
