"""What every view of the URL map must declare, and how every access rule treats strangers and forged forms."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from portal.accounts.rules import ROLES
from portal.app import create_app
from portal.config import read_configuration
from portal.sessions.browser_sessions import cookie_name
from portal.sessions.policies import KINDS
from portal.tokens import masked
from portal.web.declarations import (
    BY_PERSON,
    BY_QUERY,
    CUSTOMER,
    Activity,
    Door,
    declaration_of,
)
from portal.web.front import HEADERS
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.people import add_person

NUMBERS = ("session_id", "device_id", "person_id", "number")
VALUES = {
    "reference": "HS-2222-3333",
    "section_id": "about_you",
    "item_id": "abcd2345",
    "token": "x" * 43,
    **dict.fromkeys(NUMBERS, "1"),
}
NEVER_POSTED = frozenset({Activity.LOAD, Activity.NAVIGATE, Activity.POLL})
NEVER_READ = frozenset(Activity) - NEVER_POSTED - {Activity.NONE}
NOTHING_TO_PROTECT = frozenset({"sessions.extend_session", "sessions.choose_language", "accounts.sign_out"})
"""Without a session these change nothing but the language of the pages, so a stranger needs no token."""


@dataclass(frozen=True)
class Route:
    """One address of one view, with values for its parameters."""

    endpoint: str
    path: str
    view: Callable[..., Any]
    is_post: bool

    @property
    def door(self) -> Door:
        return declaration_of(self.view).door

    def __str__(self) -> str:
        return f"{'POST' if self.is_post else 'GET'} {self.path}"


def _routes(app: Flask) -> list[Route]:
    return [_route(app, rule) for rule in app.url_map.iter_rules()]


def _route(app: Flask, rule: Rule) -> Route:
    values = {name: VALUES.get(name, "anything") for name in rule.arguments - set(rule.defaults or {})}
    built = rule.build({**values, **(rule.defaults or {})}, append_unknown=False)
    assert built is not None, rule
    return Route(rule.endpoint, built[1], app.view_functions[rule.endpoint], "POST" in (rule.methods or ()))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Any) -> Iterator[Flask]:
    """Serve one application on SQLite for all tests here: no result depends on the database."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "portal.sqlite3").write_bytes(migrated_sqlite.read_bytes())
    app = create_app(read_configuration({"DATA_DIR": str(folder)}), clock=MovableClock())
    app.config["PROPAGATE_EXCEPTIONS"] = False
    yield app
    app.extensions["portal"].database.close()


@pytest.fixture(scope="module")
def routes(app: Flask) -> list[Route]:
    return _routes(app)


@pytest.fixture
def guarded(routes: list[Route]) -> list[Route]:
    """Return the routes whose access rule asks for a session."""
    return [route for route in routes if route.door.session]


@pytest.fixture
def posts(routes: list[Route]) -> list[Route]:
    return [route for route in routes if route.is_post]


def test_the_url_map_covers_every_feature(routes: list[Route]) -> None:
    features = {route.endpoint.partition(".")[0] for route in routes}
    assert features >= {"drafts", "submissions", "accounts", "sessions", "resume", "hub", "admin", "home", "forms"}


def test_every_view_declares_who_may_call_it(routes: list[Route]) -> None:
    silent = [str(route) for route in routes if not hasattr(declaration_of(route.view), "door")]
    assert not silent


def test_every_view_declares_its_effect_on_the_session(routes: list[Route]) -> None:
    silent = [str(route) for route in routes if not hasattr(declaration_of(route.view), "activity")]
    assert not silent


def test_every_view_takes_either_get_or_post(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        methods = set(rule.methods or ()) - {"OPTIONS"}
        assert methods in ({"GET", "HEAD"}, {"POST"}), rule


def test_views_that_only_read_never_declare_an_action(routes: list[Route]) -> None:
    wrong = [str(route) for route in routes if not route.is_post and declaration_of(route.view).activity in NEVER_READ]
    assert not wrong


def test_views_that_take_posts_never_declare_a_page_view(routes: list[Route]) -> None:
    wrong = [str(route) for route in routes if route.is_post and declaration_of(route.view).activity in NEVER_POSTED]
    assert not wrong


def test_every_access_rule_belongs_to_a_kind_of_session(routes: list[Route]) -> None:
    assert {route.door.kind for route in routes} <= {None, BY_QUERY, BY_PERSON, *KINDS}


def _way_in(route: Route) -> str:
    """Return where strangers come in: to sign in, but for kinds of session that nobody signs in to."""
    kind = KINDS.get(str(route.door.kind))
    return (kind.entered_at if kind else None) or "/account/sign-in"


def test_a_stranger_is_asked_to_sign_in_and_then_returns_to_the_page(app: Flask, guarded: list[Route]) -> None:
    pages = [route for route in guarded if not route.is_post]
    answers = {str(route): app.test_client().get(route.path) for route in pages}
    doors = {str(route): _way_in(route) for route in pages}
    assert len(answers) > 8
    for name, answer in answers.items():
        wanted = f"{doors[name]}?next={quote(name.removeprefix('GET '), safe='')}"
        assert (answer.status_code, answer.location) == (302, wanted), name


def test_a_strangers_script_is_sent_to_sign_in_without_a_redirect(app: Flask, guarded: list[Route]) -> None:
    for route in guarded:
        answer = app.test_client().open(
            route.path, method="POST" if route.is_post else "GET", headers={"HX-Request": "true"}
        )
        assert answer.status_code == 401, route
        assert answer.headers["HX-Redirect"].startswith(_way_in(route)), route
        assert not answer.text, route


def test_posts_from_strangers_are_refused(app: Flask, guarded: list[Route]) -> None:
    posted = [route for route in guarded if route.is_post]
    assert len(posted) > 6
    for route in posted:
        assert app.test_client().post(route.path, data={"_end": "1"}).status_code == 403, route


@pytest.fixture(scope="module")
def people(app: Flask) -> dict[str, int]:
    """Create somebody of each role; return their ids."""
    return {role: add_person(app, f"{role}@mail.example", role).id for role in ROLES}


def _signed_in(app: Flask, people: dict[str, int], door: Door) -> FlaskClient:
    """Return a browser of somebody whom this access rule admits."""
    kind = door.kind if door.kind in KINDS else CUSTOMER
    role = next(iter(door.roles)) if door.roles else "citizen"
    citizen = Citizen(app)
    is_guests = KINDS[str(kind)].entered_at is not None  # nobody signs in to it
    citizen.hold(str(kind), **({"guest_id": "guest"} if is_guests else {"person_id": people[role]}))
    return citizen.client


@pytest.mark.parametrize(
    "token",
    [{}, {"csrf_token": ""}, {"csrf_token": "f" * 80}, {"csrf_token": "ü"}],
    ids=["missing", "empty", "forged", "umlaut"],
)
def test_every_form_refuses_a_missing_or_forged_token_in_a_live_session(
    app: Flask, posts: list[Route], people: dict[str, int], token: dict[str, str]
) -> None:
    assert len(posts) > 12
    for route in posts:
        answer = _signed_in(app, people, route.door).post(route.path, data={**token, "_end": "1"})
        assert answer.status_code in REFUSED.get(route.endpoint, {409}), (route, answer.status_code)
        assert not answer.headers.getlist("Set-Cookie"), route


NOT_FOUND, NOT_YOURS = {404}, {403}
REFUSED = {
    "admin.save_settings": NOT_FOUND,
    "cases.save_case": NOT_FOUND,
    "messages_of_staff.change_thread": NOT_FOUND,
    "signatures.change_signatures": NOT_FOUND,
    "messages_of_staff.save_note": NOT_FOUND,
    "forms.try_page": NOT_FOUND,
    "profile.submit_confirm_email": NOT_FOUND,
    "profile.submit_objection": NOT_FOUND,
    "drafts.save_item": NOT_YOURS,
    "drafts.save_section": NOT_YOURS,
    "messages.write_in_thread": NOT_YOURS,
    "message_guests.use_code": {303},
    "accounts.submit_confirm": NOT_FOUND,
    "accounts.submit_new_password": NOT_FOUND,
    "saving.answer_claim": NOT_YOURS,
    "saving.clear_computer": NOT_YOURS,
    "saving.prove": NOT_YOURS,
    "saving.send_link": NOT_YOURS,
    "resume.use_typed_code": {303},
    "signing.save_questions": NOT_YOURS,
    "signing.sign_form": NOT_YOURS,
    "signing.tell_them": NOT_YOURS,
    "signers.change_signers": NOT_YOURS,
    "submissions.send_form": NOT_YOURS,
}
"""Forms that come back filled in: the tab or link does not exist here, and the draft belongs to nobody."""


@pytest.mark.parametrize("token", [{}, {"csrf_token": "f" * 80}], ids=["missing", "forged"])
def test_every_public_form_refuses_strangers_without_a_token(
    app: Flask, posts: list[Route], token: dict[str, str]
) -> None:
    for route in posts:
        if route.endpoint not in NOTHING_TO_PROTECT:
            answer = app.test_client().post(route.path, data={**token, "_end": "1"})
            assert answer.status_code == 403, route


NOT_HTTP = ("https://localhost", "ftp://localhost", "://localhost")
"""This host, asked in another way than its pages are."""


def test_every_form_refuses_posts_from_another_site(app: Flask, posts: list[Route]) -> None:
    for route in posts:
        for origin in ("https://evil.example", "null", "http://[", "http://localhost.evil.example", *NOT_HTTP):
            answer = app.test_client().post(route.path, data={"_end": "1"}, headers={"Origin": origin})
            assert answer.status_code == 403, (route, origin)
            assert not answer.headers.getlist("Set-Cookie"), (route, origin)


def test_no_number_in_an_address_is_longer_than_the_database_can_compare(app: Flask, people: dict[str, int]) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(rules) >= 6
    for rule in rules:
        view = app.view_functions[rule.endpoint]
        for number in ("9" * 18, "9" * 19, "9" * 5000):
            path = re.sub("<(?!int:)[a-z_]+>", "yaml", re.sub("<int:[a-z_]+>", number, rule.rule))
            client = _signed_in(app, people, declaration_of(view).door)
            answer = client.open(path, method="POST" if "POST" in (rule.methods or ()) else "GET")
            assert answer.status_code < 500, path
            if len(number) > 18:
                assert answer.status_code == 404, (path, answer.status_code)


def test_every_response_forbids_storing_and_has_the_security_headers(app: Flask, routes: list[Route]) -> None:
    for route in routes:
        answer = app.test_client().open(route.path, method="POST" if route.is_post else "GET")
        assert answer.headers["Cache-Control"] == "no-store", route
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'"), route
        assert answer.headers["X-Content-Type-Options"] == "nosniff", route
        assert answer.headers["Server"] == "", route
        wanted = "strict-origin" if VALUES["token"] in route.path else "same-origin"
        assert answer.headers["Referrer-Policy"] == wanted, route
        assert "Refresh" not in answer.headers, route
        assert answer.status_code < 500, route


STATIC_FILE = "/static/css/tokens.css"
STATIC_ANSWERS: dict[int, dict[str, Any]] = {
    200: {},
    206: {"headers": {"Range": "bytes=0-9"}},
    304: {"headers": {"If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"}},
    404: {"path": "/static/css/missing.css"},
    405: {"method": "POST"},
    416: {"headers": {"Range": "bytes=99999999-999999999"}},
}


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8000", "https://portal.example.org"])
def test_every_answer_for_a_static_file_has_the_security_headers(
    tmp_path: Path, migrated_sqlite: Path, base_url: str
) -> None:
    (tmp_path / "portal.sqlite3").write_bytes(migrated_sqlite.read_bytes())
    app = create_app(read_configuration({"DATA_DIR": str(tmp_path), "BASE_URL": base_url}))
    for status, asked in STATIC_ANSWERS.items():
        answer = app.test_client().open(base_url=base_url, **{"path": STATIC_FILE} | asked)
        assert answer.status_code == status
        assert {name: answer.headers.getlist(name) for name in HEADERS if name != "Cache-Control"} == {
            name: [value] for name, value in HEADERS.items() if name != "Cache-Control"
        }, status
        assert len(answer.headers.getlist("Cache-Control")) == 1, status
        assert "Access-Control-Allow-Origin" not in answer.headers, status
        assert ("Strict-Transport-Security" in answer.headers) is base_url.startswith("https"), status
        answer.close()
    app.extensions["portal"].database.close()


@pytest.mark.parametrize("stolen", KINDS)
def test_a_cookie_of_one_kind_of_session_opens_no_route_of_another(
    app: Flask, guarded: list[Route], people: dict[str, int], stolen: str
) -> None:
    """Try it under its own name and that of the other kind, with a form token that is valid for its session."""
    foreign = [route for route in guarded if route.door.kind not in (stolen, BY_PERSON, BY_QUERY)]
    citizen = Citizen(app)
    row = citizen.hold(stolen, person_id=people["administrator"])
    form = {"csrf_token": masked(row.csrf_secret, str(row.id)), "_end": "1"}
    with app.test_request_context():
        names = {kind: cookie_name(KINDS[kind].cookie) for kind in KINDS}
    token = citizen.client.get_cookie(names[stolen]).value
    admitted = []
    for route in foreign:
        for name in (stolen, str(route.door.kind)):
            client = app.test_client()
            client.set_cookie(names[name], token)
            answer = client.post(route.path, data=form) if route.is_post else client.get(route.path)
            if not _is_refused(answer.status_code, answer.location, route):
                admitted.append((str(route), name, answer.status_code, answer.location))
    assert len(foreign) > 15
    assert admitted == []


def _is_refused(status: int, location: str | None, route: Route) -> bool:
    """Return whether a route let nobody in: a page leads to where its kind of session is opened, or does not exist."""
    doors = (_way_in(route), KINDS[str(route.door.kind)].opened_at or "/account/sign-in")
    led_to_a_door = status == 302 and (location or "").startswith(doors)
    return status == 403 if route.is_post else status == 404 or led_to_a_door
