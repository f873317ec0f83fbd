"""Changing settings in the database: what is stored, what is recorded, and two people at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.audit import Actor
from portal.db import Database
from portal.site_settings.definition import SettingValue
from portal.site_settings.operations import change_settings
from portal.site_settings.queries import changes, current_settings
from tests.conftest import START

MINUTES = "session_lifetime_minutes"
MINA = Actor(person_id=7, address="192.0.2.1")


def test_change_applies_to_the_next_reader(database: Database) -> None:
    with database.writing() as db:
        change_settings(db, {MINUTES: 90}, by=MINA, now=START)
    with database.reading() as db:
        assert current_settings(db).session_lifetime_minutes == 90


def test_change_is_recorded_with_person_time_old_and_new_value(db: Session) -> None:
    change_settings(db, {MINUTES: 90}, by=MINA, now=START)
    (event,) = changes(db, [MINUTES])
    assert (event.person_id, event.address, event.at) == (7, "192.0.2.1", START)
    assert event.details == {"old": "30", "new": "90"}


def test_unchanged_value_is_not_recorded(db: Session) -> None:
    assert change_settings(db, {MINUTES: 30, "site_name": "New name"}, by=MINA, now=START) == ["site_name"]
    assert [event.subject for event in changes(db, [MINUTES, "site_name"])] == ["site_name"]


def test_history_is_newest_first_and_only_of_the_wanted_settings(db: Session) -> None:
    for minutes in (40, 50, 60):
        change_settings(db, {MINUTES: minutes}, by=MINA, now=START)
    change_settings(db, {"continue_counts": True}, by=MINA, now=START)
    assert [event.details["new"] for event in changes(db, [MINUTES], limit=2)] == ["60", "50"]
    assert [event.details for event in changes(db, ["continue_counts"])] == [{"old": "no", "new": "yes"}]


def test_exception_undoes_both_the_change_and_its_record(database: Database) -> None:
    def change_and_fail() -> None:
        with database.writing() as db:
            change_settings(db, {MINUTES: 90}, by=MINA, now=START)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()
    with database.reading() as db:
        assert current_settings(db).session_lifetime_minutes == 30
        assert not changes(db, [MINUTES])


@pytest.mark.both_databases
def test_two_changes_at_once_are_both_kept(database: Database) -> None:
    together = Barrier(2)

    def change(values: dict[str, SettingValue]) -> None:
        together.wait(timeout=10)
        with database.writing() as db:
            change_settings(db, values, by=MINA, now=START)

    with ThreadPoolExecutor(2) as people:
        list(people.map(change, [{MINUTES: 90}, {"site_name": "New name"}]))
    with database.reading() as db:
        current = current_settings(db)
    assert (current.session_lifetime_minutes, current.site_name) == (90, "New name")


def test_two_changes_of_one_setting_each_record_what_they_replaced(database: Database) -> None:
    together = Barrier(2)

    def change(minutes: int) -> None:
        together.wait(timeout=10)
        with database.writing() as db:
            change_settings(db, {MINUTES: minutes}, by=MINA, now=START)

    with ThreadPoolExecutor(2) as people:
        list(people.map(change, [40, 50]))
    with database.reading() as db:
        second, first = changes(db, [MINUTES])
        assert (first.details["old"], second.details["old"]) == ("30", first.details["new"])
        assert second.details["new"] == str(current_settings(db).session_lifetime_minutes)


def test_second_change_waits_before_reading_what_the_first_changes(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with database.writing() as first, Session(database.engine) as second:
        change_settings(first, {MINUTES: 90}, by=MINA, now=START)
        second.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            change_settings(second, {"site_name": "New name"}, by=MINA, now=START)


def test_show_command_lists_every_setting_with_its_value(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["settings", "show"])
    assert result.exit_code == 0
    assert "session_lifetime_minutes = 30" in result.output.splitlines()
    assert "continue_counts = no" in result.output.splitlines()


def test_set_command_records_a_change_without_a_person(runner: FlaskCliRunner, database: Database) -> None:
    result = runner.invoke(args=["settings", "set", MINUTES, "45"])
    assert (result.exit_code, result.output) == (0, "session_lifetime_minutes = 45\n")
    with database.reading() as db:
        (event,) = changes(db, [MINUTES])
        assert current_settings(db).session_lifetime_minutes == 45
        assert (event.person_id, event.address, event.details) == (None, None, {"old": "30", "new": "45"})


def test_set_command_saves_60_minutes_with_advice(runner: FlaskCliRunner, database: Database) -> None:
    result = runner.invoke(args=["settings", "set", MINUTES, "60"])
    assert result.exit_code == 0
    assert "You can save 60. Under 60 is better practice." in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param([MINUTES, "361"], "session_lifetime_minutes: Enter a whole number from 10 to 360.", id="range"),
        pytest.param([MINUTES, "-5"], "session_lifetime_minutes: Enter a whole number from 10 to 360.", id="negative"),
        pytest.param([MINUTES, ""], "session_lifetime_minutes: Enter a whole number from 10 to 360.", id="blank"),
        pytest.param(["no_such", "5"], "There is no setting “no_such”; “flask settings show” lists them.", id="name"),
    ],
)
def test_set_command_refuses_in_one_sentence_and_changes_nothing(
    runner: FlaskCliRunner, database: Database, arguments: list[str], sentence: str
) -> None:
    result = runner.invoke(args=["settings", "set", *arguments])
    assert (result.exit_code, result.output) == (1, f"Error: {sentence}\n")
    with database.reading() as db:
        assert current_settings(db).session_lifetime_minutes == 30
        assert not changes(db, [MINUTES])
