"""How long a draft is kept, when its person is reminded, and how to keep it longer: to the second, and once."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit import Actor
from portal.commands.worker import Worker
from portal.db import Database
from portal.drafts.models import Draft, DraftPart
from portal.drafts.operations import keep_longer
from portal.form_definitions.definition import Drafts
from portal.resume.models import ResumeLink
from portal.resume.reminders import send_reminders
from portal.site_settings.definition import SettingValue
from portal.site_settings.operations import change_settings
from tests.citizen import Citizen
from tests.conftest import START, MovableClock
from tests.journeys import housing
from tests.loan import publish_loan, publish_yaml, send, start
from tests.people import add_person, sign_in
from tests.post import Letter, letters

SOON = "Your form will be deleted on 21 December 2026"
SECOND = timedelta(seconds=1)


def work(app: Flask) -> None:
    """Run a worker once: it sweeps, then delivers what that put into the outbox."""
    with app.app_context():
        Worker(app.extensions["portal"]).work_once(Event())


def told(app: Flask) -> list[Letter]:
    return [letter for letter in letters(app) if letter.subject.startswith("Your form will be deleted")]


@pytest.fixture
def begun(app: Flask, citizen: Citizen, demo_forms: None) -> str:
    """Ada's draft of a form that is kept for 30 days, with reminders 7 and 2 days before."""
    add_person(app)
    sign_in(citizen)
    draft = housing.begin(citizen)
    return draft


@pytest.fixture
def guests_draft(citizen: Citizen, demo_forms: None) -> str:
    draft = housing.begin(citizen)
    return draft


def at(clock: MovableClock, app: Flask, instant: datetime) -> int:
    """Run a worker at this instant; return how many reminders have been sent."""
    clock.set(instant)
    work(app)
    return len(told(app))


def test_reminders_are_sent_on_days_23_and_28_and_the_draft_deleted_on_day_30(
    app: Flask, begun: str, clock: MovableClock, database: Database
) -> None:
    day = [START + timedelta(days=days) for days in range(31)]
    assert at(clock, app, day[23] - SECOND) == 0
    assert at(clock, app, day[23]) == 1
    assert at(clock, app, day[23] + timedelta(hours=1)) == 1
    assert at(clock, app, day[28] - SECOND) == 1
    assert at(clock, app, day[28]) == 2
    assert at(clock, app, day[30] - SECOND) == 2
    assert count(database, DraftPart) == 1
    assert at(clock, app, day[30] + SECOND) == 2
    assert count(database, DraftPart) == 0
    assert {letter.subject for letter in told(app)} == {SOON}
    assert {letter.to for letter in told(app)} == {"ada@mail.example"}


def count(database: Database, model: type[DraftPart] | type[ResumeLink]) -> int:
    with database.reading() as db:
        return len(db.scalars(select(model)).all())


def set_value(app: Flask, **values: SettingValue) -> None:
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        change_settings(db, values, by=Actor(), now=parts.clock.now())


def test_draft_is_deleted_on_its_day_even_without_reminders(
    app: Flask, begun: str, clock: MovableClock, database: Database
) -> None:
    set_value(app, draft_reminders=False)
    assert at(clock, app, START + timedelta(days=28)) == 0
    assert at(clock, app, START + timedelta(days=30) + SECOND) == 0
    assert count(database, DraftPart) == 0


@pytest.mark.both_databases
def test_a_draft_that_is_kept_longer_as_it_is_swept_is_swept_again(
    app: Flask, citizen: Citizen, begun: str, clock: MovableClock, database: Database
) -> None:
    at(clock, app, START + timedelta(days=30) + SECOND)
    with database.writing() as db:
        draft = db.scalars(select(Draft)).one()
        keep_longer(draft, Drafts(keep_days=30, remind_days_before=(), on_new_version="stay"), now=clock.now())
        draft.save_address = b"sealed"
    at(clock, app, START + timedelta(days=61))
    with database.reading() as db:
        draft = db.scalars(select(Draft)).one()
        assert (draft.save_address, draft.swept_at) == (None, clock.now())


def test_site_limit_on_keeping_applies_from_the_next_change(
    app: Flask, citizen: Citizen, begun: str, database: Database
) -> None:
    set_value(app, draft_most_days=5)
    assert deadline(database) == START + timedelta(days=30)
    citizen.open(f"{begun}/about_you")
    citizen.press("Continue", full_name="Zoë Łukasz-Hale")
    assert deadline(database) == START + timedelta(days=5)


def deadline(database: Database) -> datetime:
    with database.reading() as db:
        return db.scalars(select(Draft.expires_at)).one()


def test_a_change_moves_the_reminders(app: Flask, citizen: Citizen, begun: str, clock: MovableClock) -> None:
    clock.advance(days=10)
    sign_in(citizen)
    citizen.open(f"{begun}/about_you")
    citizen.press("Continue", full_name="Zoë Łukasz-Hale")
    assert at(clock, app, START + timedelta(days=32)) == 0
    assert at(clock, app, START + timedelta(days=33)) == 1


def test_nobody_is_reminded_of_what_they_sent(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    send(citizen)
    clock.advance(days=18, seconds=1)
    work(app)
    assert told(app) == []


def test_nobody_is_reminded_of_a_draft_that_they_deleted_or_never_answered(
    app: Flask, citizen: Citizen, begun: str, clock: MovableClock
) -> None:
    housing.start(citizen)
    citizen.open(begun)
    citizen.press("Delete this draft")
    citizen.press("Delete this draft")
    assert at(clock, app, START + timedelta(days=23)) == 0


def test_late_reminder_is_sent_once(app: Flask, begun: str, clock: MovableClock) -> None:
    assert at(clock, app, START + timedelta(days=28, hours=5)) == 1
    assert at(clock, app, START + timedelta(days=29)) == 1


def test_a_guest_is_reminded_at_the_address_of_the_save_page(
    app: Flask, citizen: Citizen, guests_draft: str, clock: MovableClock
) -> None:
    citizen.open(f"{guests_draft}/save")
    citizen.press("Send link", email="zoe@mail.example")
    assert at(clock, app, START + timedelta(days=23)) == 1
    (letter,) = told(app)
    assert letter.to == "zoe@mail.example"
    other = Citizen(app)
    other.open(letter.link)
    other.press("Keep it longer")
    page = other.press("Continue", code=letters(app)[-1].code)
    assert page.path == guests_draft
    assert "We keep it until 13 January 2027" in page
    assert at(clock, app, START + timedelta(days=28)) == 1


NAMED, SAVED = "named@mail.example", "saved@mail.example"


@pytest.mark.parametrize(
    ("saves", "proves", "answers", "reminded"),
    [
        pytest.param(True, True, True, SAVED, id="where they proved"),
        pytest.param(True, False, True, NAMED, id="in the field that the form names, not where nobody proved"),
        pytest.param(False, False, True, NAMED, id="in the field that the form names"),
        pytest.param(True, False, False, SAVED, id="where they asked for it, as nothing else is known"),
        pytest.param(False, False, False, None, id="nowhere without an address"),
    ],
)
def test_a_guest_is_reminded(
    app: Flask, citizen: Citizen, clock: MovableClock, saves: bool, proves: bool, answers: bool, reminded: str | None
) -> None:
    publish_yaml(app, OTHERS_FIRST)
    draft = start(citizen, "patient")
    citizen.open(f"{draft}/one")
    citizen.press("Continue", other="patient@mail.example", mine=NAMED if answers else "")
    if saves:
        citizen.open(f"{draft}/save")
        citizen.press("Send link", email=SAVED)
    if proves:
        citizen.open(letters(app)[-1].link)
        citizen.press("Continue your form")
    assert at(clock, app, START + timedelta(days=23)) == (1 if reminded else 0)
    assert [letter.to for letter in told(app)] == ([reminded] if reminded else [])
    for letter in told(app):
        assert Citizen(app).open(letter.link).heading == "Continue your form"
    assert at(clock, app, START + timedelta(days=28)) == (2 if reminded else 0)
    assert {letter.to for letter in told(app)} == ({reminded} if reminded else set())


OTHERS_FIRST = """
format: 1
form: {id: patient, title: For a patient, customer: {email: one.mine}}
sections:
  - id: one
    title: One
    fields:
      - {id: other, type: email, label: The patient's e-mail address}
      - {id: mine, type: email, label: Your e-mail address}
"""


def test_a_guest_without_an_address_is_not_reminded(
    app: Flask, citizen: Citizen, demo_forms: None, clock: MovableClock
) -> None:
    housing.begin_with_home(citizen)
    assert at(clock, app, START + timedelta(days=28)) == 0


@pytest.mark.both_databases
def test_two_workers_at_once_remind_nobody_twice(
    app: Flask, begun: str, clock: MovableClock, database: Database
) -> None:
    clock.set(START + timedelta(days=23))
    start = threading.Barrier(4)

    def sweep() -> None:
        with app.app_context():
            start.wait()
            with database.writing() as db:
                send_reminders(db, now=clock.now())

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told(app)) == 1


@pytest.mark.parametrize("page", ["", "/save", "account"], ids=["task list", "save page", "My Requests"])
def test_draft_is_kept_longer_by_one_press(
    citizen: Citizen, begun: str, clock: MovableClock, row: Callable[[str], Draft], page: str
) -> None:
    clock.advance(days=25)
    sign_in(citizen)
    citizen.open("/account" if page == "account" else begun + page)
    citizen.press("Keep it longer")
    assert row(begun).expires_at == clock.now() + timedelta(days=30)
    assert row(begun).changed_at == START
    assert "15 January 2027" in citizen.page
    assert "Keep it longer" not in citizen.page


def test_draft_of_another_person_cannot_be_kept_longer(
    app: Flask, citizen: Citizen, begun: str, clock: MovableClock, row: Callable[[str], Draft]
) -> None:
    clock.advance(days=25)
    add_person(app, "bea@mail.example")
    sign_in(citizen, "bea@mail.example")
    token = citizen.open("/account").value("csrf_token")
    answer = citizen.client.post(f"{begun}/save/longer", data={"csrf_token": token})
    assert answer.status_code == 404
    assert row(begun).expires_at == START + timedelta(days=30)


def test_expired_draft_cannot_be_kept_longer(citizen: Citizen, begun: str, clock: MovableClock) -> None:
    clock.advance(days=30)
    token = sign_in(citizen).value("csrf_token")
    answer = citizen.client.post(f"{begun}/save/longer", data={"csrf_token": token})
    assert answer.status_code == 410


def test_address_is_deleted_after_the_last_day(
    app: Flask, citizen: Citizen, guests_draft: str, clock: MovableClock, database: Database
) -> None:
    citizen.open(f"{guests_draft}/save")
    citizen.press("Send link", email="zoe@mail.example")
    link = letters(app)[-1].link
    at(clock, app, START + timedelta(days=30, seconds=1))
    with database.reading() as db:
        assert db.scalars(select(ResumeLink.address)).all() == [b""]
        assert db.scalars(select(Draft.save_address)).all() == [None]
    assert Citizen(app).open(link).heading == "This form has expired"
