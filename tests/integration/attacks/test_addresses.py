"""Being led to another site: by the next page, by a host's name, by a forwarded address."""

from base64 import b64encode
from contextlib import nullcontext
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal.app import create_app
from portal.audit import AuditEvent
from portal.config import read_configuration
from portal.errors import ConfigurationError
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.journeys import housing
from tests.people import PASSWORD, add_person
from tests.post import letters

pytestmark = pytest.mark.one_database
ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/%09/evil.example",
    "/\n/evil.example",
    "https://evil.example/account",
    "https:evil.example",
    "javascript:alert(1)",
    "/account@evil.example",
    "/resume/..//evil.example",
    "/resume/%2e%2E//evil.example",
    "/account/confirm/x/../..//evil.example",
    "/resume/x//evil.example",
    "/account\r\nX-Evil: yes",
    " //evil.example",
    "/account/sign-out",
    "//localhost@evil.example/account",
]


def test_signing_in_never_leads_to_another_site(app: Flask, citizen: Citizen) -> None:
    add_person(app)
    for target in ELSEWHERE:
        citizen.open("/account/sign-in")
        answer = citizen.send("Sign in", email="ada@mail.example", password=PASSWORD, next=target)
        assert (answer.status_code, answer.location) == (303, "/account"), target
        assert "X-Evil" not in answer.headers, target
        again = citizen.client.get("/account/sign-in", query_string={"next": target})
        assert again.status_code == 200, target
        claimed = citizen.client.get("/account/claim", query_string={"next": target})
        assert claimed.location == "/account", target


@pytest.mark.parametrize("role", ["citizen", "staff", "administrator"])
def test_signing_in_never_leads_to_a_page_closed_to_the_role(app: Flask, citizen: Citizen, role: str) -> None:
    add_person(app, role=role)
    homes = {"citizen": "/account", "staff": "/hub", "administrator": "/admin/self"}
    own_pages = {"administrator": ("/admin/self", "/hub")}.get(role, (homes[role],))
    for wanted in ("/hub", "/admin/self/site-settings/general", "/account"):
        citizen.open("/account/sign-in")
        answer = citizen.send("Sign in", email="ada@mail.example", password=PASSWORD, next=wanted)
        own = wanted.startswith(own_pages)
        assert answer.location == (wanted if own else homes[role])


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:80@evil.example", "evil.example:8000", "", "[", "a b"]
)
def test_request_for_another_host_name_is_refused(app: Flask, host: str) -> None:
    for address in ("/", "/account", "/account/sign-in", "/resume//x"):
        answer = app.test_client().get(address, headers={"Host": host})
        assert answer.status_code == 400, address
        assert "evil.example" not in answer.text + str(answer.headers), address


@pytest.mark.parametrize(
    ("environ", "host", "status"),
    [
        ({"BASE_URL": "http://[::1]:8000"}, "[::1]:8000", 200),
        ({"BASE_URL": "http://[::1]:8000"}, "[::2]:8000", 400),
        ({"BASE_URL": "http://[::1]:8000"}, "[::1]evil.example", 400),
        ({"BASE_URL": "https://[2001:DB8::7]"}, "[2001:db8::7]", 200),
        ({"TRUSTED_HOSTS": "portal.example.org, [2001:db8::7]"}, "[2001:db8::7]:8443", 200),
        ({"TRUSTED_HOSTS": "portal.example.org"}, "[::1]", 400),
    ],
)
def test_portal_answers_to_its_ipv6_addresses_and_no_others(
    migrated_sqlite: Path, tmp_path: Path, environ: dict[str, str], host: str, status: int
) -> None:
    (tmp_path / "portal.sqlite3").write_bytes(migrated_sqlite.read_bytes())
    app = create_app(read_configuration({"DATA_DIR": str(tmp_path), **environ}))
    assert app.test_client().get("/", headers={"Host": host}).status_code == status
    app.extensions["portal"].database.close()


@pytest.mark.usefixtures("demo_forms")
def test_mailed_links_take_their_host_from_the_configuration_alone(app: Flask, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    citizen.open(f"{draft}/save")
    token = citizen.page.value("csrf_token")
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.example"}
    data = {"csrf_token": token, "email": "zoe@mail.example"}
    assert citizen.client.post(f"{draft}/save", data=data, headers=headers).status_code == 303
    (letter,) = letters(app)
    assert any(line.startswith("http://127.0.0.1:8000/resume/") for line in letter.lines)
    assert not any("evil" in line for line in letter.lines)


@pytest.mark.parametrize(("proxies", "seen"), [("0", "127.0.0.1"), ("1", "192.0.2.9")])
def test_a_forwarded_address_is_believed_from_configured_proxies_only(
    database_url: str, tmp_path: Path, clock: MovableClock, proxies: str, seen: str
) -> None:
    environment = {"DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "TRUSTED_PROXIES": proxies}
    app = create_app(read_configuration(environment), clock=clock)
    citizen = Citizen(app)
    token = citizen.open("/account/sign-in").value("csrf_token")
    data = {"csrf_token": token, "email": "nobody@mail.example", "password": "wrong password"}
    citizen.client.post("/account/sign-in", data=data, headers={"X-Forwarded-For": "192.0.2.9"})
    database = app.extensions["portal"].database
    with database.reading() as db:
        assert db.scalars(select(AuditEvent.address)).all() == [seen]
    database.close()


@pytest.mark.parametrize(("address", "taken"), [("http://portal.example.org", False), ("http://127.0.0.1:8000", True)])
def test_plain_http_outside_loopback_is_refused_in_production(tmp_path: Path, address: str, taken: bool) -> None:
    keys = {"SECRET_KEY": "s" * 32, "ANSWER_KEYS": "k1:" + b64encode(b"k" * 32).decode()}
    production = {"ENVIRONMENT": "production", "DATA_DIR": str(tmp_path), "MAIL_URL": "smtp://localhost", **keys}
    assert read_configuration(production | {"BASE_URL": "https://portal.example.org"}).base_url
    with nullcontext() if taken else pytest.raises(ConfigurationError, match="https:// in production"):
        assert read_configuration(production | {"BASE_URL": address}).base_url == address
