"""Borrowed credentials: links, codes and cookies that were once valid, and roles that nobody granted."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.accounts.models import Person
from portal.db import Database
from portal.drafts.models import Draft
from portal.resume.coming_back import come_back
from portal.sessions.browser_sessions import browser
from portal.sessions.models import SessionRow
from tests.citizen import Citizen
from tests.conftest import START
from tests.journeys import housing
from tests.people import PASSWORD, add_person, sign_in
from tests.post import letters


@pytest.fixture
def link(app: Flask, citizen: Citizen, victim: str) -> str:
    """The mailed link of the guest's draft."""
    citizen.open(f"{victim}/save")
    citizen.press("Send link", email="mallory@evil.example")
    return letters(app)[-1].link


def _claim(app: Flask, citizen: Citizen) -> None:
    """Sign the guest in and add the form to the account."""
    add_person(app)
    assert sign_in(citizen).path == "/account/claim"
    citizen.press("Yes")


def test_code_of_a_claimed_draft_opens_no_session_of_the_account(
    app: Flask, citizen: Citizen, link: str, database: Database
) -> None:
    """Otherwise anybody who shared a form with a person could become that person."""
    mallory = Citizen(app)
    mallory.open(link)
    mallory.press("Continue your form")
    code = letters(app)[-1].code
    waiting = mallory.page
    _claim(app, citizen)
    answer = mallory.send("Continue", code=code)
    assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/account/sign-in")
    mallory.page = waiting
    again = mallory.send("Send a new code")
    assert again.location.partition("?")[0] == "/account/sign-in"
    assert not mallory.client.get_cookie("session_customer")
    with database.reading() as db:
        assert db.scalars(select(SessionRow).where(SessionRow.person_id.is_not(None))).one().ended_at is None


def test_link_or_return_code_of_a_claimed_draft_opens_nothing(
    app: Flask, citizen: Citizen, link: str, victim: str
) -> None:
    code = citizen.open(f"{victim}/save").words.partition("Return code")[2].split()
    _claim(app, citizen)
    mallory = Citizen(app)
    mallory.open(link)
    assert mallory.send("Continue your form").location.startswith("/account/sign-in?next=%2Fdrafts%2F")
    mallory.open("/resume")
    reference = victim.rpartition("/")[2]
    assert mallory.press("Continue your form", reference=reference, return_code="".join(code[:2])).status == 422
    assert not mallory.client.get_cookie("session_customer")


def test_the_cookie_from_before_signing_in_opens_nothing_afterwards(app: Flask, citizen: Citizen, victim: str) -> None:
    before = citizen.client.get_cookie("session_customer")
    assert before is not None
    _claim(app, citizen)
    thief = app.test_client()
    thief.set_cookie("session_customer", before.value)
    assert thief.get(victim).location == "/session/ended"
    assert thief.get("/account").location == "/session/ended"


def test_disabled_person_cannot_start_a_form_or_use_a_link(
    app: Flask, citizen: Citizen, demo_forms: None, database: Database
) -> None:
    person = add_person(app)
    sign_in(citizen)
    housing.start(citizen)
    citizen.open(f"{citizen.page.path}/about_you")
    citizen.press("Save and come back later", full_name="Ada")
    link = letters(app)[-1].link
    start, landing = citizen.open("/forms/housing-support"), citizen.open(link)
    with database.writing() as db:
        db.execute(update(Person).where(Person.id == person.id).values(disabled_at=START))
    citizen.page = landing
    assert citizen.send("Continue your form").location.startswith("/account/sign-in")
    citizen.page = start
    citizen.send("Start now")
    with database.reading() as db:
        newest = db.scalars(select(Draft).order_by(Draft.id.desc()).limit(1)).one()
    assert newest.person_id is None


def test_two_drafts_sent_with_one_key_are_both_received(citizen: Citizen, demo_forms: None) -> None:
    statuses = []
    for _ in range(2):
        draft = housing.start(citizen)
        housing.fill(citizen, draft)
        statuses.append(citizen.send("Send", declaration="yes", _key="the same key").status_code)
    assert statuses == [303, 303]


def test_nobody_can_change_their_own_role(
    app: Flask, citizen: Citizen, database: Database, read_link: Callable[[], str]
) -> None:
    citizen.open("/account/register")
    token = citizen.page.value("csrf_token")
    data = {
        "csrf_token": token,
        "email": "eve@mail.example",
        "password": PASSWORD,
        "role": "administrator",
        "is_active": "1",
    }
    citizen.client.post("/account/register", data=data)
    citizen.open(read_link())
    token = citizen.page.value("csrf_token")
    citizen.client.post(citizen.page.path, data={"csrf_token": token, "password": PASSWORD, "role": "administrator"})
    with database.reading() as db:
        assert db.scalars(select(Person)).one().role == "citizen"


@pytest.fixture
def read_link(app: Flask) -> Callable[[], str]:
    return lambda: letters(app)[-1].link


def test_nothing_that_opens_a_draft_opens_its_owners_account(app: Flask, citizen: Citizen, victim: str) -> None:
    """Check every way into a draft, because an account may have claimed the draft in the meantime."""
    _claim(app, citizen)
    reference = victim.rpartition("/")[2]
    with app.test_request_context("/resume", method="POST"), app.extensions["portal"].database.reading() as db:
        draft = db.scalars(select(Draft).where(Draft.reference == reference)).one()
        answer = app.make_response(come_back(draft))
        assert answer.location.startswith("/account/sign-in?next=%2Fdrafts%2F")
        assert not browser().cookies
