"""What extends a session in its last third on the real pages, and what never does."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit import Actor
from portal.db import Database
from portal.sessions.models import SessionRow
from portal.site_settings.operations import change_settings
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.journeys import housing

pytestmark = pytest.mark.usefixtures("demo_forms")
IN_LAST_THIRD = {"minutes": 20, "seconds": 1}
HTMX = {"HX-Request": "true"}
Action = Callable[[Citizen, str], object]


class Watched:
    """A guest with a form, and their session as the server sees it."""

    def __init__(self, citizen: Citizen, database: Database, clock: MovableClock) -> None:
        self.citizen, self.clock, self._database = citizen, clock, database
        self.draft = housing.start(citizen)

    @property
    def row(self) -> SessionRow:
        with self._database.reading() as db:
            return db.scalars(select(SessionRow)).one()

    def renews(self, action: Action) -> bool:
        """Return whether an action moves the deadline, which may only move to the full time from now."""
        before = self.row.expires_at
        action(self.citizen, self.draft)
        after = self.row.expires_at
        assert after in (before, self.clock.now() + timedelta(minutes=30))
        return after != before


@pytest.fixture
def guest(citizen: Citizen, database: Database, clock: MovableClock) -> Watched:
    watched = Watched(citizen, database, clock)
    citizen.open(f"{watched.draft}/about_you")
    return watched


def _get(path: str, **headers: str) -> Action:
    return lambda citizen, draft: citizen.client.get(path.format(draft=draft), headers=headers)


def _send(button: str, **values: str) -> Action:
    return lambda citizen, draft: citizen.send(button, **values)


def _press_on(page: str, button: str, **values: str) -> Action:
    """Press a button of a page opened before the measurement: fetching the page does not count."""

    def action(citizen: Citizen, draft: str) -> object:
        citizen.open(page.format(draft=draft), **{"Sec-Purpose": "prefetch"})
        return citizen.send(button, **values)

    return action


COUNTS: dict[str, Action] = {
    "opening a section": _get("{draft}/home"),
    "refreshing the section": _get("{draft}/about_you"),
    "the task list": _get("{draft}"),
    "the check page": _get("{draft}/check"),
    "the save page": _get("{draft}/save"),
    "the list of a repeat": _get("{draft}/household"),
    "a form's start page": _get("/forms/housing-support"),
    "the start page": _get("/"),
    "help": _get("/help/sessions"),
    "Save and come back later": _send("Save and come back later"),
    "a Send that names what is missing": _press_on("{draft}/check", "Send"),
    "asking for the link": _press_on("{draft}/save", "Send link", email="zoe@mail.example"),
    "asking for the link with a wrong address": _press_on("{draft}/save", "Send link", email="zoe"),
    "asking to delete": _press_on("{draft}", "Delete this draft"),
    "Start now": _press_on("/forms/housing-support", "Start now"),
}
NEVER: dict[str, Action] = {
    "Continue": _send("Continue", **housing.ABOUT_YOU),
    "Continue with mistakes": _send("Continue", born__year="x"),
    "Continue with nothing": _send("Continue"),
    "Back": _send("Back"),
    "Add": _press_on("{draft}/household", "Add a person"),
    "Continue on the list": _press_on("{draft}/household", "Continue"),
    "the poll": _get("/session/poll"),
    "a prefetch": _get("{draft}/home", **{"Sec-Purpose": "prefetch"}),
    "a prerender": _get("{draft}/home", **{"Sec-Purpose": "prefetch;prerender"}),
    "a prefetch of another browser": _get("{draft}/home", **{"X-Moz": "prefetch"}),
    "HEAD": lambda citizen, draft: citizen.client.head(f"{draft}/home"),
    "OPTIONS": lambda citizen, draft: citizen.client.options(f"{draft}/home"),
    "a wrong method": lambda citizen, draft: citizen.client.put(f"{draft}/home"),
    "no such address": _get("/no/such/page"),
    "no such section": _get("{draft}/no_such_section"),
    "no such item": _get("{draft}/household/no-such-item"),
    "another person's draft": _get("/drafts/HS-2222-3333"),
    "the hub": _get("/hub"),
    "My Requests, which asks a guest to sign in": _get("/account"),
    "a section that cannot be opened": _get("{draft}/rent"),
    "the end's page, which leads away": _get("/session/ended"),
    "a static file": lambda citizen, draft: citizen.client.get("/static/css/tokens.css").close(),
    "a health check": _get("/healthz"),
    "a forged form": lambda citizen, draft: citizen.client.post(f"{draft}/check", data={"_end": "1"}),
    "a damaged form": lambda citizen, draft: citizen.client.post(f"{draft}/check", data=b"a=%ff"),
}


@pytest.mark.parametrize("action", COUNTS.values(), ids=COUNTS.keys())
def test_activity_extends_a_session_only_in_its_last_third(guest: Watched, action: Action) -> None:
    guest.clock.advance(minutes=20)
    assert not guest.renews(_get("{draft}/home"))
    guest.clock.advance(seconds=1)
    assert guest.renews(action)


@pytest.mark.parametrize("action", NEVER.values(), ids=NEVER.keys())
def test_excluded_request_never_extends_a_session(guest: Watched, action: Action) -> None:
    guest.clock.advance(minutes=29)
    assert not guest.renews(action)


def test_autosave_never_extends_a_session(guest: Watched) -> None:
    token = guest.citizen.page.value("csrf_token")
    guest.clock.advance(minutes=29)
    data = {"csrf_token": token, "full_name": "Zoë", "_changed": "full_name", "_end": "1"}

    def action(citizen: Citizen, draft: str) -> None:
        assert citizen.client.post(f"{draft}/autosave/about_you", data=data, headers=HTMX).status_code == 200

    assert not guest.renews(action)
    assert guest.citizen.open(f"{guest.draft}/about_you").value("full_name") == "Zoë"


def test_page_after_continue_counts_ten_seconds_later(guest: Watched) -> None:
    guest.clock.advance(**IN_LAST_THIRD)
    answer = guest.citizen.send("Continue", **housing.ABOUT_YOU)
    assert answer.location == f"{guest.draft}/home"
    guest.clock.advance(seconds=9.999)
    assert not guest.renews(_get("{draft}/home"))
    assert not guest.renews(_get("{draft}/home"))
    guest.clock.advance(seconds=0.001)
    assert guest.renews(_get("{draft}/home"))


@pytest.mark.both_databases
def test_page_after_back_does_not_count_at_once(guest: Watched) -> None:
    guest.citizen.open(f"{guest.draft}/home")
    guest.clock.advance(**IN_LAST_THIRD)
    assert guest.citizen.send("Back").location == f"{guest.draft}/about_you"
    assert not guest.renews(_get("{draft}/about_you"))


def test_another_page_opened_right_after_continue_counts(guest: Watched) -> None:
    guest.clock.advance(**IN_LAST_THIRD)
    guest.citizen.send("Continue", **housing.ABOUT_YOU)
    assert guest.renews(_get("{draft}/household"))


def test_a_section_opened_from_the_task_list_counts(guest: Watched) -> None:
    guest.citizen.open(guest.draft)
    guest.clock.advance(**IN_LAST_THIRD)
    assert guest.renews(lambda citizen, draft: citizen.follow("About you"))


def test_a_form_filled_by_continue_alone_ends_on_time(guest: Watched) -> None:
    """Thirty minutes of nothing but Continue: the warning comes, and then the end."""
    deadline = guest.row.expires_at
    guest.citizen.press("Continue", **housing.ABOUT_YOU)
    guest.clock.advance(minutes=27)
    guest.citizen.press("Continue", **housing.HOME)
    guest.clock.advance(minutes=2)
    page = guest.citizen.press("Continue", **housing.RENT)
    assert page.status == 200
    assert 'data-state="warning"' in page.text
    assert guest.row.expires_at == deadline
    guest.clock.advance(minutes=1)
    assert guest.citizen.open(f"{guest.draft}/household").path == "/session/ended"


def test_save_and_stay_signed_in_gives_the_full_time_at_any_minute(guest: Watched) -> None:
    guest.clock.advance(minutes=1)
    assert guest.renews(_send("Save and stay signed in", full_name="Zoë"))


def test_page_shows_the_deadline_that_its_own_loading_set(guest: Watched) -> None:
    guest.clock.advance(minutes=25)
    assert 'data-remaining="1800"' in guest.citizen.open(f"{guest.draft}/home").text


def test_continue_counts_where_the_setting_says_so(guest: Watched, app: Flask, clock: MovableClock) -> None:
    with app.extensions["portal"].database.writing() as db:
        change_settings(db, {"continue_counts": True}, by=Actor(), now=clock.now())
    guest.clock.advance(**IN_LAST_THIRD)
    assert guest.renews(_send("Continue", **housing.ABOUT_YOU))


def test_signing_out_ends_the_session_without_moving_its_deadline(guest: Watched) -> None:
    guest.clock.advance(minutes=29)
    assert not guest.renews(_send("Sign out"))
    assert guest.row.ended_at == guest.clock.now()
