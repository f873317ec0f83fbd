"""The end in the browser: every tab leaves, Back shows nothing, and late responses never land in a fragment."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import TO_WARNING_S, Console, PassTime, warning
from tests.browser.probe import SECTION
from tests.browser.server import Server

pytestmark = pytest.mark.browser
RESTORED = "window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"


def test_the_end_page_replaces_the_form_in_the_history(page: Page, pass_time: PassTime) -> None:
    page.goto("/probe/public")
    page.goto(SECTION)
    pass_time(TO_WARNING_S)
    expect(warning(page)).to_be_visible()
    pass_time(120)
    page.wait_for_url("**/session/ended")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.evaluate("history.back()")
    expect(page).to_have_url(re.compile("/probe/public$"))


def test_a_staff_session_ends_on_the_end_page_for_staff(page: Page) -> None:
    page.goto(SECTION)
    with page.expect_request("**/session/ended?kind=hub"):
        page.evaluate("Object.assign(document.getElementById('session-poll').dataset, { kind: 'hub', state: 'ended' })")


def test_htmx_requests_of_a_dead_session_lead_to_the_end_without_a_history_entry(
    page: Page, server: Server, console: Console
) -> None:
    console.expects("401|htmx")
    page.goto("/probe/public")
    page.goto(SECTION)
    server.clock.advance(minutes=31)
    page.evaluate("htmx.ajax('POST', '/probe/autosave', { values: { csrf_token: 'old' }, swap: 'none' })")
    page.wait_for_url("**/session/ended")
    page.evaluate("history.back()")
    expect(page).to_have_url(re.compile("/probe/public$"))


@pytest.mark.two_browsers
def test_a_page_from_the_back_forward_cache_stays_hidden_until_the_server_answers(page: Page, server: Server) -> None:
    page.goto(SECTION)
    with server.holding("/session/poll"):
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
        page.evaluate(RESTORED)
        expect(page.get_by_label("Name of your landlord")).to_be_hidden()
    expect(page.get_by_label("Name of your landlord")).to_be_visible()


def test_a_page_from_the_back_forward_cache_leaves_when_the_session_is_over(
    page: Page, server: Server, console: Console
) -> None:
    console.expects("401")  # it asks for the latest answers, too
    page.goto(SECTION)
    server.clock.advance(minutes=31)
    page.evaluate(RESTORED)
    page.wait_for_url("**/session/ended")


@pytest.mark.two_browsers
def test_back_after_signing_out_shows_no_answer(page: Page, context: BrowserContext) -> None:
    page.goto(SECTION)
    page.get_by_label("Name of your landlord").fill("Calder Homes")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/session/ended*")
    page.evaluate("history.back()")
    page.wait_for_url("**/session/ended*")
    expect(page.get_by_label("Name of your landlord")).to_have_count(0)
