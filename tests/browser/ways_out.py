"""How a guest comes back from each way out: seconds and presses in a real browser, which `make faults` prints."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.server import Server
from tests.browser.visitors import button, expect_answers, fill, follow, press, show_again
from tests.journeys import housing
from tests.post import letters

SAVED = """() => {
  const saving = [];
  document.dispatchEvent(new CustomEvent("session-flush", { detail: { saving } }));
  return Promise.all(saving);
}"""
MOST_PRESSES, MOST_SECONDS = 4, 30.0
ADDRESS = housing.ABOUT_YOU["email"]
OFFER = "E-mail a link to z•••@mail.example"
NewContext = Callable[[], BrowserContext]


@dataclass
class Guest:
    """A guest who has answered an e-mail address and is typing on the next page; from the way out on, we count.

    Presses are buttons and links on our pages: what somebody presses in a mail program is not ours to count.
    """

    page: Page
    server: Server
    new_context: NewContext
    has_script: bool
    reference: str = ""
    presses: int = 0
    began: float = 0.0

    def begin(self) -> str:
        """Start the form, answer the first section, type on the second; return the address of the second."""
        self.page.goto("/forms/housing-support")
        press(self.page, "Start now")
        self.reference = self.page.url.rpartition("/")[2]
        self.page.goto(f"{self.page.url}/about_you")
        press(self.page, **housing.ABOUT_YOU)
        expect(self.page).to_have_url(re.compile("/home$"))
        fill(self.page, **housing.HOME)
        if not self.has_script:
            press(self.page, "Save and stay signed in")
        return self.page.url

    def leave(self) -> None:
        """Start counting."""
        self.began = time.perf_counter()

    def press(self, name: str, **typed: str) -> None:
        press(self.page, name, **typed)
        self.presses += 1

    def open_letter(self) -> None:
        """Open the last link to this form, and go on; where a code is asked for, type the one that was mailed."""
        found = [letter for letter in letters(self.server.app) if f"reference is {self.reference}" in str(letter.lines)]
        assert {letter.to for letter in found} == {ADDRESS}
        self.page.goto(found[-1].link)
        self.press("Continue your form")
        if self.page.url.endswith("/resume/code"):
            self.press("Continue", code=letters(self.server.app)[-1].code)

    def is_saved(self) -> None:
        """Wait until what was typed is on the server."""
        if self.has_script:
            draft, _slash, section = urlsplit(self.page.url).path.rpartition("/")
            self.server.wait_for(f"{draft}/autosave/{section}", 1)
            self.page.evaluate(SAVED)  # what was typed while the first save was on its way goes in a second


def sign_out(guest: Guest) -> None:
    """Press Sign out."""
    guest.leave()
    guest.page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    guest.press("Send link")


def save_and_sign_out(guest: Guest) -> None:
    """Press Save and come back later, then Sign out."""
    guest.leave()
    press(guest.page, "Save and come back later")
    button(guest.page, "Sign out").click()
    guest.press("Send link")


def hand_over(guest: Guest) -> None:
    """Leave the computer to somebody else, who hands over."""
    guest.is_saved()
    guest.page.goto("/resume")
    guest.leave()
    button(guest.page, "Hand over").click()


def idle_end(guest: Guest) -> None:
    """Let the time run out."""
    guest.is_saved()
    guest.server.clock.advance(minutes=31)
    guest.leave()
    if guest.has_script:
        show_again(guest.page)
        expect(guest.page).to_have_url(re.compile("/session/ended$"))
    else:
        guest.page.reload()
    guest.press(OFFER)


def late_submit(guest: Guest) -> None:
    """Press Continue after the end."""
    guest.server.clock.advance(minutes=31)
    guest.leave()
    press(guest.page)
    guest.press(OFFER)


def closed_browser(guest: Guest) -> None:
    """Close the browser, which forgets the session, and open it again."""
    guest.is_saved()
    guest.page.context.clear_cookies(name="session_customer")
    guest.page.goto("about:blank")
    _find_again(guest)


def other_device(guest: Guest) -> None:
    """Go on at another device, with nothing but the mailbox."""
    guest.is_saved()
    guest.page = guest.new_context().new_page()
    _find_again(guest)


def _find_again(guest: Guest) -> None:
    guest.leave()
    guest.page.goto("/")
    follow(guest.page, "Continue a saved form")
    guest.presses += 1
    guest.press("Send link", email=ADDRESS)


WAYS: dict[str, Callable[[Guest], None]] = {
    "Sign out": sign_out,
    "Save and sign out": save_and_sign_out,
    "hand over": hand_over,
    "idle end": idle_end,
    "late submit": late_submit,
    "closed browser": closed_browser,
    "other device": other_device,
}


def timed(way: Callable[[Guest], None], new_context: NewContext, server: Server, *, has_script: bool) -> Guest:
    """Leave by one way and come back to the same answers, every letter of them; return the guest with the count."""
    server.clock.advance(hours=1)  # so that the guests before this one used up no limit
    guest = Guest(new_context().new_page(), server, new_context, has_script)
    address = guest.begin()
    way(guest)
    guest.open_letter()
    expect(guest.page).to_have_url(address)
    expect_answers(guest.page, **housing.HOME)
    return guest
