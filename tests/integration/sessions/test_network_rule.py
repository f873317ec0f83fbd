"""A session whose requests come from another network: recorded, asked for the password again, or ended."""

import re
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from flask import Flask, request
from sqlalchemy import select
from werkzeug.serving import make_server

from portal.accounts.operations import create_account
from portal.accounts.passwords import hash_password
from portal.accounts.rules import parse_email_address
from portal.app import create_app
from portal.audit import Actor, AuditEvent
from portal.config import Configuration
from portal.db import Database
from portal.sessions.models import ParkedValues, SessionRow
from portal.sessions.queries import live_sessions
from portal.site_settings.operations import change_settings
from portal.web.addresses import remote_network
from portal.web.declarations import Access, Activity, access, activity
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.journeys import housing

ZOE, PASSWORD = "zoe@mail.example", "a long password"
HOME, CAFE = "198.51.100.7", "203.0.113.9"
LATE = housing.HOME | {"address__line_1": "2 Other Street"}


@pytest.fixture
def set_rule(database: Database, clock: MovableClock) -> Callable[..., None]:
    def change(**values: str) -> None:
        with database.writing() as db:
            change_settings(db, values, by=Actor(), now=clock.now())

    return change


@pytest.fixture
def section(demo_forms: None, citizen: Citizen, database: Database, clock: MovableClock) -> str:
    """Open a section as Zoë, signed in at home; return its address."""
    with database.writing() as db:
        hashed = hash_password(PASSWORD)
        create_account(db, parse_email_address(ZOE), "citizen", password_hash=hashed, by=Actor(), now=clock.now())
    citizen.client.environ_base["REMOTE_ADDR"] = HOME
    citizen.open("/account/sign-in")
    citizen.press("Sign in", email=ZOE, password=PASSWORD)
    address = f"{housing.start(citizen)}/home"
    citizen.open(address)
    return address


def move(citizen: Citizen, to: str = CAFE) -> None:
    citizen.client.environ_base["REMOTE_ADDR"] = to


def audited(database: Database) -> list[str]:
    with database.reading() as db:
        return [each for each in db.scalars(select(AuditEvent.action)) if "network" in each]


def test_change_of_network_is_recorded_once_and_disturbs_nobody(
    citizen: Citizen, section: str, database: Database
) -> None:
    move(citizen)
    assert citizen.open(section).status == 200
    assert citizen.press("Continue", **housing.HOME).path != section
    assert audited(database) == ["network_changed"]


def test_session_ended_by_network_says_why_and_keeps_typed_text(
    citizen: Citizen, section: str, set_rule: Callable[..., None], database: Database
) -> None:
    set_rule(customer_network_rule="end")
    move(citizen)
    page = citizen.press("Continue", **LATE)
    assert (page.status, page.heading) == (403, "We have not received your form.")
    assert "Kept for you" in page
    ended = citizen.open("/session/ended")
    assert "Your internet connection changed" in ended
    assert CAFE not in ended.text
    assert HOME not in ended.text
    assert audited(database) == ["session_ended_by_network"]
    citizen.open("/account/sign-in")
    citizen.press("Sign in", email=ZOE, password=PASSWORD)
    assert citizen.open(section).value("address-line_1") == "2 Other Street"


def test_htmx_request_is_redirected_to_the_end_page(
    citizen: Citizen, section: str, set_rule: Callable[..., None]
) -> None:
    set_rule(customer_network_rule="end")
    move(citizen)
    answer = citizen.client.get(section, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/session/ended")


def test_page_comes_back_after_the_password_is_entered(
    citizen: Citizen, section: str, set_rule: Callable[..., None]
) -> None:
    set_rule(customer_network_rule="password")
    move(citizen)
    page = citizen.open(section)
    assert page.path == "/account/again"
    page = citizen.press("Continue", password=PASSWORD)
    assert (page.path, page.status) == (section, 200)
    assert citizen.open("/account").status == 200


def test_form_sent_before_the_password_is_kept_and_not_executed(
    citizen: Citizen, section: str, set_rule: Callable[..., None], database: Database
) -> None:
    set_rule(customer_network_rule="password")
    move(citizen)
    page = citizen.press("Continue", **LATE)
    assert (page.status, page.heading) == (403, "Your internet connection changed")
    assert "We have kept what you typed." in page
    with database.reading() as db:
        assert len(db.scalars(select(ParkedValues)).all()) == 1
    citizen.open(page.links["Enter your password"])
    page = citizen.press("Continue", password=PASSWORD)
    assert page.path == section
    assert "We kept what you typed. You have not sent it yet." in page
    assert page.value("address-line_1") == "2 Other Street"


def test_return_to_the_first_network_needs_no_password(
    citizen: Citizen, section: str, set_rule: Callable[..., None]
) -> None:
    set_rule(customer_network_rule="password")
    move(citizen)
    citizen.open(section)
    move(citizen, HOME)
    assert citizen.open(section).path == section


@pytest.mark.parametrize("rule", ["password", "end"])
def test_guest_comes_back_by_reference_and_code_instead_of_a_password(
    demo_forms: None, citizen: Citizen, set_rule: Callable[..., None], rule: str
) -> None:
    set_rule(customer_network_rule=rule)
    move(citizen, HOME)
    draft = housing.start(citizen)
    slip = re.findall(r'slip__value">([^<]+)<', citizen.open(draft).text)
    move(citizen)
    assert citizen.open(draft).path == "/session/ended"
    citizen.open("/resume")
    page = citizen.press("Continue your form", reference=slip[0], return_code=slip[1])
    assert page.path.startswith(draft)


@pytest.mark.parametrize(("one", "other"), [("10.20.1.1", "10.20.9.9"), ("2001:db8:a::1", "2001:db8:a:9::1")])
def test_listed_networks_count_as_one(
    demo_forms: None, citizen: Citizen, set_rule: Callable[..., None], one: str, other: str
) -> None:
    set_rule(customer_network_rule="end", known_networks="10.20.0.0/16 2001:db8:a::/48")
    move(citizen, one)
    draft = housing.start(citizen)
    move(citizen, other)
    assert citizen.open(draft).path == draft


def test_signing_out_asks_for_no_password(citizen: Citizen, section: str, set_rule: Callable[..., None]) -> None:
    citizen.open(section)
    set_rule(customer_network_rule="password")
    move(citizen)
    assert citizen.press("Sign out").path == "/session/ended"


@pytest.mark.parametrize("rule", ["password", "end"])
def test_no_page_shows_anything_of_a_person_to_another_network(
    app: Flask, citizen: Citizen, section: str, set_rule: Callable[..., None], rule: str
) -> None:
    """Ask on every page without a value in its address, and on a form's own."""
    citizen.open("/account/name")
    citizen.press("Save name", name="Zoe Findlater")
    assert "Zoe Findlater" in citizen.open("/")
    set_rule(customer_network_rule=rule)
    move(citizen)
    cookie = citizen.client.get_cookie("session_customer")
    assert cookie is not None
    reference = section.split("/")[2]
    pages = [found.rule for found in app.url_map.iter_rules() if "GET" in (found.methods or ()) and not found.arguments]
    told = []
    for path in [*pages, "/forms/housing-support"]:
        citizen.client.set_cookie("session_customer", cookie.value)
        text = citizen.get(path).text
        told += [path] if "Findlater" in text or (reference in text and path != "/session/ended") else []
    assert told == []


def test_poll_and_stay_signed_in_ask_another_network_for_the_password(
    citizen: Citizen, section: str, set_rule: Callable[..., None], newest_session: Callable[[], SessionRow]
) -> None:
    token, before = citizen.page.value("csrf_token"), newest_session().expires_at
    set_rule(customer_network_rule="password")
    move(citizen)
    answer = citizen.get(
        "/session/poll", headers={"HX-Request": "true", "HX-Current-URL": f"http://localhost{section}"}
    )
    wanted = f"/account/again?kind=customer&next={section.replace('/', '%2F')}"
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, wanted)
    assert citizen.post("/session/extend", {"csrf_token": token, "next": section}).status_code == 403
    assert newest_session().expires_at == before


@pytest.mark.both_databases
def test_session_that_waits_for_the_password_is_renewed_by_nothing_but_the_right_one(
    citizen: Citizen,
    section: str,
    set_rule: Callable[..., None],
    newest_session: Callable[[], SessionRow],
    clock: MovableClock,
) -> None:
    set_rule(customer_network_rule="password")
    before = newest_session().expires_at
    clock.advance(minutes=25)
    move(citizen)
    page = citizen.open("/account/again")
    assert (page.status, newest_session().expires_at) == (200, before)
    page = citizen.press("Continue", password="a wrong password")
    assert (page.status, newest_session().expires_at) == (422, before)
    assert ZOE not in page.text
    page = citizen.press("Continue", password=PASSWORD)
    assert page.path == "/account/security"
    assert ZOE in page.text


@pytest.mark.parametrize("rule", ["password", "end"])
def test_sign_out_from_another_network_ends_the_session(
    citizen: Citizen, section: str, set_rule: Callable[..., None], newest_session: Callable[[], SessionRow], rule: str
) -> None:
    token = citizen.page.value("csrf_token")
    set_rule(customer_network_rule=rule)
    move(citizen)
    assert citizen.post("/account/sign-out", {"csrf_token": token}).status_code == 303
    assert newest_session().end_reason == ("signed_out" if rule == "password" else "network")


@pytest.mark.parametrize("rule", ["password", "end"])
def test_return_code_on_another_network_opens_a_guests_session_and_never_the_persons(
    citizen: Citizen, section: str, set_rule: Callable[..., None], database: Database, app: Flask, rule: str
) -> None:
    guest = Citizen(app)
    slip = re.findall(r'slip__value">([^<]+)<', guest.open(housing.start(guest)).text)
    set_rule(customer_network_rule=rule)
    move(citizen)
    citizen.open("/resume")
    citizen.press("Continue your form", reference=slip[0], return_code=slip[1])
    assert citizen.page.path.startswith(f"/drafts/{slip[0]}")
    assert citizen.get("/account").status_code == 302
    with database.reading() as db:
        live = live_sessions(db, now=app.extensions["portal"].clock.now())
    assert [row.person_id for row in live if row.person_id] == []


@access(Access.PUBLIC)
@activity(Activity.NONE)
def whoami() -> str:
    """Return the network that this request counts as."""
    return remote_network() + " " + (request.remote_addr or "")


class Hop(BaseHTTPRequestHandler):
    """A proxy that adds where a request came from, as ours do, and passes on what the client claimed before it."""

    origin = ""

    def do_GET(self) -> None:
        claimed = self.headers.get("X-Forwarded-For")
        came = ", ".join(filter(None, (claimed, "198.51.100.77")))
        asked = urllib.request.Request(self.origin + self.path, headers={"X-Forwarded-For": came})  # noqa: S310
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            body = answer.read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_values: object) -> None:
        return


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("hops", "seen"), [(0, "127.0.0.1"), (1, "198.51.100.77")])
def test_address_is_taken_only_from_trusted_proxies(configuration: Configuration, hops: int, seen: str) -> None:
    app: Flask = create_app(replace(configuration, trusted_proxies=hops, trusted_hosts=("127.0.0.1",)))
    app.add_url_rule("/whoami", view_func=whoami)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    hop = HTTPServer(("127.0.0.1", 0), type("OurHop", (Hop,), {"origin": f"http://127.0.0.1:{server.server_port}"}))
    for each in (server, hop):
        threading.Thread(target=each.serve_forever, daemon=True).start()
    forged = {"X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1", "Forwarded": "for=192.0.2.1"}
    try:
        asked = urllib.request.Request(f"http://127.0.0.1:{hop.server_port}/whoami", headers=forged)
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            assert answer.read().decode() == f"{seen} {seen}"
    finally:
        for each in (hop, server):
            each.shutdown()
            each.server_close()
        app.extensions["portal"].database.close()
