"""A worker sweeps thousands of expired sessions while people work: how long each of its locks lasts."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from statistics import median
from threading import Event, Thread
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event, func, insert, or_, select

from portal.commands.worker import Worker
from portal.sessions.models import SessionRow
from portal.sessions.operations import CLOSED_AFTER
from portal.sessions.rules import EXPLAINED_FOR
from portal.tokens import new_token, token_hash
from tests.bench.load import Asked, apply
from tests.bench.requests import AUTOSAVE, POLL, guest_asks
from tests.bench.server import PORTAL, running

MOST_LOCKED_S = 0.05
BROWSERS, PAUSE_S = 4, 0.05
"""About seventy requests a second, half of them saves: what some two thousand people cause who type."""
LIVE, MOST_ROUNDS = 100, 100
LONG, LEFT, TOUCHED, FAILED = NEVER = (
    "locks of the worker that lasted over 50 ms",
    "expired sessions that were left",
    "live sessions that were touched",
    "requests that failed meanwhile",
)
"""The figures that must be 0."""


class Locks:
    """How long the writing transactions of one engine last, in seconds: from the lock to the end of the commit."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._began: dict[object, float] = {}

    def begun(self, connection: Any) -> None:
        if connection.get_execution_options().get("portal_writes"):
            self._began[connection.connection.driver_connection] = time.perf_counter()

    def ended(self, driver_connection: Any, _record: object) -> None:
        if began := self._began.pop(driver_connection, None):
            self.seconds.append(time.perf_counter() - began)


@contextmanager
def timed(engine: Engine) -> Iterator[Locks]:
    """Time the writing transactions of this engine."""
    locks = Locks()
    # Begins before the portal's own listener, which waits for SQLite's lock; ends when the connection is back.
    listeners: list[tuple[str, Callable[..., None]]] = [("begin", locks.begun), ("checkin", locks.ended)]
    for name, listener in listeners:
        event.listen(engine, name, listener)
    yield locks
    for name, listener in listeners:
        event.remove(engine, name, listener)


def sweep_under_load(app: Flask, environ: dict[str, str], number: int) -> Counter[str]:
    """Close `number` sessions and delete as many more, while browsers save and poll on a server beside it."""
    _fill(app, number)
    guests = [guest_asks(app) for _ in range(BROWSERS)]
    living = _live(app)
    asked = [guest[name] for guest, name in zip(guests, [AUTOSAVE, POLL] * BROWSERS, strict=False)]
    engine = app.extensions["portal"].database.engine
    with running(PORTAL, "/healthz", **environ) as server, _loaded(asked, server.port) as seen, timed(engine) as locks:
        _sweep(app)
    milliseconds = [seconds * 1000 for seconds in locks.seconds]
    return seen + Counter(
        {
            LONG: sum(seconds > MOST_LOCKED_S for seconds in locks.seconds),
            LEFT: _expired(app),
            TOUCHED: abs(living - _live(app)),
            "sessions swept": 2 * number,
            "locks": len(locks.seconds),
            "lock, median in ms": round(median(milliseconds)),
            "lock, longest in ms": round(max(milliseconds)),
        }
    )


def _fill(app: Flask, number: int) -> None:
    """Add `number` sessions that just expired, as many that nobody needs any more, and some that live."""
    parts = app.extensions["portal"]
    now = parts.clock.now()
    just_over, long_over = now - CLOSED_AFTER - timedelta(minutes=1), now - EXPLAINED_FOR - timedelta(days=2)
    instants = [just_over] * number + [long_over] * number + [now + timedelta(hours=1)] * LIVE
    with parts.database.writing() as db:
        db.execute(insert(SessionRow), [_row(expires_at) for expires_at in instants])


def _row(expires_at: datetime) -> dict[str, object]:
    return {
        "kind": "customer",
        "token_hash": token_hash(new_token()),
        "csrf_secret": new_token(),
        "guest_id": new_token(),
        "idle_timeout_s": 1800,
        "started_at": expires_at - timedelta(hours=1),
        "expires_at": expires_at,
    }


@contextmanager
def _loaded(asked: list[Asked], port: int) -> Iterator[Counter[str]]:
    """Let browsers send requests until the end of the block; yield how many failed and were answered."""
    seen, is_over = Counter[str](), Event()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as aside:
        aside.submit(apply, asked, 1.0, port, pause_s=PAUSE_S).result()
        asking = Thread(target=_ask, args=(seen, is_over, asked, port, aside))
        asking.start()
        yield seen
        is_over.set()
        asking.join()


def _ask(seen: Counter[str], is_over: Event, asked: list[Asked], port: int, aside: ProcessPoolExecutor) -> None:
    while not is_over.is_set():
        try:
            seen["requests meanwhile"] += aside.submit(apply, asked, 1.0, port, pause_s=PAUSE_S).result().count
        except (OSError, ValueError):
            seen[FAILED] += 1


def _sweep(app: Flask) -> None:
    """Do what a `flask worker` does, round after round, until nothing is left."""
    stop = Event()
    with app.app_context():
        worker = Worker(app.extensions["portal"])
        for _ in range(MOST_ROUNDS):
            worker.work_once(stop)
            if not _expired(app):
                return


def _expired(app: Flask) -> int:
    now = app.extensions["portal"].clock.now()
    is_open = SessionRow.ended_at.is_(None) & (SessionRow.expires_at <= now - CLOSED_AFTER)
    is_old = SessionRow.expires_at < now - EXPLAINED_FOR - timedelta(days=1)
    with app.extensions["portal"].database.reading() as db:
        return db.scalar(select(func.count()).select_from(SessionRow).where(or_(is_open, is_old))) or 0


def _live(app: Flask) -> int:
    is_live = SessionRow.ended_at.is_(None) & (SessionRow.expires_at > app.extensions["portal"].clock.now())
    with app.extensions["portal"].database.reading() as db:
        return db.scalar(select(func.count()).select_from(SessionRow).where(is_live)) or 0
