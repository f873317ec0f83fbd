"""Random citizens in a real browser: whatever was in a field for five seconds is kept, or was said to be lost.

`python -m tests.faults.stories` plays them: `BROWSER=firefox STORIES=7-9 SEED=1` plays three of them again.
"""

import json
import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, FilePayload, Locator, Page, sync_playwright

from tests.browser.conftest import launch_arguments
from tests.browser.server import Server
from tests.browser.visitors import button, share_sessions
from tests.citizen import Citizen
from tests.faults.stories_browser import Cuts, look, marks_in, served, watch
from tests.faults.stories_oracle import LONG_ENOUGH_S, MARK, SAID, Held, Oracle, held
from tests.files import picture
from tests.people import PASSWORD, add_person, sign_in

RUNS = {"chromium": "1-500", "firefox": "1-100"}
STEPS = (6, 12)
SECTIONS = ("you", "you", "rent", "work", "people")
"""Where people go, the first of them twice as often: there an answer hides others."""
PAUSES_S = (0.3, 1.0, 2.5, 5.5, 8.0)
TRIES_TO_SEND = 6
PATIENCE_MS = 60_000
"""How long a page may take on a machine that does other things, too."""
SAYS_LOST = re.compile("not kept|Nothing was changed|You cannot add any more")
NOT_RECEIVED = "not received what you typed"


class Story:
    """One person, one browser, and a random script that a number and a seed repeat."""

    def __init__(self, number: int, seed: int, browser: Browser, server: Server, cuts: Cuts) -> None:
        self.number, self.server, self.cuts = number, server, cuts
        self.random = Random(f"{seed} {number}")  # noqa: S311 - a script that can be repeated
        self.is_person = number % 2 == 0
        self.oracle = Oracle(f"=== story {number}, seed {seed}")
        self.written = 0
        self.is_alone = True
        self.is_sent = False
        self.deeds: Counter[str] = Counter()
        self.context = browser.new_context(base_url=server.base_url)
        self.context.set_default_timeout(PATIENCE_MS)

    def note(self, line: str) -> None:
        """Add a line to what is printed if something was lost."""
        self.oracle.note(self.server.clock.now(), line)

    # The story

    def play(self) -> list[str]:
        """Play the story; return the words that went without a word, and whatever else must not happen."""
        try:
            self._begin()
            for _ in range(self.random.randint(*STEPS)):
                if not self.is_sent:
                    self._act(self.random.choices(list(DEEDS), list(DEEDS.values()))[0])
            if self.is_whole and not self.is_sent:
                self._act(Story.send)
            self._reconnect()
            self.wait(70)
            return self._lost() + self.oracle.faults
        finally:
            self.cuts.way = ""
            self.context.close()

    def _act(self, deed: "Callable[[Story], object]") -> None:
        deed(self)
        self._look()

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
        self.is_whole = self.random.random() < 0.4
        if self.is_whole:
            self._fill_in(citizen)
        share_sessions(self.context, citizen, self.server)
        watch(self.context, self.server)
        self.page = self.context.new_page()
        self._open("you")
        if self.random.random() < 0.7:
            self.page.locator("main [name='home'][value='rented']").check()

    def _fill_in(self, citizen: Citizen) -> None:
        """Fill in the whole form, with somebody in the list, before the story begins."""
        pages: dict[str, tuple[str, ...]] = {"you": ("name", "street"), "rent": ("period",), "work": ("work", "need")}
        if self.random.random() < 0.8:
            citizen.open(f"{self.draft}/people")
            citizen.press(citizen.page.add_button)
            pages = {citizen.page.path.removeprefix(f"{self.draft}/"): ("person", "story")} | pages
        for page, names in pages.items():
            marks = {name: self._mark(f"{self.draft}/{page}: {name}") for name in names}
            self.oracle.older(marks.values(), LONG_ENOUGH_S)
            citizen.open(f"{self.draft}/{page}")
            citizen.press("Continue", **marks, **({"home": "rented"} if page == "you" else {}))
        citizen.open(f"{self.draft}/people")
        citizen.press("Continue")

    def _mark(self, place: str, before: str = "") -> str:
        """Return a new mark, or text with it, that is about to be typed over `before`."""
        self.written += 1
        mark = f"zq{self.number}x{self.written}z"
        text = f"{before} {mark}" if before and self.random.random() < 0.4 and len(before) < 60 else mark
        self.oracle.wrote(mark, place, before=before, after=text)
        return text

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

    def _go(self, act: Callable[[], object]) -> dict[str, Any]:
        """Do what leads to another page; without a connection the browser shows an error, and the person goes back."""
        held = marks_in(self.page)
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
            self.oracle.say(held, "the browser found no connection")
            self._reconnect()
            with suppress(Error):
                self.page.wait_for_url(lambda url: not url.startswith("http"), timeout=2000)
            self._load(before if before.startswith("http") else self.draft)
        seen = self._look()
        self.note(f"is on {urlsplit(self.page.url).path} ({seen['heading']}) {seen['fields']}")
        if refused or NOT_RECEIVED in seen["words"]:
            shown = [mark for mark in held if mark in seen["words"]]
            self.oracle.say(shown, "the page shows it and says that it was not saved")
        if refused and SAYS_LOST.search(seen["words"]):
            self.oracle.say(held, "the page says that it was not kept")
        return self._choose() if seen["heading"].startswith("Two versions") else seen

    def _choose(self) -> dict[str, Any]:
        """Choose between both versions; whatever is not chosen was seen and let go."""
        self._expect_no_question("two versions")
        let_go = self.oracle.let_go
        for name in sorted(set(self.page.locator("[name^=_keep_]").evaluate_all("all => all.map(each => each.name)"))):
            side = self.random.choice(("mine", "saved"))
            cards = self.page.locator(f"[name='{name}']")
            for index in range(cards.count()):
                text = cards.nth(index).locator("xpath=ancestor::label | following-sibling::label").first.inner_text()
                chosen = cards.nth(index).get_attribute("value") == side
                for mark in MARK.findall(text):
                    let_go[mark] = "another version was chosen"
                    if chosen:
                        let_go.pop(mark)
                if chosen:
                    cards.nth(index).check()
            self.note(f"chooses {side} for {name}")
        return self._go(lambda: button(self.page, "Save my choices").click())

    # What people do

    def write(self) -> None:
        """Type into one or two fields that are seen: over what was there, or behind it."""
        for _ in range(self.random.choice((1, 2))):
            self._write_once()

    def _write_once(self) -> None:
        seen = self._look()
        if not seen["seen"]:
            return self._open(self.random.choice(SECTIONS))
        self._type(self.random.choice(seen["seen"]), seen)
        if self.random.random() < 0.2:
            return self.hide()
        self.wait(self.random.choice(PAUSES_S))

    def _type(self, name: str, seen: dict[str, Any]) -> None:
        before = seen["fields"][name]
        text = self._mark(f"{urlsplit(self.page.url).path}: {name}", before)
        self.note(f"types {text!r} into {name} over {before!r}")
        self.page.locator(f"main [name='{name}']").fill(text)

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
        held = {mark for page in self._pages() for mark in marks_in(page)}
        self.server.clock.advance(seconds=seconds)
        self.context.clock.run_for(int(seconds * 1000))
        self.oracle.older(held, seconds)
        seen = self._look()
        self.note(f"waits {seconds} s: {seen['state']}")

    def press(self) -> None:
        """Press a button of the page: mostly Continue."""
        found = [each for each in ("Continue", "Continue", "Back") if button(self.page, each).count()]
        if not found or not self._look()["fields"]:
            return self._open(self.random.choice(SECTIONS))
        return self._press(self.random.choice(found))

    def _press(self, name: str) -> None:
        """Press a button that sends the page: whatever was not saved yet is expected to be."""
        self.note(f"presses {name}")
        self.oracle.expect_again(marks_in(self.page))
        self._go(lambda: button(self.page, name).click())

    def go_back(self) -> None:
        """Press the browser's own Back, once or more, and perhaps go on from there."""
        steps = 2 if self.random.random() < 0.3 and self._come_again() else self.random.choice((1, 2, 3))
        for _ in range(steps):
            if not self.page.evaluate("navigation.canGoBack"):
                break
            self.note("goes Back")
            self._go(lambda: self.page.evaluate("history.back()"))
        if self.random.random() < 0.6:
            self.press()

    def _come_again(self) -> bool:
        """Answer, go elsewhere, come and answer again: two steps back the browser may put the first answer in."""
        here, seen = self.page.url, self._look()
        if not seen["seen"]:
            return False
        name = self.random.choice(seen["seen"])
        self._type(name, seen)
        self.wait(self.random.choice(PAUSES_S))
        self._open("work" if "/work" not in here else "you")
        self._go(lambda: self._load(here))
        if name in self._look()["seen"]:
            self._type(name, self._look())
            self.wait(self.random.choice(PAUSES_S))
        return True

    def reload(self) -> None:
        """Load the page again; mostly something has just been typed."""
        seen = self._look()
        if seen["seen"] and self.random.random() < 0.6:
            self._type(self.random.choice(seen["seen"]), seen)
            self.wait(0.3)
        self.note("reloads")
        self._go(lambda: self.page.reload(wait_until="domcontentloaded"))

    def use_another_tab(self) -> None:
        """Open a second tab, or go to one that is open."""
        pages = self._pages()
        if len(pages) < 3 and self.random.random() < 0.6:
            self.is_alone = False
            self.page = self.context.new_page()
            return self._open(self.random.choice(SECTIONS))
        self.page = self.random.choice(pages)
        return self.note(f"takes tab {pages.index(self.page) + 1}")

    def lose_the_connection(self) -> None:
        """Lose requests, or answers, or everything, until it is mended."""
        if self.cuts.way:
            return self._reconnect()
        self.is_alone = False
        self.cuts.way = self.random.choice(("unsent", "unheard", "offline"))
        self.note(f"connection: {self.cuts.way}")
        return self.context.set_offline(self.cuts.way == "offline")

    def _reconnect(self) -> None:
        if self.cuts.way:
            self.note("connection: good")
        self.cuts.way = ""
        self.context.set_offline(False)

    def sign_out(self) -> None:
        """Sign out, and come back."""
        self._reconnect()
        self.is_alone = False
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
        self.is_alone = False
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

    # Lists and files

    def use_list(self) -> None:
        """Add somebody to the list, change or remove an item, or bring one back; a removed one often at once."""
        self._open("people")
        if self._use_one_of_list("add", "change", "remove", "undo") == "remove" and self.random.random() < 0.6:
            self._use_one_of_list("undo")

    def _use_one_of_list(self, *wanted: str) -> str:
        choices = {
            "add": self.page.locator("main [name=_action][value=add]"),
            "change": self.page.locator(".item-list a"),
            "remove": self.page.locator("main [name=_remove]"),
            "undo": self.page.locator("main [name=_undo]"),
        }
        found = [name for name in wanted if choices[name].count()]
        if not found:
            return ""
        name = self.random.choice(found)
        chosen = self._one_of(choices[name])
        item = chosen.get_attribute("value")
        self.note(f"presses {name} ({item or chosen.get_attribute('href')})")
        seen = self._go(chosen.click)
        self.deeds[name] += 1
        if name in ("add", "change"):
            self.write()
        elif name == "undo" and "cannot add" not in seen["words"] and not self.page.locator(f"#item-{item}").count():
            self.oracle.fault(self.server.clock.now(), f"UNDO brings nothing back of {item}")
        return name

    def use_files(self) -> None:
        """Add a file, remove one, or bring it back, a few times; what the page lists is expected to be kept."""
        for _ in range(self.random.choice((1, 2, 3))):
            self._use_file()
            self.wait(self.random.choice(PAUSES_S))

    def _use_file(self) -> None:
        if not self.page.locator("main [name=proof]").count():
            self._open("work")
        choices = {
            "a file": self.page.locator("main [name=proof]"),
            "Remove of a file": self.page.locator("main [data-file] [name=_remove_file]"),
            "Undo of a file": self.page.locator("main [name=_undo_file]"),
        }
        found = [name for name, places in choices.items() if places.count()]
        if not found:
            return
        name = self.random.choice(found)
        place = self._one_of(choices[name])
        self.note(f"uses {name}")
        self.deeds[name] += 1
        if name == "a file":
            mark = self._mark(f"{urlsplit(self.page.url).path}: proof")
            place.set_input_files(FilePayload(name=f"{mark}.jpg", mimeType="image/jpeg", buffer=PICTURE))
            self._look()
        else:
            marks = MARK.findall(place.locator("xpath=ancestor::*[@data-file or @data-removed]").first.inner_text())
            self._press_in_place(place)
            self._take_file(marks, is_removed=name.startswith("Remove"))

    def _press_in_place(self, place: Locator) -> None:
        place.click()
        with suppress(Error):  # a late file is removed by the page's own form
            self.page.wait_for_load_state("domcontentloaded")

    def _take_file(self, marks: list[str], *, is_removed: bool) -> None:
        listed = MARK.findall(json.dumps(self._look()["files"]))
        for mark in marks:
            if is_removed and mark not in listed:
                self.oracle.let_go[mark] = "removed by the person"
            elif not is_removed and mark in listed:
                self.oracle.let_go.pop(mark, None)

    def _one_of(self, places: Locator) -> Locator:
        return places.nth(self.random.randrange(places.count()))

    # Sending

    def send(self) -> None:
        """Check the answers, perhaps change one after all, and send the form; then go on in another tab."""
        self._reconnect()
        self.note("checks the answers")
        self._go(lambda: self._load(f"{self.draft}/check"))
        for _ in range(TRIES_TO_SEND):
            page = self.page
            if self.random.random() < 0.4:
                self._change_meanwhile()
                self.page = page
            if not button(self.page, "Send").count():
                break
            self._send_once()
        if self.is_sent:
            self._go_on_elsewhere()

    def _change_meanwhile(self) -> None:
        """Change an answer while the check page is open: in another tab, or in this one, going Back to it."""
        if self.random.random() < 0.5:
            self.is_alone = False
            if len(self._pages()) > 1:
                self.page = self.random.choice(self._pages())
            else:
                self.page = self.context.new_page()
                self._open("you")
            return self.write()
        self._open(self.random.choice(SECTIONS))
        seen = self._look()
        if seen["seen"]:
            self._type(self.random.choice(seen["seen"]), seen)
            self.wait(0.3)
        self.note("goes Back to the check page")
        self._go(lambda: self.page.evaluate("history.back()"))

    def _send_once(self) -> None:
        """Press Send; put right what it asks for."""
        box = self.page.locator("main [name=declaration]")
        box.check()
        before, shown = self._server_holds(), self._look()["words"]
        self.note("presses Send")
        seen = self._go(lambda: button(self.page, "Send").click())
        self.deeds["Send"] += 1
        if seen["heading"] == "We have received your form":
            self.is_sent = True
            self.deeds["sent"] += 1
            self.oracle.judge_sending(self.server.clock.now(), shown=shown, before=before, after=self._server_holds())
        elif "Something has changed" in seen["words"]:
            self.deeds["sent from a page that was out of date"] += 1
        elif self.page.locator(".govuk-error-summary a").count():
            self._put_right()

    def _put_right(self) -> None:
        """Go where the check page says that something is missing, give it, and come back."""
        self._go(lambda: self.page.locator(".govuk-error-summary a").first.click())
        seen = self._look()
        for name in ("name", "work", "code"):
            if name in seen["seen"] and (name == "code" or not seen["fields"][name]):
                self._type(name, seen)
        if button(self.page, "Continue").count():
            self._press("Continue")
        self.note("checks the answers")
        self._go(lambda: self._load(f"{self.draft}/check"))

    def _go_on_elsewhere(self) -> None:
        """Type on in another tab, where the form is still open, and send that page."""
        for page in self._pages():
            self.page = page
            seen = self._look()
            if seen["seen"]:
                self.note("goes on in a tab that is still open")
                self._type(self.random.choice(seen["seen"]), seen)
                self.wait(self.random.choice(PAUSES_S) + LONG_ENOUGH_S)
                return self._press("Continue")
        return None

    # What is seen and what is kept

    def _pages(self) -> list[Page]:
        return [page for page in self.context.pages if not page.is_closed()]

    def _look(self) -> dict[str, Any]:
        """Look at every tab once its saves are answered; return what the one in front shows."""
        found: dict[str, Any] = {}
        states: dict[str, set[str]] = {}
        for page in self._pages():
            seen = look(page)
            for mark in MARK.findall(json.dumps(seen["fields"])):
                states.setdefault(mark, set()).add(seen["state"])
            if page is self.page:
                found = seen
        if found["state"] == "conflict":
            self._expect_no_question("conflict")
        self.oracle.see(states)
        return found

    def _expect_no_question(self, words: str) -> None:
        """Note a fault if somebody who only ever used one tab, without trouble, is asked to compare with themselves."""
        if self.is_alone and not self.is_sent:
            self.is_alone = False
            self.oracle.fault(self.server.clock.now(), f"COMPARED with oneself: {words}")

    def _lost(self) -> list[str]:
        kept, held = self._server_holds().all, {mark for page in self._pages() for mark in marks_in(page)}
        lost = [mark for mark in self.oracle.owed() if mark not in kept]
        for mark in lost:
            shown = ", still in a field" if mark in held else ""
            self.note(f"LOST {mark} of {self.oracle.places.get(mark)}{shown}")
        return lost

    def _server_holds(self) -> Held:
        return held(self.server.app, self.reference, self.person, self.server.clock.now())


DEEDS: dict[Callable[[Story], object], int] = {
    Story.write: 10,
    Story.hide: 4,
    Story.press: 5,
    Story.go_back: 5,
    Story.reload: 3,
    Story.use_another_tab: 3,
    Story.use_list: 3,
    Story.use_files: 2,
    Story.lose_the_connection: 2,
    Story.sign_out: 1,
    Story.come_late: 1,
    Story.send: 1,
}
PICTURE = picture()


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
            oracle = story.oracle
            figures.update({"stories": 1, "stories with a fault": bool(lost)})
            figures.update({"words written": story.written, "faults": len(lost)})
            figures["words held for 5 s"] += sum(age >= LONG_ENOUGH_S for age in oracle.ages.values())
            figures["words said to be lost"] += sum(why.startswith(SAID) for why in oracle.let_go.values())
            figures.update(story.deeds)
            if lost or "STUCK" in oracle.lines[-1]:
                sys.stdout.write("\n".join([*oracle.lines, "", ""]))
                sys.stdout.flush()
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
        is_clean = is_clean and not figures["faults"] and not figures["stories that stuck"]
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
