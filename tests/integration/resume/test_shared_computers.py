"""A shared computer: a short session, no cookie that outlives the visit, nothing left on the screen."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from portal.sessions.models import SessionRow
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.resume.conftest import Saved
from tests.loan import YOU, publish_loan
from tests.people import PASSWORD, add_person, sign_in
from tests.post import letters

Sessions = Callable[[], list[SessionRow]]
SHARED = {"shared": "yes"}


@pytest.fixture
def library(app: Flask, citizen: Citizen) -> str:
    """A guest's draft, begun on a computer that they said is shared."""
    publish_loan(app)
    citizen.open("/forms/tool-loan")
    draft = citizen.press("Start now", **SHARED).path
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU)
    return draft


def minutes(row: SessionRow) -> float:
    return (row.expires_at - row.started_at).total_seconds() / 60


def test_shared_computer_session_is_short_and_renews_for_as_short(
    citizen: Citizen, library: str, sessions: Sessions, clock: MovableClock
) -> None:
    assert (sessions()[0].is_shared, minutes(sessions()[0])) == (True, 10)
    clock.advance(minutes=7)
    citizen.open(library)
    assert minutes(sessions()[0]) == 17
    citizen.press("Stay signed in")
    assert minutes(sessions()[0]) == 17
    clock.advance(minutes=1)
    citizen.press("Stay signed in")
    assert minutes(sessions()[0]) == 18


def test_setting_decides_the_time_of_a_shared_session_up_to_the_usual_time(
    app: Flask, citizen: Citizen, sessions: Sessions
) -> None:
    publish_loan(app)
    run = app.test_cli_runner().invoke
    assert run(args=["settings", "set", "shared_computer_minutes", "5"]).exit_code == 0
    citizen.open("/forms/tool-loan")
    citizen.press("Start now", **SHARED)
    run(args=["settings", "set", "shared_computer_minutes", "60"])
    run(args=["settings", "set", "session_lifetime_minutes", "20"])
    other = Citizen(app)
    other.open("/forms/tool-loan")
    other.press("Start now", **SHARED)
    assert [minutes(row) for row in sessions()] == [5, 20]
    assert run(args=["settings", "set", "shared_computer_minutes", "4"]).exit_code != 0


def test_session_without_the_choice_lasts_the_usual_time(app: Flask, citizen: Citizen, sessions: Sessions) -> None:
    publish_loan(app)
    citizen.open("/forms/tool-loan")
    citizen.press("Start now")
    assert (sessions()[0].is_shared, minutes(sessions()[0])) == (False, 30)
    assert citizen.client.get_cookie("shared_computer") is None


def test_sign_in_on_a_shared_computer_is_short_and_leaves_no_lasting_cookie(
    app: Flask, citizen: Citizen, sessions: Sessions
) -> None:
    add_person(app)
    citizen.open("/account/sign-in")
    answer = citizen.send("Sign in", email="ada@mail.example", password=PASSWORD, **SHARED)
    assert answer.status_code == 303
    assert minutes(sessions()[0]) == 10
    assert [cookie for cookie in answer.headers.getlist("Set-Cookie") if "Max-Age" in cookie] == []


def test_choice_stays_with_the_browser_until_it_is_changed(
    app: Flask, citizen: Citizen, library: str, sessions: Sessions
) -> None:
    add_person(app)
    citizen.open(library)
    citizen.press("Sign out")
    citizen.open("/account/sign-in")
    assert citizen.page.value("shared") == "yes"
    citizen.client.delete_cookie("shared_computer")
    sign_in(citizen)
    assert not sessions()[-1].is_shared


def test_requesting_a_link_on_a_shared_computer_remembers_no_device(app: Flask, citizen: Citizen, library: str) -> None:
    citizen.open(f"{library}/save")
    answer = citizen.send("Send link", email="zoe@mail.example")
    assert "resume_device" not in str(answer.headers.getlist("Set-Cookie"))
    citizen.open(letters(app)[-1].link)
    assert citizen.send("Continue your form").location == "/resume/code"


def test_known_browser_declared_shared_is_forgotten_and_asked_for_the_code(
    app: Flask, citizen: Citizen, guests: Saved
) -> None:
    citizen.open(f"{guests.address}/save")
    citizen.press("Sign out")
    citizen.open(guests.link)
    assert citizen.send("Continue your form", **SHARED).location == "/resume/code"
    assert citizen.client.get_cookie("resume_device") is None


@pytest.mark.parametrize("how", ["idle", "late"])
def test_end_page_shows_nothing_of_the_form(citizen: Citizen, library: str, clock: MovableClock, how: str) -> None:
    citizen.open(f"{library}/remarks")
    clock.advance(minutes=10)
    page = citizen.open("/session/ended") if how == "idle" else citizen.press("Continue", remark="Zebra")
    assert "14:12" in page
    for word in ("Borrow", library.rpartition("/")[2], "Wilhelmina", "Zebra", "Remarks", library):
        assert word not in page.text
    assert "saf" in page.words or "saved" in page.words
    assert re.findall(r'class="govuk-button"[^>]*>([^<]+)', page.text) == ["Continue your form"]  # what stands out


def test_signing_out_on_a_shared_computer_clears_browser_data(citizen: Citizen, library: str) -> None:
    citizen.open(library)
    citizen.press("Sign out")
    assert citizen.page.heading == "You have signed out"
    assert citizen.page.headers["Clear-Site-Data"] == '"cache", "cookies"'


def test_signing_out_on_a_private_computer_keeps_other_cookies(citizen: Citizen, guests: Saved) -> None:
    citizen.open(guests.address)
    assert citizen.send("Sign out").headers["Clear-Site-Data"] == '"cache"'


@pytest.mark.parametrize("has_answers", [False, True])
@pytest.mark.parametrize("shared", [{}, SHARED], ids=["own", "shared"])
def test_no_answer_clears_the_storage_of_other_services_at_this_address(
    app: Flask, citizen: Citizen, shared: dict[str, str], *, has_answers: bool
) -> None:
    publish_loan(app)
    citizen.open("/forms/tool-loan")
    draft = citizen.press("Start now", **shared).path
    if has_answers:
        citizen.open(f"{draft}/you")
        citizen.press("Continue", **YOU)
    answer = citizen.send("Sign out")
    pages = [answer.headers["Clear-Site-Data"], citizen.open(answer.location).headers.get("Clear-Site-Data", "")]
    assert not any("storage" in each or "*" in each for each in pages)
    assert any('"cookies"' in each for each in pages) is bool(shared)


def test_owner_is_mailed_the_link_and_leaves_with_one_press(app: Flask, citizen: Citizen, sessions: Sessions) -> None:
    publish_loan(app)
    add_person(app)
    citizen.open("/account/sign-in")
    citizen.press("Sign in", email="ada@mail.example", password=PASSWORD, **SHARED)
    citizen.open("/forms/tool-loan")
    draft = citizen.press("Start now").path
    citizen.open(f"{draft}/save")
    before = len(letters(app))
    answer = citizen.send("Send me my link and clear this computer")
    assert (answer.status_code, answer.headers["Clear-Site-Data"]) == (303, '"cache", "cookies"')
    assert letters(app)[before].subject == "Continue your form: Borrow a tool"
    assert sessions()[-1].end_reason == "signed_out"
    assert citizen.open(draft).path == "/account/sign-in"


def test_guest_can_clear_the_computer_after_noting_a_way_back(citizen: Citizen, library: str) -> None:
    citizen.open(f"{library}/save")
    page = citizen.press("Clear this computer")
    assert page.status == 422
    assert citizen.open(f"{library}/save").status == 200
    answer = citizen.send("Clear this computer", noted="y")
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies"'
    assert citizen.open(library).status != 200 or citizen.page.path != library
