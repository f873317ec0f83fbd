"""Nobody who knows an address or a reference uses up what its owner needs to get in.

Each row says what strangers do, from many networks and from the owner's own, and by which way the owner gets in on a
device that was never seen before: at the latest a minute later, while the strangers go on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask

from portal.web.addresses import SECURITY_PAGE
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.accounts.app import App
from tests.integration.accounts.conftest import served_form
from tests.loan import publish_loan, start
from tests.people import PASSWORD, add_person, sign_in
from tests.post import Letter, letters

OWNER, STRANGER, NEW = "ada@mail.example", "eve@mail.example", "ada@new.example"
FRESH = "staple battery horse"
OWN_NETWORK, QUIET_NETWORK = "198.51.100.7", "203.0.113.9"
HALF = {"name": "Ada Byron", "email": OWNER, "born__day": "3", "born__month": "4", "born__year": "1990"}
NOBODYS = "2222 2222"


@dataclass
class Scene:
    """An account and a guest's form of the same owner, and what the strangers have learnt of them."""

    app: Flask
    clock: MovableClock
    draft: str = ""
    slip: str = ""
    phone: App | None = None
    visits: int = 0

    def stranger(self) -> Citizen:
        """Return a new browser: every second one is in the owner's own network."""
        self.visits += 1
        return Citizen(self.app, OWN_NETWORK if self.visits % 2 else f"192.0.2.{self.visits % 250}")

    def owner(self, network: str = OWN_NETWORK) -> Citizen:
        return Citizen(self.app, network)

    def letter(self, subject: str) -> Letter:
        """Return the newest letter to the owner with these words in its subject."""
        return next(each for each in reversed(letters(self.app)) if each.to == OWNER and subject in each.subject)

    @property
    def reference(self) -> str:
        return self.draft.rpartition("/")[2]


def guess_password(scene: Scene) -> None:
    browser = scene.stranger()
    browser.open("/account/sign-in")
    browser.press("Sign in", email=OWNER, password="not the password")


def register(scene: Scene) -> None:
    browser = scene.stranger()
    browser.open("/account/register")
    browser.press("Register", email=OWNER, password=PASSWORD)


def register_new_address(scene: Scene) -> None:
    """Register the address that the owner is going to use, with a password that only the stranger knows."""
    browser = scene.stranger()
    browser.open("/account/register")
    browser.press("Register", email=NEW, password=PASSWORD)


def ask_for_link(scene: Scene) -> None:
    browser = scene.stranger()
    browser.open("/account/password")
    browser.press("Send me a link", email=OWNER)


def guess_code(scene: Scene) -> None:
    """Type a wrong code after the right password, which a thief knows."""
    browser = scene.stranger()
    if sign_in(browser, OWNER).path == "/account/second-factor":
        browser.press("Sign in", code="000000")


def ask_to_move_there(scene: Scene) -> None:
    """Ask for one's own account to be moved to the owner's address, and to the one that the owner wants."""
    browser = scene.stranger()
    sign_in(browser, STRANGER)
    for email in (OWNER, NEW):
        browser.open("/account/email")
        browser.press("Send me a link", email=email)


def ask_to_move_to_new_address(scene: Scene) -> None:
    """Ask for one's own account to be moved to the address that the owner wants, and no other."""
    browser = scene.stranger()
    sign_in(browser, STRANGER)
    browser.open("/account/email")
    browser.press("Send me a link", email=NEW)


def guess_return_code(scene: Scene) -> None:
    browser = scene.stranger()
    browser.open("/resume")
    browser.press("Continue your form", reference=scene.reference, return_code=NOBODYS)


def ask_for_lost_links(scene: Scene) -> None:
    browser = scene.stranger()
    browser.open("/resume")
    browser.press("Send link", email=OWNER)


def save_to_owners_address(scene: Scene) -> None:
    browser = scene.stranger()
    draft = start(browser)
    browser.open(f"{draft}/save")
    browser.press("Send link", email=OWNER)


def answer_owners_address(scene: Scene) -> None:
    """Begin a form that names the owner's address, newer than the owner's own."""
    browser = scene.stranger()
    draft = start(browser)
    browser.open(f"{draft}/you")
    browser.press("Continue", **HALF)


def by_new_password(scene: Scene) -> Page:
    owner = scene.owner()
    owner.open("/account/password")
    owner.press("Send me a link", email=OWNER)
    owner.open(scene.letter("Set a new password").link)
    page = owner.press("Save password", password=FRESH)
    return owner.press("Sign in", code=scene.phone.next_code()) if scene.phone else page


def by_moving(scene: Scene) -> Page:
    """Sign in with the password, and ask for another address."""
    owner = scene.owner()
    sign_in(owner, OWNER)
    owner.open("/account/email")
    assert owner.press("Send me a link", email=NEW).status == 200
    return owner.open("/account")


def a_minute_later(scene: Scene, press: Callable[[], Page], goes_on: Callable[[Scene], None]) -> None:
    """Press a button; who is refused does it again a minute later, while the strangers go on."""
    page = press()
    if page.status == 429:
        assert page.headers["Retry-After"] == "60"
        scene.clock.advance(minutes=1)
        goes_on(scene)
        page = press()
    assert page.status == 200


def by_registering(scene: Scene) -> Page:
    """Make another account with the new address, in a network of one's own."""
    owner = scene.owner(QUIET_NETWORK)
    owner.open("/account/register")
    a_minute_later(scene, lambda: owner.press("Register", email=NEW, password=FRESH), register_new_address)
    owner.open(next(each for each in reversed(letters(scene.app)) if each.to == NEW).link)
    return owner.press("Confirm", password=FRESH)


def by_moving_there(scene: Scene) -> Page:
    """Move the account to the new address, whoever else asked for it."""
    owner = scene.owner(QUIET_NETWORK)
    sign_in(owner, OWNER)
    owner.open("/account/email")
    a_minute_later(scene, lambda: owner.press("Send me a link", email=NEW), ask_to_move_to_new_address)
    owner.open(next(each for each in reversed(letters(scene.app)) if each.to == NEW).link)
    return owner.press("Confirm", password=PASSWORD)


def by_saving(scene: Scene) -> Page:
    """Have the link to another form mailed to an address that strangers had theirs mailed to."""
    owner = scene.owner(QUIET_NETWORK)
    scene.draft = start(owner)
    owner.open(f"{scene.draft}/save")
    a_minute_later(scene, lambda: owner.press("Send link", email=OWNER), save_to_owners_address)
    owner.open(letters(scene.app)[-1].link)
    return owner.press("Continue your form")


def opened_by_letter(scene: Scene, owner: Citizen) -> Page:
    """Open the form by the last of all letters that is about it, and type the code that the same mailbox gets."""
    mine = [each for each in letters(scene.app) if f"Your reference is {scene.reference}." in each.lines]
    owner.open(mine[-1].link)
    owner.press("Continue your form")
    return owner.press("Continue", code=letters(scene.app)[-1].code)


def by_lost_link_of_new_form(scene: Scene) -> Page:
    """Begin a form, lose all but the mailbox, and ask for the link, while strangers have asked all the time."""
    scene.draft = start(browser := scene.owner(QUIET_NETWORK))
    browser.open(f"{scene.draft}/you")
    browser.press("Continue", **HALF)
    owner = scene.owner(QUIET_NETWORK)
    owner.open("/resume")
    owner.press("Send link", email=OWNER)
    return opened_by_letter(scene, owner)


def by_slip(scene: Scene) -> Page:
    """Type reference and return code in a network of one's own; who is refused there tries again a minute later."""
    owner = scene.owner(QUIET_NETWORK)
    for _ in range(2):
        owner.open("/resume")
        page = owner.press("Continue your form", reference=scene.reference, return_code=scene.slip)
        if page.status == 200:
            break
        assert page.headers["Retry-After"] == "60"
        scene.clock.advance(minutes=1)
        guess_return_code(scene)
    return page


def by_lost_link(scene: Scene) -> Page:
    """Have the links mailed, twice if need be; of all letters, the one to the own form opens it."""
    owner = scene.owner()
    for _ in range(2):
        owner.open("/resume")
        owner.press("Send link", email=OWNER)
    return opened_by_letter(scene, owner)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What strangers do and how often, by which way the owner gets in, and where that leads."""

    uses_up: tuple[Callable[[Scene], None], ...]
    times: int = 30
    way_in: Callable[[Scene], Page]
    leads_to: str = "/account"
    has_factor: bool = False


ROWS = {
    "passwords": Row(uses_up=(guess_password,), way_in=by_new_password),
    "registrations": Row(uses_up=(register,), way_in=by_new_password),
    "links": Row(uses_up=(ask_for_link,), way_in=by_new_password),
    "all-of-an-account": Row(uses_up=(register, guess_password, ask_for_link), times=12, way_in=by_new_password),
    "codes-of-the-second-factor": Row(uses_up=(guess_code,), times=12, way_in=by_new_password, has_factor=True),
    "moves": Row(uses_up=(ask_to_move_there, register), times=8, way_in=by_moving),
    "registrations-of-a-new-address": Row(uses_up=(register_new_address,), times=12, way_in=by_registering),
    "moves-to-a-new-address": Row(
        uses_up=(ask_to_move_to_new_address,), times=8, way_in=by_moving_there, leads_to=SECURITY_PAGE
    ),
    "links-to-an-address": Row(uses_up=(save_to_owners_address,), times=12, way_in=by_saving, leads_to="form"),
    "lost-links-of-a-new-form": Row(
        uses_up=(ask_for_lost_links,), times=12, way_in=by_lost_link_of_new_form, leads_to="form"
    ),
    "return-codes": Row(uses_up=(guess_return_code,), way_in=by_slip, leads_to="form"),
    "return-codes-with-a-mailbox": Row(uses_up=(guess_return_code,), way_in=by_lost_link, leads_to="form"),
    "lost-links": Row(uses_up=(ask_for_lost_links,), times=12, way_in=by_lost_link, leads_to="form"),
    "saved-forms": Row(uses_up=(save_to_owners_address,), times=12, way_in=by_lost_link, leads_to="form"),
    "forms-that-name-the-owner": Row(uses_up=(answer_owners_address,), times=6, way_in=by_lost_link, leads_to="form"),
}


@pytest.fixture
def scene(app: Flask, clock: MovableClock) -> Scene:
    """The owner's account and form, from which the owner has long gone: nothing of that browser is left."""
    publish_loan(app)
    add_person(app, OWNER)
    add_person(app, STRANGER)
    guest = Citizen(app)
    draft = start(guest)
    slip = guest.page.text.split('class="slip__value">')[2].partition("<")[0]
    guest.open(f"{draft}/you")
    guest.press("Continue", **HALF)
    clock.advance(hours=2)
    return Scene(app, clock, draft=draft, slip=slip)


def _set_up_factor(scene: Scene) -> None:
    owner = Citizen(scene.app)
    sign_in(owner, OWNER)
    page = owner.get("/account/security/second-factor")
    scene.phone = App(page, scene.clock)
    owner.post("/account/security/second-factor", served_form(page)[1] | {"code": scene.phone.code})
    scene.clock.advance(minutes=30)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_owner_gets_in_within_a_minute_whatever_strangers_use_up(scene: Scene, row: Row) -> None:
    if row.has_factor:
        _set_up_factor(scene)
    for _ in range(row.times):
        for use_up in row.uses_up:
            use_up(scene)
    page = row.way_in(scene)
    wanted = f"{scene.draft}/you" if row.leads_to == "form" else row.leads_to
    assert (page.status, page.path) == (200, wanted)


def test_a_link_for_a_new_password_works_however_many_links_strangers_ask_for_afterwards(scene: Scene) -> None:
    owner = scene.owner()
    owner.open("/account/password")
    owner.press("Send me a link", email=OWNER)
    own = scene.letter("Set a new password").link
    for _ in range(30):
        ask_for_link(scene)
        register(scene)
        guess_password(scene)
    assert len([each for each in letters(scene.app) if each.subject == "Set a new password"]) == 5
    owner.open(own)
    assert owner.press("Save password", password=FRESH).path == "/account"


def test_networks_that_share_a_reference_get_no_more_guesses_at_one_moment(scene: Scene) -> None:
    for _ in range(2):
        statuses = []
        for network in range(25):
            browser = Citizen(scene.app, f"192.0.2.{network}")
            browser.open("/resume")
            page = browser.press("Continue your form", reference=scene.reference, return_code=NOBODYS)
            statuses.append(page.status)
        assert statuses.count(422) in (10, 0)
    scene.clock.advance(seconds=59)
    assert browser.press("Continue your form", reference=scene.reference, return_code=NOBODYS).status == 429
