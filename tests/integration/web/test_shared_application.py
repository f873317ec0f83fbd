"""The application that tests share forgets all that a test did to it, and equals what `create_app` makes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from portal.config import Configuration
from portal.db import Database
from portal.web.counters import Counted
from tests.applications import SharedApplication, build
from tests.conftest import START, MovableClock

pytestmark = pytest.mark.own_app
Arm = Callable[[], Flask]


@pytest.fixture
def arm(app: Flask, database: Database, configuration: Configuration) -> Arm:
    """Return a function that arms one application anew, as for the next test."""
    shared = SharedApplication(app)
    return lambda: shared.arm(configuration, MovableClock(), database)


def set_much(app: Flask) -> None:
    """Leave traces wherever tests do."""
    parts = app.extensions["portal"]
    app.config.update(SECRET_KEY="mine", MINE=True)
    app.extensions["mine"] = object()
    app.extensions["integrations"].adapters = {}
    app.wsgi_app = lambda _environ, _start: [b"mine"]  # type: ignore[method-assign,assignment]
    parts.configuration = replace(parts.configuration, trusted_proxies=1)
    parts.database = Database("sqlite:////nowhere/portal.sqlite3")
    parts.clock.advance(days=1)
    parts.policies = {}
    parts.hooks = replace(parts.hooks, kept_work=lambda _found, _path: None)
    parts.tally.add({Counted(event="mine", kind="customer", day=date(2026, 11, 21)): 1}, now=START)
    assert parts.tally.is_first("mine")


def test_traces_of_one_test_are_gone_in_the_next(arm: Arm, configuration: Configuration, database: Database) -> None:
    app = arm()
    before = app.extensions["portal"]
    policies, hooks = before.policies, before.hooks
    set_much(app)
    app = arm()
    parts = app.extensions["portal"]
    assert app.config["SECRET_KEY"] == configuration.secret_key
    assert "MINE" not in app.config
    assert "mine" not in app.extensions
    assert app.extensions["integrations"].adapters
    assert app.test_client().get("/healthz").data != b"mine"
    assert (parts.configuration, parts.database) == (configuration, database)
    assert parts.clock.now() == START
    assert (parts.policies, parts.hooks) == (policies, hooks)
    assert parts.tally.take() == {}
    assert parts.tally.is_first("mine")


def test_a_route_cannot_be_added_for_the_next_test(arm: Arm) -> None:
    app = arm()
    with pytest.raises(AssertionError, match="can no longer be called"):
        app.add_url_rule("/mine", view_func=set_much)


def test_shared_application_equals_what_create_app_makes(
    arm: Arm, app: Flask, configuration: Configuration, database: Database
) -> None:
    compiled = app.jinja_env.bytecode_cache
    assert isinstance(compiled, FileSystemBytecodeCache)
    made = build(lambda _app: None, compiled, configuration, MovableClock(), database)
    armed = arm()
    assert armed.config == made.config
    assert armed.extensions.keys() == made.extensions.keys()
    assert vars(armed).keys() == vars(made).keys()
    parts, others = vars(armed.extensions["portal"]), vars(made.extensions["portal"])
    anew = ("clock", "tally")
    assert {name: value for name, value in parts.items() if name not in anew} == {
        name: value for name, value in others.items() if name not in anew
    }


def test_shared_application_refuses_a_configuration_with_proxies(
    app: Flask, database: Database, configuration: Configuration
) -> None:
    with pytest.raises(AssertionError, match="call create_app"):
        SharedApplication(app).arm(replace(configuration, trusted_proxies=1), MovableClock(), database)
