"""Processes that do the same thing at the same instant, each with an application and a database of its own."""

import multiprocessing
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from flask import Flask
from sqlalchemy import update

from portal.app import create_app
from portal.config import read_configuration
from portal.sessions.models import SessionRow
from portal.web.declarations import Access, Activity, access, activity

SLOW, SLOW_S = "/slow", 0.03
EXPIRE = "expire"
"""Instead of a path: let the time of a session run out, in the table, in the middle of everything."""
STARTS_WITHIN_S, ANSWERS_WITHIN_S = 120, 60


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request of one process."""

    path: str
    cookie: str
    method: str = "POST"
    form: list[tuple[str, str]] = field(default_factory=list)
    session: int = 0
    after_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Told:
    """The response that it got."""

    status: int
    location: str


class Racers:
    """The processes; `together` hands each one request and starts them at once."""

    def __init__(self, pipes: Sequence[Any]) -> None:
        self._pipes = pipes

    def together(self, asks: Sequence[Ask]) -> list[Told]:
        """Send all at the same instant, one by each process; processes left over send none."""
        waiting = [None] * (len(self._pipes) - len(asks))
        for pipe, ask in zip(self._pipes, [*asks, *waiting], strict=True):
            pipe.send(ask)
        return [told for told in map(_received, self._pipes) if told is not None]


def _received(pipe: Any) -> Told | None:
    if not pipe.poll(ANSWERS_WITHIN_S):
        raise TimeoutError("A racing process does not answer.")
    told: Told | None = pipe.recv()
    return told


@contextmanager
def racing(number: int, environ: dict[str, str]) -> Iterator[Racers]:
    """Run `number` processes on one database until the end of the block."""
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(number)
    pipes = [spawn.Pipe() for _ in range(number)]
    processes = [spawn.Process(target=race, args=(environ, barrier, theirs), daemon=True) for _, theirs in pipes]
    for process in processes:
        process.start()
    try:
        for ours, _ in pipes:
            if not ours.poll(STARTS_WITHIN_S):
                raise TimeoutError("A racing process does not start.")
            ours.recv()
        yield Racers([ours for ours, _ in pipes])
    finally:
        for process in processes:
            process.kill()
            process.join()
            process.close()
        for ours, theirs in pipes:
            ours.close()
            theirs.close()


def race(environ: dict[str, str], barrier: Barrier, pipe: Connection) -> None:
    """Run one process: report ready, then send request after request, until it is killed."""
    app = create_app(read_configuration(environ))
    app.add_url_rule(SLOW, "faults.slow", slow)
    pipe.send("ready")
    while True:
        ask: Ask | None = pipe.recv()
        barrier.wait(ANSWERS_WITHIN_S)
        pipe.send(answered(app, ask) if ask else None)


@access(Access.ANY_KIND)
@activity(Activity.LOAD)
def slow() -> str:
    """Answer slowly, and renew the session at the end."""
    threading.Event().wait(SLOW_S)
    return "slow"


def answered(app: Flask, ask: Ask) -> Told:
    """Send one request to this process's application, after a short delay if it asks for one."""
    threading.Event().wait(ask.after_s)
    if ask.path == EXPIRE:
        return expired(app, ask.session)
    data: dict[str, list[str]] = {}
    for name, value in ask.form:
        data.setdefault(name, []).append(value)
    client = app.test_client(use_cookies=False)
    answer = client.open(ask.path, method=ask.method, data=data or None, headers={"Cookie": ask.cookie})
    return Told(status=answer.status_code, location=answer.location or "")


def expired(app: Flask, session: int) -> Told:
    """Set this session's deadline to a second ago."""
    parts = app.extensions["portal"]
    live = update(SessionRow).where(SessionRow.id == session)
    with parts.database.writing() as db:
        db.execute(live.values(expires_at=parts.clock.now() - timedelta(seconds=1)))
    return Told(status=200, location="")
