"""Sensitive changes ask for the password again and then return to the wanted page."""

from collections.abc import Callable

import pytest

from portal.accounts.models import Person
from portal.audit import Actor
from portal.db import Database
from portal.site_settings.operations import change_settings
from tests.conftest import MovableClock
from tests.integration.accounts.app import App
from tests.integration.accounts.conftest import PASSWORD, Browser, Records, served_form

EMAIL = "ada@example.test"
SENSITIVE = [
    "/account/email",
    "/account/delete",
    "/account/security/second-factor",
    "/account/security/second-factor/off",
    "/account/security/recovery-codes",
    "/account/security/end-others",
]


@pytest.mark.parametrize("path", SENSITIVE)
def test_sensitive_page_asks_for_the_password_again_and_then_opens(
    visitor: Browser, citizen: Person, clock: MovableClock, path: str
) -> None:
    visitor.sign_in(EMAIL)
    before = visitor.get(path)
    clock.advance(minutes=15)
    asked = visitor.get(path)
    assert asked.location == f"/account/again?next={path.replace('/', '%2F')}"
    answer = visitor.fill_in(asked.location, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, path)
    after = visitor.get(path)
    assert (after.status_code, after.location) == (before.status_code, before.location)


@pytest.mark.parametrize("path", SENSITIVE)
def test_form_sent_without_a_fresh_password_changes_nothing(
    visitor: Browser, citizen: Person, clock: MovableClock, records: Records, path: str
) -> None:
    visitor.sign_in(EMAIL)
    _action, hidden = served_form(visitor.get("/account/name"))
    clock.advance(minutes=15)
    answer = visitor.post(path, hidden | {"email": "new@example.test"})
    assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/account/again")
    assert records.people[0].deleted_at is None
    assert not records.tokens


def test_password_is_not_asked_for_before_its_time_is_up(
    visitor: Browser, citizen: Person, clock: MovableClock
) -> None:
    visitor.sign_in(EMAIL)
    clock.advance(minutes=14, seconds=59)
    assert visitor.get("/account/email").status_code == 200


def test_setting_decides_how_long_a_password_counts(
    visitor: Browser, citizen: Person, clock: MovableClock, database: Database
) -> None:
    with database.writing() as db:
        change_settings(db, {"password_again_minutes": 1}, by=Actor(), now=clock.now())
    visitor.sign_in(EMAIL)
    clock.advance(minutes=1)
    assert visitor.get("/account/email").status_code == 302


def test_proving_the_password_changes_the_session_id_and_keeps_other_tabs(
    visitor: Browser, citizen: Person, clock: MovableClock, records: Records
) -> None:
    visitor.sign_in(EMAIL)
    _action, other_tab = served_form(visitor.get("/account/password/change"))
    before = visitor.cookie()
    clock.advance(minutes=15)
    visitor.fill_in("/account/again", password=PASSWORD)
    assert visitor.cookie() not in (before, None)
    assert [row.end_reason for row in records.sessions] == [None, "replaced"]
    assert visitor.post("/probe/customer", other_tab).text == "through"


@pytest.mark.parametrize("password", ["", "wrong password"])
def test_a_wrong_password_proves_nothing(visitor: Browser, citizen: Person, clock: MovableClock, password: str) -> None:
    visitor.sign_in(EMAIL)
    clock.advance(minutes=15)
    answer = visitor.fill_in("/account/again", password=password)
    assert answer.status_code == 422
    assert visitor.get("/account/email").status_code == 302


def test_guessing_the_password_is_slowed_down(visitor: Browser, citizen: Person) -> None:
    visitor.sign_in(EMAIL)
    answers = [visitor.fill_in("/account/again", password=f"wrong {number}").status_code for number in range(11)]
    assert answers == [422] * 10 + [429]
    assert visitor.fill_in("/account/again", password=PASSWORD).status_code == 429


def test_person_with_a_second_factor_must_prove_both(visitor: Browser, citizen: Person, clock: MovableClock) -> None:
    visitor.sign_in(EMAIL)
    page = visitor.get("/account/security/second-factor")
    phone = App(page, clock)
    visitor.post("/account/security/second-factor", served_form(page)[1] | {"code": phone.code})
    clock.advance(minutes=15)
    assert visitor.fill_in("/account/again", password=PASSWORD).status_code == 422
    assert visitor.fill_in("/account/again", password="wrong", code=phone.code).status_code == 422
    assert visitor.fill_in("/account/again", password=PASSWORD, code=phone.wrong_code).status_code == 422
    assert visitor.fill_in("/account/again", password=PASSWORD, code=phone.code).status_code == 303
    assert visitor.get("/account/email").status_code == 200


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/nowhere"])
def test_proving_the_password_never_leads_to_another_site(visitor: Browser, citizen: Person, then: str) -> None:
    visitor.sign_in(EMAIL)
    assert visitor.fill_in(f"/account/again?next={then}", password=PASSWORD).location == "/account/security"


def test_session_opened_by_a_link_must_prove_the_password(visitor: Browser, citizen: Person) -> None:
    visitor.hold("customer", person_id=citizen.id)
    assert visitor.get("/account/email").status_code == 302


def test_staff_prove_their_password_in_a_staff_session(
    visitor: Browser, make_person: Callable[..., Person], staff: Person, clock: MovableClock
) -> None:
    make_person()
    visitor.sign_in(EMAIL)
    visitor.sign_in(staff.email)
    clock.advance(minutes=15)
    asked = visitor.get("/account/email?kind=hub")
    assert asked.location.startswith("/account/again?kind=hub&next=")
    assert visitor.fill_in(asked.location, password=PASSWORD).location == "/account/email?kind=hub"
    assert staff.email in visitor.get("/account/email?kind=hub").text
    assert visitor.get("/account/email").status_code == 302
