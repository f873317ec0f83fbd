"""A citizen's devices: signing in, coming back, pages with the autosave script, and what responses mean."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from tests.faults.oracle import Fault, Known, Oracle, Values
from tests.faults.pages import FORM, KEPT, PARKED, SECTIONS, inputs, sides, slip
from tests.faults.wire import Answer, Browser, Network, Pairs, Seen, until
from tests.people import PASSWORD

TRIES = 120
WAITS, NEAR_S = 15, 4.0
"""For how many seconds an owed value is waited for; and how soon after it a kill is its likely end."""
OURS = ("csrf_token", "_revision", "_page", "_parked")


class Street(Protocol):
    """Where citizens live: the portal's port, and what the test can do beside it."""

    port: int

    def pause(self, seconds: float, /) -> object:
        """Wait in real time."""

    def end_session(self, number: int) -> None:
        """Let the time of one session run out."""

    def instant(self) -> float:
        """Return the running time in seconds."""

    def killed_between(self, start: float, end: float) -> bool:
        """Return whether a process was killed in this time, or so shortly before that it was still starting."""


@dataclass
class Tab:
    """An open page of a section; ages of what was typed are virtual seconds."""

    section: str
    path: str
    hidden: dict[str, str]
    values: dict[str, str]
    known: Known
    sequence: int = 0
    changed: dict[str, float] = field(default_factory=dict)
    is_stopped: bool = False

    @property
    def session(self) -> int:
        """Return the session in which the page was made, from its form token."""
        return int(self.hidden["csrf_token"].partition(".")[0] or 0)

    def pairs(self, names: list[str], *last: tuple[str, str]) -> Pairs:
        """Return what the page sends; each sending has the next number."""
        self.sequence += 1
        ours = [(name, self.hidden[name]) for name in OURS if name in self.hidden]
        own = [(name, self.values[name]) for name in names]
        return [*ours, ("_sequence", str(self.sequence)), *own, *last, ("_end", "1")]


SIGNED_OUT, NOBODYS = 0, -1
"""In place of a session's number: after one's own Sign out, and after somebody else's in the same browser."""


class Device:
    """One browser of a citizen with its tabs."""

    def __init__(self, citizen: "Hands") -> None:
        self.browser = Browser(citizen.street.port, citizen.seen, citizen.number)
        citizen.browsers.append(self.browser)
        self.tabs: list[Tab] = []
        self.session = SIGNED_OUT


class StuckError(Exception):
    """A citizen tried for long and could not continue."""


class Hands:
    """What a citizen can do, one thing at a time; the oracle hears of each response."""

    def __init__(self, number: int, street: Street, seed: int) -> None:
        self.number, self.street = number, street
        self.random = Random(f"{seed} {number}")  # noqa: S311 - a script that can be repeated
        self.oracle, self.seen = Oracle(number), Seen()
        self.is_person = number % 2 == 0
        self.reference = self.return_code = ""
        self.written = 0
        self.browsers: list[Browser] = []

    @property
    def address(self) -> str:
        """Return the draft's address."""
        return f"/drafts/{self.reference}"

    def insist(self, ask: Callable[[], Answer], *wanted: int) -> Answer:
        """Try again, with back-off, until the response has a wanted status."""
        answers: list[Answer] = []

        def tried() -> bool:
            answers.append(ask())
            return answers[-1].status in wanted

        if until(tried, self.street.pause, TRIES):
            return answers[-1]
        raise StuckError(f"{answers[-1].path} answers {answers[-1].status}, never {wanted}")

    # Coming in

    def begin(self, device: Device) -> None:
        """Sign in or come as a guest, and start the form."""
        if self.is_person:
            self.sign_in(device)
        token = inputs(self.insist(lambda: device.browser.get(FORM), 200).text)["csrf_token"]
        started = device.browser.post(FORM, [("csrf_token", token)])
        if started.status != 303:
            self.street.pause(0.2)
            return self.begin(device)
        self.reference = started.location.rpartition("/")[2]
        page = self.insist(lambda: device.browser.get(self.address), 200)
        self.return_code = (slip(page.text) or ("", ""))[1]
        return None

    def sign_in(self, device: Device, email: str = "") -> None:
        """Sign in with an account."""
        known = email or f"citizen{self.number}@mail.example"

        def once() -> Answer:
            page = device.browser.get("/account/sign-in")
            token = inputs(page.text).get("csrf_token", "")
            typed = [("csrf_token", token), ("next", ""), ("email", known), ("password", PASSWORD)]
            return device.browser.post("/account/sign-in", typed)

        self.insist(once, 303)

    def come_back(self, device: Device) -> None:
        """Sign in again, or type reference and return code."""
        self.oracle.note("comes back")
        if self.is_person:
            return self.sign_in(device)

        def once() -> Answer:
            token = inputs(device.browser.get("/resume").text).get("csrf_token", "")
            typed = [("csrf_token", token), ("reference", self.reference), ("return_code", self.return_code)]
            return device.browser.post("/resume", typed)

        self.insist(once, 303)
        return None

    def open(self, device: Device, section: str) -> Tab:
        """Open a section's page, coming back first if needed."""
        path = f"{self.address}/{section}"
        for _ in range(TRIES):
            page = self.insist(lambda: device.browser.get(path), 200, 403, 404)
            if "_page" in inputs(page.text) and page.path == path:
                break
            self.come_back(device)
        else:
            raise StuckError(f"{path} cannot be opened")
        if self._owes(section, page):
            page = self._look_again(device, section, path)
        return self._tab(device, section, page)

    def _owes(self, section: str, page: Answer) -> bool:
        owed = self.oracle.owed[section]
        killed = owed is not None and self.street.killed_between(owed.at, owed.at + NEAR_S)
        if self.oracle.judge_owed(section, inputs(page.text), killed):
            self.oracle.settle(section)
            return False
        return True

    def _look_again(self, device: Device, section: str, path: str) -> Answer:
        """Look again: a request that went out whole may wait for long; it is lost if nobody was killed meanwhile."""
        owed = self.oracle.owed[section]
        for _ in range(WAITS):
            self.street.pause(1.0)
            page = self.insist(lambda: device.browser.get(path), 200)
            if not self._owes(section, page):
                return page
        if owed and not self.street.killed_between(owed.at, self.street.instant()):
            shown = inputs(page.text)
            self.oracle.settle(section, [name for name, value in owed.values.items() if shown.get(name) != value])
        self.oracle.owed[section] = None
        return page

    def _tab(self, device: Device, section: str, page: Answer) -> Tab:
        found = inputs(page.text)
        values = {name: found.get(name, "") for name in SECTIONS[section]}
        known = self.oracle.shown(section, values, is_parked=PARKED in page.text)
        hidden = {name: found[name] for name in OURS if name in found}
        tab = Tab(section=section, path=f"{self.address}/{section}", hidden=hidden, values=values, known=known)
        device.session = tab.session
        device.tabs = [*device.tabs[-2:], tab]
        return tab

    # The script of the page

    def autosave(self, device: Device, tab: Tab, network: Network) -> None:
        """Send what the script sends: the fields that changed."""
        if tab.is_stopped or not tab.changed:
            return
        names, changed = list(tab.changed), dict(tab.changed)
        values = {name: tab.values[name] for name in names}
        path = f"{self.address}/autosave/{tab.section}"
        is_fresh, at = self.oracle.is_fresh(tab.known), self.street.instant()
        answer = device.browser.script(path, tab.pairs(names, ("_changed", ",".join(names))), network)
        tab.changed = {}
        if answer.status == 200:
            self.oracle.saved(tab.known, values, whole=False)
        elif answer.status in (401, 403):
            self._late(device, tab, values, whole=False, said=False)
        elif answer.is_lost and answer.arrived:
            self.oracle.perhaps(tab.known, values, whole=False)
            if network is Network.UNHEARD and is_fresh and not self._is_over(device, tab):
                self.oracle.owes(tab.section, values, at)
        self._script_hears(tab, answer, changed)

    def _script_hears(self, tab: Tab, answer: Answer, changed: dict[str, float]) -> None:
        if answer.heard and answer.status == 200:
            tab.hidden["_revision"] = answer.text.partition('data-revision="')[2].partition('"')[0]
        elif answer.heard and answer.status in (401, 409):
            self.oracle.note(f"the script stops: {answer.status}")
            tab.is_stopped = True
        else:
            tab.changed = changed | tab.changed

    @staticmethod
    def _is_over(device: Device, tab: Tab) -> bool:
        return tab.session != device.session

    def _late(self, device: Device, tab: Tab, values: Values, *, whole: bool, said: bool) -> None:
        """Note a late response: it is certainly kept only if the page belongs to the very session that ended."""
        known = said or not self._is_over(device, tab)
        if device.session == SIGNED_OUT:
            return self.oracle.note(f"nothing is kept after signing out: {dict(values)}")
        return self.oracle.came_late(tab.known, values, whole=whole, is_sure=known)

    # The buttons

    def press(self, device: Device, tab: Tab, action: str, network: Network, *, twice: bool = False) -> Answer:
        """Press a button of a page; return the last response."""
        names = list(tab.values)
        pairs = tab.pairs(names, ("_action", action))
        answers = device.browser.twice(tab.path, pairs) if twice else [device.browser.post(tab.path, pairs, network)]
        tab.changed, tab.is_stopped = {}, False
        for answer in sorted(answers, key=lambda each: (each.is_lost, each.status)):
            self._judge(device, tab, answer)
        return max(answers, key=lambda each: each.status)

    def _judge(self, device: Device, tab: Tab, answer: Answer) -> None:
        if answer.status in (303, 422):
            self.oracle.saved(tab.known, tab.values, whole=True)
        elif answer.status == 409:
            self.oracle.differs(tab.section, sides(answer.text))
        elif answer.status == 403:
            self._late(device, tab, tab.values, whole=True, said=any(words in answer.text for words in KEPT))
        elif answer.is_lost and answer.arrived:
            self.oracle.perhaps(tab.known, tab.values, whole=True)
        elif answer.status:
            self.oracle.fault(Fault.STUCK, f"{tab.path} answers {answer.status}")

    def settle(self, device: Device, tab: Tab, answer: Answer) -> bool:
        """Go through the page of two versions until the choice is saved; return whether it was such a page."""
        for _ in range(TRIES):
            both = sides(answer.text) if answer.status == 409 else {}
            if not both:
                return self._again_from(device, tab, answer)
            answer = self._choose(device, tab.section, tab.path, answer, both)
            if answer.status != 409:
                return True
        raise StuckError(f"{tab.path} keeps asking")

    def _again_from(self, device: Device, tab: Tab, answer: Answer) -> bool:
        """Press the button of a page again that came back filled in because it was out of date."""
        found = inputs(answer.text)
        if answer.status != 409 or "_page" not in found:
            return False
        tab.hidden, tab.sequence = {name: found[name] for name in OURS if name in found}, 0
        device.session = tab.session
        again = self.insist(lambda: self.press(device, tab, "continue", Network.GOOD), 303, 422, 409, 403)
        return self.settle(device, tab, again) or True

    def _choose(self, device: Device, section: str, path: str, page: Answer, both: dict[str, dict[str, str]]) -> Answer:
        mine = {name: value for name, value in inputs(page.text).items() if name in SECTIONS[section]}
        chosen = {name: self.random.choice(("mine", "saved")) for name in both}
        values = mine | {name: both[name]["saved"] for name, side in chosen.items() if side == "saved"}
        found = inputs(page.text)
        ours = [(name, found[name]) for name in (*OURS, "_action") if name in found]
        keep = [(f"_keep_{name}", side) for name, side in chosen.items()]
        known = Known(
            section=section,
            fields={name: {both[name]["saved"] if name in both else mine[name]} for name in mine},
            version=self.oracle.version[section],
            shows_late="_parked" in found,
        )
        self.oracle.note(f"chooses {chosen}")

        def once() -> Answer:
            answer = device.browser.post(path, [*ours, *mine.items(), *keep, ("_end", "1")])
            if answer.status == 303:
                self.oracle.saved(known, values, whole=True)
            elif answer.status == 409:
                self.oracle.differs(section, sides(answer.text))
            elif answer.is_lost and answer.arrived:
                self.oracle.perhaps(known, values, whole=True)
            return answer

        return self.insist(once, 303, 409, 403)
