"""Back on the real pages, with the browser's own cache: after the end no answer is seen, not for a moment."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.back import LOADED, RESTORED, SEEN, WAYS, Watcher, Way
from tests.browser.conftest import CHROMIUM, Console, launched
from tests.browser.server import Server
from tests.browser.visitors import Enter

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
