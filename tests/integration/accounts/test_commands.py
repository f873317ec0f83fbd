"""`flask accounts create`."""

import pytest
from flask.testing import FlaskCliRunner

from portal.accounts.models import Person
from tests.conftest import START
from tests.integration.accounts.conftest import PASSWORD, Browser, Mailbox, Records


@pytest.mark.parametrize(
    ("role", "home", "ending"),
    [
        ("administrator", "/admin/self", "\n"),
        ("staff", "/hub", "\r\n"),
        ("designer", "/", ""),
        ("field", "/account", ""),
        ("citizen", "/account", ""),
    ],
)
def test_a_created_person_signs_in_with_the_password_from_standard_input(
    runner: FlaskCliRunner, visitor: Browser, mailbox: Mailbox, role: str, home: str, ending: str
) -> None:
    arguments = ["accounts", "create", "--role", role, "mina@example.test", "--password-stdin"]
    result = runner.invoke(args=arguments, input=PASSWORD + ending)
    assert result.exit_code == 0, result.output
    assert visitor.sign_in("mina@example.test").location == home
    assert not mailbox.subjects


def test_a_created_account_counts_as_verified_and_is_recorded(runner: FlaskCliRunner, records: Records) -> None:
    who = ["--role", "staff", "Mina@Example.test", "--name", "Mina Harker"]
    runner.invoke(args=["accounts", "create", *who, "--password-stdin"], input=PASSWORD)
    (person,) = records.people
    assert (person.email, person.name, person.verified_at) == ("Mina@example.test", "Mina Harker", START)
    assert [event.details for event in records.events("account_created")] == [{"role": "staff"}]


def test_person_created_without_a_password_is_mailed_a_link_to_set_one(
    runner: FlaskCliRunner, visitor: Browser, mailbox: Mailbox
) -> None:
    result = runner.invoke(args=["accounts", "create", "--role", "staff", "mina@example.test"])
    assert result.exit_code == 0, result.output
    assert mailbox.subjects == [("mina@example.test", "Set a new password")]
    assert visitor.sign_in("mina@example.test", PASSWORD).status_code == 422
    assert visitor.fill_in(mailbox.last_link, password=PASSWORD).location == "/hub"


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [
        ("ADA@example.test", PASSWORD, "There is already an account for ADA@example.test."),
        ("ada", PASSWORD, "Enter an e-mail address in the right format, like name@example.com."),
        ("b@example.test", "7 chars", "Enter a password of at least 8 characters."),
        ("b@example.test", "", "Enter a password of at least 8 characters."),
        ("b@example.test", "x" * 129, "Enter a password of no more than 128 characters."),
    ],
    ids=["duplicate", "no-address", "short", "none", "long"],
)
def test_impossible_account_is_refused_in_one_sentence(
    runner: FlaskCliRunner, citizen: Person, records: Records, email: str, password: str, sentence: str
) -> None:
    result = runner.invoke(args=["accounts", "create", "--role", "citizen", email, "--password-stdin"], input=password)
    assert (result.exit_code, result.output) == (1, f"Error: {sentence}\n")
    assert len(records.people) == 1


def test_duplicate_account_without_a_password_mails_nothing(
    runner: FlaskCliRunner, citizen: Person, mailbox: Mailbox
) -> None:
    result = runner.invoke(args=["accounts", "create", "--role", "staff", "ada@example.test"])
    assert result.exit_code == 1
    assert not mailbox.subjects


def test_an_unknown_role_is_refused(runner: FlaskCliRunner, records: Records) -> None:
    result = runner.invoke(args=["accounts", "create", "--role", "king", "ada@example.test"])
    assert result.exit_code == 2
    assert not records.people
