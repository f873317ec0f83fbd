"""One JSON line a request with its id, and nothing that anybody typed or was sent."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.config import Configuration
from portal.web import logs
from portal.web.declarations import Access, Activity, access, activity

pytestmark = pytest.mark.one_database
SECRET = "ann@example.org 012345"


@contextmanager
def written() -> Iterator[list[dict[str, Any]]]:
    """Record the lines logged within, as a server writes them."""
    root, stream = logging.getLogger(), StringIO()
    before = (root.handlers[:], root.level)
    logs.configure(stream)
    lines: list[dict[str, Any]] = []
    try:
        yield lines
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        logging.captureWarnings(False)
    lines += map(json.loads, stream.getvalue().splitlines())


@access(Access.PUBLIC)
@activity(Activity.NONE)
def fail() -> str:
    """Fail, as a view, with a message that quotes typed text."""
    try:
        raise ValueError(SECRET)
    except ValueError as reason:
        raise RuntimeError(SECRET) from reason


def test_request_is_logged_by_its_route_and_not_its_address(client: FlaskClient) -> None:
    with written() as lines:
        answer = client.get(f"/forms/not-a-form?q={SECRET}")
    (line,) = lines
    assert (line["event"], line["method"], line["route"], line["status"]) == ("request", "GET", "/forms/<slug>", 404)
    assert line["ms"] >= 0
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert "not-a-form" not in json.dumps(line)


def test_request_without_a_route_is_logged_without_its_address(client: FlaskClient) -> None:
    with written() as lines:
        client.get("/nowhere/secret-token")
    assert [line["route"] for line in lines] == [None]


@pytest.mark.parametrize("name", ["fontTools.subset", "alembic", "PIL.Image", "anything"])
def test_libraries_are_heard_from_warnings_on(name: str) -> None:
    with written() as lines:
        logging.getLogger(name).info("said %s", SECRET)
        logging.getLogger(name).warning("careful")
    assert [line["event"] for line in lines] == ["careful"]


@pytest.mark.parametrize("asked", ["/healthz", "/session/poll?kind=customer"])
def test_what_is_asked_all_the_time_is_not_logged(client: FlaskClient, asked: str) -> None:
    with written() as lines:
        assert client.get(asked).status_code == 200
    assert lines == []


def test_a_poll_that_failed_is_logged(client: FlaskClient) -> None:
    with written() as lines:
        assert client.get("/session/poll?kind=nonsense").status_code == 404
    assert [line["status"] for line in lines] == [404]


@pytest.mark.own_app
def test_failure_is_logged_by_type_and_place_and_never_by_its_message(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/fail", view_func=fail)
    with written() as lines:
        assert client.get("/fail").status_code == 500
    failure, request = lines
    assert [cause["kind"] for cause in failure["failure"]] == ["builtins.ValueError", "builtins.RuntimeError"]
    assert failure["failure"][0]["places"][-1].endswith(" fail")
    assert failure["request_id"] == request["request_id"]
    assert SECRET not in json.dumps(lines)


def test_request_id_from_a_stranger_is_not_used(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "chosen-by-me"}).headers["X-Request-ID"] != "chosen-by-me"


@pytest.mark.parametrize(("given", "is_taken"), [("a1b2c3d4-e5", True), ("short", False), ('x" onload="', False)])
def test_request_id_from_our_proxy_is_used_if_it_is_valid(
    app: Flask, client: FlaskClient, configuration: Configuration, given: str, is_taken: bool
) -> None:
    app.extensions["portal"].configuration = replace(configuration, trusted_proxies=1)
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) is is_taken
