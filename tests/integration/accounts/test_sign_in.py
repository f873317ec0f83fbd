"""Signing in: who gets in, where it leads, and what happens to the session that was there."""

from collections.abc import Callable

import pytest

from portal.accounts.models import Person
from portal.accounts.operations import disable_account
from portal.accounts.passwords import password_matches
from portal.accounts.rules import ROLES, Role
from portal.audit import Actor
from portal.db import Database
from portal.sessions.rules import EndReason
from tests.conftest import START, MovableClock
from tests.integration.accounts.conftest import PASSWORD, Browser, Records, served_form

SAME_SENTENCE = "The e-mail address or the password is not right"


@pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
def test_each_role_gets_its_kind_of_session_and_its_home_page(
    visitor: Browser, make_person: Callable[..., Person], records: Records, role: Role
) -> None:
    person, kind = make_person(role=role.name), role.session_kind
    answer = visitor.sign_in("ada@example.test")
    assert (answer.status_code, answer.location) == (303, role.home)
    (row,) = records.sessions
    assert (row.kind, row.person_id) == (kind, person.id)
    assert visitor.cookie(kind)
    assert visitor.cookie({"hub": "customer", "customer": "hub"}[kind]) is None


@pytest.mark.parametrize("typed", ["ada@example.test", "ADA@Example.test", " ada@example.test "])
def test_an_address_may_be_typed_in_capitals_or_with_spaces(visitor: Browser, citizen: Person, typed: str) -> None:
    assert visitor.sign_in(typed).status_code == 303


@pytest.mark.parametrize(
    ("email", "password", "values"),
    [
        ("nobody@example.test", PASSWORD, {}),
        ("no address", PASSWORD, {}),
        ("ada@example.test", "wrong password", {}),
        ("ada@example.test", PASSWORD, {"verified_at": None}),
        ("ada@example.test", PASSWORD, {"disabled_at": START}),
        ("ada@example.test", PASSWORD, {"password_hash": None}),
    ],
    ids=["unknown", "malformed", "wrong", "unverified", "disabled", "no-password-yet"],
)
def test_every_failed_sign_in_shows_the_same_sentence(
    visitor: Browser,
    make_person: Callable[..., Person],
    records: Records,
    email: str,
    password: str,
    values: dict[str, None],
) -> None:
    make_person(**values)
    answer = visitor.sign_in(email, password)
    assert answer.status_code == 422
    assert SAME_SENTENCE in answer.text
    assert f'value="{email}"' in answer.text
    assert password not in answer.text
    assert not records.sessions
    assert visitor.cookie() is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": "", "password": PASSWORD}, "Enter your e-mail address"),
        ({"email": "ada@example.test", "password": ""}, "Enter your password"),
        ({}, "Enter your e-mail address"),
    ],
    ids=["no-email", "no-password", "nothing"],
)
def test_missing_field_is_named_beside_its_input(visitor: Browser, fields: dict[str, str], sentence: str) -> None:
    answer = visitor.fill_in("/account/sign-in", **fields)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_form_with_a_field_sent_twice_is_refused(visitor: Browser, citizen: Person) -> None:
    answer = visitor.fill_in("/account/sign-in", email=["ada@example.test", "b@example.test"], password=PASSWORD)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("then", "location"),
    [
        ("/probe/customer", "/probe/customer"),
        ("/probe/draft", "/probe/draft"),
        ("/probe/customer%3Fa%3D1", "/probe/customer?a=1"),
        ("/account/check-mail", "/account/check-mail"),
        ("https://evil.example/", "/account"),
        ("//evil.example/", "/account"),
        ("/\\evil.example/", "/account"),
        ("/nowhere", "/account"),
        ("/probe/staff", "/account"),
        ("", "/account"),
    ],
    ids=["page", "draft", "query", "public", "elsewhere", "no-scheme", "backslash", "unknown", "not-mine", "none"],
)
def test_signing_in_leads_only_to_a_page_of_ours_that_the_person_may_open(
    visitor: Browser, citizen: Person, then: str, location: str
) -> None:
    assert visitor.sign_in("ada@example.test", next=then).location == location


def test_wanted_page_survives_a_wrong_password(visitor: Browser, citizen: Person) -> None:
    refused = visitor.sign_in("ada@example.test", "wrong password", next="/probe/customer")
    action, hidden = served_form(refused)
    answer = visitor.post(action or "", hidden | {"email": "ada@example.test", "password": PASSWORD})
    assert answer.location == "/probe/customer"


@pytest.mark.parametrize(
    ("then", "location"),
    [("/probe/customer", "/hub"), ("/probe/administrator", "/hub"), ("/probe/staff", "/probe/staff")],
)
def test_staff_member_arrives_on_a_page_for_staff(visitor: Browser, staff: Person, then: str, location: str) -> None:
    assert visitor.sign_in("mina@example.test", next=then).location == location


def test_sign_in_without_the_cookie_of_its_page_is_refused(visitor: Browser, citizen: Person, records: Records) -> None:
    _action, hidden = served_form(visitor.get("/account/sign-in"))
    visitor.client.delete_cookie("visitor")
    answer = visitor.post("/account/sign-in", hidden | {"email": "ada@example.test", "password": PASSWORD})
    assert answer.status_code == 403
    assert not records.sessions


def test_person_already_signed_in_is_sent_to_the_wanted_page(visitor: Browser, citizen: Person) -> None:
    visitor.sign_in("ada@example.test")
    answer = visitor.get("/account/sign-in?next=/probe/customer")
    assert (answer.status_code, answer.location) == (302, "/probe/customer")


@pytest.mark.parametrize("query", ["", "?next=/probe/staff", "?next=https://evil.example/", "?next=/healthz"])
def test_sign_in_form_is_shown_where_the_session_cannot_open_the_page(
    visitor: Browser, citizen: Person, query: str
) -> None:
    visitor.sign_in("ada@example.test")
    answer = visitor.get(f"/account/sign-in{query}")
    assert answer.status_code == 200
    assert 'name="password"' in answer.text


def test_one_browser_holds_a_customer_and_a_staff_member_side_by_side(
    visitor: Browser, citizen: Person, staff: Person, records: Records
) -> None:
    visitor.sign_in("ada@example.test")
    visitor.sign_in("mina@example.test")
    assert [row.ended_at for row in records.sessions] == [None, None]
    assert visitor.get("/probe/customer").text == visitor.get("/probe/staff").text == "through"


def test_signing_in_again_replaces_the_session_and_keeps_other_tabs(
    visitor: Browser, citizen: Person, records: Records
) -> None:
    visitor.sign_in("ada@example.test")
    first_cookie = visitor.cookie()
    _action, other_tab = served_form(visitor.get("/account/password"))
    visitor.sign_in("ada@example.test")
    old, new = records.sessions
    assert (old.end_reason, old.ended_at) == (EndReason.REPLACED.value, START)
    assert new.ended_at is None
    assert visitor.cookie() != first_cookie
    assert visitor.post("/probe/customer", other_tab).status_code == 200


def test_another_person_signing_in_gets_new_tokens(
    visitor: Browser, citizen: Person, make_person: Callable[..., Person], records: Records
) -> None:
    make_person("bela@example.test")
    visitor.sign_in("ada@example.test")
    _action, other_tab = served_form(visitor.get("/account/password"))
    visitor.sign_in("bela@example.test")
    assert [row.end_reason for row in records.sessions] == [EndReason.REPLACED.value, None]
    assert visitor.post("/probe/customer", other_tab).status_code == 403


def test_stale_token_in_a_live_session_returns_the_form_and_signs_nobody_in(
    visitor: Browser, citizen: Person, make_person: Callable[..., Person], records: Records
) -> None:
    make_person("bela@example.test")
    visitor.sign_in("ada@example.test")
    answer = visitor.post("/account/sign-in", {"email": "bela@example.test", "password": PASSWORD, "csrf_token": "x"})
    assert answer.status_code == 409
    assert 'value="bela@example.test"' in answer.text
    assert len(records.sessions) == 1


def test_signing_in_is_recorded_and_a_failure_names_no_address(
    visitor: Browser, citizen: Person, records: Records
) -> None:
    visitor.sign_in("ada@example.test")
    visitor.sign_in("ada@example.test", "wrong password")
    visitor.sign_in("nobody@example.test", "wrong password")
    (signed_in,) = records.events("signed_in")
    assert (signed_in.person_id, signed_in.address, signed_in.at) == (citizen.id, "192.0.2.1", START)
    known, unknown = records.events("sign_in_failed")
    assert (known.person_id, known.subject, known.details) == (None, f"person {citizen.id}", {})
    assert (unknown.person_id, unknown.subject, unknown.details) == (None, None, {})


def test_an_account_disabled_while_its_password_is_checked_opens_nothing(
    visitor: Browser, citizen: Person, database: Database, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disable the account between the check of the password and the opening of the session."""

    def matches_then_disabled(password: str, stored: str | None) -> bool:
        answer = password_matches(password, stored)
        with database.writing() as db:
            disable_account(db, citizen.id, by=Actor(), now=START)
        return answer

    monkeypatch.setattr("portal.accounts.views.password_matches", matches_then_disabled)
    assert visitor.sign_in("ada@example.test").status_code == 422
    assert not records.sessions


def test_a_guest_with_a_form_is_asked_whether_to_add_it(visitor: Browser, citizen: Person, records: Records) -> None:
    guest_session = visitor.begin_as_guest()
    answer = visitor.sign_in("ada@example.test", next="/probe/customer")
    assert answer.location == "/account/claim?next=/probe/customer"
    old, new = records.sessions
    assert (old.id, old.end_reason) == (guest_session, EndReason.REPLACED.value)
    assert (new.person_id, new.guest_id) == (citizen.id, "began")
    page = visitor.get(answer.location)
    assert page.status_code == 200
    assert "Add this form to your account?" in page.text


@pytest.mark.parametrize(("answer", "claimed"), [("yes", 1), ("no", 0)])
def test_either_answer_ends_the_guest_session_and_continues(
    visitor: Browser, citizen: Person, records: Records, answer: str, claimed: int
) -> None:
    visitor.begin_as_guest()
    claim = visitor.sign_in("ada@example.test", next="/probe/customer").location
    response = visitor.fill_in(claim, answer=answer)
    assert (response.status_code, response.location) == (303, "/probe/customer")
    events = records.events("claimed")
    assert [(event.person_id, event.subject) for event in events] == [(citizen.id, "began")] * claimed
    assert records.sessions[-1].guest_id is None
    assert visitor.get(claim).location == "/probe/customer"


@pytest.mark.parametrize("answer", ["", "maybe"])
def test_missing_answer_claims_nothing_and_asks_again(
    visitor: Browser, citizen: Person, records: Records, answer: str
) -> None:
    visitor.begin_as_guest()
    response = visitor.fill_in(visitor.sign_in("ada@example.test").location, answer=answer)
    assert response.status_code == 422
    assert not records.events("claimed")
    assert records.sessions[-1].guest_id == "began"


def test_a_question_left_open_is_asked_again_at_the_next_sign_in(visitor: Browser, citizen: Person) -> None:
    visitor.begin_as_guest()
    visitor.sign_in("ada@example.test")
    assert visitor.sign_in("ada@example.test").location == "/account/claim?next=/account"


def test_a_guests_form_is_never_offered_to_the_next_person(
    visitor: Browser, citizen: Person, make_person: Callable[..., Person], records: Records
) -> None:
    make_person("bela@example.test")
    visitor.begin_as_guest()
    visitor.sign_in("ada@example.test")
    assert visitor.sign_in("bela@example.test").location == "/account"
    assert records.sessions[-1].guest_id is None


def test_a_guest_without_a_form_is_not_asked(visitor: Browser, citizen: Person, records: Records) -> None:
    visitor.begin_as_guest("empty")
    assert visitor.sign_in("ada@example.test").location == "/account"
    assert records.sessions[-1].guest_id is None


def test_a_guests_session_that_ended_is_not_asked_about(visitor: Browser, citizen: Person, clock: MovableClock) -> None:
    visitor.begin_as_guest()
    clock.advance(minutes=31)
    assert visitor.sign_in("ada@example.test").location == "/account"


def test_a_staff_member_leaves_the_guests_session_of_this_browser_alone(
    visitor: Browser, staff: Person, records: Records
) -> None:
    visitor.begin_as_guest()
    assert visitor.sign_in("mina@example.test").location == "/hub"
    assert records.sessions[0].ended_at is None
