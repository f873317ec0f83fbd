"""Three people on four devices do anything in any order: whoever holds a draft can use it, and nobody else."""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.drafts.models import Draft, DraftGuest, DraftPart
from portal.resume.models import ResumeLink
from portal.sessions.models import ParkedValues
from portal.storage.models import StoredFile
from portal.submissions.models import Submission
from tests.citizen import Citizen, File, Page
from tests.conftest import MovableClock
from tests.files import PDF
from tests.loan import publish_yaml, start
from tests.people import add_person, sign_in
from tests.post import letters

FORM = """
format: 1
form: {id: garden_note, title: A note about a garden, drafts: {keep_days: 90, remind_days_before: [2]}}
sections:
  - id: words
    title: Your words
    fields:
      - {id: word, type: text, label: Word, required: true}
      - {id: paper, type: file, label: Paper, files: {max: 3, max_mb: 1, types: [pdf]}}
  - id: things
    title: Things
    repeat: {item: thing, min: 0, max: 5, label_from: what}
    fields:
      - {id: what, type: text, label: What, required: true}
"""
ADDRESSES = ("zoe@mail.example", "zo@mail.example", "work@office.example")
ACCOUNTS = ("ada@mail.example", "bea@mail.example")
REFUSED = (302, 303, 401, 403, 404, 405, 413)
STEPS, LONG = 24, 400
WATCHED = (Draft, DraftGuest, DraftPart, ResumeLink, ParkedValues, StoredFile, Submission)


@dataclass
class Way:
    """How one guest came to hold a draft, as the rules in docs/security.md tell it."""

    asked_by: str | None = None
    address: str | None = None
    is_starter: bool = False


@dataclass
class Link:
    path: str
    address: str
    asked_by: str
    device: "Device"


@dataclass
class Form:
    """A draft as the rules see it: its guests in the order in which they came, or its account."""

    address: str
    secret: str
    item: str
    file: str
    code: str
    ways: dict[str, Way]
    person: str | None = None
    former: set[str] = field(default_factory=set)
    links: list[Link] = field(default_factory=list)
    end: str = ""

    @property
    def reference(self) -> str:
        return self.address.rpartition("/")[2]

    def readers_of(self, address: str, *, by_slip: bool) -> set[str]:
        """Return everybody whose right comes from the reader of an address."""
        found: set[str] = set()
        for guest, way in self.ways.items():
            had_slip = by_slip and found and not way.is_starter and way.asked_by is None and way.address is None
            if way.address == address or way.asked_by in found or had_slip:
                found.add(guest)
        return found

    def before(self, guest: str) -> set[str]:
        """Return the guests from whom the right of one comes, and who began it."""
        found = {guest} | {each for each, way in self.ways.items() if way.is_starter}
        while (way := self.ways.get(guest)) and way.asked_by in self.ways:
            guest = way.asked_by or ""
            found.add(guest)
        return found


@dataclass
class Tab:
    """A page that was opened, by whom, and stays open."""

    page: Page
    form: Form
    person: str | None
    guest: str | None


@dataclass
class Device:
    """A browser, whose session of whom it holds, and the guest of the last one that it still names."""

    citizen: Citizen
    person: str | None = None
    guest: str | None = None
    is_live: bool = False
    last_guest: str | None = None
    ended_at: datetime | None = None
    tabs: list[Tab] = field(default_factory=list)

    def holds(self, form: Form) -> bool:
        if not self.is_live:
            return False
        return form.person == self.person if form.person else self.guest in form.ways


class Town:
    """The devices, the forms, and what is done with them; `did` is the story for the report of a failure."""

    def __init__(self, app: Flask, clock: MovableClock, database: Database, seed: int) -> None:
        self.app, self.clock, self.database = app, clock, database
        self.dice = random.Random(seed)  # noqa: S311
        self.devices = [Device(Citizen(app, f"192.0.2.{number}")) for number in range(1, 5)]
        self.forms: list[Form] = []
        self.did: list[str] = []
        self.count = 0
        self.seed = seed

    def say(self, device: Device, what: str) -> None:
        self.did.append(f"{self.devices.index(device)}: {what}")

    def new_name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}x"

    def fail(self, what: str) -> str:
        return "\n".join([what, f"seed {self.seed}", *self.did])

    def begin_session(self, device: Device, person: str | None, guest: str | None) -> None:
        device.person, device.guest, device.is_live, device.last_guest = person, guest, True, None

    def look_at_clocks(self) -> None:
        """Note whose time has run out; a poll renews nothing."""
        for device in self.devices:
            is_live = 'data-state="ended"' not in device.citizen.get("/session/poll").text
            if device.is_live and not is_live:
                device.last_guest, device.is_live, device.ended_at = device.guest, False, self.clock.now()
                device.person = device.guest = None

    def named_guest(self, device: Device) -> str | None:
        """Return the guest whose session the browser's cookie still names."""
        if device.is_live:
            return device.guest
        is_explained = device.ended_at is not None and (self.clock.now() - device.ended_at).total_seconds() < 80_000
        return device.last_guest if is_explained else None

    def held(self, device: Device, *, is_open: bool = True, is_guests: bool = False) -> list[Form]:
        fit = (form for form in self.forms if device.holds(form) and not (is_open and form.end))
        return [form for form in fit if not (is_guests and form.person)]

    # What people do.

    def start(self, device: Device) -> None:
        secret = self.new_name("secret")
        if not device.is_live:
            self.begin_session(device, None, self.new_name("guest"))
        citizen = device.citizen
        address = start(citizen, "garden-note")
        code = citizen.page.text.split('class="slip__value">')[2].partition("<")[0] if device.person is None else ""
        citizen.open(f"{address}/words")
        citizen.press("Continue", word=secret, paper=File("paper.pdf", PDF))
        citizen.open(f"{address}/things")
        item = citizen.press("Add a thing").path
        citizen.press("Continue", what=secret)
        file = re.findall(r'href="(/files/[^"]+)"', citizen.open(f"{address}/words").text)[0]
        ways = {} if device.person else {device.guest or "": Way(is_starter=True)}
        form = Form(address, secret, item, file, code, ways, person=device.person)
        self.forms.append(form)
        self.say(device, f"starts {form.reference} as {device.person or device.guest}")

    def sign_in(self, device: Device) -> None:
        email = self.dice.choice(ACCOUNTS)
        guest = device.guest if device.is_live and device.person in (None, email) else None
        has_forms = any(guest in form.ways and form.end != "deleted" for form in self.forms if not form.person)
        page = sign_in(device.citizen, email)
        assert (page.path == "/account/claim") is bool(guest and has_forms), self.fail(f"{email} came to {page.path}")
        self.begin_session(device, email, guest if has_forms else None)
        answer = self.dice.choice(("Yes", "No", "nothing")) if device.guest else "nothing"
        self.say(device, f"signs in as {email}, answers {answer}")
        if answer == "nothing":
            return
        device.citizen.press(answer)
        if answer == "Yes":
            for form in self.forms:
                if not form.person and device.guest in form.ways:
                    self.add_to_account(form, email, device.guest)
        device.guest = None

    def add_to_account(self, form: Form, person: str, guest: str) -> None:
        form.former = form.before(guest) & set(form.ways)
        form.person, form.ways, form.code = person, {}, ""

    def sign_out(self, device: Device) -> None:
        if device.is_live:
            device.citizen.open("/forms/garden-note")
            device.citizen.press("Sign out")
            device.is_live, device.person, device.guest, device.last_guest = False, None, None, None
            self.say(device, "signs out")

    def share(self, device: Device) -> None:
        form = self.one_of(self.held(device, is_guests=True))
        if form is None:
            return
        address = self.dice.choice(ADDRESSES)
        device.citizen.open(f"{form.address}/save")
        page = device.citizen.press("Send link", email=address)
        if page.status == 200:
            form.links.append(Link(letters(self.app)[-1].link, address, device.guest or "", device))
            self.say(device, f"as {device.guest} sends a link to {form.reference} to {address}")

    def one_of(self, things: list[Any]) -> Any:
        """Return one of the last things; None if there is none."""
        return self.dice.choice(things[-3:]) if things else None

    def follow_link(self, device: Device) -> None:
        form = self.one_of([form for form in self.forms if form.links])
        if form is None:
            return
        link = self.dice.choice(form.links)
        citizen = device.citizen
        self.say(device, f"opens the link of {form.reference} to {link.address}")
        citizen.open(link.path)
        if form.end:
            assert citizen.page.status == 410, self.fail(f"link of a closed form: {citizen.page.status}")
            return
        known = [each.asked_by for each in form.links if each.device is device]
        citizen.press("Continue your form")
        if form.person:
            if device.is_live and device.person == form.person:
                self.begin_session(device, form.person, None)
        elif known:
            self.come_in(device, form, None, known[-1])
        elif citizen.page.path == "/resume/code":
            citizen.press("Continue", code=letters(self.app)[-1].code)
            self.come_in(device, form, link, None)

    def use_code(self, device: Device) -> None:
        form = self.one_of([form for form in self.forms if form.code])
        if form is None:
            return
        self.say(device, f"enters the return code of {form.reference}")
        device.citizen.open("/resume")
        page = device.citizen.press("Continue your form", reference=form.reference, return_code=form.code)
        if form.end:
            assert page.status == 410, self.fail(f"return code of a closed form: {page.status}")
            return
        if page.status == 429:
            return
        assert page.status == 200, self.fail(f"the return code does not let in: {page.status}")
        known = [each.asked_by for each in form.links if each.device is device]
        self.come_in(device, form, None, known[-1] if known else None)

    def come_in(self, device: Device, form: Form, link: Link | None, known: str | None) -> None:
        """Note who holds the form once a proof was right, and perhaps add it to the account."""
        if device.is_live and device.person is None and device.guest in form.ways:
            return
        named, guest = self.named_guest(device), self.new_name("guest")
        before = next((each for each in (named, known) if each in form.ways), None)
        by_code = link is not None and before is None
        asked_by = link.asked_by if by_code and link else before
        form.ways[guest] = Way(asked_by=asked_by, address=link.address if by_code and link else None)
        self.begin_session(device, device.person if device.is_live else None, guest)
        self.did[-1] += f", and is {guest}"
        if device.person:
            answer = self.dice.choice(("Yes", "No"))
            device.citizen.press(answer)
            self.did[-1] += f", answers {answer}"
            if answer == "Yes":
                self.add_to_account(form, device.person, guest)

    def take_back(self, device: Device) -> None:
        form = self.one_of([form for form in self.held(device, is_guests=True) if form.links])
        if form is None:
            return
        guest = device.guest or ""
        sent_to = {link.address for link in form.links}
        may = {address for address in sent_to if guest not in form.readers_of(address, by_slip=False)}
        page = device.citizen.open(f"{form.address}/save")
        offered = {address for address in sent_to if f"{address} is wrong" in page}
        last = form.links[-1].address
        offered |= {last} & may if re.search(r">The address is wrong<", page.text) else set()
        assert offered == may, self.fail(f"{guest} may take back {may}, and is offered {offered}")
        if not may:
            return
        address = self.dice.choice(sorted(may))
        self.say(device, f"as {guest} takes {address} back from {form.reference}")
        before = [each for each in self.devices if each.is_live]
        page = device.citizen.press("The address is wrong" if address == last else f"{address} is wrong")
        readers = form.readers_of(address, by_slip=True) - {guest}
        form.ways = {each: way for each, way in form.ways.items() if each not in readers}
        form.links = [each for each in form.links if each.address != address and each.asked_by not in readers]
        codes = page.text.split('class="slip__value">')
        assert len(codes) > 2, self.fail("no new return code is shown")
        assert codes[2].partition("<")[0] != form.code, self.fail("the return code is the old one")
        form.code = codes[2].partition("<")[0]
        ended = [each for each in before if each.person is None and each.guest in readers]
        for each in before:
            if each.person and each.guest in readers:
                each.guest = None
        self.look_at_clocks()
        still = [each for each in before if each.is_live]
        assert still == [each for each in before if each not in ended], self.fail("other sessions ended than should")

    def hand_over(self, device: Device) -> None:
        forms = [form for form in self.forms if form.links and not form.end and not device.holds(form)]
        form = self.one_of(forms) if device.is_live else None
        if form is None:
            return
        device.citizen.open(form.links[0].path)
        device.citizen.press("Hand over")
        device.is_live, device.person, device.guest, device.last_guest = False, None, None, None
        self.say(device, "is handed over")

    def delete(self, device: Device) -> None:
        form = self.one_of(self.held(device))
        if form and self.dice.random() < 0.3:
            device.citizen.open(form.address)
            device.citizen.press("Delete this draft")
            device.citizen.press("Delete this draft")
            form.end = "deleted"
            self.say(device, f"deletes {form.reference}")

    def send(self, device: Device) -> None:
        form = self.one_of(self.held(device))
        if form and self.dice.random() < 0.3:
            device.citizen.open(f"{form.address}/things")
            device.citizen.press("Continue")
            page = device.citizen.open(f"{form.address}/check")
            page = device.citizen.press("Send")
            assert page.path == f"/submissions/{form.reference}", self.fail(f"not sent: {page.path}")
            form.end = "sent"
            self.say(device, f"sends {form.reference}")

    def leave_open(self, device: Device) -> None:
        form = self.one_of(self.held(device))
        if form:
            place = self.dice.choice((f"{form.address}/words", form.item))
            tab = Tab(device.citizen.open(place), form, device.person, device.guest)
            device.tabs.append(tab)
            self.say(device, f"leaves {place} open as {tab.person} {tab.guest}")

    def send_late(self, device: Device) -> None:
        """Send a page that was left open: from somebody who does not hold its form any more, nothing reaches it."""
        tab = self.one_of(device.tabs)
        if tab is None:
            return
        form, words = tab.form, self.new_name("late")
        self.say(device, f"sends a page of {tab.person} {tab.guest} of {form.reference} late")
        names = form.ways if form.person is None else form.former
        is_theirs = form.person == tab.person if tab.person and form.person else tab.guest in names
        may_reach = not form.end and (device.holds(form) or is_theirs)
        device.citizen.page = tab.page
        before = self.all_of(form)
        kind = self.dice.choice(("Continue", "autosave", "file"))
        field = "word" if "word" in tab.page.text and tab.page.value("word") is not None else "what"
        if kind == "Continue" or field == "what":
            answer = device.citizen.send("Continue", **{field: words})
        elif kind == "file":
            answer = device.citizen.send("Continue", word=words, paper=File("late.pdf", PDF))
        else:
            controls = tab.page.form_with("Continue")[0].controls
            data = {each.name: each.value for each in controls} | {"word": words, "_changed": "word", "_end": "1"}
            answer = device.citizen.post(f"{form.address}/autosave/words", data)
        if not may_reach:
            assert self.all_of(form) == before, self.fail(f"it reached the form: {answer.status_code}")
        if not device.holds(form) and not form.end:
            assert form.secret not in answer.text, self.fail("the form came out")
        if device.holds(form) and not form.end:
            self.write((device, form))

    def wait(self, device: Device) -> None:
        self.clock.advance(minutes=31)
        self.look_at_clocks()
        self.say(device, "and all others wait half an hour")

    # What must hold after each step.

    def all_of(self, form: Form | None = None) -> list[Any]:
        """Return all that is stored of the forms."""
        with self.database.reading() as db:
            found: list[Any] = []
            for model in WATCHED:
                columns = [each for each in model.__table__.c if each.name not in ("scan", "delete_at", "device_hash")]
                found.append(sorted(map(repr, db.execute(select(*columns)).all())))
            return found

    def check(self) -> None:
        """See that every holder can read and write, and nobody else can read."""
        for device, form in product(self.devices, self.forms[-4:]):
            # A section's page shows what came late over what is saved; the check page only what is saved.
            answer = device.citizen.get(f"{form.address}/check")
            if not device.holds(form):
                assert answer.status_code in REFUSED, self.fail(f"{form.reference} opens: {answer.status_code}")
                assert form.secret not in answer.text, self.fail(f"{form.reference} comes out")
            elif not form.end:
                assert answer.status_code == 200, self.fail(f"{form.reference} is closed: {answer.status_code}")
                assert form.secret in answer.text, self.fail(f"{form.reference} has lost its words")
        form = self.dice.choice(self.forms[-4:])
        # What those send who added it to the account themselves is kept for it, so they are looked at in `send_late`.
        others = [each for each in self.devices if not each.holds(form) and each.guest not in form.former]
        for device in self.dice.sample(others, k=min(len(others), 1)):
            self.try_everything(device, form)
        self.write(self.one_of([(each, form) for each in self.devices for form in self.held(each)]))

    def write(self, pair: tuple[Device, Form] | None) -> None:
        if pair is None:
            return
        device, form = pair
        secret = self.new_name("secret")
        device.citizen.open(f"{form.address}/words")
        page = device.citizen.press("Continue", word=secret)
        if page.status == 409:  # what came late was typed on a page that is older than what is saved
            page = device.citizen.press("Keep all of mine")
        assert page.status == 200, self.fail(f"{form.reference} cannot be written: {page.status}")
        form.secret = secret
        assert secret in device.citizen.open(f"{form.address}/words").text, self.fail("what was saved is not there")

    def try_everything(self, device: Device, form: Form) -> None:
        """Read and write a form at every address that names one, with a form token of one's own."""
        citizen = device.citizen
        token = citizen.open("/forms/garden-note").value("csrf_token") or ""
        before = self.all_of()
        for method, address in self.doors(form):
            data = {
                "csrf_token": token,
                "word": "planted",
                "what": "planted",
                "email": "mallory@mail.example",
                "answer": "yes",
                "code": "22222",
                "_action": self.dice.choice(("", "wrong", "save", "back", "undo", "clear", "delete", "send")),
                "_changed": "word,what",
                "_end": "1",
            }
            headers = {"HX-Request": "true"} if "autosave" in address else {}
            answer = getattr(citizen.client, method)(
                address, headers=headers, **({"data": data} if method == "post" else {})
            )
            what = f"{self.devices.index(device)} {method} {address}: {answer.status_code}"
            assert answer.status_code in REFUSED, self.fail(what)
            assert form.secret not in answer.text, self.fail(what)
            assert (
                f"/drafts/{form.reference}" not in answer.headers.get("Location", "") or "sign-in" in answer.location
            ), what
        assert self.all_of() == before, self.fail(f"{self.devices.index(device)} changed {form.reference}")

    def doors(self, form: Form) -> Iterator[tuple[str, str]]:
        """Yield every method and address of the portal that names a form."""
        item = form.item.rpartition("/")[2]
        values = {"reference": form.reference, "file_id": form.file.rpartition("/")[2]}
        places = [("words", ""), ("things", item)]
        adapter = self.app.url_map.bind("")
        for rule in self.app.url_map.iter_rules():
            if "reference" not in rule.arguments:
                continue
            for section_id, item_id in places if "section_id" in rule.arguments else places[:1]:
                known = {**values, "section_id": section_id, "item_id": item_id or item}
                address = adapter.build(
                    rule.endpoint, {name: known[name] for name in rule.arguments}, method=_method(rule)
                )
                for method in sorted({"GET", "POST"} & (rule.methods or set())):
                    yield method.lower(), address


def _method(rule: Any) -> str:
    return "POST" if "POST" in rule.methods else "GET"


DEEDS: tuple[tuple[Callable[[Town, Device], None], int], ...] = (
    (Town.start, 1),
    (Town.sign_in, 2),
    (Town.sign_out, 1),
    (Town.share, 4),
    (Town.follow_link, 6),
    (Town.use_code, 3),
    (Town.take_back, 4),
    (Town.hand_over, 1),
    (Town.delete, 1),
    (Town.send, 1),
    (Town.leave_open, 3),
    (Town.send_late, 5),
    (Town.wait, 1),
)


@pytest.mark.parametrize("seed", range(1))
def test_only_whoever_holds_a_draft_can_use_it(
    request: pytest.FixtureRequest, app: Flask, clock: MovableClock, database: Database, seed: int
) -> None:
    publish_yaml(app, FORM)
    for email in ACCOUNTS:
        add_person(app, email)
    town = Town(app, clock, database, seed)
    first, second, *_ = town.devices
    for device, deed in ((first, Town.start), (first, Town.share), (second, Town.follow_link)):
        deed(town, device)
    deeds, weights = zip(*DEEDS, strict=True)
    for _ in range(LONG if request.config.option.twice else STEPS):
        clock.advance(minutes=3)
        town.look_at_clocks()
        done = len(town.did)
        while len(town.did) == done:
            (deed,) = town.dice.choices(deeds, weights)
            deed(town, town.dice.choice(town.devices))
        town.check()
