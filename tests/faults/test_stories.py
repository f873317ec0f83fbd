"""A few stories of random citizens in a real browser; `make faults` plays hundreds."""

import pytest
from playwright.sync_api import Browser

from tests.faults.stories import play

pytestmark = pytest.mark.browser
STORIES = {"chromium": range(1, 5), "firefox": range(1, 2)}
SEED = 1


@pytest.mark.two_browsers
def test_what_was_in_a_field_for_five_seconds_is_kept_or_said_to_be_lost(browser: Browser, browser_name: str) -> None:
    figures = play(browser, STORIES[browser_name], SEED)
    assert figures["words held for 5 s"] > 0
    assert figures["faults"] == 0
