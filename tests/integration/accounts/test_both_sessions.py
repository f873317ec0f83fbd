"""Messages stand within the customer’s session: what ends both, what ends one, and whose messages a browser holds."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from portal.accounts.models import Person
from portal.accounts.operations import disable_account
from portal.audit import Actor
from portal.db import Database
from portal.site_settings.operations import change_settings
from tests.citizen import Page
from tests.conftest import START, MovableClock
from tests.integration.accounts.conftest import Browser, Records
from tests.people import PASSWORD

EMAIL, OTHER = "ada@example.test", "eve@example.test"
PAGE = "/probe/messages"
SECURITY = "/account/security"
ENDED = "/session/ended?reason=signed_out"


@pytest.fixture
def reader(visitor: Browser, citizen: Person) -> Browser:
    """Return a browser that is signed in and has messages open."""
    visitor.sign_in(EMAIL)
    visitor.hold("messages", person_id=citizen.id)
    return visitor


def reasons(records: Records) -> dict[str, str | None]:
    """Return why the newest session of each kind ended."""
    return {row.kind: row.end_reason for row in records.sessions}


@pytest.mark.both_databases
@pytest.mark.parametrize("kind", ["customer", "messages"])
def test_signing_out_of_either_kind_ends_both(reader: Browser, records: Records, kind: str) -> None:
    answer = reader.sign_out(kind)
    assert (answer.status_code, answer.location) == (303, ENDED)
    assert reasons(records) == {"customer": "signed_out", "messages": "signed_out"}
    assert (reader.cookie(), reader.cookie("messages")) == (None, None)
    assert len(records.events("signed_out")) == 1
    assert reader.get(PAGE).location == "/account/sign-in?next=%2Fprobe%2Fmessages"


@pytest.mark.parametrize(("kind", "minutes"), [("messages", 40), ("messages", 70), ("customer", 40)])
def test_signing_out_takes_the_cookie_of_what_had_ended_before(
    reader: Browser, clock: MovableClock, kind: str, minutes: int
) -> None:
    token = reader.get(f"/probe/token?kind={kind}").text
    clock.advance(minutes=minutes)
    assert reader.post(f"/account/sign-out?kind={kind}", {"csrf_token": token}).location == ENDED
    assert (reader.cookie(), reader.cookie("messages")) == (None, None)


def test_guest_with_messages_alone_signs_out_of_them(visitor: Browser, records: Records) -> None:
    visitor.hold("messages", guest_id="letters")
    answer = visitor.sign_out("messages")
    assert answer.location == f"{ENDED}&guest=done"
    assert reasons(records) == {"messages": "signed_out"}
    assert visitor.cookie("messages") is None
    assert "You can close this page." in Page("", visitor.get(answer.location))


def test_messages_page_without_a_session_signs_nobody_out_without_a_token(reader: Browser, records: Records) -> None:
    reader.client.delete_cookie("session_messages")
    assert reader.post("/account/sign-out?kind=messages", {}).status_code == 403
    assert reasons(records)["customer"] is None


@pytest.mark.both_databases
def test_closing_an_account_ends_both(reader: Browser, citizen: Person, database: Database, records: Records) -> None:
    with database.writing() as db:
        disable_account(db, citizen.id, by=Actor(), now=START)
    assert reasons(records) == {"customer": "staff", "messages": "staff"}
    assert reader.get(PAGE).location == "/session/ended?kind=messages"


@pytest.mark.both_databases
def test_person_who_may_no_longer_sign_in_is_refused_in_messages_too(
    reader: Browser, database: Database, records: Records
) -> None:
    with database.writing() as db:
        db.execute(update(Person).values(disabled_at=START))
    assert reader.get(PAGE).location == "/session/ended?kind=messages"
    assert reasons(records)["messages"] == "staff"


def test_person_whose_role_signs_in_elsewhere_has_no_messages(visitor: Browser, staff: Person) -> None:
    visitor.hold("messages", person_id=staff.id)
    assert visitor.get(PAGE).location == "/session/ended?kind=messages"


def test_new_password_ends_messages_here_and_elsewhere(
    reader: Browser, another_visitor: Browser, citizen: Person, records: Records
) -> None:
    another_visitor.sign_in(EMAIL)
    another_visitor.hold("messages", person_id=citizen.id)
    answer = reader.fill_in("/account/password/change", old_password=PASSWORD, password="another long password")
    assert answer.status_code == 303
    ended = [row.kind for row in records.sessions if row.end_reason == "password_changed"]
    assert sorted(ended) == ["customer", "messages", "messages"]
    assert reader.get("/probe/customer").text == "through"


@pytest.mark.both_databases
def test_signing_out_everywhere_else_ends_both_there_and_neither_here(
    reader: Browser, another_visitor: Browser, citizen: Person
) -> None:
    another_visitor.sign_in(EMAIL)
    another_visitor.hold("messages", person_id=citizen.id)
    reader.open(SECURITY)
    assert reader.press("End all others").status == 200
    assert reader.get(PAGE).text == reader.get("/probe/customer").text == "through"
    assert another_visitor.get(PAGE).location == "/session/ended?kind=messages"
    assert another_visitor.get("/probe/customer").location == "/session/ended"


def test_one_sign_in_at_a_time_ends_messages_elsewhere_and_keeps_them_here(
    reader: Browser, another_visitor: Browser, citizen: Person, database: Database, records: Records
) -> None:
    another_visitor.sign_in(EMAIL)
    another_visitor.hold("messages", person_id=citizen.id)
    with database.writing() as db:
        change_settings(db, {"one_sign_in": True}, by=Actor(), now=START)
    reader.sign_in(EMAIL)
    assert reader.get(PAGE).text == "through"
    assert another_visitor.get(PAGE).location == "/session/ended?kind=messages"
    assert reasons(records)["messages"] == "signed_out_elsewhere"


def test_the_same_person_keeps_messages_over_a_new_sign_in(reader: Browser) -> None:
    reader.sign_in(EMAIL)
    assert reader.get(PAGE).text == "through"


@pytest.mark.both_databases
@pytest.mark.parametrize("minutes", [0, 70], ids=["live", "ended-before"])
def test_another_person_who_signs_in_ends_the_messages_of_the_first(
    reader: Browser, make_person: Callable[..., Person], records: Records, clock: MovableClock, minutes: int
) -> None:
    make_person(OTHER)
    clock.advance(minutes=minutes)
    reader.sign_in(OTHER)
    assert reasons(records)["messages"] == (None if minutes else "replaced")
    assert reader.cookie("messages") is None
    assert reader.get(PAGE).location == "/messages/unlock?next=%2Fprobe%2Fmessages"


def test_signing_in_ends_the_messages_of_a_guest(visitor: Browser, citizen: Person, records: Records) -> None:
    visitor.hold("messages", guest_id="letters")
    visitor.sign_in(EMAIL)
    assert reasons(records)["messages"] == "replaced"


def test_guest_who_goes_on_in_a_browser_does_not_have_the_messages_of_the_person_before(
    reader: Browser, demo_forms: None, clock: MovableClock, records: Records
) -> None:
    clock.advance(minutes=40)
    reader.open("/forms/housing-support")
    reader.press("Start now")
    assert reasons(records)["messages"] == "replaced"
    assert reader.cookie("messages") is None


def test_guest_who_begins_a_form_keeps_their_messages(visitor: Browser, demo_forms: None) -> None:
    visitor.hold("messages", guest_id="letters")
    visitor.open("/forms/housing-support")
    visitor.press("Start now")
    assert visitor.get(PAGE).text == "through"


def test_staff_who_sign_in_end_nobodys_messages(reader: Browser, staff: Person) -> None:
    reader.sign_in(staff.email)
    assert reader.get(PAGE).text == "through"


def test_deleting_the_account_takes_both_cookies(reader: Browser) -> None:
    reader.open("/account/delete")
    reader.press("Delete my account")
    assert (reader.cookie(), reader.cookie("messages")) == (None, None)


def test_a_form_token_is_made_for_the_kind_that_is_asked_for(reader: Browser) -> None:
    """A page of messages may hold a form of the customer session."""
    tokens = reader.get("/probe/tokens").text.split()
    assert reader.post("/session/extend", {"csrf_token": tokens[0], "next": "/"}).status_code == 303
    assert reader.post("/session/extend", {"csrf_token": tokens[1], "next": "/"}).status_code == 409
