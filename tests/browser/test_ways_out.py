"""A guest who answered an e-mail address, and did nothing else, is soon back at every letter, whatever the way out."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Console
from tests.browser.server import Server
from tests.browser.visitors import Enter, button, press
from tests.browser.ways_out import ADDRESS, MOST_PRESSES, MOST_SECONDS, WAYS, Guest, timed
from tests.journeys import housing

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("way", WAYS.values(), ids=lambda way: way.__name__)
def test_guest_is_back_at_every_letter_with_four_presses_in_thirty_seconds(
    new_context: Callable[..., BrowserContext],
    server: Server,
    console: Console,
    way: Callable[[Guest], None],
    *,
    has_script: bool,
) -> None:
    console.expects("403")

    def enter() -> BrowserContext:
        context = new_context(base_url=server.base_url, java_script_enabled=has_script)
        console.watch(context)
        return context

    guest = timed(way, enter, server, has_script=has_script)
    assert guest.presses <= MOST_PRESSES
    assert time.perf_counter() - guest.began <= MOST_SECONDS


@pytest.fixture
def signed_out(enter: Enter) -> Page:
    """Open the page after Sign out of a guest with answers."""
    page = enter()
    page.goto("/forms/housing-support")
    press(page, "Start now")
    page.goto(f"{page.url}/about_you")
    press(page, **housing.ABOUT_YOU)
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have signed out")
    expect(page.locator(".slip")).to_be_visible()
    return page


@pytest.mark.parametrize("leave", ["reload", "back", "forward", "new tab", "done"])
def test_reference_and_code_are_shown_once(signed_out: Page, leave: str) -> None:
    page, slip = signed_out, signed_out.locator(".slip dd")
    secrets = [slip.nth(0).inner_text(), slip.nth(1).inner_text(), ADDRESS]
    if leave == "reload":
        page.reload()
    elif leave == "new tab":
        page = page.context.new_page()
        page.goto(signed_out.url)
    elif leave == "done":
        page.get_by_role("main").get_by_role("link", name="I do not need this").click()
    else:
        page.goto("/contact")
        page.evaluate("history.back()")
        page.wait_for_url("**/session/ended*")
        if leave == "forward":
            page.evaluate("history.forward()")
            page.wait_for_url("**/contact")
            page.evaluate("history.back()")
            page.wait_for_url("**/session/ended*")
    expect(page.locator(".slip")).to_have_count(0)
    shown = page.content()
    assert not [secret for secret in secrets if secret in shown]


def test_page_after_signing_out_closes_itself_unless_somebody_is_there(signed_out: Page) -> None:
    page = signed_out
    page.get_by_label("E-mail address").focus()  # bringing it into view is a touch, too, and comes late
    page.context.clock.install()
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown'))")  # the timer is set again, on that clock
    page.context.clock.run_for(4 * 60_000)
    page.get_by_label("E-mail address").press("End")
    page.context.clock.run_for(4 * 60_000)
    expect(page.locator(".slip")).to_be_visible()
    page.context.clock.run_for(60_000)
    page.wait_for_url("**/session/ended?reason=signed_out&guest=saved")
    expect(page.locator(".slip")).to_have_count(0)
    expect(button(page, "Send link")).to_have_count(0)
