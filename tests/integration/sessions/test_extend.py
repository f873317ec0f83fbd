"""Stay signed in: when it works, where it leads, and what it says after the end."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from tests.conftest import MovableClock
from tests.integration.sessions.conftest import Browser

HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize("minutes", [0, 1, 20, 29, 29.99], ids=str)
def test_extending_grants_the_full_time_at_any_minute(
    open_browser: Callable[..., Browser], clock: MovableClock, minutes: float
) -> None:
    browser = open_browser()
    clock.advance(minutes=minutes)
    answer = browser.client.post("/session/extend", data={"csrf_token": browser.token}, headers=HTMX)
    assert answer.status_code == 200
    assert 'data-state="active"' in answer.text
    assert 'data-remaining="1800"' in answer.text
    assert browser.expires_at == clock.now() + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/help/sessions", "/help/sessions"),
        ("/drafts/HS-2222-3333/about_you?from=check", "/drafts/HS-2222-3333/about_you?from=check"),
        ("", "/"),
        ("help", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("\t//evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("/help/sessions\r\nSet-Cookie: a=b", "/"),
        ("https://evil.example/", "/"),
        ("https:/help/sessions", "/"),
        ("javascript:alert(1)", "/"),
        ("/@evil.example", "/"),
        ("/.evil.example", "/"),
        ("/%2F/evil.example", "/"),
        ("/%09/evil.example", "/"),
        ("/help/sessions\u2028", "/"),
        ("/account/sign-out", "/"),
        ("/static/css/tokens.css", "/"),
        ("/no/such/page", "/"),
    ],
)
def test_extending_without_script_leads_only_to_a_page_of_ours(
    open_browser: Callable[..., Browser], target: str, expected: str
) -> None:
    browser = open_browser()
    answer = browser.client.post("/session/extend", data={"csrf_token": browser.token, "next": target})
    assert (answer.status_code, answer.location) == (303, expected)


def test_extending_never_revives_an_ended_session(open_browser: Callable[..., Browser], clock: MovableClock) -> None:
    browser = open_browser()
    before = browser.expires_at
    clock.set(before)
    plain = browser.client.post("/session/extend", data={"csrf_token": browser.token})
    assert plain.status_code == 403
    assert "You were signed out at 14:32." in plain.text
    scripted = browser.client.post("/session/extend", data={"csrf_token": browser.token}, headers=HTMX)
    assert (scripted.status_code, scripted.headers["HX-Redirect"]) == (401, "/session/ended")
    assert not scripted.text
    assert browser.expires_at == before


def test_extending_an_ended_hub_session_leads_to_its_own_end_page(
    open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    staff = open_browser("hub", person_id=1)
    clock.set(staff.expires_at)
    scripted = staff.client.post("/session/extend?kind=hub", data={"csrf_token": staff.token}, headers=HTMX)
    assert scripted.headers["HX-Redirect"] == "/session/ended?kind=hub"


def test_extending_without_a_session_is_refused_without_naming_a_time(client: FlaskClient) -> None:
    answer = client.post("/session/extend")
    assert answer.status_code == 403
    assert "You are not signed in" in answer.text
    assert "You were signed out at" not in answer.text
    assert client.post("/session/extend", headers=HTMX).status_code == 401


def test_extending_stops_at_the_absolute_limit(open_browser: Callable[..., Browser], clock: MovableClock) -> None:
    browser = open_browser()
    limit = browser.row.absolute_end_at
    assert limit == clock.now() + timedelta(hours=20)
    while clock.now() + timedelta(minutes=25) < limit:
        clock.advance(minutes=25)
        assert (
            browser.client.post("/session/extend", data={"csrf_token": browser.token}, headers=HTMX).status_code == 200
        )
    assert browser.expires_at == limit
    answer = browser.client.post("/session/extend", data={"csrf_token": browser.token}, headers=HTMX)
    assert answer.status_code == 200
    assert browser.expires_at == limit
    clock.set(limit)
    assert browser.client.post("/session/extend", data={"csrf_token": browser.token}, headers=HTMX).status_code == 401
    ended = browser.client.get("/session/ended").text
    assert "as long as we allow" in ended
