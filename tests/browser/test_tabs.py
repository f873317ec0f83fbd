"""Several tabs of one browser: they agree within a second of their own clock, and no tab speaks for another."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import TO_WARNING_S, Console, PassTime, warning
from tests.browser.probe import SECTION
from tests.browser.server import Server

pytestmark = pytest.mark.browser
POLL = "/session/poll"


@pytest.fixture
def tabs(context: BrowserContext) -> tuple[Page, Page]:
    first, second = context.new_page(), context.new_page()
    first.goto(SECTION)
    second.goto(SECTION)
    return first, second


def test_staying_in_one_tab_closes_the_warning_in_the_other_within_a_second(
    tabs: tuple[Page, Page], pass_time: PassTime
) -> None:
    first, second = tabs
    pass_time(TO_WARNING_S)
    expect(warning(first)).to_be_visible()
    expect(warning(second)).to_be_visible()
    with second.expect_response(f"**{POLL}*"):
        first.get_by_role("button", name="Stay signed in").click()
        expect(first.locator("[data-session-spoken]")).to_contain_text("stays open")
        pass_time(1)
    expect(warning(second)).to_be_hidden()
    expect(second.locator("[data-session-until]").first).to_have_text("15:00")


def test_two_idle_tabs_end_on_time_and_polling_extends_nothing(
    tabs: tuple[Page, Page], server: Server, pass_time: PassTime
) -> None:
    before = server.deadline()
    pass_time(TO_WARNING_S)
    for tab in tabs:
        expect(warning(tab)).to_be_visible()
    for _second in range(60):  # in step, so that no tab hears of the other while its own clock still runs
        pass_time(1)
    for tab in tabs:
        expect(tab.get_by_role("heading", name="You will be signed out in 60 seconds.")).to_be_visible()
    assert server.deadline() == before
    pass_time(60)
    for tab in tabs:
        tab.wait_for_url("**/session/ended")
        expect(tab.get_by_role("heading", level=1)).to_contain_text("14:32")


def test_an_idle_tab_does_not_sign_out_an_active_one(tabs: tuple[Page, Page], pass_time: PassTime) -> None:
    idle, active = tabs
    pass_time(25 * 60)
    active.reload()
    expect(idle.locator("[data-session-until]").first).to_have_text("14:57")
    pass_time(5 * 60)
    for tab in (idle, active):
        expect(warning(tab)).to_be_hidden()
        assert tab.url.endswith(SECTION)


@pytest.mark.two_browsers
def test_signing_out_in_one_tab_ends_the_other_at_once(tabs: tuple[Page, Page]) -> None:
    """Their clock stands still, so what a timer would do, however soon, never happens."""
    first, second = tabs
    first.get_by_role("button", name="Sign out").first.click()
    second.wait_for_url("**/session/ended*")


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"kind": "customer", "state": "ended", "left": 0}, id="ended"),
        pytest.param({"kind": "customer", "state": "active", "left": 99999}, id="extended"),
    ],
)
def test_a_tab_never_trusts_a_message_without_asking_the_server(
    context: BrowserContext, page: Page, server: Server, message: dict[str, object]
) -> None:
    page.goto(SECTION)
    other = context.new_page()
    other.goto("/probe/public")
    with page.expect_response(f"**{POLL}*"):
        other.evaluate("message => new BroadcastChannel('session').postMessage(message)", message)
    expect(page.locator("[data-session-until]").first).to_have_text("14:32")
    assert page.url.endswith(SECTION)


def test_tabs_that_agree_never_poll(tabs: tuple[Page, Page], server: Server, pass_time: PassTime) -> None:
    pass_time(60)
    tabs[0].wait_for_load_state("networkidle")
    assert server.count(POLL) == 0


def test_tabs_agree_within_a_minute_without_broadcast_channel(
    context: BrowserContext, pass_time: PassTime, console: Console
) -> None:
    context.add_init_script("delete window.BroadcastChannel")
    first, second = context.new_page(), context.new_page()
    first.goto(SECTION)
    second.goto(SECTION)
    pass_time(TO_WARNING_S)
    expect(warning(second)).to_be_visible()
    first.context.clock.resume()
    first.get_by_role("button", name="Stay signed in").click()
    expect(warning(first)).to_be_hidden()
    pass_time(60)
    expect(warning(second)).to_be_hidden()
