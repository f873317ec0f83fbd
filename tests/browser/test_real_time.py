"""One test without a controlled clock: a session of eight seconds warns, is extended, warns again and ends."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, expect

from portal.app import create_app
from portal.clock import SystemClock
from portal.config import Configuration
from portal.sessions.policies import KINDS, SessionKind
from portal.sessions.rules import Policy
from portal.site_settings.definition import Settings
from tests.browser.conftest import warning
from tests.browser.server import Server
from tests.conftest import MovableClock


def eight_seconds(_settings: Settings) -> Policy:
    return Policy(idle_timeout=timedelta(seconds=8), warning=timedelta(seconds=5))


@pytest.fixture
def app(configuration: Configuration) -> Iterator[Flask]:
    app = create_app(
        configuration,
        clock=SystemClock(),
        kinds={**KINDS, "customer": SessionKind(name="customer", cookie="session_customer", policy=eight_seconds)},
    )
    yield app
    app.extensions["portal"].database.close()


@pytest.fixture
def clock() -> MovableClock:
    """Return the clock that the server fixture needs; nothing here moves it."""
    return MovableClock()


@pytest.mark.usefixtures("demo_forms")
def test_a_short_session_warns_is_extended_and_ends(server: Server, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(base_url=server.base_url).new_page()
    page.goto("/forms/housing-support")
    page.get_by_role("button", name="Start now").click()
    page.get_by_role("link", name="About you").click()
    expect(warning(page)).to_be_visible(timeout=6000)
    page.get_by_role("button", name="Stay signed in").click()
    expect(warning(page)).to_be_hidden()
    expect(warning(page)).to_be_visible(timeout=6000)
    page.wait_for_url("**/session/ended", timeout=10_000)
    expect(page.get_by_role("heading", level=1)).to_contain_text("You were signed out at")
