"""A real browser on a served application; every test fails on an error in the console or a breach of the policy."""

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Locator, Page, WebError, expect

from tests.applications import Equipment
from tests.browser import probe
from tests.browser.inspection import Inspector
from tests.browser.server import Server
from tests.browser.visitors import stop_clock
from tests.conftest import MovableClock

CHROMIUM = Path("/usr/bin/chromium")
SHELL = Path("/usr/bin/chromium-headless-shell")
"""The same Chromium without its windows, which take half of the processor; tests of Back launch the whole one."""
FIREFOX = Path("/usr/bin/firefox-esr")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSER_START = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
PassTime = Callable[[float], None]
TO_WARNING_S = 28 * 60
COUNT_WRITES = """() => {
  window.writes = [];
  const region = document.querySelector("[data-session-spoken]");
  new MutationObserver(() => window.writes.push(region.textContent)).observe(region, { childList: true });
}"""
NO_BROWSER = "No {0} was found: install it with `apt install {1}` or `playwright install {2}`."
PACKAGES = {"chromium": "chromium", "firefox": "firefox-esr"}


@pytest.fixture(scope="session")
def base_url() -> None:
    """Serve each test by a server of its own; the plugin's fixture of this name would warn."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], browser_name: str) -> dict[str, Any]:
    return browser_type_launch_args | launch_arguments(browser_name)


def launch_arguments(browser_name: str) -> dict[str, Any]:
    """Return how the browser of this name is started, from the system where it is there."""
    if browser_name == "firefox":
        # By this channel Playwright drives any Firefox (WebDriver BiDi); without it, only a build of its own.
        return {"channel": "moz-firefox", "executable_path": FIREFOX} if FIREFOX.exists() else {}
    found = [path for path in (SHELL, CHROMIUM) if path.exists()]
    executable = {"executable_path": found[0]} if found else {}
    return {**executable, "ignore_default_args": ["--disable-back-forward-cache"], "args": ARGUMENTS}


@pytest.fixture(scope="session")
def browser(launch_browser: Callable[..., Browser], browser_name: str) -> Iterator[Browser]:
    """Launch the browser; without it its tests are skipped, or fail if REQUIRE_BROWSER=1."""
    try:
        yield from launched(launch_browser)
    except Error as reason:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            raise
        how = NO_BROWSER.format(browser_name.title(), PACKAGES[browser_name], browser_name)
        pytest.skip(f"{how} ({reason.message.splitlines()[0]})")


def launched(launch: Callable[..., Browser], **options: Any) -> Iterator[Browser]:
    """Launch one browser, and close it at the end."""
    browser = launch(**options)
    yield browser
    browser.close()


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return a database on SQLite: browser tests use no other."""
    return sqlite_url


@pytest.fixture
def equipment() -> Equipment:
    return add_probe


def add_probe(app: Flask) -> None:
    """Add the section page that represents all section pages."""
    app.register_blueprint(probe.blueprint)


@pytest.fixture
def server(app: Flask, clock: MovableClock) -> Iterator[Server]:
    with Server(app, clock) as server:
        yield server


@pytest.fixture
def new_context(server: Server, new_context: Callable[..., BrowserContext]) -> Callable[..., BrowserContext]:
    """Close what the plugin's function opens before the server goes, which would leave a page's poll unanswered."""
    return new_context


class Console:
    """What the browser complained of; `expects` names what a test provokes."""

    def __init__(self) -> None:
        self._complaints: list[str] = []
        self._expected: list[str] = []

    def expects(self, pattern: str) -> None:
        """Accept complaints that match this pattern."""
        self._expected.append(pattern)

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._hear)
        context.on("weberror", self._hear_error)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(message.text)

    def _hear_error(self, error: WebError) -> None:
        self._complaints.append(str(error.error))

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self._complaints if not any(re.search(each, text) for each in self._expected)]


@pytest.fixture
def console() -> Iterator[Console]:
    console = Console()
    yield console
    assert console.unexpected == [], console.unexpected


@pytest.fixture
def enter(new_context: Callable[..., BrowserContext], server: Server, console: Console) -> Callable[..., Page]:
    """Return a function that opens a page in a new browser profile, for a visitor whom nobody knows yet."""

    def enter(**options: Any) -> Page:
        context = new_context(base_url=server.base_url, **options)
        console.watch(context)
        return context.new_page()

    return enter


@pytest.fixture
def context(new_context: Callable[..., BrowserContext], server: Server, console: Console) -> BrowserContext:
    """Open a browser profile with a guest's session; its time stands still until the test advances or resumes it."""
    context = new_context(base_url=server.base_url)
    console.watch(context)
    server.open_session(context)
    stop_clock(context, BROWSER_START)
    return context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def look(page: Page, server: Server) -> Iterator[Inspector]:
    """Return an inspector of pages; what it finds fails the test at its end."""
    inspector = Inspector(page, server)
    yield inspector
    assert inspector.faults == []


@pytest.fixture
def pass_time(server: Server, context: BrowserContext) -> PassTime:
    """Let time pass on the server and in all tabs."""

    def move(seconds: float) -> None:
        server.clock.advance(seconds=seconds)
        context.clock.run_for(int(seconds * 1000))

    return move


def warning(page: Page) -> Locator:
    """Return the warning before the end."""
    return page.locator("dialog")


def polled(page: Page) -> None:
    """Wait until the poller has its response: time that passes before would count as time since."""
    expect(page.locator("#session-poll.htmx-request")).to_have_count(0)


@pytest.fixture
def warned(page: Page, pass_time: PassTime) -> Page:
    """Open a section page just as its warning opens, with part of an answer selected; from here on time passes.

    `window.writes` is what was spoken.
    """
    page.goto(probe.SECTION)
    landlord = page.get_by_label("Name of your landlord")
    landlord.fill("Calder Homes")
    landlord.evaluate("input => input.setSelectionRange(2, 5)")
    page.evaluate(COUNT_WRITES)
    pass_time(3)
    expect(page.get_by_text("Saved 14:02")).to_be_visible()
    pass_time(TO_WARNING_S - 3)
    expect(warning(page)).to_be_visible()
    page.clock.resume()
    return page
