"""`flask sessions list|end|sweep` on real sessions."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskCliRunner

from tests.conftest import MovableClock
from tests.integration.sessions.conftest import Browser


def test_live_sessions_are_listed(runner: FlaskCliRunner, open_browser: Callable[..., Browser]) -> None:
    guest, person = open_browser(), open_browser("hub", person_id=7)
    lines = runner.invoke(args=["sessions", "list"]).output.splitlines()
    assert [line.split()[:3] for line in lines] == [
        [str(person.id), "hub", "person"],
        [str(guest.id), "customer", "guest"],
    ]
    only = runner.invoke(args=["sessions", "list", "--person", "7"]).output.splitlines()
    assert len(only) == 1


def test_session_ended_by_command_is_over_and_has_its_reason(
    runner: FlaskCliRunner, open_browser: Callable[..., Browser]
) -> None:
    guest = open_browser()
    assert runner.invoke(args=["sessions", "end", str(guest.id)]).exit_code == 0
    assert guest.row.end_reason == "staff"
    assert 'data-state="ended"' in guest.client.get("/session/poll").text


def test_a_dead_session_cannot_be_ended(runner: FlaskCliRunner) -> None:
    answer = runner.invoke(args=["sessions", "end", "99"])
    assert answer.exit_code == 1
    assert "There is no live session 99." in answer.output


@pytest.mark.both_databases
def test_sweep_removes_sessions_that_need_no_explanation(
    runner: FlaskCliRunner, open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    open_browser()
    assert runner.invoke(args=["sessions", "sweep"]).output == "0 old sessions removed.\n"
    clock.advance(days=3)
    assert runner.invoke(args=["sessions", "sweep"]).output == "1 old sessions removed.\n"
