"""A citizen's day with the portal: a random script that a seed repeats, and what must be there at the end."""

from collections.abc import Callable

from tests.faults.devices import NOBODYS, SIGNED_OUT, Device, Hands, StuckError
from tests.faults.oracle import Fault
from tests.faults.pages import REQUIRED, SECTIONS, inputs
from tests.faults.wire import Answer, Network

STEPS = (8, 16)
AFTER_KEY_S, AT_MOST_S = 2.0, 5.0
"""When the page's script saves: so long after the last key, and so long after the first."""
TROUBLE = (Network.UNSENT, Network.CUT, Network.UNHEARD, Network.ABORTED, Network.OVERHEARD)


class Citizen(Hands):
    """Somebody who fills the form, badly."""

    receipt = ""

    def live(self) -> None:
        """Live the whole day; the oracle notes whatever goes wrong."""
        try:
            self.device = Device(self)
            self.begin(self.device)
            self.tab = self.open(self.device, "first")
            for _ in range(self.random.randint(*STEPS)):
                self.random.choices([action for action, _ in ACTIONS], [weight for _, weight in ACTIONS])[0](self)
            self.end()
        except Exception as reason:
            self.oracle.fault(Fault.STUCK, f"{type(reason).__name__}: {reason}")
        finally:
            for browser in self.browsers:
                browser.end()

    def network(self) -> Network:
        """Return the network of the next request: mostly good."""
        return self.random.choice(TROUBLE) if self.random.random() < 0.25 else Network.GOOD

    def write(self) -> None:
        """Type into one field; the script may save before the next thing happens."""
        name = self.random.choice(list(self.tab.values))
        self.written += 1
        mark = f"zq{self.number}x{self.written}z"
        typed = {"code": self.random.choice((mark, f"wrong {mark}"))}.get(name, mark)
        self.type(name, "" if self.random.random() < 0.1 else typed)
        self.wait()

    def type(self, name: str, value: str) -> None:
        """Change one field of the page."""
        self.oracle.note(f"types {self.tab.section}.{name} {value} on {self.tab.hidden['_page']}")
        self.tab.values[name] = value
        self.tab.changed[name] = 0.0

    def wait(self) -> None:
        """Let virtual seconds pass; the script saves when they are over."""
        seconds = self.random.uniform(0.5, 8.0)
        self.tab.changed = {name: age + seconds for name, age in self.tab.changed.items()}
        ages = self.tab.changed.values()
        if ages and (min(ages) >= AFTER_KEY_S or max(ages) >= AT_MOST_S):
            self.autosave(self.device, self.tab, self.network())

    def type_back(self) -> None:
        """Type, change one's mind, and restore what the page was served with."""
        name = self.random.choice(list(self.tab.values))
        self.type(name, self.random.choice(sorted(self.tab.known.fields[name])))
        self.wait()

    def go_on(self) -> None:
        """Continue, sometimes with a double click, and again until there is a response."""
        self.send_page("continue", twice=self.random.random() < 0.3)

    def go_back(self) -> None:
        """Press Back, which saves what is typed as it is."""
        self.send_page("back")

    def send_page(self, action: str, *, twice: bool = False) -> None:
        """Press a button; after a lost response press again, or continue with the page."""
        answer = self.press(self.device, self.tab, action, self.network(), twice=twice)
        if (answer.is_lost or not answer.heard) and self.random.random() < 0.3:
            return
        for _ in range(60):
            if answer.heard and not answer.is_lost:
                break
            self.street.pause(0.3)
            answer = self.press(self.device, self.tab, action, Network.GOOD)
        self.settle(self.device, self.tab, answer)
        self.tab = self.open(self.device, self.random.choice(list(SECTIONS)))

    def another_tab(self) -> None:
        """Open a section in a further tab, or the same one a second time."""
        self.autosave(self.device, self.tab, self.network())
        self.tab = self.open(self.device, self.random.choice((self.tab.section, *SECTIONS)))

    def switch_tab(self) -> None:
        """Go to a tab that was left open; hiding a page saves it."""
        self.autosave(self.device, self.tab, self.network())
        self.tab = self.random.choice(self.device.tabs)

    def switch_device(self) -> None:
        """Take another device; the pages of the old one stay open in its last tab."""
        self.autosave(self.device, self.tab, self.network())
        old = self.device
        self.device = Device(self)
        self.come_back(self.device)
        self.tab = self.open(self.device, self.tab.section)
        self.other = old

    def other_device(self) -> None:
        """Go back to the device before, where pages are still open."""
        other = getattr(self, "other", None)
        if other and other.tabs:
            self.device, self.other = other, self.device
            self.tab = self.random.choice(self.device.tabs)

    def lose_power(self) -> None:
        """Type, wait until the script has saved, and lose the page with whatever it did not send."""
        self.type(self.random.choice(list(self.tab.values)), self._mark())
        self.autosave(self.device, self.tab, Network.UNHEARD)
        section = self.tab.section
        self.device = Device(self)
        self.come_back(self.device)
        self.tab = self.open(self.device, section)

    def _mark(self) -> str:
        self.written += 1
        return f"zq{self.number}x{self.written}z"

    def sleep_too_long(self) -> None:
        """Let the session end while the page is open; what is sent then comes late."""
        self.type(self.random.choice(list(self.tab.values)), self._mark())
        self.oracle.note(f"session {self.device.session} runs out")
        self.street.end_session(self.device.session)
        if self.random.random() < 0.3:
            self._let_a_neighbour_in()
        if self.random.random() < 0.5:
            self.autosave(self.device, self.tab, Network.GOOD)
        if not self.tab.is_stopped or self.random.random() < 0.3:
            self.press(self.device, self.tab, "continue", Network.GOOD)
        self.come_back(self.device)
        self.tab = self.open(self.device, self.tab.section)

    def _let_a_neighbour_in(self) -> None:
        """Let somebody else sign in on this computer; nothing of ours may be shown to them."""
        self.oracle.note("a neighbour signs in here")
        self.sign_in(self.device, f"neighbour{self.number % 8}@mail.example")
        self.device.browser.viewer = -1
        self.press(self.device, self.tab, "continue", Network.GOOD)
        for path in ("/account", "/account/requests", f"{self.address}/{self.tab.section}"):
            self.device.browser.get(path)
        self._quit("/account")
        self.device.session = NOBODYS
        self.device.browser.viewer = self.number

    def sign_out(self) -> None:
        """Quit, and send a page that was still open: nothing of it is kept."""
        self._quit(f"{self.address}/{self.tab.section}")
        self.press(self.device, self.tab, "continue", Network.GOOD)
        self.come_back(self.device)
        self.tab = self.open(self.device, self.tab.section)

    def _quit(self, page: str) -> None:
        """Press Sign out on a page of the live session, until it succeeds."""
        self.oracle.note("signs out")

        def once() -> Answer:
            token = inputs(self.device.browser.get(page).text).get("csrf_token", "")
            return self.device.browser.post("/account/sign-out?kind=customer", [("csrf_token", token)])

        self.insist(once, 303)
        self.device.session = SIGNED_OUT

    # The end of the day

    def end(self) -> None:
        """Come back with another device; compare everything, resolve what is parked, and usually send."""
        self.device.browser.close()
        self.device = Device(self)
        self.come_back(self.device)
        for section in SECTIONS:
            self._put_right(section)
        if self.random.random() < 0.65:
            self._complete()
            self._send()
        else:
            for section in SECTIONS:
                self.open(self.device, section)

    def _put_right(self, section: str) -> None:
        """Send what was parked, as the page asks."""
        for _ in range(10):
            self.tab = self.open(self.device, section)
            late = self.oracle.late[section]
            if not late or not late.is_sure:
                return
            answer = self.insist(lambda: self.press(self.device, self.tab, "back", Network.GOOD), 303, 409)
            self.settle(self.device, self.tab, answer)
        raise StuckError(f"{section} stays parked")

    def _complete(self) -> None:
        """Continue on every section until it is complete."""
        for section in SECTIONS:
            for _ in range(10):
                self.tab = self.open(self.device, section)
                for name in REQUIRED[section]:
                    self.tab.values[name] = self.tab.values[name] or self._mark()
                if "wrong" in self.tab.values.get("code", ""):
                    self.tab.values["code"] = self._mark()
                if self.press(self.device, self.tab, "continue", Network.GOOD).status == 303:
                    break
                self.street.pause(0.2)

    def _send(self) -> None:
        """Press Send, sometimes twice, until the receipt is there."""
        path = f"{self.address}/check"

        def once() -> Answer:
            page = self.insist(lambda: self.device.browser.get(path), 200)
            found = inputs(page.text)
            if "_key" not in found:
                return Answer(path=page.path, status=303, location=f"/submissions/{self.reference}")
            pairs = [(name, found[name]) for name in ("csrf_token", "_key", "_shown")] + [
                ("declaration", "yes"),
                ("_end", "1"),
            ]
            if self.random.random() < 0.5:
                return min(self.device.browser.twice(path, pairs), key=lambda each: (each.is_lost, each.status))
            return self.device.browser.post(path, pairs, self.network())

        answer = self.insist(once, 303, 422, 409)
        if answer.status != 303:
            raise StuckError(f"Send is answered with {answer.status}")
        self._read_receipt(answer.location)

    def _read_receipt(self, location: str) -> None:
        page = self.insist(lambda: self.device.browser.get(location), 200)
        self.receipt = location.rpartition("/")[2]
        self.oracle.note(f"receipt {self.receipt}")
        if self.receipt != self.reference or self.reference not in page.text:
            self.oracle.fault(Fault.RECEIPT, f"{location} is no receipt for {self.reference}")
        for section, places in self.oracle.places.items():
            for name, place in places.items():
                if not any(value in page.text for value in place.possible):
                    self.oracle.fault(Fault.LOST, f"{section}.{name} was sent without {sorted(place.possible)}")


ACTIONS: tuple[tuple[Callable[[Citizen], None], int], ...] = (
    (Citizen.write, 40),
    (Citizen.type_back, 4),
    (Citizen.wait, 6),
    (Citizen.go_on, 10),
    (Citizen.go_back, 4),
    (Citizen.another_tab, 6),
    (Citizen.switch_tab, 6),
    (Citizen.switch_device, 4),
    (Citizen.other_device, 4),
    (Citizen.lose_power, 3),
    (Citizen.sleep_too_long, 5),
    (Citizen.sign_out, 2),
)
"""What a citizen may do next, and how often."""
