"""`/metrics`: for operations only, in the format of Prometheus, and naming nobody."""

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from portal.app import create_app
from portal.config import read_configuration
from portal.db import Database
from portal.errors import ConfigurationError
from portal.web.counters import Counted, write_numbers
from tests.conftest import MovableClock

NGINX = Path(__file__).parents[3] / "docs" / "deploy" / "nginx.conf"
TOKEN = "a-token-of-more-than-32-characters"


@pytest.fixture
def numbers(database: Database, clock: MovableClock) -> None:
    today = clock.now().date()
    key = {"kind": "customer", "form": "housing_support"}
    with database.writing() as db:
        for day in (today, today.replace(day=1)):
            write_numbers(db, database, {Counted(event="warning", section="home", day=day, **key): 2})
        write_numbers(db, database, {Counted(event="ended", section='a "quoted"\\', day=today, **key): 1})


@pytest.fixture
def guarded(app: Flask) -> FlaskClient:
    """A client of the same portal with a token in its configuration."""
    parts = app.extensions["portal"]
    object.__setattr__(parts.configuration, "metrics_token", TOKEN)
    return app.test_client()


@pytest.mark.usefixtures("numbers")
def test_metrics_add_up_all_days(client: FlaskClient) -> None:
    answer = client.get("/metrics")
    (family,) = text_string_to_metric_families(answer.text)
    assert answer.mimetype == "text/plain"
    assert (family.name, family.type) == ("portal_session_events", "counter")
    assert [(sample.labels["event"], sample.labels["section"], sample.value) for sample in family.samples] == [
        ("ended", 'a "quoted"\\', 1.0),
        ("warning", "home", 4.0),
    ]
    assert {frozenset(sample.labels) for sample in family.samples} == {frozenset({"event", "kind", "form", "section"})}


def test_empty_portal_has_no_samples(client: FlaskClient) -> None:
    (family,) = text_string_to_metric_families(client.get("/metrics").text)
    assert family.samples == []


@pytest.mark.parametrize(
    ("address", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("10.1.2.3", 200), ("192.168.0.9", 200), ("fd00::1", 200), ("8.8.8.8", 404),
     ("2a00:1450::1", 404), ("nonsense", 404)],
)  # fmt: skip
def test_metrics_answer_only_private_networks(client: FlaskClient, address: str, status: int) -> None:
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == status


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP"]
)
def test_request_through_a_proxy_gets_no_metrics(client: FlaskClient, header: str) -> None:
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404


@pytest.mark.parametrize(
    ("given", "status"),
    [(f"Bearer {TOKEN}", 200), (f"Bearer {TOKEN}x", 404), ("Bearer ", 404), (TOKEN, 404), ("Bearer ümlaut", 404)],
    ids=["right", "longer", "empty", "without its kind", "umlaut"],
)
def test_metrics_from_other_networks_need_the_token(guarded: FlaskClient, given: str, status: int) -> None:
    headers = {"Authorization": given, "X-Forwarded-For": "8.8.8.8"}
    assert guarded.get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize("given", ["Bearer None", "Bearer ", ""])
def test_no_token_works_where_none_is_configured(client: FlaskClient, given: str) -> None:
    headers = {"Authorization": given, "X-Forwarded-For": "8.8.8.8"}
    assert client.get("/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize("token", ["short", "x" * 31, "y" * 40 + " ", "ü" * 40, "z" * 40 + "\n"])
def test_weak_token_is_refused_at_start_up(token: str, tmp_path: object) -> None:
    with pytest.raises(ConfigurationError, match="METRICS_TOKEN"):
        read_configuration({"DATA_DIR": str(tmp_path), "METRICS_TOKEN": token})


def test_good_token_is_accepted_and_never_shown(tmp_path: object) -> None:
    found = read_configuration({"DATA_DIR": str(tmp_path), "METRICS_TOKEN": TOKEN})
    assert found.metrics_token == TOKEN
    assert TOKEN not in repr(found)


def test_metrics_of_two_processes_are_one_sum(app: Flask, client: FlaskClient, clock: MovableClock) -> None:
    other = create_app(app.extensions["portal"].configuration, clock=clock)
    key = Counted(event="parked", kind="customer", day=clock.now().date())
    for each in (app, other):
        each.extensions["portal"].tally.add({key: 3}, now=clock.now())
    other.test_client().get("/metrics")
    (family,) = text_string_to_metric_families(client.get("/metrics").text)
    assert [sample.value for sample in family.samples] == [6.0]
    other.extensions["portal"].database.close()


def test_proxy_denies_the_metrics_address_by_name() -> None:
    (block,) = re.findall(r"location = /metrics \{([^}]*)\}", NGINX.read_text())
    assert block.split() == ["return", "404;"]
