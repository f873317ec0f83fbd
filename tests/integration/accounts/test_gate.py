"""Who may open a page, on the next request after a change, and whom a page recognises."""

from collections.abc import Callable

import pytest
from flask_login import encode_cookie
from sqlalchemy import update

from portal.accounts.models import Person
from portal.accounts.operations import change_role, disable_account
from portal.audit import Actor
from portal.db import Database
from portal.sessions.rules import EndReason
from tests.conftest import START
from tests.integration.accounts.conftest import Browser, Records, served_form
from tests.statements import heard

ADMINISTRATOR = Actor(person_id=99, address="192.0.2.9")


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("citizen", "/probe/customer", 200),
        ("citizen", "/probe/draft", 200),
        ("citizen", "/probe/staff", 404),
        ("citizen", "/probe/administrator", 404),
        ("field", "/probe/staff", 404),
        ("staff", "/probe/staff", 200),
        ("staff", "/probe/administrator", 404),
        ("staff", "/probe/customer", 404),
        ("administrator", "/probe/administrator", 200),
        ("administrator", "/probe/staff", 200),
        ("designer", "/probe/staff", 404),
    ],
)
def test_page_opens_for_its_roles_and_does_not_exist_for_others(
    visitor: Browser, make_person: Callable[..., Person], role: str, path: str, status: int
) -> None:
    make_person(role=role)
    visitor.sign_in("ada@example.test")
    assert visitor.get(path).status_code == status


def test_signed_out_people_are_asked_to_sign_in(visitor: Browser) -> None:
    answer = visitor.get("/probe/customer?a=1")
    assert (answer.status_code, answer.location) == (302, "/account/sign-in?next=%2Fprobe%2Fcustomer%3Fa%3D1")


@pytest.mark.both_databases
@pytest.mark.parametrize("path", ["/probe/customer", "/probe/draft"])
def test_disabled_person_is_refused_at_once_even_with_a_live_session(
    visitor: Browser, citizen: Person, database: Database, records: Records, path: str
) -> None:
    visitor.sign_in("ada@example.test")
    with database.writing() as db:
        db.execute(update(Person).values(disabled_at=START))
    answer = visitor.get(path)
    assert (answer.status_code, answer.location) == (302, "/session/ended")
    (row,) = records.sessions
    assert (row.end_reason, row.ended_at) == (EndReason.STAFF.value, START)


def test_form_of_a_disabled_person_is_not_executed(visitor: Browser, citizen: Person, database: Database) -> None:
    visitor.sign_in("ada@example.test")
    _action, hidden = served_form(visitor.get("/account/password"))
    with database.writing() as db:
        db.execute(update(Person).values(disabled_at=START))
    answer = visitor.post("/probe/customer", hidden)
    assert answer.status_code == 403
    assert "through" not in answer.text


def test_deleted_person_is_refused(visitor: Browser, citizen: Person, database: Database) -> None:
    visitor.sign_in("ada@example.test")
    with database.writing() as db:
        db.delete(db.get_one(Person, citizen.id))
    assert visitor.get("/probe/customer").location == "/session/ended"


def test_session_of_the_wrong_kind_for_the_role_is_ended(visitor: Browser, citizen: Person, records: Records) -> None:
    visitor.hold("hub", person_id=citizen.id)
    assert visitor.get("/probe/staff").location == "/session/ended?kind=hub"
    assert records.sessions[0].end_reason == EndReason.STAFF.value


def test_disabling_an_account_ends_its_sessions_and_is_recorded(
    visitor: Browser, another_visitor: Browser, citizen: Person, staff: Person, database: Database, records: Records
) -> None:
    visitor.sign_in("ada@example.test")
    another_visitor.sign_in("mina@example.test")
    with database.writing() as db:
        disable_account(db, citizen.id, by=ADMINISTRATOR, now=START)
    assert [row.end_reason for row in records.sessions] == [EndReason.STAFF.value, None]
    assert visitor.sign_in("ada@example.test").status_code == 422
    (recorded,) = records.events("account_disabled")
    assert (recorded.person_id, recorded.subject) == (99, f"person {citizen.id}")


def test_changing_a_role_ends_the_sessions_and_is_recorded(
    visitor: Browser, staff: Person, database: Database, records: Records
) -> None:
    visitor.sign_in("mina@example.test")
    with database.writing() as db:
        change_role(db, staff.id, "administrator", by=ADMINISTRATOR, now=START)
    assert visitor.get("/probe/staff").location == "/session/ended?kind=hub"
    (recorded,) = records.events("role_changed")
    assert recorded.details == {"old": "staff", "new": "administrator"}
    visitor.sign_in("mina@example.test")
    assert visitor.get("/probe/administrator").text == "through"


def test_setting_the_same_role_again_changes_nothing(
    visitor: Browser, staff: Person, database: Database, records: Records
) -> None:
    visitor.sign_in("mina@example.test")
    with database.writing() as db:
        change_role(db, staff.id, "staff", by=ADMINISTRATOR, now=START)
    assert visitor.get("/probe/staff").text == "through"
    assert not records.events("role_changed")


def test_a_remember_cookie_signs_nobody_in(visitor: Browser, citizen: Person) -> None:
    with visitor.app.test_request_context():
        forged = encode_cookie(str(citizen.id))
    visitor.client.set_cookie("remember_token", forged)
    assert visitor.get("/probe/person").text == "None"
    assert visitor.get("/probe/customer").status_code == 302


def test_signing_in_sets_the_cookies_of_the_session_and_of_the_device(visitor: Browser, citizen: Person) -> None:
    answer = visitor.sign_in("ada@example.test")
    assert [cookie.split("=")[0] for cookie in answer.headers.getlist("Set-Cookie")] == ["device", "session_customer"]


def test_public_page_knows_the_visitor(visitor: Browser, citizen: Person, staff: Person) -> None:
    assert visitor.get("/probe/viewer").text == "None"
    visitor.sign_in("mina@example.test")
    assert visitor.get("/probe/viewer").text == "Viewer(name='Mina Harker', is_guest=False, kind='hub', role='staff')"
    visitor.sign_in("ada@example.test")
    assert (
        visitor.get("/probe/viewer").text
        == "Viewer(name='ada@example.test', is_guest=False, kind='customer', role='citizen')"
    )


def test_guest_is_shown_as_a_guest(visitor: Browser) -> None:
    visitor.begin_as_guest()
    assert visitor.get("/probe/viewer").text == "Viewer(name='Guest', is_guest=True, kind='customer', role=None)"


def test_disabled_person_counts_as_signed_out_on_a_public_page(
    visitor: Browser, citizen: Person, database: Database
) -> None:
    visitor.sign_in("ada@example.test")
    with database.writing() as db:
        db.execute(update(Person).values(disabled_at=START))
    assert visitor.get("/probe/viewer").text == "None"


@pytest.mark.parametrize(
    ("path", "most"),
    [("/session/poll", 1), ("/probe/viewer", 2), ("/account/password", 3), ("/probe/customer", 2)],
)
def test_loading_the_person_costs_one_query_and_the_poll_costs_none(
    visitor: Browser, citizen: Person, database: Database, path: str, most: int
) -> None:
    """A page with a header counts messages that are not read, which is one query more."""
    visitor.sign_in("ada@example.test")
    with heard(database) as statements:
        assert visitor.get(path).status_code == 200
    assert len(statements.reads) == most, statements.reads


def test_the_header_names_the_person_and_offers_to_sign_out(visitor: Browser, citizen: Person) -> None:
    assert "Sign out" not in visitor.get("/account/check-mail").text
    visitor.sign_in("ada@example.test")
    page = visitor.get("/account/check-mail").text
    assert "ada@example.test" in page
    assert "Sign out" in page
