"""A request is judged by the instant at which it arrived, and counts once its outcome is known."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.audit import Actor, AuditEvent, record
from portal.db import Database
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, now
from tests.conftest import MovableClock
from tests.integration.sessions.conftest import Browser

pytestmark = pytest.mark.own_app
LEFT = timedelta(seconds=1)
SLOW = "/slow"


@pytest.fixture
def slow(app: Flask, clock: MovableClock) -> Flask:
    """The portal with a form that takes ten minutes, and one that fails in the end."""

    @access(Access.ANY_KIND)
    @activity(Activity.SUBMIT)
    def work() -> str:
        record(db(), "slow_work", by=Actor(), now=now())
        clock.advance(minutes=10)
        return "done"

    @access(Access.ANY_KIND)
    @activity(Activity.SUBMIT)
    def fail() -> str:
        work()
        raise RuntimeError

    app.add_url_rule(SLOW, view_func=work, endpoint="slow", methods=["POST"])
    app.add_url_rule(f"{SLOW}/fail", view_func=fail, endpoint="slow_fail", methods=["POST"])
    return app


def send(browser: Browser, clock: MovableClock, address: str) -> int:
    """Send a form with one second left."""
    clock.set(browser.expires_at - LEFT)
    return browser.client.post(address, data={"csrf_token": browser.token, "_end": "1"}).status_code


def works(database: Database) -> int:
    with database.reading() as reading:
        return reading.scalar(select(func.count()).where(AuditEvent.action == "slow_work")) or 0


def test_request_in_time_is_kept_after_the_deadline_and_renews_from_arrival(
    slow: Flask, open_browser: Callable[..., Browser], clock: MovableClock, database: Database
) -> None:
    browser = open_browser()
    arrival = browser.expires_at - LEFT
    assert send(browser, clock, SLOW) == 200
    assert clock.now() > arrival + LEFT
    assert browser.expires_at == arrival + timedelta(minutes=30)
    assert works(database) == 1


def test_request_that_fails_renews_nothing_and_keeps_nothing(
    slow: Flask, open_browser: Callable[..., Browser], clock: MovableClock, database: Database
) -> None:
    browser = open_browser()
    deadline = browser.expires_at
    assert send(browser, clock, f"{SLOW}/fail") == 500
    assert browser.expires_at == deadline
    assert works(database) == 0
