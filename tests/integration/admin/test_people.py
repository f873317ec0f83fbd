"""People, their roles and sessions, as an administrator changes them."""

from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.accounts.operations import LastAdministratorError, change_role, delete_account, disable_account
from portal.audit import Actor, AuditEvent
from portal.db import Database
from tests.conftest import START
from tests.integration.admin.conftest import SignedIn
from tests.integration.sessions.test_races import together

SignIn = Callable[[str, str], SignedIn]
PEOPLE = "/admin/self/people"
ROUNDS = 5


def press(administrator: SignedIn, person: int, action: str, **values: str) -> int:
    data = {"csrf_token": administrator.form_token, "_action": action, **values}
    return administrator.post(data, f"{PEOPLE}/{person}").status_code


def audited(database: Database) -> list[str]:
    with database.reading() as db:
        return list(db.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


def test_page_lists_staff_but_not_citizens(administrator: SignedIn, sign_in: SignIn) -> None:
    sign_in("sam@example.org", "staff")
    sign_in("zoe@mail.example", "citizen")
    page = administrator.get(PEOPLE).text
    assert "sam@example.org" in page
    assert "zoe@mail.example" not in page


def test_citizen_is_found_by_address_and_the_search_is_recorded(
    administrator: SignedIn, sign_in: SignIn, database: Database
) -> None:
    zoe = sign_in("zoe@mail.example", "citizen")
    data = {"csrf_token": administrator.form_token, "email": "Zoe@Mail.example"}
    answer = administrator.post(data, PEOPLE)
    assert (answer.status_code, answer.location) == (303, f"{PEOPLE}/{zoe.id}")
    assert "person_looked_up" in audited(database)


@pytest.mark.parametrize("typed", ["", "nobody@example.org", "no address"])
def test_malformed_or_unknown_address_is_refused_beside_its_input(administrator: SignedIn, typed: str) -> None:
    answer = administrator.post({"csrf_token": administrator.form_token, "email": typed}, PEOPLE)
    assert answer.status_code == 422
    assert "#email" in answer.text


def test_new_role_applies_from_the_next_request(administrator: SignedIn, sign_in: SignIn) -> None:
    sam = sign_in("sam@example.org", "staff")
    assert sam.get("/hub").status_code == 200
    assert press(administrator, sam.id, "role", role="citizen") == 303
    assert sam.get("/hub").status_code == 302


def test_closing_an_account_ends_its_sessions_and_reopening_allows_sign_in(
    administrator: SignedIn, sign_in: SignIn, database: Database
) -> None:
    sam = sign_in("sam@example.org", "staff")
    assert press(administrator, sam.id, "disable") == 303
    assert sam.get("/hub").status_code == 302
    people = administrator.get(PEOPLE)
    assert (people.status_code, people.text.count("Closed</")) == (200, 1)
    assert press(administrator, sam.id, "enable") == 303
    with database.reading() as db:
        assert db.get_one(Person, sam.id).is_active
    assert {"account_disabled", "account_enabled"} <= set(audited(database))


def test_ending_one_or_all_sessions_of_a_person_says_so(administrator: SignedIn, sign_in: SignIn) -> None:
    sam = sign_in("sam@example.org", "staff")
    assert press(administrator, sam.id, "end_one", session="999") == 422
    assert sam.get("/hub").status_code == 200
    assert press(administrator, sam.id, "end_all") == 303
    assert sam.get("/hub").status_code == 302
    assert "Our staff signed you out." in sam.get("/session/ended?kind=hub").text


def test_administrator_cannot_lock_themselves_out(administrator: SignedIn, database: Database) -> None:
    for action in ("role", "disable", "end_all", "reset_factor"):
        assert press(administrator, administrator.id, action, role="citizen") == 422
    with database.reading() as db:
        assert db.get_one(Person, administrator.id).role == "administrator"
    assert administrator.get(PEOPLE).status_code == 200


def change_of(app: Flask, person: int, way: str) -> Callable[[], bool]:
    """Return a way in which a person stops being an administrator; it returns whether that was refused."""
    changes: dict[str, Callable[[Session], None]] = {
        "staff": lambda db: change_role(db, person, "staff", by=Actor(), now=START),
        "citizen": lambda db: change_role(db, person, "citizen", by=Actor(), now=START),
        "closed": lambda db: disable_account(db, person, by=Actor(), now=START),
        "deleted": lambda db: delete_account(db, db.get_one(Person, person), by=Actor(), now=START),
    }

    def run() -> bool:
        try:
            with app.app_context(), app.extensions["portal"].database.writing() as db:
                changes[way](db)
        except LastAdministratorError:
            return True
        return False

    return run


@pytest.mark.both_databases
@pytest.mark.parametrize("way", ["staff", "citizen", "closed", "deleted"])
def test_only_open_administrator_stays_one(app: Flask, administrator: SignedIn, sign_in: SignIn, way: str) -> None:
    closed, demoted = sign_in("ada@example.org", "administrator"), sign_in("ben@example.org", "administrator")
    assert press(administrator, closed.id, "disable") == 303
    assert press(administrator, demoted.id, "role", role="designer") == 303
    is_refused = change_of(app, administrator.id, way)
    assert is_refused()
    assert administrator.get(PEOPLE).status_code == 200
    assert not change_of(app, closed.id, way)()
    sign_in("cleo@example.org", "administrator")
    assert not is_refused()


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "ways",
    [("staff", "staff"), ("closed", "closed"), ("deleted", "closed"), ("staff", "closed"), ("citizen", "deleted")],
)
def test_administrators_who_remove_each_other_at_the_same_moment_leave_one(
    app: Flask, sign_in: SignIn, ways: tuple[str, str]
) -> None:
    before: list[int] = []
    for number in range(ROUNDS):
        pair = [sign_in(f"{name}{number}@example.org", "administrator").id for name in ("ada", "ben")]
        assert not any(change_of(app, person, "closed")() for person in before)
        refused = together(*[change_of(app, person, way) for person, way in zip(pair, ways, strict=True)])
        assert sorted(refused, key=bool) == [False, True]
        before = pair


@pytest.mark.both_databases
@pytest.mark.parametrize("action", ["role", "disable"])
def test_two_administrators_who_press_at_the_same_moment_are_never_both_gone(
    app: Flask, sign_in: SignIn, action: str
) -> None:
    before: list[int] = []
    for number in range(ROUNDS):
        ada, ben = (sign_in(f"{name}{number}@example.org", "administrator") for name in ("ada", "ben"))
        assert not any(change_of(app, person, "closed")() for person in before)
        statuses = together(
            partial(press, ada, ben.id, action, role="staff"),
            partial(press, ben, ada.id, action, role="staff"),
        )
        assert statuses.count(303) == 1
        assert sorted(person.get(PEOPLE).status_code for person in (ada, ben)) == [200, 302]
        before = [ada.id, ben.id]


def test_an_unknown_role_button_or_person_changes_nothing(administrator: SignedIn, sign_in: SignIn) -> None:
    sam = sign_in("sam@example.org", "staff")
    assert press(administrator, sam.id, "role", role="king") == 422
    assert press(administrator, sam.id, "nothing") == 422
    assert press(administrator, 999_999, "disable") == 404
    assert sam.get("/hub").status_code == 200


def test_all_sessions_end_only_when_the_box_is_ticked(administrator: SignedIn, sign_in: SignIn) -> None:
    zoe = sign_in("zoe@mail.example", "citizen")
    data = {"csrf_token": administrator.form_token}
    assert administrator.post(data, f"{PEOPLE}/sessions").status_code == 422
    assert zoe.get("/account").status_code == 200
    assert administrator.post(data | {"sure": "yes"}, f"{PEOPLE}/sessions").status_code == 303
    assert (zoe.get("/account").status_code, administrator.get(PEOPLE).status_code) == (302, 302)


@pytest.mark.parametrize("path", [PEOPLE, "/admin/self/audit", "/admin/self/outbox"])
def test_people_pages_are_for_administrators_only(sign_in: SignIn, client: FlaskClient, path: str) -> None:
    assert [sign_in(f"{role}@example.org", role).get(path).status_code for role in ("staff", "citizen")] == [404, 404]
    assert client.get(path).status_code == 302
