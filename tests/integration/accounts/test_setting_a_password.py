"""A new password by mail: whoever reads the mailbox sets it, and everybody else is signed out."""

from collections.abc import Callable

import pytest

from portal.accounts.models import Person
from portal.accounts.operations import disable_account
from portal.audit import Actor
from portal.sessions.rules import EndReason
from tests.conftest import START, MovableClock
from tests.integration.accounts.conftest import PASSWORD, Browser, Mailbox, Records, served_form

NEW = "staple battery horse"


def _ask(visitor: Browser, email: str = "ada@example.test") -> None:
    answer = visitor.fill_in("/account/password", email=email)
    assert (answer.status_code, answer.location) == (303, "/account/check-mail")


def test_the_mailed_link_sets_the_password_and_signs_in(
    visitor: Browser, citizen: Person, mailbox: Mailbox, records: Records
) -> None:
    _ask(visitor)
    assert mailbox.subjects == [("ada@example.test", "Set a new password")]
    answer = visitor.fill_in(mailbox.last_link, password=NEW)
    assert (answer.status_code, answer.location) == (303, "/account")
    assert visitor.get("/probe/customer").text == "through"
    assert visitor.sign_in("ada@example.test", PASSWORD).status_code == 422
    assert visitor.sign_in("ada@example.test", NEW).status_code == 303
    assert [(event.person_id, event.subject) for event in records.events("password_set")] == [
        (citizen.id, f"person {citizen.id}")
    ]


def test_opening_the_link_without_using_it_changes_nothing(visitor: Browser, citizen: Person, mailbox: Mailbox) -> None:
    _ask(visitor)
    assert "ada@" not in visitor.get(mailbox.last_link).text.lower()
    assert visitor.fill_in(mailbox.last_link, password="short").status_code == 422
    assert visitor.sign_in("ada@example.test", PASSWORD).status_code == 303


def test_setting_a_password_signs_the_person_out_everywhere_else(
    visitor: Browser, another_visitor: Browser, citizen: Person, mailbox: Mailbox, records: Records
) -> None:
    visitor.sign_in("ada@example.test")
    another_visitor.sign_in("ada@example.test")
    _ask(visitor)
    visitor.fill_in(mailbox.last_link, password=NEW)
    here, elsewhere, new = records.sessions
    assert here.end_reason == EndReason.REPLACED.value
    assert (elsewhere.end_reason, elsewhere.ended_at) == (EndReason.PASSWORD_CHANGED.value, START)
    assert new.ended_at is None
    assert another_visitor.get("/probe/customer").status_code == 302


def test_setting_a_password_keeps_the_sessions_of_other_people(
    visitor: Browser, another_visitor: Browser, citizen: Person, staff: Person, mailbox: Mailbox
) -> None:
    another_visitor.sign_in("mina@example.test")
    _ask(visitor)
    visitor.fill_in(mailbox.last_link, password=NEW)
    assert another_visitor.get("/probe/staff").text == "through"


def test_a_link_works_once(visitor: Browser, citizen: Person, mailbox: Mailbox) -> None:
    _ask(visitor)
    link = mailbox.last_link
    _action, hidden = served_form(visitor.get(link))
    assert visitor.fill_in(link, password=NEW).status_code == 303
    assert visitor.post(link, hidden | {"password": "yet another one"}).status_code == 410
    assert visitor.sign_in("ada@example.test", NEW).status_code == 303


def test_setting_a_password_ends_the_other_links(visitor: Browser, citizen: Person, mailbox: Mailbox) -> None:
    _ask(visitor)
    older = mailbox.last_link
    _ask(visitor)
    visitor.fill_in(mailbox.last_link, password=NEW)
    assert visitor.get(older).status_code == 410


def test_a_link_ends_after_24_hours(visitor: Browser, citizen: Person, mailbox: Mailbox, clock: MovableClock) -> None:
    _ask(visitor)
    clock.advance(hours=24)
    assert visitor.get(mailbox.last_link).status_code == 410


@pytest.mark.parametrize("known", [False, True], ids=["unknown", "disabled"])
def test_no_link_is_mailed_to_an_unknown_or_disabled_person(
    visitor: Browser, make_person: Callable[..., Person], mailbox: Mailbox, records: Records, known: bool
) -> None:
    if known:
        make_person(disabled_at=START)
    _ask(visitor)
    assert not mailbox.subjects
    assert not records.tokens
    (event,) = records.events("password_link_requested")
    assert event.details == {}
    assert "example" not in (event.subject or "")


def test_disabled_person_cannot_set_a_password(
    visitor: Browser, citizen: Person, mailbox: Mailbox, records: Records
) -> None:
    _ask(visitor)
    link = mailbox.last_link
    with visitor.app.extensions["portal"].database.writing() as db:
        disable_account(db, citizen.id, by=Actor(), now=START)
    assert visitor.fill_in(link, password=NEW).status_code == 410
    assert records.people[0].password_hash == citizen.password_hash


def test_the_first_password_of_an_invited_person_proves_the_address(
    visitor: Browser, make_person: Callable[..., Person], mailbox: Mailbox, records: Records
) -> None:
    make_person(password_hash=None, verified_at=None)
    _ask(visitor)
    assert visitor.fill_in(mailbox.last_link, password=NEW).status_code == 303
    assert records.people[0].verified_at == START
