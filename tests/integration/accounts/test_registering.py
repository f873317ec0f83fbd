"""Registering: an account exists only once its address is proved."""

import pytest

from portal.accounts.models import Person
from portal.accounts.operations import sweep_tokens, use_token
from portal.db import Database
from portal.sessions.rules import EndReason
from tests.conftest import START, MovableClock
from tests.integration.accounts.conftest import PASSWORD, Browser, Mailbox, Records, served_form

EMAIL = "Ada@example.test"


def _register(visitor: Browser, email: str = EMAIL, password: str = PASSWORD) -> None:
    answer = visitor.fill_in("/account/register", email=email, password=password)
    assert (answer.status_code, answer.location) == (303, "/account/check-mail")


def test_registering_mails_a_link_and_makes_no_account(visitor: Browser, mailbox: Mailbox, records: Records) -> None:
    _register(visitor)
    assert mailbox.subjects == [(EMAIL, "Confirm your e-mail address")]
    assert mailbox.last_link.startswith("/account/confirm/")
    assert not records.people
    assert "Check your e-mail" in visitor.get("/account/check-mail").text


def test_the_link_and_the_password_make_an_account_and_sign_in(
    visitor: Browser, another_visitor: Browser, mailbox: Mailbox, records: Records
) -> None:
    _register(visitor)
    answer = another_visitor.fill_in(mailbox.last_link, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/account")
    (person,) = records.people
    assert (person.email, person.email_key, person.role) == (EMAIL, EMAIL.lower(), "citizen")
    assert person.verified_at == START
    assert another_visitor.get("/probe/customer").text == "through"
    assert visitor.sign_in(EMAIL).status_code == 303
    assert [event.subject for event in records.events("account_created")] == [f"person {person.id}"]
    assert [token.password_hash for token in records.tokens] == [None]


def test_opening_the_link_changes_nothing_and_names_nobody(
    visitor: Browser, mailbox: Mailbox, records: Records
) -> None:
    _register(visitor)
    link = mailbox.last_link
    pages = [visitor.get(link), visitor.get(link), visitor.client.head(link)]
    assert [page.status_code for page in pages] == [200, 200, 200]
    assert EMAIL.lower() not in pages[0].text.lower()
    assert not records.people
    assert records.tokens[0].used_at is None


@pytest.mark.parametrize("password", ["", "wrong password", PASSWORD.upper()], ids=["none", "wrong", "capitals"])
def test_button_without_the_password_confirms_nothing(
    visitor: Browser, mailbox: Mailbox, records: Records, password: str
) -> None:
    _register(visitor)
    assert visitor.fill_in(mailbox.last_link, password=password).status_code == 422
    assert not records.people
    assert not records.sessions
    assert visitor.fill_in(mailbox.last_link, password=PASSWORD).status_code == 303


def test_guessing_the_password_of_a_link_is_slowed_down(
    visitor: Browser, mailbox: Mailbox, clock: MovableClock
) -> None:
    _register(visitor)
    link = mailbox.last_link
    assert [visitor.fill_in(link, password="wrong password").status_code for _ in range(10)] == [422] * 10
    assert visitor.fill_in(link, password=PASSWORD).status_code == 429
    clock.advance(minutes=1)
    assert visitor.fill_in(link, password=PASSWORD).status_code == 303


@pytest.mark.parametrize(
    "pasted", ["{}%20", "{}%29.", "%3C{}%3E", "{0}%0D%0A"], ids=["space", "bracket", "angle-brackets", "line-break"]
)
def test_link_pasted_with_stray_characters_still_works(visitor: Browser, mailbox: Mailbox, pasted: str) -> None:
    _register(visitor)
    folder, _slash, token = mailbox.last_link.rpartition("/")
    assert visitor.fill_in(f"{folder}/{pasted.format(token)}", password=PASSWORD).status_code == 303


def test_a_link_broken_in_the_middle_still_works(visitor: Browser, mailbox: Mailbox) -> None:
    _register(visitor)
    link = mailbox.last_link
    assert visitor.get(f"{link[:-20]}%0A%20{link[-20:]}").status_code == 200


def test_a_link_works_once(visitor: Browser, another_visitor: Browser, mailbox: Mailbox, records: Records) -> None:
    _register(visitor)
    link = mailbox.last_link
    page = another_visitor.get(link)
    visitor.fill_in(link, password=PASSWORD)
    _action, hidden = served_form(page)
    second = another_visitor.post(link, hidden | {"password": PASSWORD})
    assert second.status_code == 410
    assert "This link has already been used" in second.text
    assert another_visitor.get(link).status_code == 410
    assert len(records.people) == len(records.sessions) == 1


@pytest.mark.parametrize(("hours", "seconds", "status"), [(24, -1, 200), (24, 0, 410)], ids=["in-time", "too-late"])
def test_a_link_ends_after_24_hours(
    visitor: Browser, mailbox: Mailbox, clock: MovableClock, hours: int, seconds: int, status: int
) -> None:
    _register(visitor)
    clock.advance(hours=hours, seconds=seconds)
    assert visitor.get(mailbox.last_link).status_code == status


def test_an_expired_link_makes_no_account(
    visitor: Browser, mailbox: Mailbox, clock: MovableClock, records: Records
) -> None:
    _register(visitor)
    _action, hidden = served_form(visitor.get(mailbox.last_link))
    clock.advance(hours=24)
    answer = visitor.post(mailbox.last_link, hidden | {"password": PASSWORD})
    assert answer.status_code == 410
    assert "This link has expired" in answer.text
    assert not records.people


@pytest.mark.parametrize("path", ["confirm", "password"])
def test_unknown_link_is_not_found(visitor: Browser, path: str) -> None:
    assert visitor.get(f"/account/{path}/nonsense").status_code == 404


def test_link_for_one_purpose_does_not_work_for_another(visitor: Browser, mailbox: Mailbox) -> None:
    _register(visitor)
    assert visitor.get(mailbox.last_link.replace("/confirm/", "/password/")).status_code == 404


def test_registering_a_known_address_is_reported_to_that_address_only(
    visitor: Browser, citizen: Person, mailbox: Mailbox, records: Records
) -> None:
    _register(visitor, "ADA@example.test", "another password")
    assert mailbox.subjects == [("ada@example.test", "Confirm your e-mail address")]
    assert mailbox.last_link == "/account/sign-in"
    assert visitor.sign_in("ada@example.test", "another password").status_code == 422
    assert len(records.people) == 1


def test_first_confirmed_registration_of_an_address_wins(
    visitor: Browser, another_visitor: Browser, mailbox: Mailbox, records: Records
) -> None:
    _register(visitor)
    first = mailbox.last_link
    _register(another_visitor, EMAIL.lower(), "another password")
    second = mailbox.last_link
    assert another_visitor.fill_in(second, password="another password").status_code == 303
    assert visitor.fill_in(first, password=PASSWORD).status_code == 410
    assert len(records.people) == 1
    assert visitor.sign_in(EMAIL).status_code == 422


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [
        ("", PASSWORD, "Enter your e-mail address"),
        ("ada", PASSWORD, "Enter an e-mail address in the right format"),
        ("a@example.test, b@example.test", PASSWORD, "Enter an e-mail address in the right format"),
        (EMAIL, "", "Enter your password"),
        (EMAIL, "7 chars", "at least 8 characters"),
        (EMAIL, "x" * 129, "no more than 128 characters"),
    ],
    ids=["no-email", "no-address", "two-addresses", "no-password", "short", "long"],
)
def test_registration_with_mistakes_shows_them_by_field_and_mails_nothing(
    visitor: Browser, mailbox: Mailbox, email: str, password: str, sentence: str
) -> None:
    answer = visitor.fill_in("/account/register", email=email, password=password)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'value="{email}"' in answer.text or not email
    assert not mailbox.subjects


def test_confirming_in_a_guests_browser_asks_about_the_guests_form(
    visitor: Browser, mailbox: Mailbox, records: Records
) -> None:
    _register(visitor)
    visitor.begin_as_guest()
    assert visitor.fill_in(mailbox.last_link, password=PASSWORD).location == "/account/claim?next=/account"
    assert records.sessions[0].end_reason == EndReason.REPLACED.value


@pytest.mark.both_databases
def test_link_used_twice_at_once_works_once(
    visitor: Browser, database: Database, clock: MovableClock, records: Records
) -> None:
    _register(visitor)
    (token,) = records.tokens
    answers = []
    for _ in range(2):
        with database.writing() as db:
            answers.append(use_token(db, token, now=clock.now()))
    assert answers == [True, False]


def test_link_cannot_be_used_at_the_moment_it_ends(
    visitor: Browser, database: Database, clock: MovableClock, records: Records
) -> None:
    _register(visitor)
    (token,) = records.tokens
    with database.writing() as db:
        assert not use_token(db, token, now=token.expires_at)


def test_links_are_deleted_a_week_after_they_end(
    visitor: Browser, database: Database, clock: MovableClock, records: Records
) -> None:
    _register(visitor)
    clock.advance(days=8)
    with database.writing() as db:
        assert sweep_tokens(db, now=clock.now()) == 0
    clock.advance(seconds=1)
    with database.writing() as db:
        assert sweep_tokens(db, now=clock.now()) == 1
    assert not records.tokens
