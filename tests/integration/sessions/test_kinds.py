"""A cookie of one kind opens nothing of another, and each session follows its own policy."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from portal.audit import Actor
from portal.sessions.policies import KINDS
from portal.site_settings.operations import change_settings
from tests.conftest import START, MovableClock
from tests.integration.sessions.conftest import Browser

IN_BROWSER = [name for name, kind in KINDS.items() if kind.in_browser]
PRIVATE = {"customer": ["/account", "/drafts/HS-2222-3333"], "hub": ["/hub", "/admin/self", "/hub/cases/HS-2222-3333"]}


@pytest.mark.parametrize("kind", [*IN_BROWSER, "mobile"])
def test_a_token_under_the_name_of_another_kind_opens_nothing(
    open_browser: Callable[..., Browser], app: Flask, person: Callable[[str], int], kind: str
) -> None:
    browser = open_browser(kind, person_id=person("staff" if kind == "hub" else "citizen"))
    cookie = browser.client.get_cookie(f"session_{kind}")
    assert cookie is not None
    for other in IN_BROWSER:
        if other == kind:
            continue
        thief = app.test_client()
        thief.set_cookie(f"session_{other}", cookie.value)
        assert 'data-state="ended"' in thief.get(f"/session/poll?kind={other}").text
        for path in PRIVATE.get(other, []):
            answer = thief.get(path)
            assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/account/sign-in"), path


@pytest.mark.parametrize(("kind", "role"), [("customer", "citizen"), ("hub", "staff")])
def test_pages_of_the_other_kind_are_not_found_for_a_signed_in_person(
    open_browser: Callable[..., Browser], person: Callable[[str], int], kind: str, role: str
) -> None:
    browser = open_browser(kind, person_id=person(role))
    for path in PRIVATE["hub" if kind == "customer" else "customer"]:
        assert browser.client.get(path).status_code == 404, path


@pytest.mark.parametrize("kind", ["messages", "signing"])
def test_a_guest_of_another_area_is_asked_to_sign_in(open_browser: Callable[..., Browser], kind: str) -> None:
    browser = open_browser(kind)
    for path in PRIVATE["customer"] + PRIVATE["hub"]:
        assert browser.client.get(path).status_code == 302, path


def test_signing_out_of_one_kind_keeps_the_others(open_browser: Callable[..., Browser], app: Flask) -> None:
    browsers = {kind: open_browser(kind, person_id=1) for kind in IN_BROWSER}
    client = app.test_client()
    for kind, browser in browsers.items():
        cookie = browser.client.get_cookie(f"session_{kind}")
        assert cookie is not None
        client.set_cookie(f"session_{kind}", cookie.value)
    client.post("/account/sign-out?kind=signing", data={"csrf_token": browsers["signing"].token})
    living = {kind for kind in IN_BROWSER if 'data-state="active"' in client.get(f"/session/poll?kind={kind}").text}
    assert living == {"customer", "messages", "hub"}


def test_a_token_of_one_kind_does_not_end_another(open_browser: Callable[..., Browser]) -> None:
    customer, hub = open_browser(), open_browser("hub", person_id=1)
    cookie = hub.client.get_cookie("session_hub")
    assert cookie is not None
    customer.client.set_cookie("session_hub", cookie.value)
    for action in ("/session/extend", "/account/sign-out"):
        assert customer.client.post(f"{action}?kind=hub", data={"csrf_token": customer.token}).status_code == 409
    assert hub.row.ended_at is None


def _set_lifetime(app: Flask, clock: MovableClock, minutes: int) -> None:
    with app.extensions["portal"].database.writing() as db:
        change_settings(db, {"session_lifetime_minutes": minutes}, by=Actor(), now=clock.now())


@pytest.mark.both_databases
def test_new_lifetime_applies_to_new_sessions_at_once(
    app: Flask, open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    _set_lifetime(app, clock, 60)
    assert open_browser().expires_at == START + timedelta(minutes=60)


def test_live_session_gets_a_longer_lifetime_when_it_renews(
    app: Flask, open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    browser = open_browser()
    _set_lifetime(app, clock, 60)
    clock.advance(minutes=20)
    browser.client.get("/")
    assert browser.expires_at == START + timedelta(minutes=30)
    clock.advance(seconds=1)
    browser.client.get("/")
    assert browser.expires_at == clock.now() + timedelta(minutes=60)
    assert browser.row.idle_timeout_s == 3600
    clock.advance(minutes=40)
    browser.client.get("/")
    assert browser.expires_at == START + timedelta(minutes=80, seconds=1)


def test_shorter_lifetime_never_shortens_a_live_session(
    app: Flask, open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    browser = open_browser()
    _set_lifetime(app, clock, 10)
    deadline = START + timedelta(minutes=30)
    for minutes in (0, 10, 19):
        clock.set(START + timedelta(minutes=minutes))
        browser.client.get("/")
        browser.client.post("/session/extend", data={"csrf_token": browser.token})
        assert browser.expires_at == deadline
    clock.set(START + timedelta(minutes=21))
    browser.client.get("/")
    assert browser.expires_at == START + timedelta(minutes=31)
    assert browser.row.idle_timeout_s == 600


def test_renewal_stops_at_the_absolute_limit(
    app: Flask, open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    with app.extensions["portal"].database.writing() as db:
        change_settings(db, {"absolute_limit_hours": 1}, by=Actor(), now=clock.now())
    browser = open_browser()
    for minutes in (21, 42):
        clock.set(START + timedelta(minutes=minutes))
        browser.client.get("/")
    assert browser.expires_at == START + timedelta(hours=1)
    clock.set(START + timedelta(minutes=59))
    page = browser.client.get("/").text
    assert browser.expires_at == START + timedelta(hours=1)
    assert 'data-can-extend="no"' in page
    clock.set(START + timedelta(hours=1))
    assert "as long as we allow" in browser.client.get("/session/ended").text


def test_absolute_limit_of_zero_means_no_limit(
    app: Flask, open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    with app.extensions["portal"].database.writing() as db:
        change_settings(db, {"absolute_limit_hours": 0}, by=Actor(), now=clock.now())
    browser = open_browser()
    assert browser.row.absolute_end_at is None
    for _ in range(60):
        clock.advance(minutes=25)
        browser.client.get("/")
    assert browser.expires_at == clock.now() + timedelta(minutes=30)
