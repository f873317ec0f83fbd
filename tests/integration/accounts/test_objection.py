"""Objecting gives an account back as it was, whatever a thief who knew the password has done to it since.

Each row of the table is what the thief does and then what the owner does before objecting. The account must be as it
was before the thief's first change, its forms included, and open to nobody but whoever reads the owner's mail.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import FormerAccount, KnownDevice, Person, RecoveryCode, SecondFactor
from portal.accounts.operations import disable_account
from portal.accounts.remembered import sweep_former_accounts
from portal.audit import Actor, AuditEvent
from portal.db import Database
from portal.drafts.models import Draft
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.accounts.app import App
from tests.integration.accounts.conftest import PASSWORD, Browser, Mailbox, Records, served_form
from tests.loan import YOU, publish_loan
from tests.loan import start as start_loan
from tests.people import add_person, sign_in
from tests.statements import sent_between

OLD, NEW, THIRD = "ada@example.test", "eve@example.test", "eve@third.example.test"
FRESH = "staple battery horse"
ASKED = "Somebody asked to change your e-mail address"


@dataclass
class Scene:
    """An account that a thief is signed in to, and its owner, who reads the mail of the first address."""

    app: Flask
    clock: MovableClock
    mailbox: Mailbox
    database: Database
    has_factor: bool = False
    phone: App | None = None
    drafts: list[str] = field(default_factory=list)
    password: str = PASSWORD
    email: str = OLD

    def __post_init__(self) -> None:
        self.owner = Citizen(self.app, "198.51.100.7")
        self.thief = Browser(self.app, "192.0.2.66")
        sign_in(self.owner, OLD)
        self.owner.open("/account/name")
        self.owner.press("Save name", name="Ada Byron")
        self.drafts.append(start_loan(self.owner).rpartition("/")[2])
        if self.has_factor:
            page = self.owner.get("/account/security/second-factor")
            self.phone = App(page, self.clock)
            self.owner.post("/account/security/second-factor", served_form(page)[1] | {"code": self.phone.code})
        self.clock.advance(days=30)
        self.enter()
        self.before = self.state()

    def enter(self) -> None:
        """Let the thief in, who has the password and, where codes are asked for, a look at them."""
        self.thief.sign_in(self.email, self.password)
        if self.phone:
            self.thief.fill_in("/account/second-factor", code=self.phone.next_code())

    def state(self) -> dict[str, Any]:
        """Return what an objection gives back."""
        with self.database.reading() as db:
            person = db.get_one(Person, 1)
            factor = db.get(SecondFactor, 1)
            codes = db.execute(select(RecoveryCode.code_hash).where(RecoveryCode.person_id == 1)).scalars()
            old = KnownDevice.first_seen_at < self.clock.now().replace(day=1)
            devices = db.execute(select(KnownDevice.token_hash).where(KnownDevice.person_id == 1, old)).scalars()
            return {
                "address": (person.email, person.email_key),
                "name": person.name,
                "is open": person.is_active,
                "factor": (factor.sealed_secret, factor.set_up_at, factor.codes_salt) if factor else None,
                "codes": sorted(codes),
                "devices": sorted(devices),
            }

    def links(self, to: str, subject: str) -> list[str]:
        """Return the links of all letters to an address, oldest first."""
        found = []
        for mail in self.mailbox:
            if (str(mail["To"]), str(mail["Subject"])) == (to, subject):
                (text,) = (part for part in mail.walk() if part.get_content_type() == "text/plain")
                lines = text.get_payload(decode=True).decode().splitlines()  # type: ignore[union-attr]
                found += [line.removeprefix("http://127.0.0.1:8000") for line in lines if line.startswith("http")]
        return found

    def move_to(self, address: str) -> None:
        assert self.thief.fill_in("/account/email", email=address).status_code == 303
        link = self.links(address, "Confirm your e-mail address")[-1]
        assert self.thief.fill_in(link, password=self.password).status_code == 303
        self.email = address


def move(scene: Scene) -> None:
    scene.move_to(NEW)


def move_on(scene: Scene) -> None:
    scene.move_to(THIRD)


def ask_to_move(scene: Scene) -> None:
    scene.thief.fill_in("/account/email", email=NEW)


def factor(scene: Scene) -> None:
    """Set up an app of the thief's own, also in the place of the owner's."""
    page = scene.thief.get("/account/security/second-factor")
    scene.phone = App(page, scene.clock)
    answer = scene.thief.post("/account/security/second-factor", served_form(page)[1] | {"code": scene.phone.code})
    assert answer.status_code == 303


def factor_off(scene: Scene) -> None:
    scene.thief.fill_in("/account/security/second-factor/off")
    scene.phone = None


def renew(scene: Scene) -> None:
    _action, hidden = served_form(scene.thief.get("/account/security/recovery-codes"), "/account/security")
    assert scene.thief.post("/account/security/recovery-codes", hidden).status_code == 303


def name(scene: Scene) -> None:
    scene.thief.fill_in("/account/name", name="Eve")


def password(scene: Scene) -> None:
    scene.thief.fill_in("/account/password/change", old_password=scene.password, password="eve was here too")
    scene.password = "eve was here too"


def forget_devices(scene: Scene) -> None:
    with scene.database.reading() as db:
        devices = db.scalars(select(KnownDevice.id).where(KnownDevice.person_id == 1)).all()
    _action, hidden = served_form(scene.thief.get("/account/name"))
    for device in devices:
        scene.thief.post(f"/account/security/devices/{device}/forget", hidden)


def delete(scene: Scene) -> None:
    """Try to delete the account: nobody can as long as an address may object."""
    page = scene.thief.get("/account/delete")
    assert "You can delete your account after" in page.text
    _action, hidden = served_form(scene.thief.get("/account/name"))
    assert scene.thief.post("/account/delete", hidden).status_code == 422


def wait(scene: Scene) -> None:
    scene.clock.advance(days=3)
    scene.enter()


def object_for_the_thief(scene: Scene) -> None:
    """Object from the second address when the account is at the third: the owner's own objection still works."""
    (link,) = scene.links(NEW, ASKED)
    assert scene.thief.fill_in(link, email=NEW).location == "/account/check-mail"


def nothing(scene: Scene) -> None:
    pass


def register(scene: Scene, browser: Citizen | None = None) -> None:
    """Register the old address anew, and begin a form there."""
    browser = browser or Citizen(scene.app)
    browser.open("/account/register")
    browser.press("Register", email=OLD, password=FRESH)
    browser.open(scene.links(OLD, "Confirm your e-mail address")[-1])
    browser.press("Confirm", password=FRESH)
    scene.drafts.append(start_loan(browser).rpartition("/")[2])


def register_by_somebody(scene: Scene) -> None:
    add_person(scene.app, OLD)


ROWS: dict[str, tuple[tuple[Callable[[Scene], None], ...], Callable[[Scene], None], bool]] = {
    "asked": ((ask_to_move,), nothing, False),
    "moved": ((move,), register, False),
    "moved-and-registered-by-anybody": ((name, move, password), register_by_somebody, False),
    "factor-first": ((factor, move), nothing, False),
    "factor-days-before": ((factor, wait, move, wait), register, False),
    "factor-after": ((move, factor, renew), register, False),
    "moved-twice": ((move, factor, wait, move_on, name, password), register, False),
    "moved-twice-and-objected": ((factor, move, wait, move_on, object_for_the_thief), nothing, False),
    "deleted": ((move, delete, password), register, False),
    "devices-forgotten": ((forget_devices, move), nothing, False),
    "own-factor-off": ((factor_off, move), register, True),
    "own-factor-replaced": ((factor, renew, name, move, wait, move_on), register, True),
    "own-codes-renewed": ((renew, move, delete, factor_off), nothing, True),
}


@pytest.fixture
def make_scene(
    app: Flask, clock: MovableClock, mailbox: Mailbox, database: Database, citizen: Person
) -> Callable[..., Scene]:
    publish_loan(app)
    return lambda **values: Scene(app, clock, mailbox, database, **values)


@pytest.mark.both_databases
@pytest.mark.parametrize(("thief", "owner", "has_factor"), ROWS.values(), ids=ROWS)
def test_objection_restores_the_account_as_it_was_before_the_first_change(
    make_scene: Callable[..., Scene],
    records: Records,
    thief: tuple[Callable[[Scene], None], ...],
    owner: Callable[[Scene], None],
    has_factor: bool,
) -> None:
    scene = make_scene(has_factor=has_factor)
    own_phone = scene.phone
    for step in (*thief, owner):
        step(scene)
    answer = Browser(scene.app).fill_in(scene.links(OLD, ASKED)[0], email=OLD)
    assert answer.location == "/account/check-mail"
    assert scene.state() == scene.before

    assert {row.end_reason for row in records.sessions if row.person_id == 1} <= {
        *("objected", "replaced", "password_changed", None)
    }
    assert scene.thief.get("/account").status_code == 302
    assert {scene.thief.sign_in(email, scene.password).status_code for email in (OLD, NEW, THIRD)} == {422}
    for email in (NEW, THIRD):
        mails = len(scene.mailbox.subjects)
        scene.thief.fill_in("/account/password", email=email)
        assert len(scene.mailbox.subjects) == mails
        for link in scene.links(email, ASKED) + scene.links(email, "Confirm your e-mail address"):
            assert scene.thief.get(link).status_code == 410

    home = Browser(scene.app, "198.51.100.7")
    target = home.fill_in(scene.links(OLD, "Set a new password")[-1], password=FRESH).location
    if own_phone:
        assert target == "/account/second-factor"
        target = home.fill_in(target, code=own_phone.next_code()).location
    assert target == "/account"
    with scene.database.reading() as db:
        assert set(db.scalars(select(Draft.reference).where(Draft.person_id == 1))) == set(scene.drafts)
    if scene.email != OLD:
        assert (scene.email, "Your e-mail address was changed back") in scene.mailbox.subjects


def test_what_came_late_to_an_account_that_is_joined_goes_where_its_forms_go(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene()
    move(scene)
    owner = Citizen(scene.app, "198.51.100.7")
    register(scene, owner)
    section = f"/drafts/{scene.drafts[-1]}/you"
    owner.open(section)
    scene.clock.advance(minutes=31)
    assert owner.press("Continue", **YOU).status == 403
    Browser(scene.app).fill_in(scene.links(OLD, ASKED)[0], email=OLD)
    Browser(scene.app).fill_in(scene.links(OLD, "Set a new password")[-1], password=FRESH)
    home = Citizen(scene.app)
    home.open("/account/sign-in")
    home.press("Sign in", email=OLD, password=FRESH)
    page = home.open(section)
    assert page.value("name") == YOU["name"]
    assert "We kept what you typed. You have not sent it yet." in page


def _has_factor(scene: Scene) -> None:
    """Register the old address anew, with a second factor: more than the mailbox proves."""
    register(scene)
    with scene.database.writing() as db:
        factor = SecondFactor(person_id=2, sealed_secret=b"sealed", last_step=0, codes_salt=b"salt")
        factor.set_up_at = scene.clock.now()
        db.add(factor)


def _works_here(scene: Scene) -> None:
    add_person(scene.app, OLD, "staff")


def _is_closed(scene: Scene) -> None:
    add_person(scene.app, "root@example.test", "administrator")
    with scene.database.writing() as db:
        disable_account(db, 1, by=Actor(), now=scene.clock.now())
    scene.clock.advance(seconds=1)


@pytest.mark.parametrize("hindrance", [_has_factor, _works_here, _is_closed])
def test_objection_that_cannot_be_carried_out_closes_the_account_and_goes_to_staff(
    make_scene: Callable[..., Scene],
    make_person: Callable[..., Person],
    records: Records,
    hindrance: Callable[[Scene], None],
) -> None:
    scene = make_scene()
    for step in (factor, move, hindrance):
        step(scene)
    link = scene.links(OLD, ASKED)[0]
    assert Browser(scene.app).fill_in(link, email=OLD).location == "/account/check-mail"
    (event,) = records.events("address_objection_unsettled")
    assert event.subject == "person 1"
    assert Browser(scene.app).fill_in(link, email=OLD).location == "/account/check-mail"
    assert not scene.state()["is open"]
    told = [to for to, subject in scene.mailbox.subjects if subject == "We have closed an account for now"]
    assert told == sorted([OLD, NEW])
    assert not scene.links(OLD, "Set a new password")
    assert scene.thief.get("/account").status_code == 302
    scene.thief.fill_in("/account/password", email=NEW)
    assert not scene.links(NEW, "Set a new password")

    make_person("boss@example.test", "administrator")
    boss = Citizen(scene.app)
    sign_in(boss, "boss@example.test")
    page = boss.open("/admin/self/people")
    assert "Objections to settle" in page
    page = boss.follow("Ada Byron")
    assert "A former e-mail address of this account objected to a change." in page

    if hindrance is _has_factor:
        boss.open("/admin/self/people/2")
        boss.press("Remove the second factor")
        assert Browser(scene.app).fill_in(link, email=OLD).location == "/account/check-mail"
        assert scene.state() == scene.before
        assert "Objections to settle" not in boss.open("/admin/self/people")


def test_account_that_staff_close_after_an_objection_stays_closed_until_they_open_it(
    make_scene: Callable[..., Scene], make_person: Callable[..., Person]
) -> None:
    scene = make_scene()
    for step in (move, _has_factor):
        step(scene)
    link = scene.links(OLD, ASKED)[0]
    Browser(scene.app).fill_in(link, email=OLD)
    make_person("boss@example.test", "administrator")
    boss = Citizen(scene.app)
    sign_in(boss, "boss@example.test")
    boss.open("/admin/self/people/1")
    boss.press("Close the account")
    assert "Objections to settle" not in boss.open("/admin/self/people")
    boss.open("/admin/self/people/2")
    boss.press("Remove the second factor")
    scene.clock.advance(seconds=1)
    for _ in range(2):
        assert Browser(scene.app).fill_in(link, email=OLD).location == "/account/check-mail"
        assert not scene.state()["is open"]
    boss.open("/admin/self/people/1")
    boss.press("Open the account again")
    Browser(scene.app).fill_in(link, email=OLD)
    assert scene.state() == scene.before


def test_address_that_somebody_has_by_now_is_not_taken_and_nobody_is_told_that_it_was(
    make_scene: Callable[..., Scene],
) -> None:
    scene = make_scene()
    ask_to_move(scene)
    add_person(scene.app, NEW)
    mails = len(scene.mailbox.subjects)
    (link,) = scene.links(NEW, "Confirm your e-mail address")
    assert scene.thief.fill_in(link, password=PASSWORD).status_code == 410
    assert scene.state() == scene.before
    assert len(scene.mailbox.subjects) == mails


def test_change_that_could_not_be_made_leaves_nothing_to_go_back_to(make_scene: Callable[..., Scene]) -> None:
    def remembered() -> list[int]:
        with scene.database.reading() as db:
            return list(db.scalars(select(FormerAccount.id).order_by(FormerAccount.id)))

    scene = make_scene()
    ask_to_move(scene)
    add_person(scene.app, NEW)
    before = remembered()
    (link,) = scene.links(NEW, "Confirm your e-mail address")
    assert scene.thief.fill_in(link, password=PASSWORD).status_code == 410
    assert remembered() == before


@pytest.mark.both_databases
def test_link_for_a_new_password_that_is_asked_for_while_an_objection_is_carried_out_is_not_mailed(
    make_scene: Callable[..., Scene],
) -> None:
    scene = make_scene()
    move(scene)
    (link,) = scene.links(OLD, ASKED)[:1]
    thief = Browser(scene.app, "192.0.2.67")

    def ask() -> Any:
        return thief.fill_in("/account/password", email=NEW)

    with sent_between(scene.database, "^UPDATE mailed_tokens", ask) as asked:
        assert Browser(scene.app).fill_in(link, email=OLD).location == "/account/check-mail"
        assert asked[0].result(timeout=30).status_code == 303
    assert scene.links(NEW, "Set a new password") == []
    assert len(scene.links(OLD, "Set a new password")) == 1


def test_recovery_codes_that_were_used_since_stay_used(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(has_factor=True)
    with scene.database.writing() as db:
        used = db.scalars(select(RecoveryCode).order_by(RecoveryCode.id)).first()
        assert used
        used.used_at = scene.clock.now()
    for step in (renew, move, renew):
        step(scene)
    Browser(scene.app).fill_in(scene.links(OLD, ASKED)[0], email=OLD)
    with scene.database.reading() as db:
        codes = db.execute(select(RecoveryCode.code_hash, RecoveryCode.used_at)).all()
    assert [row.code_hash for row in codes if row.used_at] == [used.code_hash]
    assert len(codes) == 10


def test_how_an_account_was_is_forgotten_after_two_weeks_and_with_the_account(
    make_scene: Callable[..., Scene], database: Database, clock: MovableClock
) -> None:
    scene = make_scene()
    move(scene)
    clock.advance(days=14)
    with database.writing() as db:
        sweep_former_accounts(db, now=clock.now())
        assert db.scalars(select(FormerAccount)).all()
    clock.advance(seconds=1)
    with database.writing() as db:
        assert sweep_former_accounts(db, now=clock.now()) > 0
    scene.enter()
    name(scene)
    assert scene.thief.fill_in("/account/delete").location == "/account/deleted"
    with database.reading() as db:
        assert not db.scalars(select(FormerAccount)).all()


def _forms(scene: Scene) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the thief's forms, filled in and not yet sent: each with where it goes."""
    page = scene.thief.get("/account/security/second-factor")
    _action, hidden = served_form(scene.thief.get("/account/name"))
    return {
        "factor": ("/account/security/second-factor", served_form(page)[1] | {"code": App(page, scene.clock).code}),
        "name": ("/account/name", hidden | {"name": "Eve"}),
        "move": ("/account/email", hidden | {"email": THIRD}),
        "password": ("/account/password/change", hidden | {"old_password": PASSWORD, "password": "eve was here too"}),
        "devices": ("/account/security/devices/1/forget", hidden),
        "delete": ("/account/delete", hidden),
    }


@pytest.mark.both_databases
@pytest.mark.parametrize("change", ["factor", "name", "move", "password", "devices", "delete"])
def test_change_that_waits_while_an_objection_is_carried_out_changes_nothing(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    scene = make_scene()
    path, form = _forms(scene)[change]
    if change != "delete":
        move(scene)
    else:
        ask_to_move(scene)
    links = iter(scene.links(OLD, ASKED))
    writing = scene.database.writing

    def objection_first() -> Any:
        for link in links:
            with ThreadPoolExecutor(1) as elsewhere:  # in a context of its own, as another request is
                answer = elsewhere.submit(Browser(scene.app).fill_in, link, email=OLD).result()
            assert answer.location == "/account/check-mail"
        return writing()

    monkeypatch.setattr(scene.app.extensions["portal"].database, "writing", objection_first)
    answer = scene.thief.post(path, form)
    assert next(links, None) is None
    assert answer.status_code in (302, 303, 403)
    assert scene.state() == scene.before
    assert not scene.links(THIRD, "Confirm your e-mail address")
    with scene.database.reading() as db:
        assert db.get_one(Person, 1).password_hash is None


@pytest.mark.both_databases
@pytest.mark.parametrize("change", ["factor", "name", "move", "devices", "delete", "others"])
def test_change_that_waits_while_the_password_is_changed_in_its_session_changes_nothing(
    make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The thief has a copy of the cookie; the owner goes on in the same session, under a new token."""
    scene = make_scene()
    hidden = served_form(scene.thief.get("/account/name"))[1]
    path, form = (_forms(scene) | {"others": ("/account/security/end-others", hidden)})[change]
    owner = Browser(scene.app)
    owner.client.set_cookie("session_customer", scene.thief.cookie() or "")
    waiting, writing = iter([hidden | {"old_password": PASSWORD, "password": FRESH}]), scene.database.writing

    def password_first() -> Any:
        for typed in waiting:
            with ThreadPoolExecutor(1) as elsewhere:  # in a context of its own, as another request is
                answer = elsewhere.submit(owner.post, "/account/password/change", typed).result()
            assert answer.status_code == 303
        return writing()

    monkeypatch.setattr(scene.app.extensions["portal"].database, "writing", password_first)
    assert scene.thief.post(path, form).status_code == 403
    assert next(waiting, None) is None
    assert scene.state() == scene.before
    assert owner.get("/account").status_code == 200
    with scene.database.reading() as db:
        assert not db.scalars(select(AuditEvent).where(AuditEvent.action == "own_sessions_ended")).all()
