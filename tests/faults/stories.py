"""Random citizens in a real browser: whatever was in a field for five seconds is kept, or was said to be lost.

`python -m tests.faults.stories` plays them: `BROWSER=firefox STORIES=7-9 SEED=1` plays three of them again.
"""

import json
import logging
import os
import re
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, Page, sync_playwright
from sqlalchemy import select

from portal import migrations
from portal.app import create_app
from portal.config import read_configuration
from portal.drafts.models import Draft, DraftPart
from portal.drafts.sealing import open_part
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from portal.sessions.late_forms import parked_on, parked_pages
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers
from tests.browser.conftest import launch_arguments
from tests.browser.server import Server
from tests.browser.visitors import button, share_sessions, stop_time
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.people import PASSWORD, add_person, sign_in

RUNS = {"chromium": "1-500", "firefox": "1-100"}
STEPS = (6, 12)
SECTIONS = ("you", "you", "rent", "work")
"""Where people go, the first of them twice as often: there an answer hides others."""
LONG_ENOUGH_S = 5.0
PAUSES_S = (0.3, 1.0, 2.5, 5.5, 8.0)
MARK = re.compile(r"zq\d+x\d+z")
NOT_KEPT = ("failed", "refused", "conflict")
"""States of “Saved” that say that the words are not on the server."""
SAYS_LOST = re.compile("not kept|Nothing was changed|not received what you typed|already sent")
FLIGHTS = """(() => {
  const send = window.fetch;
  const flights = new Set();
  window.fetch = (...request) => {
    const flight = send(...request);
    const landed = flight.then((answer) => answer.clone().text()).catch(() => {}).finally(() => flights.delete(landed));
    flights.add(landed);
    return flight;
  };
  window.landed = async () => { while (flights.size) await Promise.all(flights); };
})();"""
"""Counts the saves under way, so that a story goes on as soon as they are answered and never waits for the clock."""
LOOK = """async () => {
  if (window.landed) await window.landed();
  const status = document.querySelector("[data-saved-status]");
  const inputs = document.querySelectorAll("form[data-autosave] [data-field] :is(input:not([type=radio]), textarea)");
  return {
    fields: Object.fromEntries([...inputs].map((input) => [input.name, input.value])),
    seen: [...inputs].filter((input) => input.checkVisibility()).map((input) => input.name),
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


class Story:
    """One person, one browser, and a random script that a number and a seed repeat."""

    def __init__(self, number: int, seed: int, browser: Browser, server: Server, cuts: Cuts) -> None:
        self.number, self.server, self.cuts = number, server, cuts
        self.random = Random(f"{seed} {number}")  # noqa: S311 - a script that can be repeated
        self.is_person = number % 2 == 0
        self.lines = [f"=== story {number}, seed {seed}"]
        self.ages: dict[str, float] = {}
        self.places: dict[str, str] = {}
        self.let_go: dict[str, str] = {}
        self.written = 0
        self.context = browser.new_context(base_url=server.base_url)
        self.context.add_init_script(FLIGHTS)
        self.context.set_default_timeout(10_000)

    def note(self, line: str) -> None:
        """Add a line to what is printed if something was lost."""
        self.lines.append(f"{self.server.clock.now():%H:%M:%S} {line}")

    # The story

    def play(self) -> list[str]:
        """Play the story; return the words that went without a word."""
        try:
            self._begin()
            for _ in range(self.random.randint(*STEPS)):
                self.random.choices(list(DEEDS), list(DEEDS.values()))[0](self)
                self._look()
            self._reconnect()
            self.wait(70)
            return self._lost()
        finally:
            self.cuts.way = ""
            self.context.close()

    def _begin(self) -> None:
        citizen = Citizen(self.server.app)
        self.email = f"story{self.number}@mail.example"
        self.person = add_person(self.server.app, self.email).id if self.is_person else None
        if self.is_person:
            sign_in(citizen, self.email)
        citizen.open("/forms/hurried-form")
        self.draft = citizen.press("Start now").path
        slip = re.search(r"Return code\s*(\S{4} \S{4})", citizen.page.words)
        self.reference, self.code = self.draft.rpartition("/")[2], slip[1] if slip else ""
        share_sessions(self.context, citizen, self.server)
        stop_time(self.context, self.server)
        self.page = self.context.new_page()
        self._open("you")
        if self.random.random() < 0.7:
            self.page.locator("main [name='home'][value='rented']").check()

    def _open(self, section: str) -> None:
        self.note(f"opens {section}")
        self._go(lambda: self._load(f"{self.draft}/{section}"))

    def _load(self, address: str) -> None:
        """Open an address, also while the page is just leaving for another: Firefox refuses to do both."""
        for _ in range(5):
            try:
                self.page.goto(address, wait_until="domcontentloaded")
                return
            except Error as reason:
                if "interrupted" not in reason.message:
                    raise
        raise TimeoutError(f"{address} never opens")

    def _go(self, act: Callable[[], object]) -> None:
        """Do what leads to another page; without a connection the browser shows an error, and the person goes back."""
        held = self._held(self.page)
        before, refused, is_cut = self.page.url, False, False
        try:
            with self.page.expect_navigation(wait_until="domcontentloaded") as navigation:
                act()
            answer = navigation.value  # none where the browser had kept the page
            refused = answer is not None and answer.status >= 400
        except Error as reason:
            is_cut = "Timeout" not in reason.message
            self.note(f"no page came: {reason.message.splitlines()[0]}")
        if is_cut or not self.page.url.startswith("http"):
            self._say(held, "the browser found no connection")
            self._reconnect()
            with suppress(Error):
                self.page.wait_for_url(lambda url: not url.startswith("http"), timeout=2000)
            self._load(before if before.startswith("http") else self.draft)
        seen = self._look()
        self.note(f"is on {urlsplit(self.page.url).path} ({seen['heading']}) {seen['fields']}")
        if refused:
            shown = [mark for mark in held if mark in seen["words"]]
            self._say(shown, "the page shows it and says that it was not saved")
        if refused and SAYS_LOST.search(seen["words"]):
            self._say(held, "the page says that it was not kept")
        if seen["heading"].startswith("Two versions"):
            self._choose()

    def _choose(self) -> None:
        """Choose between both versions; whatever is not chosen was seen and let go."""
        for name in sorted(set(self.page.locator("[name^=_keep_]").evaluate_all("all => all.map(each => each.name)"))):
            side = self.random.choice(("mine", "saved"))
            cards = self.page.locator(f"[name='{name}']")
            for index in range(cards.count()):
                text = cards.nth(index).locator("xpath=ancestor::label | following-sibling::label").first.inner_text()
                chosen = cards.nth(index).get_attribute("value") == side
                for mark in MARK.findall(text):
                    self.let_go[mark] = "another version was chosen"
                    if chosen:
                        self.let_go.pop(mark)
                if chosen:
                    cards.nth(index).check()
            self.note(f"chooses {side} for {name}")
        self._go(lambda: button(self.page, "Save my choices").click())

    # What people do

    def write(self) -> None:
        """Type into one or two fields that are seen: over what was there, or behind it."""
        for _ in range(self.random.choice((1, 2))):
            self._write_once()

    def _write_once(self) -> None:
        seen = self._look()
        if not seen["seen"]:
            return self._open(self.random.choice(SECTIONS))
        name = self.random.choice(seen["seen"])
        self.written += 1
        mark, before = f"zq{self.number}x{self.written}z", seen["fields"][name]
        text = f"{before} {mark}".strip() if self.random.random() < 0.4 and len(before) < 60 else mark
        self.note(f"types {text!r} into {name} over {before!r}")
        self.page.locator(f"main [name='{name}']").fill(text)
        self.places[mark] = f"{urlsplit(self.page.url).path}: {name}"
        for gone in set(MARK.findall(before)) - set(MARK.findall(text)):
            self.let_go[gone] = "typed over"
        if self.random.random() < 0.2:
            return self.hide()
        self.wait(self.random.choice(PAUSES_S))

    def hide(self) -> None:
        """Change the answer on which others depend."""
        option = self.page.locator("main [name='home']:not(:checked)")
        if option.count():
            option = option.nth(self.random.randrange(option.count()))
            self.note(f"answers {option.get_attribute('value')}")
            option.check()
            self.wait(self.random.choice(PAUSES_S))

    def wait(self, seconds: float) -> None:
        """Let time pass for the server and all tabs; what is in a field grows older."""
        held = {mark for page in self._pages() for mark in self._held(page)}
        self.server.clock.advance(seconds=seconds)
        self.context.clock.run_for(int(seconds * 1000))
        for mark in held:
            self.ages[mark] = self.ages.get(mark, 0) + seconds
        seen = self._look()
        self.note(f"waits {seconds} s: {seen['state']}")

    def press(self) -> None:
        """Press a button of the page: mostly Continue."""
        found = [each for each in ("Continue", "Continue", "Back") if button(self.page, each).count()]
        if not found or not self._look()["fields"]:
            return self._open(self.random.choice(SECTIONS))
        name = self.random.choice(found)
        self.note(f"presses {name}")
        self._go(lambda: button(self.page, name).click())

    def go_back(self) -> None:
        """Press the browser's own Back, once or more, and perhaps go on from there."""
        for _ in range(self.random.choice((1, 2, 3))):
            if not self.page.evaluate("navigation.canGoBack"):
                break
            self.note("goes Back")
            self._go(lambda: self.page.evaluate("history.back()"))
        if self.random.random() < 0.5:
            self.press()

    def reload(self) -> None:
        """Load the page again."""
        self.note("reloads")
        self._go(lambda: self.page.reload(wait_until="domcontentloaded"))

    def use_another_tab(self) -> None:
        """Open a second tab, or go to one that is open."""
        pages = self._pages()
        if len(pages) < 3 and self.random.random() < 0.6:
            self.page = self.context.new_page()
            return self._open(self.random.choice(SECTIONS))
        self.page = self.random.choice(pages)
        self.note(f"takes tab {pages.index(self.page) + 1}")

    def lose_the_connection(self) -> None:
        """Lose requests, or answers, or everything, until it is mended."""
        if self.cuts.way:
            return self._reconnect()
        self.cuts.way = self.random.choice(("unsent", "unheard", "offline"))
        self.note(f"connection: {self.cuts.way}")
        self.context.set_offline(self.cuts.way == "offline")

    def _reconnect(self) -> None:
        if self.cuts.way:
            self.note("connection: good")
        self.cuts.way = ""
        self.context.set_offline(False)

    def sign_out(self) -> None:
        """Sign out, and come back."""
        self._reconnect()
        press = self.page.get_by_role("button", name="Sign out", exact=True)
        if press.count():
            self.note("signs out")
            self._go(lambda: press.first.click())
            if "/session/ended" not in self.page.url and button(self.page, "Sign out").count():
                self._go(lambda: button(self.page, "Sign out").click())
        self._come_back()

    def come_late(self) -> None:
        """Type after a sleep in which the session ended; send it, or let the page save it; and come back."""
        self._reconnect()
        self.note("sleeps 31 minutes")
        self.server.clock.advance(minutes=31)
        if self._look()["seen"]:
            self.write()
        if self._look()["fields"]:
            self.press()
        self._come_back()

    def _come_back(self) -> None:
        if self.is_person:
            values = {"email": self.email, "password": PASSWORD}
            address, words = "/account/sign-in", "Sign in"
        else:
            values = {"reference": self.reference, "return_code": self.code}
            address, words = "/resume", "Continue your form"
        self._load(address)
        if self.page.locator(f"main [name={next(iter(values))}]").count():
            for name, value in values.items():
                self.page.locator(f"main [name={name}]").fill(value)
            self._go(lambda: button(self.page, words).click())
        self._open(self.random.choice(SECTIONS))

    # What is seen and what is kept

    def _pages(self) -> list[Page]:
        return [page for page in self.context.pages if not page.is_closed()]

    def _look(self) -> dict[str, Any]:
        """Look at every tab once its saves are answered; return what the one in front shows."""
        found: dict[str, Any] = {}
        claims: dict[str, set[str]] = {}
        for page in self._pages():
            seen = self._seen(page)
            for mark in MARK.findall(json.dumps(seen["fields"])):
                claims.setdefault(mark, set()).add(seen["state"])
            if page is self.page:
                found = seen
        for mark, states in claims.items():
            if states <= set(NOT_KEPT):
                self.let_go[mark] = "the page says that it is not saved"
            elif self.let_go.get(mark, "").startswith("the"):
                del self.let_go[mark]
        return found

    def _seen(self, page: Page) -> dict[str, Any]:
        for _ in range(20):
            with suppress(Error):  # the page is just leaving
                return page.evaluate(LOOK)
            page.wait_for_load_state("domcontentloaded")
        raise TimeoutError(f"{page.url} never comes to rest")

    def _held(self, page: Page) -> list[str]:
        return MARK.findall(json.dumps(self._seen(page)["fields"]))

    def _say(self, marks: list[str], why: str) -> None:
        for mark in marks:
            self.let_go.setdefault(mark, why)

    def _lost(self) -> list[str]:
        kept, held = self._kept(), {mark for page in self._pages() for mark in self._held(page)}
        owed = [mark for mark, age in self.ages.items() if age >= LONG_ENOUGH_S and mark not in self.let_go]
        lost = [mark for mark in owed if mark not in kept]
        for mark in lost:
            shown = ", still in a field" if mark in held else ""
            self.note(f"LOST {mark} of {self.places.get(mark)}{shown}")
        return lost

    def _kept(self) -> str:
        """Return all that the server holds of this form: answers, also aside, as typed, parked and sent."""
        parts = self.server.app.extensions["portal"]
        keyring, now = parts.configuration.keyring, self.server.clock.now()
        with parts.database.reading() as db:
            rows = db.scalars(select(DraftPart).join(Draft).where(Draft.reference == self.reference)).all()
            states = [open_part(keyring, row).state for row in rows]
            held = [str([dict(state.answers), dict(state.typed)]) for state in states]
            for page in parked_pages(db, self.draft, now=now):
                late = parked_on(db, keyring, page, now=now, person_id=self.person)
                held += [str(each.form.pairs) for each in late]
            sent = db.scalars(select(Submission).where(Submission.reference == self.reference)).all()
            held += [str(sent_answers(keyring, each)) for each in sent]
        return " ".join(held)


DEEDS: dict[Callable[[Story], object], int] = {
    Story.write: 10,
    Story.hide: 4,
    Story.press: 5,
    Story.go_back: 4,
    Story.reload: 2,
    Story.use_another_tab: 3,
    Story.lose_the_connection: 2,
    Story.sign_out: 1,
    Story.come_late: 1,
}


@contextmanager
def served() -> Iterator[tuple[Server, Cuts]]:
    """Serve the form on a clock of its own, by a server that can lose requests."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(read_configuration({"DATA_DIR": folder}), clock=MovableClock())
        parts = app.extensions["portal"]
        migrations.upgrade(parts.database)
        with parts.database.writing() as db:
            form = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
            publish(db, read_yaml(form), now=parts.clock.now())
        cuts = Cuts(app.wsgi_app)
        app.wsgi_app = cuts  # type: ignore[method-assign]
        with Server(app, parts.clock) as server:
            yield server, cuts
        parts.database.close()


def play(browser: Browser, numbers: Iterable[int], seed: int) -> Counter[str]:
    """Play these stories, print those that lost something, and return the figures."""
    figures: Counter[str] = Counter()
    with served() as (server, cuts):
        for number in numbers:
            story = Story(number, seed, browser, server, cuts)
            try:
                lost = story.play()
            except (Error, TimeoutError) as reason:
                story.note(f"STUCK: {reason}")
                lost = []
                figures["stories that stuck"] += 1
            figures.update({"stories": 1, "stories with a loss": bool(lost)})
            figures.update({"words written": story.written, "words lost": len(lost)})
            figures["words held for 5 s"] += sum(age >= LONG_ENOUGH_S for age in story.ages.values())
            figures["words said to be lost"] += sum(why.startswith("the") for why in story.let_go.values())
            if lost or "STUCK" in story.lines[-1]:
                sys.stdout.write("\n".join([*story.lines, "", ""]))
    return figures


def main() -> int:
    """Play as many stories as the environment asks for; return 1 if words went silently."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    seed, only, given = int(os.environ.get("SEED") or 1), os.environ.get("BROWSER"), os.environ.get("STORIES")
    is_clean = True
    for name in [only] if only else RUNS:
        first, _, last = (given or RUNS[name]).rpartition("-")
        began, used = time.monotonic(), os.times()
        with sync_playwright() as playwright:
            browser = playwright[name].launch(**launch_arguments(name))
            figures = play(browser, range(int(first or last), int(last) + 1), seed)
            browser.close()
        spent = sum(os.times()[:4]) - sum(used[:4])
        seconds = f"{time.monotonic() - began:.0f} s, {spent:.0f} s of processor time"
        sys.stdout.write(f"Stories in {name.title()}, seed {seed}: {seconds}\n")
        sys.stdout.write("".join(f"{figure:<52}{count:>12}\n" for figure, count in figures.items()))
        is_clean = is_clean and not figures["words lost"] and not figures["stories that stuck"]
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
