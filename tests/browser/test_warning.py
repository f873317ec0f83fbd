"""The warning before the end: a dialog that opens at 120 seconds and closes only when the server agrees."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.browser.conftest import TO_WARNING_S, Console, PassTime, polled, warning
from tests.browser.probe import SECTION
from tests.browser.server import Server

pytestmark = pytest.mark.browser
EXTEND = "/session/extend"


def stay(page: Page) -> Locator:
    return page.get_by_role("button", name="Stay signed in")


def test_the_warning_opens_at_120_seconds_and_not_before(page: Page, pass_time: PassTime) -> None:
    page.goto(SECTION)
    pass_time(TO_WARNING_S - 2)
    polled(page)
    expect(warning(page)).to_be_hidden()
    pass_time(2)
    expect(warning(page)).to_be_visible()


def test_the_heading_has_the_focus_and_typing_on_changes_nothing(warned: Page) -> None:
    expect(warned.get_by_role("heading", name="You will be signed out in 2 minutes.")).to_be_focused()
    warned.keyboard.type("x y\n")
    expect(warning(warned)).to_be_visible()
    assert warned.locator("#landlord").input_value() == "Calder Homes"


def test_a_click_beside_the_dialog_does_nothing(warned: Page, server: Server) -> None:
    warned.mouse.click(5, 5)
    expect(warning(warned)).to_be_visible()
    assert server.count(EXTEND) == 0


def test_the_warning_counts_minutes_above_60_seconds_and_then_seconds(warned: Page, pass_time: PassTime) -> None:
    expect(warned.locator("[data-session-number]")).to_have_text("2")
    assert warned.title().startswith("2 min left – Your rent")
    pass_time(61)
    expect(warned.get_by_role("heading", name=re.compile("You will be signed out in 5[0-9] seconds."))).to_be_visible()
    assert warned.title().startswith("1 min left – Your rent")


def test_staying_closes_the_dialog_and_restores_title_focus_and_caret(warned: Page, server: Server) -> None:
    stay(warned).click()
    expect(warning(warned)).to_be_hidden()
    assert warned.title().startswith("Your rent")
    expect(warned.locator("#landlord")).to_be_focused()
    assert warned.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd]") == [2, 5]
    expect(warned.locator("[data-session-until]").first).to_have_text("15:00")
    assert server.count(EXTEND) == 1


def test_staying_restores_the_full_time_and_the_next_warning_comes(warned: Page, pass_time: PassTime) -> None:
    stay(warned).click()
    expect(warning(warned)).to_be_hidden()
    pass_time(TO_WARNING_S)
    expect(warning(warned)).to_be_visible()


def test_the_page_keeps_its_scroll_position(page: Page, pass_time: PassTime) -> None:
    page.set_viewport_size({"width": 320, "height": 480})
    page.goto(SECTION)
    page.get_by_label("Which pets").or_(page.locator("#pets")).first.scroll_into_view_if_needed()
    before = page.evaluate("window.scrollY")
    pass_time(TO_WARNING_S)
    expect(warning(page)).to_be_visible()
    page.clock.resume()
    page.keyboard.press("Escape")
    expect(warning(page)).to_be_hidden()
    assert before > 0
    assert page.evaluate("window.scrollY") == before


def test_escape_extends_the_session(warned: Page, server: Server) -> None:
    warned.keyboard.press("Escape")
    expect(warning(warned)).to_be_hidden()
    assert server.count(EXTEND) == 1


def test_three_escapes_never_close_the_dialog_before_the_server_agrees(warned: Page, server: Server) -> None:
    with server.holding(EXTEND):
        for _ in range(4):
            warned.keyboard.press("Escape")
            expect(warning(warned)).to_be_visible()
        assert warned.evaluate("document.querySelector('dialog').matches(':modal')")
        expect(warned.locator("[data-session-heading]")).to_be_focused()
    expect(warning(warned)).to_be_hidden()
    assert server.count(EXTEND) == 1


def test_a_failed_extension_is_announced_and_can_be_tried_again(warned: Page, server: Server, console: Console) -> None:
    console.expects("503")
    with server.failing(EXTEND):
        stay(warned).click()
        expect(warned.get_by_text("That did not work.").first).to_be_visible()
        expect(warning(warned)).to_be_visible()
    stay(warned).click()
    expect(warning(warned)).to_be_hidden()


def test_an_extension_with_a_lost_response_still_closes_the_dialog(
    warned: Page, context: BrowserContext, server: Server
) -> None:
    def lose_answer(route: Route) -> None:
        route.fetch()
        route.fulfill(status=200, body="<p>Welcome to our hotel</p>")

    context.route(f"**{EXTEND}*", lose_answer)
    stay(warned).click()
    expect(warning(warned)).to_be_hidden()
    assert server.count(EXTEND) == 1


def test_staying_too_late_leads_to_the_end_page(warned: Page, server: Server, console: Console) -> None:
    console.expects("401")
    server.clock.advance(seconds=121)
    stay(warned).click()
    warned.wait_for_url("**/session/ended")


def test_the_live_region_is_written_at_most_five_times(warned: Page, pass_time: PassTime) -> None:
    # Real time passes as well, so it covers the last part.
    for _ in range(10):
        pass_time(10)
        polled(warned)
    expect(warned.get_by_text("20 seconds until you are signed out.")).to_be_attached(timeout=15_000)
    stay(warned).click()
    expect(warning(warned)).to_be_hidden()
    expect(warned.get_by_text("This form stays open until 15:01.")).to_be_attached()
    assert warned.evaluate("window.writes") == [
        "2 minutes until you are signed out.",
        "1 minute until you are signed out.",
        "40 seconds until you are signed out.",
        "20 seconds until you are signed out.",
        "This form stays open until 15:01.",
    ]


def test_failures_never_make_the_warning_speak_more_than_five_times(
    warned: Page, server: Server, pass_time: PassTime, console: Console
) -> None:
    console.expects("503")
    with server.failing(EXTEND):
        for _ in range(11):
            stay(warned).click()
            expect(stay(warned)).not_to_have_attribute("aria-disabled", "true")
            pass_time(10)
    assert len(warned.evaluate("window.writes")) == 5


def test_signing_out_from_the_warning_saves_first(warned: Page, server: Server) -> None:
    warned.evaluate("document.querySelector('#landlord').value = 'Calder Homes Ltd'")
    warned.evaluate("document.querySelector('#landlord').dispatchEvent(new Event('input', { bubbles: true }))")
    warned.get_by_role("button", name="Save and sign out").click()
    warned.wait_for_url("**/session/ended*")
    paths = [path for method, path, _ in server.received if method == "POST"]
    assert paths[-2:] == ["/probe/autosave", "/account/sign-out"]


def test_signing_out_says_when_the_answers_could_not_be_saved(warned: Page, server: Server, console: Console) -> None:
    console.expects("503")
    warned.evaluate("document.querySelector('#landlord').dispatchEvent(new Event('input', { bubbles: true }))")
    with server.failing("/probe/autosave"):
        warned.get_by_role("button", name="Save and sign out").click()
        expect(warned.get_by_text("Your last answers could not be saved.").first).to_be_visible()
    assert server.count("/account/sign-out") == 0
    expect(warned.get_by_text("Your last answers are not saved yet.")).to_be_visible()


def test_the_warning_says_near_the_absolute_limit_that_time_cannot_be_extended(warned: Page) -> None:
    warned.evaluate("""() => {
      const poller = document.getElementById("session-poll");
      poller.dataset.canExtend = "no";
      poller.dataset.remaining = "110";
    }""")
    expect(warned.get_by_text("You cannot have more time")).to_be_visible()
    expect(stay(warned)).to_be_hidden()
    warned.keyboard.press("Escape")
    expect(warning(warned)).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_with_the_dialog_open_and_closed(page: Page, pass_time: PassTime, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(SECTION)
    page.get_by_text("Yes", exact=True).click()
    page.clock.resume()
    assert Axe().run(page).response["violations"] == []
    pass_time(TO_WARNING_S)
    expect(warning(page)).to_be_visible()
    assert Axe().run(page).response["violations"] == []


def test_the_page_shows_the_end_and_a_way_to_stay_without_script(
    server: Server, new_context: Callable[..., BrowserContext]
) -> None:
    context = new_context(base_url=server.base_url, java_script_enabled=False)
    server.open_session(context)
    page = context.new_page()
    page.goto(SECTION)
    expect(page.locator("body")).to_contain_text("This form stays open until 14:32")
    expect(warning(page)).to_be_hidden()
    expect(page.get_by_text("We cannot reach the service")).to_be_hidden()
    expect(page.get_by_label("How much do you owe?")).to_be_visible()


def test_a_warning_that_opens_and_closes_quickly_extends_nothing(warned: Page, server: Server) -> None:
    warned.evaluate("""() => {
      const known = { left: 100, canExtend: true };
      const tell = (state) => document.dispatchEvent(new CustomEvent("session-time", { detail: { ...known, state } }));
      const closed = new Promise((done) => document.querySelector("dialog").addEventListener("close", done));
      ["active", "warning"].forEach(tell);
      return closed;
    }""")
    expect(warning(warned)).to_be_visible()
    expect(stay(warned)).not_to_have_attribute("aria-disabled", "true")
    assert server.count(EXTEND) == 0
