"""What the poll reports, to the second, and that asking changes nothing."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import START, MovableClock
from tests.html import elements
from tests.integration.sessions.conftest import Browser
from tests.statements import Statements

ENDED = ("ended", "0", "0")


def told(answer: TestResponse) -> tuple[str | None, ...]:
    """Return state, seconds left and seconds until the next poll."""
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<div")
    found = elements(answer.text)[0].attributes
    return found["data-state"], found["data-remaining"], found["data-next"]


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (1800, ("active", "1800", "1680")),
        (121, ("active", "121", "1")),
        (120.5, ("active", "121", "1")),
        (120, ("warning", "120", "60")),
        (119.5, ("warning", "120", "60")),
        (119, ("warning", "119", "59")),
        (61, ("warning", "61", "1")),
        (60, ("warning", "60", "60")),
        (59, ("warning", "59", "59")),
        (1, ("warning", "1", "1")),
        (0.001, ("warning", "1", "1")),
        (0, ENDED),
        (-1, ENDED),
    ],
)
def test_the_poll_says_how_long_is_left_and_when_to_ask_again(
    open_browser: Callable[..., Browser], clock: MovableClock, left: float, expected: tuple[str, ...]
) -> None:
    browser = open_browser()
    clock.set(browser.expires_at - timedelta(seconds=left))
    assert told(browser.client.get("/session/poll")) == expected


@pytest.mark.parametrize(("left", "expected"), [(21600, "1800"), (1921, "1800"), (1920, "1800"), (1919, "1799")])
def test_next_poll_is_at_most_half_an_hour_away(
    open_browser: Callable[..., Browser], clock: MovableClock, left: int, expected: str
) -> None:
    staff = open_browser("hub", person_id=1)
    clock.set(staff.expires_at - timedelta(seconds=left))
    assert told(staff.client.get("/session/poll?kind=hub")) == ("active", str(left), expected)


def test_untouched_page_polls_at_most_four_times_in_an_hour(
    open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    staff = open_browser("messages")
    asked = 0
    while (answer := told(staff.client.get("/session/poll?kind=messages"))) != ENDED:
        clock.advance(seconds=int(answer[2] or 0))
        asked += 1
    assert clock.now() == START + timedelta(minutes=60)
    assert asked <= 4


def test_poll_without_a_cookie_says_ended(client: FlaskClient) -> None:
    assert told(client.get("/session/poll")) == ENDED


@pytest.mark.parametrize(
    "value", ["", "x" * 43, "é", "../../etc", "a" * 4000], ids=["empty", "unknown", "accent", "path", "long"]
)
def test_an_unknown_cookie_is_ignored(client: FlaskClient, value: str) -> None:
    client.set_cookie("session_customer", value)
    answer = client.get("/session/poll")
    assert told(answer) == ENDED
    assert not answer.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("kind", ["messages", "signing", "hub"])
def test_poll_asks_about_each_kind_by_its_own_name(open_browser: Callable[..., Browser], kind: str) -> None:
    browser = open_browser(kind)
    assert told(browser.client.get(f"/session/poll?kind={kind}"))[0] == "active"
    assert told(browser.client.get("/session/poll")) == ENDED


@pytest.mark.parametrize("kind", ["mobile", "nonsense", "", "%00", "customer%FF"])
@pytest.mark.parametrize("path", ["/session/poll", "/session/ended"])
def test_poll_of_a_kind_that_browsers_do_not_have_is_not_found(
    open_browser: Callable[..., Browser], path: str, kind: str
) -> None:
    assert open_browser().client.get(f"{path}?kind={kind}").status_code == 404


def test_poll_response_is_small_and_never_cached(open_browser: Callable[..., Browser]) -> None:
    answer = open_browser().client.get("/session/poll")
    assert len(answer.data) < 1000
    assert answer.headers["Cache-Control"] == "no-store"


def test_polling_never_extends_a_session(
    open_browser: Callable[..., Browser], clock: MovableClock, statements: Statements
) -> None:
    browser = open_browser()
    statements.forget()
    for _ in range(31):
        clock.advance(minutes=1)
        cookies = browser.client.get("/session/poll").headers.getlist("Set-Cookie")
        assert not any(cookie.startswith("session_") for cookie in cookies)
    assert told(browser.client.get("/session/poll")) == ENDED
    assert (statements.writes, statements.commits) == ([], 0)
