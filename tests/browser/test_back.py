"""Back on the real pages, with the browser's own cache: as the server has it, and nothing at all after the end."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.back import GO_BACK, LOADED, RESTORED, SEEN, WAYS, Watcher, Way
from tests.browser.conftest import CHROMIUM, Console, launched
from tests.browser.server import Server
from tests.browser.visitors import Enter, expect_answers, fill, share_sessions
from tests.citizen import Citizen
from tests.journeys import housing

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
ROUNDS = {"chromium": 2, "firefox": 1}


@pytest.fixture(scope="module")
def browser(browser: Browser, launch_browser: Callable[..., Browser], browser_name: str) -> Iterator[Browser]:
    """Launch the whole Chromium: without windows it keeps no page for Back."""
    if browser_name == "chromium" and CHROMIUM.exists():
        yield from launched(launch_browser, executable_path=CHROMIUM)
    else:
        yield browser


@pytest.fixture
def watcher(enter: Enter, server: Server, console: Console) -> Watcher:
    console.expects("401")  # an autosave that comes too late
    return Watcher(enter(), server)


@pytest.mark.two_browsers
def test_back_shows_the_page_and_its_answers_while_the_session_lives(watcher: Watcher, browser_name: str) -> None:
    watcher.type_answers()
    expect(watcher.page.locator("[data-saved-status]")).to_contain_text("Saved")  # a page that still saves is not kept
    watcher.page.goto("/privacy")
    watcher.go_back()
    # Firefox keeps no page that must not be stored: it asks the server again.
    assert watcher.notes == [LOADED if browser_name == "firefox" else RESTORED, SEEN]


@pytest.mark.two_browsers
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_back_never_shows_an_answer_after_the_end(watcher: Watcher, way: Way, browser_name: str) -> None:
    for _ in range(ROUNDS[browser_name]):
        watcher.play(way)
    assert len(watcher.notes) >= 2 * ROUNDS[browser_name]
    assert SEEN not in watcher.notes


def test_back_unticks_a_declaration_that_the_browser_kept(enter: Enter, server: Server, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    page = enter()
    share_sessions(page.context, citizen, server)
    page.goto(f"{draft}/check")
    fill(page, declaration="yes")
    page.goto("/privacy")
    page.evaluate(GO_BACK)
    page.wait_for_url("**/check")
    expect(page.get_by_role("checkbox")).not_to_be_checked()


def test_back_shows_the_newer_answer_over_one_that_the_browser_kept(
    enter: Enter, server: Server, citizen: Citizen
) -> None:
    address = f"{housing.start(citizen)}/about_you"
    page = enter()
    share_sessions(page.context, citizen, server)
    page.goto(address)
    fill(page, full_name="Zoë Hughes")
    page.get_by_role("link", name="All sections").first.click()
    page.wait_for_url(re.compile("/drafts/[^/]+$"))
    citizen.open(address)
    citizen.press("Save and come back later", full_name="Zoë Łukasz")
    page.evaluate(GO_BACK)
    page.wait_for_url(f"**{address}")
    expect_answers(page, full_name="Zoë Łukasz")
