"""The settings page follows the number being typed, and says "Saved" once."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PassTime, polled, warning
from tests.browser.probe import SECTION
from tests.browser.server import Server
from tests.browser.visitors import share_sessions
from tests.citizen import Citizen
from tests.people import add_person

GENERAL = "/admin/self/site-settings/general"


@pytest.fixture
def mina(server: Server) -> Citizen:
    """An administrator who is signed in."""
    mina = Citizen(server.app)
    mina.hold("hub", person_id=add_person(server.app, "mina@example.org", "administrator").id)
    return mina


@pytest.fixture
def settings_page(server: Server, context: BrowserContext, page: Page, mina: Citizen) -> Page:
    share_sessions(context, mina, server)
    page.goto(GENERAL)
    return page


def test_advice_and_time_bar_follow_what_is_typed(settings_page: Page) -> None:
    lifetime = settings_page.get_by_label("Session lifetime in minutes", exact=True)
    advice = settings_page.locator("[data-advice]")
    expect(advice).to_be_hidden()
    for typed, renews in (("59", "39:20–57:00"), ("60", "40:00–58:00"), (" 90 ", "60:00–88:00"), ("45", "30:00–43:00")):
        lifetime.fill(typed)
        expect(settings_page.locator("[data-span=renews]")).to_have_text(renews)
        expect(advice).to_be_visible(visible=int(typed) >= 60)
    lifetime.fill("60")
    expect(advice).to_contain_text("You can save 60. Under 60 is better practice.")


@pytest.mark.parametrize("typed", ["", "9", "361", "abc", "12.5"], ids=["blank", "low", "high", "letters", "fraction"])
def test_an_invalid_value_gets_no_advice_and_never_moves_the_time_bar(settings_page: Page, typed: str) -> None:
    settings_page.get_by_label("Session lifetime in minutes", exact=True).fill("90")
    settings_page.get_by_label("Session lifetime in minutes", exact=True).fill(typed)
    expect(settings_page.locator("[data-advice]")).to_be_hidden()
    expect(settings_page.locator("[data-span=renews]")).to_have_text("60:00–88:00")


def test_untouched_page_shows_the_whole_warning_after_a_shorter_lifetime_is_applied(
    server: Server, page: Page, mina: Citizen, pass_time: PassTime
) -> None:
    mina.open(GENERAL)
    mina.press("Save settings", session_lifetime_minutes="360")
    server.clock.advance(minutes=21)
    page.goto(SECTION)  # in the last third, so the session has six hours from now
    mina.press("Save settings", session_lifetime_minutes="10")
    mina.press("Apply now")
    pass_time(30 * 60 - 1)
    polled(page)
    expect(warning(page)).to_be_hidden()
    pass_time(1)
    expect(page.get_by_role("heading", name="You will be signed out in 2 minutes.")).to_be_visible()
    page.clock.resume()
    page.get_by_role("button", name="Stay signed in").click()
    expect(warning(page)).to_be_hidden()


def test_the_page_says_saved_only_once(settings_page: Page) -> None:
    settings_page.get_by_role("button", name="Save settings", exact=True).click()
    expect(settings_page.get_by_text("Saved", exact=True)).to_be_visible()
    settings_page.reload()
    expect(settings_page.get_by_role("heading", name="Site settings", exact=True)).to_be_visible()
    expect(settings_page.get_by_text("Saved", exact=True)).to_be_hidden()


def test_the_preview_of_the_warning_follows_what_is_typed(settings_page: Page) -> None:
    until = settings_page.locator("[data-preview-until]")
    expect(until).to_have_text("14:32")
    for typed, shown in (("45", "14:47"), ("10", "14:12"), ("360", "20:02"), ("5", "20:02")):
        settings_page.get_by_label("Session lifetime in minutes", exact=True).fill(typed)
        expect(until).to_have_text(shown)
