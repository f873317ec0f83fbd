"""Back on a shared computer: how often an answer shows after the end; `python -m tests.browser.back` counts."""

import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page, expect

from tests.browser.demonstration import demonstration
from tests.browser.server import Server
from tests.browser.visitors import fill, press, share_sessions, show_again
from tests.citizen import Citizen
from tests.journeys import housing

SEED = "Ophelia Seedwright"
ROUNDS = 25
GO_BACK = "setTimeout(() => history.back())"
WATCHED = "html[data-watched]"
SAID = "after Back: "
LOADED, RESTORED, SEEN = f"{SAID}loaded", f"{SAID}restored", f"{SAID}seen"
WATCH = """(() => {
  const SEED = "Ophelia Seedwright";
  const WATCH_MS = 1000;
  let until = 0;

  const shows = (input) => input.value.includes(SEED) && input.checkVisibility({ visibilityProperty: true });
  const isSeen = () => [...document.querySelectorAll("input, textarea")].some(shows)
    || Boolean(document.body && document.body.innerText.includes(SEED));

  function look() {
    const seen = isSeen();
    if (seen) console.info("after Back: seen");
    if (seen || performance.now() > until) document.documentElement.toggleAttribute("data-watched", true);
    else setTimeout(look);
  }

  function watch(arrival) {
    until = performance.now() + WATCH_MS;
    console.info(`after Back: ${arrival}`);
    look();
  }

  function watchAgain() {
    document.documentElement.toggleAttribute("data-watched", false);
    watch("restored");
  }

  if (performance.getEntriesByType("navigation")[0].type === "back_forward") watch("loaded");
  else document.addEventListener("DOMContentLoaded", look);
  window.addEventListener("pageshow", (event) => { if (event.persisted) watchAgain(); }, true);
})();"""
"""Checks a page that Back restored, as often as it can from the very start for a second, and reports to the console."""


@dataclass
class Watcher:
    """Goes Back in one browser and notes how pages came and whether the answer was seen."""

    page: Page
    server: Server
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.context.add_init_script(WATCH)
        self.page.context.on("console", self._hear)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.text.startswith(SAID):
            self.notes.append(message.text)

    def type_answers(self) -> str:
        """Answer two sections as somebody new and stop on the second; return the draft's address."""
        citizen = Citizen(self.server.app)
        draft = housing.start(citizen)
        share_sessions(self.page.context, citizen, self.server)
        self.page.goto("/privacy")  # so that Back can be pressed twice: Firefox forgets the empty page of a new tab
        self.page.goto(f"{draft}/about_you")
        press(self.page, **(housing.ABOUT_YOU | {"full_name": SEED}))
        self.page.wait_for_url("**/home")
        fill(self.page, **(housing.HOME | {"address__line_1": SEED}))
        return draft

    def go_back(self) -> None:
        """Press Back, and watch until a second has passed or the page has gone."""
        with self.page.expect_console_message(lambda message: message.text in (LOADED, RESTORED)):
            self.page.evaluate(GO_BACK)
        self.page.locator(WATCHED).wait_for()

    def play(self, way: "Way") -> None:
        """Play one round: type, come to an end, and press Back twice."""
        way(self, self.type_answers())
        self.go_back()
        self.go_back()


Way = Callable[[Watcher, str], None]


def _end(page: Page, server: Server) -> None:
    server.clock.advance(minutes=31)
    show_again(page)
    expect(page).to_have_url(re.compile("/session/ended$"))


def sign_out(watcher: Watcher, _draft: str) -> None:
    """Sign out."""
    watcher.page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(watcher.page).to_have_url(re.compile(r"/session/ended\b"))


def end(watcher: Watcher, _draft: str) -> None:
    """Let the tab notice the end and leave by itself."""
    _end(watcher.page, watcher.server)


def end_in_another_tab(watcher: Watcher, draft: str) -> None:
    """Let a second tab notice the end while this one is on another site."""
    other = watcher.page.context.new_page()
    other.goto(draft)
    watcher.page.goto("about:blank")
    _end(other, watcher.server)
    other.close()


def end_while_on_another_site(watcher: Watcher, _draft: str) -> None:
    """Let the session end while the tab is on another site and nobody notices."""
    watcher.page.goto("about:blank")
    watcher.server.clock.advance(minutes=31)


def end_while_on_a_public_page(watcher: Watcher, _draft: str) -> None:
    """Let the session end while the tab shows a page without answers and nobody has noticed yet."""
    watcher.page.goto("/privacy")
    watcher.server.clock.advance(minutes=31)


WAYS: dict[str, Way] = {
    "Back after Sign out": sign_out,
    "after the end": end,
    "after an end noticed in another tab": end_in_another_tab,
    "after a silent end, away on another site": end_while_on_another_site,
    "after a silent end, away on a public page": end_while_on_a_public_page,
}


def main() -> int:
    """Play every round and print the table; return 1 if an answer was seen."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    seen = 0
    with demonstration() as (browser, server):
        for name, way in WAYS.items():
            watcher = Watcher(browser.new_context(base_url=server.base_url).new_page(), server)
            for _ in range(ROUNDS):
                watcher.play(way)
            counts = [watcher.notes.count(each) for each in (SEEN, RESTORED, LOADED)]
            seen += counts[0]
            sys.stdout.write("{:<44} {} rounds: {} seen, {} restored, {} loaded\n".format(name, ROUNDS, *counts))
            watcher.page.context.close()
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
