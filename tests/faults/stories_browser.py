"""How a story sees its browser: what a page shows once its saves are answered, and a server that can lose requests."""

import json
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Error, Page

from portal import migrations
from portal.app import create_app
from portal.config import read_configuration
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.browser.server import Server
from tests.browser.visitors import stop_time
from tests.conftest import MovableClock
from tests.faults.stories_oracle import MARK

FORM = Path(__file__).with_name("stories.yaml")
FLIGHTS = """(() => {
  const { performance } = window;
  window.howItCame = (type) => performance.getEntriesByType(type);
  const flights = new Set();
  const follow = (flight) => {
    const landed = flight.catch(() => {}).finally(() => flights.delete(landed));
    flights.add(landed);
  };
  const fetched = window.fetch;
  window.fetch = (...request) => {
    const flight = fetched(...request);
    follow(flight.then((answer) => answer.clone().text()));
    return flight;
  };
  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (...body) {
    follow(new Promise((resolve) => { this.addEventListener("loadend", resolve); }));
    return send.apply(this, body);
  };
  const soon = () => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = resolve;
    port2.postMessage("");
  });
  window.isLeaving = false;
  if (window.navigation) navigation.addEventListener("navigate", (event) => {
    if (!event.destination.sameDocument) window.isLeaving = true;
  });
  window.landed = async () => {
    if (document.readyState !== "complete") {
      await new Promise((resolve) => { window.addEventListener("pageshow", resolve); });
    }
    while (flights.size) {
      await Promise.all(flights);
      await soon();
    }
  };
})();"""
"""Counts the saves under way, so that a story goes on as soon as they are answered and never waits for the clock."""
ARRIVAL = "performance.getEntriesByType = window.howItCame;"
"""A stopped clock hides from pages whether they were reloaded."""
LOOK = """async () => {
  if (window.landed) await window.landed();
  const status = document.querySelector("[data-saved-status]");
  const fields = "form[data-autosave] [data-field] :is(input:not([type=radio], [type=file]), textarea)";
  const inputs = document.querySelectorAll(fields);
  return {
    fields: Object.fromEntries([...inputs].map((input) => [input.name, input.value])),
    seen: [...inputs].filter((input) => input.checkVisibility()).map((input) => input.name),
    files: [...document.querySelectorAll("[data-file]")].map((file) => file.innerText),
    isLeaving: Boolean(window.isLeaving || document.querySelector("main form[inert]")),
    state: status ? status.dataset.state : "",
    heading: document.querySelector("h1")?.textContent.trim() || "",
    words: document.body ? document.body.innerText : "",
  };
}"""


class Cuts:
    """Loses requests or their answers on the way, for as long as a story asks for it."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self.way = ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        way = self.way if environ["REQUEST_METHOD"] == "POST" else ""
        if not way:
            return self._app(environ, start_response)
        if way == "unheard":
            list(self._app(environ, lambda *_answer: None))
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError


@contextmanager
def served() -> Iterator[tuple[Server, Cuts]]:
    """Serve the form on a clock of its own, by a server that can lose requests."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(read_configuration({"DATA_DIR": folder}), clock=MovableClock())
        parts = app.extensions["portal"]
        migrations.upgrade(parts.database)
        with parts.database.writing() as db:
            publish(db, read_yaml(FORM.read_text(encoding="utf-8")), now=parts.clock.now())
        cuts = Cuts(app.wsgi_app)
        app.wsgi_app = cuts  # type: ignore[method-assign]
        with Server(app, parts.clock) as server:
            yield server, cuts
        parts.database.close()


def watch(context: BrowserContext, server: Server) -> None:
    """Stop the time of this browser, and count its saves under way."""
    context.add_init_script(FLIGHTS)
    stop_time(context, server)
    context.add_init_script(ARRIVAL)


def look(page: Page) -> dict[str, Any]:
    """Return what a page shows, once it has come and its saves are answered."""
    seen: dict[str, Any] = {}
    for _ in range(20):
        with suppress(Error):  # the page is just leaving
            seen = page.evaluate(LOOK)
            if not seen["isLeaving"]:
                return seen
        page.wait_for_timeout(20)
        page.wait_for_load_state("domcontentloaded")
    if not seen:
        raise TimeoutError(f"{page.url} never comes to rest")
    return seen


def marks_in(page: Page) -> list[str]:
    """Return the marks in the fields of a page, and those of its files."""
    seen = look(page)
    return MARK.findall(json.dumps([seen["fields"], seen["files"]]))
