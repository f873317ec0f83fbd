"""The session's cookie: how it is sent, when it is not, and that a planted one is never accepted."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.config import read_configuration
from portal.sessions.models import SessionRow
from portal.tokens import token_hash
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.sessions.conftest import Browser
from tests.journeys import housing

HTTPS = "https://portal.example.org"
ENDS = ("GET /session/ended", "GET /account", "POST /account/claim", "POST /account/sign-out")
"""Requests whose answers say that the session is over."""


def cookies(answer: TestResponse) -> dict[str, set[str]]:
    """Return the cookies that a response sets: name to flags."""
    found = [cookie.split("; ") for cookie in answer.headers.getlist("Set-Cookie")]
    return {first.partition("=")[0]: set(flags) for first, *flags in found}


def start(citizen: Citizen) -> TestResponse:
    citizen.open("/forms/housing-support")
    return citizen.send("Start now")


@pytest.mark.usefixtures("demo_forms")
def test_cookie_over_plain_http_is_http_only_and_has_no_expiry(citizen: Citizen) -> None:
    assert cookies(start(citizen)) == {"session_customer": {"HttpOnly", "Path=/", "SameSite=Lax"}}


@pytest.fixture
def https_app(database_url: str, tmp_path: Path, clock: MovableClock) -> Iterator[Flask]:
    environment = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url, "BASE_URL": HTTPS}
    app = create_app(read_configuration(environment), clock=clock)
    yield app
    app.extensions["portal"].database.close()


def test_cookies_over_https_are_bound_to_this_host(https_app: Flask) -> None:
    client = https_app.test_client()
    answer = client.get("/account/sign-in", base_url=HTTPS)
    assert cookies(answer) == {"__Host-visitor": {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"}}
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=63072000")
    browser = Browser(https_app, "customer", guest_id="guest")
    cookie = browser.client.get_cookie("__Host-session_customer")
    assert cookie is not None
    browser.client.set_cookie("__Host-session_customer", cookie.value, domain="portal.example.org", secure=True)
    assert 'data-state="active"' in browser.client.get("/session/poll", base_url=HTTPS).text
    out = browser.client.post("/account/sign-out", data={"csrf_token": browser.token}, base_url=HTTPS)
    (deletion,) = (cookie for cookie in out.headers.getlist("Set-Cookie") if "session" in cookie)
    assert deletion.startswith("__Host-session_customer=; ")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=0"} <= set(deletion.split("; "))


def test_form_from_the_plain_http_pages_of_this_host_is_refused(https_app: Flask) -> None:
    """Also behind a proxy that ends TLS without saying so: requests look like plain ones there."""
    browser = Browser(https_app, "customer", guest_id="guest")
    cookie = browser.client.get_cookie("__Host-session_customer")
    assert cookie is not None
    browser.client.set_cookie("__Host-session_customer", cookie.value, domain="portal.example.org", secure=True)
    form = {"csrf_token": browser.token}
    for origin, is_own in (("http://portal.example.org", False), (HTTPS, True)):
        for scheme in ("http", "https"):
            asked = {"base_url": HTTPS, "headers": {"Origin": origin}, "environ_overrides": {"wsgi.url_scheme": scheme}}
            answer = browser.client.post("/session/extend", data=form, **asked)
            assert (answer.status_code == 409) is not is_own, (origin, scheme, answer.status_code)


def test_cookie_over_https_without_the_prefix_is_ignored(https_app: Flask) -> None:
    browser = Browser(https_app, "customer", guest_id="guest")
    cookie = browser.client.get_cookie("__Host-session_customer")
    assert cookie is not None
    other = https_app.test_client()
    other.set_cookie("session_customer", cookie.value, domain="portal.example.org")
    assert 'data-state="ended"' in other.get("/session/poll", base_url=HTTPS).text


@pytest.mark.usefixtures("demo_forms")
def test_the_cookie_is_never_sent_again(
    citizen: Citizen, clock: MovableClock, newest_session: Callable[[], SessionRow]
) -> None:
    draft = housing.start(citizen)
    for minutes in (0, 21, 5, 20):
        clock.advance(minutes=minutes)
        for path in (draft, f"{draft}/about_you", "/", "/session/poll", "/no/such/page"):
            assert not citizen.client.get(path).headers.getlist("Set-Cookie"), path
        citizen.open(f"{draft}/about_you")
        assert not citizen.send("Continue", **housing.ABOUT_YOU).headers.getlist("Set-Cookie")
    assert newest_session().expires_at > clock.now()


@pytest.mark.usefixtures("demo_forms")
@pytest.mark.parametrize("planted", ["", "x" * 43, "chosen-by-somebody-else"], ids=["empty", "long", "chosen"])
def test_a_planted_cookie_never_becomes_a_session(
    citizen: Citizen, newest_session: Callable[[], SessionRow], planted: str
) -> None:
    citizen.client.set_cookie("session_customer", planted)
    start(citizen)
    cookie = citizen.client.get_cookie("session_customer")
    assert cookie is not None
    assert cookie.value != planted
    assert newest_session().token_hash == token_hash(cookie.value)


def test_database_stores_only_a_hash_of_the_cookie(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    cookie = browser.client.get_cookie("session_customer")
    assert cookie is not None
    stored = [str(value) for value in vars(browser.row).values()]
    assert not any(cookie.value in value for value in stored)
    assert len(cookie.value) >= 43


@pytest.mark.usefixtures("demo_forms")
def test_no_address_page_or_log_contains_the_session_id(
    citizen: Citizen, caplog: pytest.LogCaptureFixture, newest_session: Callable[[], SessionRow]
) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "portal.access"):
        draft = housing.start(citizen)
        housing.fill(citizen, draft)
        answers = [citizen.client.get(path) for path in (draft, f"{draft}/check", f"{draft}/save", "/session/poll")]
    cookie = citizen.client.get_cookie("session_customer")
    assert cookie is not None
    secrets = [cookie.value, newest_session().csrf_secret, "Łukasz", "zoe@mail.example"]
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "portal.access" in {record.name for record in caplog.records}
    for secret in secrets:
        assert secret not in logged
    for answer in answers:
        assert cookie.value not in answer.text + str(answer.headers)
        assert newest_session().csrf_secret not in answer.text


def test_session_token_outside_the_cookie_opens_nothing(open_browser: Callable[..., Browser], app: Flask) -> None:
    cookie = open_browser(person_id=1).client.get_cookie("session_customer")
    assert cookie is not None
    for name in ("session_customer", "session", "sid"):
        assert app.test_client().get(f"/account?{name}={cookie.value}").status_code == 302
    assert app.test_client().get("/account", headers={"Authorization": f"Bearer {cookie.value}"}).status_code == 302


def test_only_a_response_that_reports_an_end_changes_the_epoch(
    open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    browser = open_browser(person_id=1)
    for path in ("/", "/session/poll", "/help/sessions", "/no/such/page"):
        assert "epoch" not in cookies(browser.client.get(path)), path
    clock.set(browser.expires_at)
    epochs = set()
    for path in ("GET /session/poll", *ENDS):
        method, _, address = path.partition(" ")
        answer = browser.client.open(address, method=method, data={"csrf_token": browser.token})
        assert cookies(answer)["epoch"] == {"HttpOnly", "Path=/", "SameSite=Lax"}, path
        epochs.add(str(browser.client.get_cookie("epoch")))
    assert len(epochs) == 5
