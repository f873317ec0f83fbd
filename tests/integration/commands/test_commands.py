"""The commands of operations: migrate, deliver, load the demo."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import func, select

from portal.accounts.models import Person
from portal.accounts.passwords import password_matches
from portal.accounts.queries import person_by_key
from portal.commands.database import PEOPLE, DemoPerson
from portal.db import Database
from portal.form_definitions.versions.queries import current_versions
from portal.mail import messages
from tests.conftest import START


def run(runner: FlaskCliRunner, *words: str) -> tuple[int, str]:
    result = runner.invoke(args=list(words))
    return result.exit_code, result.output


def test_upgrade_says_where_the_database_is(runner: FlaskCliRunner) -> None:
    status, printed = run(runner, "db", "upgrade")
    assert status == 0
    assert printed.startswith("The database is at 0")


def test_deliver_sends_what_is_due(runner: FlaskCliRunner, app: Flask, database: Database) -> None:
    with app.app_context(), database.writing() as db:
        messages.guest_code(db, to="ann@example.org", code="012345", now=START)
    assert run(runner, "mail", "deliver") == (0, "1 sent, 0 failed.\n")
    assert run(runner, "mail", "deliver") == (0, "0 sent, 0 failed.\n")


def test_the_demo_prints_its_sign_ins_in_columns(runner: FlaskCliRunner) -> None:
    status, printed = run(runner, "demo", "load")
    lines = [line.split() for line in printed.splitlines()]
    assert status == 0
    assert lines == [[person.role, person.email, person.password] for person in PEOPLE]
    assert len({line.index(line.split()[1]) for line in printed.splitlines()}) == 1


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.role)
def test_demo_person_has_the_printed_role_and_password(
    runner: FlaskCliRunner, database: Database, person: DemoPerson
) -> None:
    run(runner, "demo", "load")
    with database.reading() as db:
        found = person_by_key(db, person.email)
    assert found is not None
    assert (found.role, found.name) == (person.role, person.name)
    assert password_matches(person.password, found.password_hash)


def test_loading_the_demo_again_changes_nothing(runner: FlaskCliRunner, database: Database) -> None:
    run(runner, "demo", "load")
    assert run(runner, "demo", "load")[0] == 0
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Person)) == len(PEOPLE)
        assert {version.number for version in current_versions(db)} == {1}
        assert len(current_versions(db)) == 3


def test_production_gets_no_demo(runner: FlaskCliRunner, app: Flask, database: Database) -> None:
    parts = app.extensions["portal"]
    parts.configuration = replace(parts.configuration, environment="production")
    status, printed = run(runner, "demo", "load")
    assert status == 1
    assert "not loaded in production" in printed
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Person)) == 0
