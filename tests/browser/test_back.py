"""Back on the real pages, with the browser's own cache: after the end no answer is seen, not for a moment."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.back import RESTORED, SEEN, WAYS, Watcher, Way
from tests.browser.conftest import CHROMIUM, Console, launched
from tests.browser.server import Server
from tests.browser.visitors import Enter

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
ROUNDS = 2


@pytest.fixture(scope="module")
def browser(launch_browser: Callable[..., Browser]) -> Iterator[Browser]:
    """Launch the whole Chromium: without windows it keeps no page for Back."""
    yield from launched(launch_browser, **({"executable_path": CHROMIUM} if CHROMIUM.exists() else {}))


@pytest.fixture
def watcher(enter: Enter, server: Server, console: Console) -> Watcher:
    console.expects("401")  # an autosave that comes too late
    return Watcher(enter(), server)


def test_back_restores_the_page_and_its_answers_while_the_session_lives(watcher: Watcher) -> None:
    watcher.type_answers()
    watcher.page.goto("/privacy")
    watcher.go_back()
    assert watcher.notes == [RESTORED, SEEN]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_back_never_shows_an_answer_after_the_end(watcher: Watcher, way: Way) -> None:
    for _ in range(ROUNDS):
        watcher.play(way)
    assert len(watcher.notes) >= 2 * ROUNDS
    assert SEEN not in watcher.notes
