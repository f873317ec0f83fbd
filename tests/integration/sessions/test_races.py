"""Requests that overlap: renewals agree on one value, and no end is undone."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask

from portal.db import Database
from portal.sessions.operations import end_session, leave_quiet_path, move_deadline
from portal.sessions.policies import KINDS
from portal.sessions.rules import EndReason
from portal.site_settings.rules import snapshot
from tests.conftest import START, MovableClock
from tests.integration.sessions.conftest import Browser

pytestmark = pytest.mark.both_databases

POLICY = KINDS["customer"].policy(snapshot({}))
AT_ONCE = 20
ROUNDS = 8


def together(*actions: Callable[[], object]) -> list[object]:
    """Run all at the same time; return what each returned."""
    barrier = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        barrier.wait(timeout=10)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return [future.result(timeout=30) for future in [pool.submit(run, action) for action in actions]]


def _client(app: Flask, browser: Browser, kind: str = "customer") -> Callable[[str], int]:
    """Return the client of another tab of the same browser."""
    cookie = browser.client.get_cookie(f"session_{kind}")
    assert cookie is not None

    def get(path: str) -> int:
        client = app.test_client()
        client.set_cookie(f"session_{kind}", cookie.value)
        return client.get(path).status_code

    return get


def test_twenty_pages_loaded_at_once_set_one_deadline(
    app: Flask, open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    browser = open_browser()
    clock.advance(minutes=25)
    tab = _client(app, browser)
    answers = together(*[lambda: tab("/help/sessions")] * AT_ONCE)
    assert answers == [200] * AT_ONCE
    assert browser.expires_at == clock.now() + timedelta(minutes=30)


def test_exactly_one_of_twenty_equal_renewals_writes(database: Database, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    now = START + timedelta(minutes=25)

    def renew() -> object:
        with database.writing() as db:
            return move_deadline(db, browser.id, now + POLICY.idle_timeout, POLICY, now=now)

    assert sorted(map(bool, together(*[renew] * AT_ONCE))) == [False] * (AT_ONCE - 1) + [True]


def test_renewals_out_of_order_never_move_the_deadline_back(
    database: Database, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser()

    def renew(second: int) -> Callable[[], object]:
        now = START + timedelta(minutes=25, seconds=second)

        def action() -> object:
            with database.writing() as db:
                return move_deadline(db, browser.id, now + POLICY.idle_timeout, POLICY, now=now)

        return action

    together(*[renew(second) for second in reversed(range(AT_ONCE))])
    assert browser.expires_at == START + timedelta(minutes=55, seconds=AT_ONCE - 1)


def test_extension_racing_an_end_never_revives_the_session(
    app: Flask, database: Database, open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    for _ in range(ROUNDS):
        browser = open_browser()
        token, now = browser.token, clock.now()

        def extend(browser: Browser = browser, token: str = token) -> object:
            return browser.client.post("/session/extend", data={"csrf_token": token}).status_code

        def end(browser: Browser = browser, now: datetime = now) -> object:
            with database.writing() as db:
                return end_session(db, browser.id, EndReason.STAFF, now=now)

        status, ended = together(extend, end)
        assert ended
        assert status in (303, 403)
        assert browser.row.ended_at == now
        assert browser.client.post("/session/extend", data={"csrf_token": token}).status_code == 403
        assert 'data-state="ended"' in browser.client.get("/session/poll").text


def test_a_page_and_a_sign_out_at_once_leave_the_session_ended(
    app: Flask, open_browser: Callable[..., Browser], clock: MovableClock
) -> None:
    for _ in range(ROUNDS):
        browser = open_browser()
        clock.advance(minutes=25)
        token, tab = browser.token, _client(app, browser)

        def leave(browser: Browser = browser, token: str = token) -> object:
            return browser.client.post("/account/sign-out", data={"csrf_token": token}).status_code

        statuses = together(leave, *[lambda tab=tab: tab("/help/sessions")] * 4)
        assert statuses[0] == 303
        assert browser.row.ended_at == clock.now()
        assert browser.row.end_reason == EndReason.SIGNED_OUT.value


def test_no_write_changes_an_ended_session(database: Database, open_browser: Callable[..., Browser]) -> None:
    """At the deadline itself nothing changes, whatever was asked for: each instant is judged by its arrival."""
    browser = open_browser()
    at_end = START + POLICY.idle_timeout
    before = vars(browser.row) | {"_sa_instance_state": None}
    with database.writing() as db:
        assert not move_deadline(db, browser.id, at_end + POLICY.idle_timeout, POLICY, now=at_end)
        assert not leave_quiet_path(db, browser.id, "/", now=at_end)
        assert not end_session(db, browser.id, EndReason.SIGNED_OUT, now=at_end)
        assert not move_deadline(db, browser.id, START, replace(POLICY, idle_timeout=timedelta(1)), now=START)
    assert vars(browser.row) | {"_sa_instance_state": None} == before
