"""After the end: where people are led, what the page says, and what happens to what they send too late."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.db import Database
from portal.sessions.late_forms import REASONS
from portal.sessions.models import SessionRow
from portal.sessions.operations import end_session
from portal.sessions.rules import EndReason
from portal.submissions.models import Submission
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.sessions.conftest import Browser
from tests.journeys import housing
from tests.people import add_person, sign_in

HTMX = {"HX-Request": "true"}


def test_live_session_is_redirected_from_the_end_page(open_browser: Callable[..., Browser]) -> None:
    answer = open_browser().client.get("/session/ended")
    assert (answer.status_code, answer.location) == (302, "/")


def test_end_page_is_neutral_without_a_known_session(client: FlaskClient) -> None:
    for value in (None, "x" * 43):
        if value:
            client.set_cookie("session_customer", value)
        answer = client.get("/session/ended")
        assert answer.status_code == 200
        assert "You are not signed in" in answer.text
        assert "You were signed out at" not in answer.text


RESUME, SIGN_IN, START = "Continue your form", "Sign in and continue", "Start page"


def empty_form(citizen: Citizen) -> None:
    """Start a form that can be saved, and answer nothing."""
    housing.start(citizen)


def sent_form(citizen: Citizen) -> None:
    """Send a form."""
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    citizen.open(f"{draft}/check")
    citizen.press("Send", declaration="yes")


def unsaved_form(citizen: Citizen) -> None:
    """Answer a question of a form that ends with the session."""
    citizen.open("/forms/report-a-problem")
    citizen.open(f"{citizen.press('Start now').path}/problem")
    citizen.press("Continue", where="Mill Street")


def account(citizen: Citizen) -> None:
    """Sign in to an account."""
    sign_in(citizen)


@pytest.mark.parametrize(
    ("leaving", "words", "ways"),
    [
        (empty_form, "To carry on, use your link, or your reference and return code.", {RESUME}),
        (sent_form, "You can close this page.", {START}),
        (unsaved_form, "This form cannot be saved, so your answers were not kept.", {START}),
        (account, "To carry on, sign in. If you have no account, use your link,", {SIGN_IN, RESUME}),
    ],
)
def test_page_after_signing_out_offers_only_what_there_is_to_come_back_to(
    app: Flask, citizen: Citizen, demo_forms: None, leaving: Callable[[Citizen], None], words: str, ways: set[str]
) -> None:
    add_person(app)
    leaving(citizen)
    page = citizen.press("Sign out")
    assert f"You have signed out {words}" in page
    assert ways == {RESUME, SIGN_IN, START} & set(page.links)
    assert "Why was I signed out?" not in page.links


def test_staff_are_offered_no_saved_form(citizen: Citizen) -> None:
    assert RESUME not in citizen.open("/session/ended?kind=hub").links


def test_end_page_says_when_and_why_the_session_ended(
    open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    browser = open_browser()
    clock.set(browser.expires_at)
    answer = browser.client.get("/session/ended")
    assert answer.status_code == 200
    assert "<title>You were signed out at 14:32" in answer.text
    assert "You were signed out because your time ran out." in answer.text
    assert not any(cookie.startswith("session_") for cookie in answer.headers.getlist("Set-Cookie"))
    assert answer.headers["Cache-Control"] == "no-store"
    assert "session-poll" not in answer.text


@pytest.mark.parametrize("reason", EndReason, ids=lambda reason: reason.value)
def test_each_reason_has_its_own_words(
    open_browser: Callable[..., Browser], clock: MovableClock, database: Database, reason: EndReason
) -> None:
    browser = open_browser()
    with database.writing() as db:
        end_session(db, browser.id, reason, now=clock.now())
    page = Page("/session/ended", browser.client.get("/session/ended"))
    assert str(REASONS[reason]) in page
    assert page.heading == "You were signed out at 14:02"


@pytest.mark.parametrize(("hours", "known"), [(23.99, True), (24, False), (200, False)])
def test_end_is_explained_for_24_hours_only(
    open_browser: Callable[..., Browser], clock: MovableClock, hours: float, known: bool
) -> None:
    browser = open_browser(person_id=1)
    clock.set(browser.expires_at + timedelta(hours=hours))
    assert ("You were signed out at" in browser.client.get("/session/ended").text) is known
    private = browser.client.get("/account")
    assert private.location == ("/session/ended" if known else "/account/sign-in?next=%2Faccount")
    posted = browser.client.post("/account/claim", data={"csrf_token": browser.token})
    assert posted.status_code == 403
    assert ("We have not received your form." in posted.text) is known


def test_private_page_leads_an_ended_session_to_the_end_page_and_public_stays(
    open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    browser = open_browser(person_id=1)
    clock.set(browser.expires_at)
    for path in ("/account", "/drafts/HS-2222-3333", "/drafts/HS-2222-3333/check", "/submissions/HS-2222-3333"):
        answer = browser.client.get(path)
        assert (answer.status_code, answer.location) == (302, "/session/ended"), path
        scripted = browser.client.get(path, headers=HTMX)
        assert (scripted.status_code, scripted.headers["HX-Redirect"]) == (401, "/session/ended"), path
    for path in ("/", "/help/sessions", "/contact", "/resume", "/account/sign-in?next=/account"):
        assert browser.client.get(path).status_code == 200, path


def test_ended_hub_session_leads_to_its_own_end_page(open_browser: Callable[..., Browser], clock: MovableClock) -> None:
    staff = open_browser("hub", person_id=1)
    clock.set(staff.expires_at)
    assert staff.client.get("/hub").location == "/session/ended?kind=hub"
    assert staff.client.get("/session/ended?kind=hub").status_code == 200


def test_ended_session_is_explained_beside_a_live_one_of_another_kind(
    open_browser: Callable[..., Browser], clock: MovableClock, person: Callable[[str], int]
) -> None:
    citizen = open_browser(person_id=person("citizen"))
    clock.set(citizen.expires_at)
    staff = open_browser("hub", person_id=person("staff"))
    cookie = staff.client.get_cookie("session_hub")
    assert cookie is not None
    citizen.client.set_cookie("session_hub", cookie.value)
    assert citizen.client.get("/account").location == "/session/ended"
    assert citizen.client.get("/hub").status_code == 200


@pytest.fixture
def filled(citizen: Citizen, demo_forms: None) -> str:
    """Fill a form up to Send as a guest; return its address."""
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    return draft


def _submissions(database: Database) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(Submission)) or 0


def test_a_late_send_makes_no_submission_and_says_what_is_kept(
    citizen: Citizen, filled: str, clock: MovableClock, database: Database
) -> None:
    clock.advance(minutes=30)
    page = Page(filled, citizen.send("Send", declaration="yes"))
    assert page.status == 403
    assert page.heading == "We have not received your form."
    assert "You were signed out at 14:32. Your answers are safe:" in page
    assert "and you can check and send them." in page
    assert page.links["Continue your form"] == "/resume"
    assert "We kept everything up to the last save at 14:02." in page
    assert "was not kept" not in page
    assert _submissions(database) == 0


def test_a_send_just_in_time_is_received(
    citizen: Citizen, filled: str, clock: MovableClock, database: Database
) -> None:
    clock.advance(minutes=29, seconds=59.999)
    assert citizen.send("Send", declaration="yes").status_code == 303
    assert _submissions(database) == 1


def test_notice_to_a_signed_in_person_uses_the_words_of_the_rule(
    open_browser: Callable[..., Browser],
    clock: MovableClock,
    person: Callable[[str], int],
    demo_forms: None,
    citizen: Citizen,
) -> None:
    signed_in = open_browser(person_id=person("citizen"))
    citizen.client = signed_in.client
    housing.start(citizen)
    citizen.open(f"{citizen.page.path}/about_you")
    citizen.press("Continue", **housing.ABOUT_YOU)
    clock.advance(minutes=30)
    page = Page("", citizen.send("Continue", **housing.HOME))
    assert page.status == 403
    assert (
        "We have not received your form. You were signed out at 14:32."
        " Your answers are safe: sign in and you can check and send them." in page
    )
    assert page.links["Sign in and continue"].startswith("/account/sign-in?next=%2Fdrafts%2F")


@pytest.mark.parametrize("button", ["Continue", "Back", "Save and come back later", "Save and stay signed in"])
def test_no_button_works_late_and_saved_answers_stay(
    citizen: Citizen, filled: str, clock: MovableClock, button: str
) -> None:
    citizen.open(f"{filled}/about_you")
    clock.advance(minutes=30)
    answer = citizen.send(button, full_name="Somebody Else")
    assert answer.status_code == 403
    assert "We have not received your form." in answer.text
    assert "Somebody Else" not in answer.text


def test_the_notice_says_what_was_lost_only_where_something_was_typed(
    citizen: Citizen, filled: str, clock: MovableClock
) -> None:
    household = citizen.open(f"{filled}/household")
    citizen.open(f"{filled}/home")
    clock.advance(minutes=30)
    assert "was not kept" in citizen.press("Continue", csrf_token="forged", address__line_1="18 Weir Lane")
    citizen.page = household
    assert "was not kept" not in citizen.press("Continue")


def test_a_late_autosave_is_refused_with_a_way_out(citizen: Citizen, filled: str, clock: MovableClock) -> None:
    token = citizen.open(f"{filled}/about_you").value("csrf_token")
    clock.advance(minutes=30)
    data = {"csrf_token": token, "full_name": "Late", "_changed": "full_name", "_end": "1"}
    answer = citizen.client.post(f"{filled}/autosave/about_you", data=data, headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Redirect"], answer.text) == (401, "/session/ended", "")


def test_the_notice_shows_nothing_of_what_was_typed(citizen: Citizen, filled: str, clock: MovableClock) -> None:
    clock.advance(minutes=30)
    ended = re.sub(r"\?v=\w+", "", citizen.client.get("/session/ended").text)  # a file's checksum may contain a year
    for secret in ("Łukasz", "1988", "AS4 2LN", "zoe@mail.example"):
        assert secret not in ended


def test_form_of_a_signed_out_visitor_is_refused_without_naming_a_time(
    citizen: Citizen, filled: str, database: Database
) -> None:
    form = citizen.page.form_with("Send")[0]
    values = {control.name: control.value for control in form.controls}
    citizen.press("Sign out")
    answer = citizen.client.post(f"{filled}/check", data=values | {"declaration": "yes"})
    assert answer.status_code == 403
    assert "You are not signed in" in answer.text
    assert _submissions(database) == 0
    with database.reading() as db:
        assert db.scalars(select(SessionRow)).one().end_reason == EndReason.SIGNED_OUT.value


@pytest.mark.usefixtures("demo_forms")
def test_signing_out_keeps_the_draft(app: Flask, citizen: Citizen) -> None:
    add_person(app)
    sign_in(citizen)
    section = f"{housing.start(citizen)}/about_you"
    citizen.open(section)
    citizen.press("Continue", **housing.ABOUT_YOU)
    citizen.press("Sign out")
    assert citizen.open(section).path == "/account/sign-in"
    sign_in(citizen)
    assert citizen.open(section).value("full_name") == housing.ABOUT_YOU["full_name"]
