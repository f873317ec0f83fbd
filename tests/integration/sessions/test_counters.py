"""What is counted of sessions: each warning once, each end once, and never who it was."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from portal.commands.worker import Worker
from portal.db import Database
from portal.drafts.operations import close_and_count
from portal.sessions.models import SessionRow
from portal.sessions.operations import CLOSED_AFTER
from portal.sessions.rules import EndReason
from portal.web.counters import Counted, CounterRow, write_numbers
from tests.conftest import MovableClock
from tests.counted import counted
from tests.integration.sessions.conftest import Browser
from tests.statements import Statements

Open = Callable[..., Browser]


def of(event: str, kind: str = "customer") -> tuple[str, str, str, str]:
    return (event, kind, "", "")


def leave(browser: Browser, clock: MovableClock, seconds: float) -> None:
    """Move the clock to the instant at which this session has so many seconds left."""
    clock.set(browser.expires_at - timedelta(seconds=seconds))


def sweep(app: Flask) -> None:
    with app.app_context(), app.extensions["portal"].database.writing() as db:
        close_and_count(db, now=app.extensions["portal"].clock.now())


@pytest.mark.parametrize(
    ("left", "expected"), [(121, 0), (120, 1), (61, 1), (60, 0), (1, 0)], ids=["before", "first", "61", "60", "last"]
)
def test_warning_is_counted_in_its_first_half(
    app: Flask, open_browser: Open, clock: MovableClock, left: int, expected: int
) -> None:
    browser = open_browser()
    leave(browser, clock, left)
    browser.client.get("/session/poll")
    assert counted(app).get(of("warning"), 0) == expected


def test_tabs_of_one_session_show_one_warning(app: Flask, open_browser: Open, clock: MovableClock) -> None:
    browser, other = open_browser(), open_browser()
    leave(browser, clock, 100)
    for each in (browser, browser, other, browser):
        each.client.get("/session/poll")
    assert counted(app) == {of("warning"): 2}


def test_warning_after_an_extension_counts_as_a_new_one(app: Flask, open_browser: Open, clock: MovableClock) -> None:
    browser = open_browser()
    for _ in range(2):
        leave(browser, clock, 90)
        browser.client.get("/session/poll")
        browser.client.post("/session/extend", data={"csrf_token": browser.token})
    assert counted(app) == {of("warning"): 2, of("extended"): 2}


def test_refused_extension_is_not_counted(app: Flask, open_browser: Open, clock: MovableClock) -> None:
    browser = open_browser()
    browser.client.post("/session/extend", data={"csrf_token": "forged"})
    leave(browser, clock, 0)
    browser.client.post("/session/extend", data={"csrf_token": browser.token})
    assert of("extended") not in counted(app)


@pytest.mark.parametrize(
    ("told", "expected"),
    [("1", 1), ("9", 9), ("10", 0), ("0", 0), ("-1", 0), ("x", 0), ("²", 0), ("", 0), ("9" * 5000, 0)],
    ids=["one", "most", "too many", "none", "negative", "letter", "superscript", "empty", "endless"],
)
def test_reported_poll_failures_are_capped_at_nine(app: Flask, open_browser: Open, told: str, expected: int) -> None:
    answer = open_browser().client.get("/session/poll", query_string={"lost": told})
    assert answer.status_code == 200
    assert counted(app).get(of("poll_failure"), 0) == expected


@pytest.mark.parametrize(
    "address", ["/drafts/HS-2222-3333/home", "http://[::1", "//", "/drafts/" + "x" * 9000, "http://h/drafts/%00/home"]
)
def test_malformed_page_address_becomes_no_label(app: Flask, open_browser: Open, address: str) -> None:
    answer = open_browser().client.get("/session/poll?lost=1", headers={"HX-Current-URL": address})
    assert answer.status_code == 200
    assert set(counted(app)) == {of("poll_failure")}


def test_poll_without_a_session_counts_nothing(app: Flask) -> None:
    app.test_client().get("/session/poll?lost=5")
    assert counted(app) == {}


def test_poll_is_one_statement_and_writes_nothing_even_when_counted(
    app: Flask, open_browser: Open, database: Database, clock: MovableClock
) -> None:
    browser, sent = open_browser(), []
    warned_at = browser.expires_at - timedelta(seconds=100)
    browser.client.get("/session/poll")
    event.listen(database.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    browser.client.get("/session/poll")
    assert len(sent) == 1
    clock.set(warned_at)
    browser.client.get("/session/poll?lost=1")
    clock.advance(seconds=30)
    browser.client.get("/session/poll")
    assert all(statement.startswith("SELECT") for statement in sent)
    assert len(sent) == 3


def test_the_next_page_writes_what_polls_have_counted(
    open_browser: Open, database: Database, clock: MovableClock, statements: Statements
) -> None:
    browser = open_browser()
    leave(browser, clock, 100)
    browser.client.get("/session/poll")
    clock.advance(seconds=5)
    statements.forget()
    browser.client.get("/healthz")
    assert statements.commits == 0
    browser.client.get("/session/ended")
    assert any("counters" in statement for statement in statements.writes)
    with database.reading() as db:
        assert db.scalar(select(CounterRow.number)) == 1


def test_failed_request_counts_nothing(app: Flask, open_browser: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.sessions.views.session_clock", lambda *_: 1 / 0)
    browser = open_browser()
    headers = {"HX-Request": "true"}
    answer = browser.client.post("/session/extend", data={"csrf_token": browser.token}, headers=headers)
    assert answer.status_code == 500
    assert counted(app) == {}


def test_counts_that_cannot_be_written_are_kept_for_later(
    app: Flask, open_browser: Open, database: Database, clock: MovableClock
) -> None:
    browser = open_browser()
    leave(browser, clock, 100)
    browser.client.get("/session/poll")
    clock.advance(seconds=5)
    with database.writing() as db:
        db.execute(text("ALTER TABLE counters RENAME TO elsewhere"))
    try:
        assert browser.client.get("/session/ended").status_code == 302
    finally:
        with database.writing() as db:
            db.execute(text("ALTER TABLE elsewhere RENAME TO counters"))
    assert counted(app) == {of("warning"): 1}


def test_counts_of_several_processes_add_up(app: Flask, clock: MovableClock) -> None:
    others = [Database(app.extensions["portal"].configuration.database_url) for _ in range(2)]
    keys = [Counted(event=name, kind="customer", day=clock.now().date()) for name in ("warning", "ended", "parked")]
    together = threading.Barrier(2)

    def write(own: Database, mine: list[Counted]) -> None:
        together.wait()
        for _ in range(20):
            with own.writing() as db:
                write_numbers(db, own, dict.fromkeys(mine, 1))

    threads = [threading.Thread(target=write, args=each) for each in zip(others, (keys, keys[::-1]), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in others:
        own.close()
    assert counted(app) == {of("warning"): 40, of("ended"): 40, of("parked"): 40}


def test_end_of_a_session_is_counted_once(app: Flask, open_browser: Open, clock: MovableClock) -> None:
    leave(open_browser(), clock, 0)
    clock.advance(seconds=CLOSED_AFTER.total_seconds())
    sweep(app)
    sweep(app)
    assert counted(app) == {of("ended"): 1}


def test_signed_out_session_is_not_counted_as_timed_out(app: Flask, open_browser: Open, clock: MovableClock) -> None:
    browser = open_browser()
    browser.client.post("/account/sign-out", data={"csrf_token": browser.token})
    clock.advance(days=1)
    sweep(app)
    assert counted(app) == {}


def test_session_is_closed_only_when_none_of_its_requests_can_be_running(
    app: Flask, open_browser: Open, clock: MovableClock
) -> None:
    browser = open_browser()
    leave(browser, clock, -CLOSED_AFTER.total_seconds() + 1)
    sweep(app)
    assert browser.row.ended_at is None
    clock.advance(seconds=1)
    sweep(app)
    assert browser.row.ended_at == browser.expires_at
    assert browser.row.end_reason == EndReason.IDLE.value


def test_a_session_in_grace_stays_open_for_its_form(app: Flask, open_browser: Open, clock: MovableClock) -> None:
    staff = open_browser("hub", person_id=1)
    leave(staff, clock, -7199 - CLOSED_AFTER.total_seconds())
    sweep(app)
    assert staff.row.ended_at is None
    clock.advance(seconds=1)
    sweep(app)
    assert staff.row.ended_at == staff.expires_at
    assert counted(app) == {of("ended", "hub"): 1}


def test_end_at_the_absolute_limit_is_recorded_as_such(app: Flask, open_browser: Open, database: Database) -> None:
    browser = open_browser()
    clock: MovableClock = app.extensions["portal"].clock
    with database.writing() as db:
        row = db.get_one(SessionRow, browser.id)
        row.absolute_end_at = row.expires_at
    leave(browser, clock, -600)
    sweep(app)
    assert browser.row.end_reason == EndReason.ABSOLUTE_LIMIT.value


def test_counted_end_is_explained_as_before(app: Flask, open_browser: Open, clock: MovableClock) -> None:
    browser = open_browser()
    leave(browser, clock, -600)
    before = browser.client.get("/session/ended")
    sweep(app)
    after = browser.client.get("/session/ended")
    assert "You were signed out because your time ran out." in after.text
    assert after.text == before.text
    assert 'data-state="ended"' in browser.client.get("/session/poll").text


def test_worker_counts_ends_and_writes_the_counts(
    app: Flask, open_browser: Open, clock: MovableClock, database: Database
) -> None:
    browser, other = open_browser(), open_browser()
    leave(other, clock, 100)
    other.client.get("/session/poll")
    leave(browser, clock, -600)
    with app.app_context():
        assert Worker(app.extensions["portal"]).work_once(threading.Event())
    with database.reading() as db:
        rows = db.execute(select(CounterRow.event, CounterRow.number).order_by(CounterRow.event)).all()
    assert [tuple(row) for row in rows] == [("ended", 2), ("warning", 1)]


def test_counter_table_has_no_column_for_a_person() -> None:
    assert set(CounterRow.__table__.columns.keys()) == {"event", "kind", "form", "section", "day", "number"}
