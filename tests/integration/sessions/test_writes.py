"""How little a request writes: nothing where nothing renews, one commit where something does."""

from collections.abc import Callable

import pytest

from portal.sessions.models import SessionRow
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.journeys import housing
from tests.statements import Statements

pytestmark = pytest.mark.usefixtures("demo_forms")


@pytest.fixture
def draft(citizen: Citizen) -> str:
    """A form whose first section is filled, open in a guest's browser."""
    draft = housing.begin(citizen)
    citizen.open(f"{draft}/about_you")
    return draft


def test_no_page_writes_before_the_last_third(citizen: Citizen, draft: str, statements: Statements) -> None:
    for path in (
        draft,
        f"{draft}/home",
        f"{draft}/check",
        f"{draft}/save",
        "/",
        "/session/poll",
        "/resume",
        "/nowhere",
    ):
        answer = citizen.client.get(path)
        assert not answer.headers.getlist("Set-Cookie"), path
        assert (statements.writes, statements.commits) == ([], 0), path


def test_no_safe_request_without_a_session_writes(citizen: Citizen, statements: Statements) -> None:
    for path in ("/", "/account", "/account/sign-in", "/resume", "/session/ended", "/forms/housing-support"):
        citizen.client.get(path)
    assert (statements.writes, statements.commits) == ([], 0)


def test_a_renewal_is_one_statement_and_one_commit(
    citizen: Citizen, draft: str, clock: MovableClock, statements: Statements
) -> None:
    clock.advance(minutes=21)
    citizen.client.get(f"{draft}/home")
    assert statements.commits == 1
    (update,) = statements.writes
    assert update.startswith("UPDATE sessions SET")
    for condition in ("ended_at IS NULL", "expires_at >", "expires_at <"):
        assert condition in update
    citizen.client.get(f"{draft}/home")
    assert statements.commits == 1


@pytest.mark.parametrize("minutes", [0, 21], ids=["early", "in the last third"])
@pytest.mark.parametrize(
    "press",
    [
        lambda citizen: citizen.send("Continue", full_name="Someone Else"),
        lambda citizen: citizen.send("Continue", full_name="", born__day="99"),
        lambda citizen: citizen.send("Back", full_name="Someone Else"),
        lambda citizen: citizen.send("Save and come back later", full_name="Someone Else"),
        lambda citizen: citizen.send("Save and stay signed in", full_name="Someone Else"),
    ],
    ids=["Continue", "Continue with mistakes", "Back", "Save for later", "Stay"],
)
def test_save_and_its_effect_on_the_session_are_one_commit(
    citizen: Citizen,
    draft: str,
    clock: MovableClock,
    statements: Statements,
    press: Callable[[Citizen], object],
    minutes: int,
) -> None:
    clock.advance(minutes=minutes)
    statements.forget()
    press(citizen)
    assert any("draft_parts" in write for write in statements.writes)
    assert statements.commits == 1


def test_continue_stores_its_path_in_the_commit_of_the_answers(
    citizen: Citizen, draft: str, statements: Statements, newest_session: Callable[[], SessionRow]
) -> None:
    statements.forget()
    citizen.send("Continue", full_name="Someone Else")
    assert statements.commits == 1
    assert newest_session().quiet_path == f"{draft}/home"


def test_an_autosave_writes_nothing_to_the_session(citizen: Citizen, draft: str, statements: Statements) -> None:
    token = citizen.page.value("csrf_token")
    statements.forget()
    data = {"csrf_token": token, "full_name": "New Name", "_changed": "full_name", "_end": "1"}
    citizen.client.post(f"{draft}/autosave/about_you", data=data, headers={"HX-Request": "true"})
    assert statements.commits == 1
    assert not any("sessions" in write for write in statements.writes)


def test_a_refused_form_writes_nothing(citizen: Citizen, draft: str, statements: Statements) -> None:
    statements.forget()
    citizen.send("Continue", full_name="Someone Else", csrf_token="f" * 80)
    assert statements.writes == []


def test_the_whole_send_is_one_commit(citizen: Citizen, statements: Statements) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    statements.forget()
    assert citizen.send("Send", declaration="yes").status_code == 303
    assert statements.commits == 1
    assert any("submissions" in write for write in statements.writes)
