"""The demo on a clock of its own, served to a Chromium: what `python -m tests.browser.…` looks at."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from portal import migrations
from portal.app import create_app
from portal.commands.database import load_demo
from portal.config import read_configuration
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.server import Server
from tests.conftest import MovableClock


@contextmanager
def demonstration() -> Iterator[tuple[Browser, Server]]:
    """Serve the demo to a browser that keeps pages for Back, as people's browsers do."""
    executable = CHROMIUM if CHROMIUM.exists() else None
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        clock = MovableClock()
        app = create_app(read_configuration({"DATA_DIR": folder}), clock=clock)
        parts = app.extensions["portal"]
        migrations.upgrade(parts.database)
        with app.app_context():
            load_demo(parts.database, parts.configuration, now=clock.now())
        caching = ["--disable-back-forward-cache"]
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS, ignore_default_args=caching)
        with Server(app, clock) as server:
            yield browser, server
        browser.close()
