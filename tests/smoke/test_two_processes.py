"""What one process changes, every other knows at its next request.

Two servers run on PostgreSQL; on SQLite there is one, and commands are the other process.
Each server has a port of its own, so that a test knows which process answers it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, ProxyHandler, build_opener

import pytest

from portal.commands.database import PEOPLE
from tests.citizen import Page
from tests.conftest import DATABASES
from tests.people import PASSWORD
from tests.smoke.conftest import RunningPortal, Start

GENERAL = "/admin/self/site-settings/general"
ADMINISTRATOR = next(person for person in PEOPLE if person.role == "administrator")
UNDER_WAY_S = 30
"""A page that is requested after a session began may show it up to this much younger."""


@pytest.fixture(scope="module", params=DATABASES)
def portals(request: pytest.FixtureRequest, start_shared: Start) -> list[RunningPortal]:
    if request.param == "sqlite":
        return [start_shared()]
    shared = {"DATABASE_URL": request.getfixturevalue("shared_postgresql_url"), "WORKERS": "1"}
    first = start_shared(**shared)
    return [first, start_shared(**shared, DATA_DIR=str(first.data_dir))]


@dataclass(frozen=True)
class Answer:
    """A response of the portal, with what a page of our test browser is made of."""

    url: str
    status_code: int
    headers: Message
    text: str


class Stay(HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_args: object) -> None:
        return None


class Visitor:
    """A browser without script; a cookie belongs to its host, so both portals know the visitor."""

    def __init__(self) -> None:
        self._cookies = HTTPCookieProcessor()

    def _ask(self, url: str, *more: HTTPRedirectHandler, data: bytes | None = None) -> Answer:
        opener = build_opener(ProxyHandler({}), self._cookies, *more)  # use no proxy that the environment names
        try:
            answer = opener.open(url, data, timeout=20)
        except HTTPError as error:  # a status other than 200 is a response, too
            answer = error
        with answer:
            return Answer(answer.url, answer.status, answer.headers, answer.read().decode())

    def get(self, portal: RunningPortal, path: str) -> Answer:
        return self._ask(portal.url + path, Stay())

    def press(self, portal: RunningPortal, path: str, button: str, **values: str) -> Page:
        """Open a page, fill the form around a button, press it, and follow where that leads."""
        form, pressed = Page(path, self.get(portal, path)).form_with(button)
        data = {control.name: control.value for control in form.controls} | values
        if pressed.name:
            data[pressed.name] = pressed.value
        answer = self._ask(portal.url + (form.action or path), data=urlencode(data).encode())
        assert answer.status_code == HTTPStatus.OK, portal.printed()
        return Page(answer.url.removeprefix(portal.url), answer)

    def sign_in(self, portal: RunningPortal, email: str, password: str = PASSWORD) -> None:
        self.press(portal, "/account/sign-in", "Sign in", email=email, password=password)


def administrator(portal: RunningPortal) -> Visitor:
    visitor = Visitor()
    visitor.sign_in(portal, ADMINISTRATOR.email, ADMINISTRATOR.password)
    return visitor


def statuses(portals: list[RunningPortal], visitor: Visitor, path: str) -> set[int]:
    """Return the status of all processes for one visitor, one after the other."""
    return {visitor.get(portal, path).status_code for portal in portals}


def person_page(portal: RunningPortal, mina: Visitor, email: str) -> str:
    return mina.press(portal, "/admin/self/people", "Find", email=email).path


def somebody(portal: RunningPortal, email: str, role: str) -> Visitor:
    """Sign in as somebody new; the first process opens the session."""
    portal.flask("accounts", "create", "--role", role, "--password-stdin", email, typed=PASSWORD)
    visitor = Visitor()
    visitor.sign_in(portal, email)
    return visitor


def test_a_closed_account_is_refused_by_every_process_at_the_next_request(portals: list[RunningPortal]) -> None:
    sam = somebody(portals[0], "sam@closed.example", "staff")
    assert statuses(portals, sam, "/hub") == {200}
    mina = administrator(portals[0])
    page = person_page(portals[0], mina, "sam@closed.example")
    mina.press(portals[0], page, "Close the account")
    for portal in reversed(portals):
        assert sam.get(portal, "/hub").headers["Location"].startswith("/session/ended")
        assert "Our staff signed you out." in sam.get(portal, "/session/ended?kind=hub").text


def test_a_removed_role_opens_nothing_in_any_process(portals: list[RunningPortal]) -> None:
    lee = somebody(portals[0], "lee@role.example", "administrator")
    assert statuses(portals, lee, "/admin/self/people") == {200}
    mina = administrator(portals[0])
    page = person_page(portals[0], mina, "lee@role.example")
    for role, opened, closed in (("staff", "/hub", "/admin/self/people"), ("designer", "/account/security", "/hub")):
        mina.press(portals[0], page, "Save role", role=role)
        assert statuses(portals[::-1], lee, closed) == {302}
        lee.sign_in(portals[0], "lee@role.example")
        assert statuses(portals, lee, opened) == {200}
        assert statuses(portals, lee, closed) == {404}


def by_the_page(portal: RunningPortal, minutes: str) -> None:
    administrator(portal).press(portal, GENERAL, "Save settings", session_lifetime_minutes=minutes)


def by_the_command(portal: RunningPortal, minutes: str) -> None:
    portal.flask("settings", "set", "session_lifetime_minutes", minutes)


@pytest.mark.parametrize("change", [by_the_page, by_the_command])
def test_a_changed_lifetime_applies_at_the_next_request_of_every_process(
    portals: list[RunningPortal], change: Callable[[RunningPortal, str], None]
) -> None:
    for minutes in ("45", "25"):
        change(portals[0], minutes)
        for portal in reversed(portals):
            guest = Visitor()
            assert f"You have {minutes} minutes from" in guest.get(portal, "/help/sessions").text
            assert 0 <= int(minutes) * 60 - remaining(guest, portal) <= UNDER_WAY_S


def remaining(guest: Visitor, portal: RunningPortal) -> int:
    """Return the seconds left of the session that opens when a guest begins a form."""
    page = guest.press(portal, "/forms/housing-support", "Start now")
    return int(page.text.partition('data-remaining="')[2].partition('"')[0])
