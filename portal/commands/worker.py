"""The work that is done beside requests, and the commands that do it once."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.accounts.known_devices import sweep_devices
from portal.accounts.operations import sweep_tokens
from portal.accounts.second_factors import forget_shown_codes
from portal.accounts.sign_in_steps import sweep_pending
from portal.drafts.counting import close_and_count
from portal.drafts.operations import sweep_drafts
from portal.outbox.delivery import Deliverer, Round
from portal.outbox.operations import forget_delivered
from portal.resume.operations import sweep_codes, sweep_links
from portal.resume.reminders import send_reminders
from portal.sessions.late_forms import sweep_parked
from portal.sessions.operations import sweep_sessions
from portal.storage.upkeep import FileKeeper
from portal.web.app_state import AppState, app_state
from portal.web.counters import write_if_due
from portal.web.limits import forget_old

mail = AppGroup("mail", help="Mail that waits in the outbox.")
logger = logging.getLogger(__name__)
PAUSE_S = 0.5
PAUSE_AFTER_FAILURE_S = 2.0
SWEEP_EVERY = timedelta(minutes=1)
PAUSE_BETWEEN_BATCHES_S = 0.02
"""On SQLite whoever waits to write gets in meanwhile."""
BATCHES_AT_ONCE = 20
"""Of one sweep, before mail has its turn again; then the rest."""
LOCK = int.from_bytes(b"sweeps")
"""The number of the advisory lock on PostgreSQL that lets one worker sweep at a time."""
Duty = Callable[[], object]
Sweep = Callable[..., int]
SWEEPS: tuple[Sweep, ...] = (
    close_and_count,
    sweep_sessions,
    sweep_parked,
    sweep_tokens,
    sweep_pending,
    sweep_devices,
    forget_shown_codes,
    sweep_codes,
    sweep_links,
    send_reminders,
    sweep_drafts,
    forget_old,
    forget_delivered,
)
"""What is done once a minute. Each takes `db` and `now`, deals with one short batch and gives how many there were."""


@mail.command("deliver")
def deliver() -> None:
    """Send what is due."""
    outcome = deliver_once()
    click.echo(f"{outcome.sent} sent, {outcome.failed} failed.")
    if outcome.away:
        click.echo("The mail server does not answer; what waits is kept and tried again.", err=True)


def deliver_once() -> Round:
    """One round with the parts of the running application."""
    parts = app_state()
    return Deliverer(parts.database, parts.configuration, parts.clock).deliver_due()


class Worker:
    """What happens without anybody asking; any number of workers may run side by side."""

    def __init__(self, parts: AppState) -> None:
        self._parts = parts
        self._database = parts.database
        self._clock = parts.clock
        self._deliverer = Deliverer(parts.database, parts.configuration, parts.clock)
        self._swept_at: datetime | None = None
        self._unfinished: tuple[Sweep, ...] = ()

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; a failure is logged and work goes on."""
        pause = 0.0
        while not stop.wait(pause):
            pause = PAUSE_S if self.work(stop) else PAUSE_AFTER_FAILURE_S

    def work(self, stop: threading.Event) -> bool:
        """Do once what is due now; tells whether all went well."""
        duties: list[Duty] = [
            partial(self._deliverer.deliver_due, stop=stop),
            partial(write_if_due, self._parts),
            *self._due_sweeps(stop),
        ]
        return [_succeeds(duty) for duty in duties].count(False) == 0

    def _due_sweeps(self, stop: threading.Event) -> Iterator[Duty]:
        now = self._clock.now()
        if self._swept_at is None or now - self._swept_at >= SWEEP_EVERY:
            self._swept_at, self._unfinished = now, SWEEPS
        waiting, self._unfinished = self._unfinished, ()
        yield from (partial(self._sweep, sweep, now, stop) for sweep in waiting)

    def _sweep(self, sweep: Sweep, now: datetime, stop: threading.Event) -> None:
        for _ in range(BATCHES_AT_ONCE):
            if not self._sweep_batch(sweep, now) or stop.wait(PAUSE_BETWEEN_BATCHES_S):
                return
        self._unfinished += (sweep,)

    def _sweep_batch(self, sweep: Sweep, now: datetime) -> int:
        with self._database.writing() as db:
            return sweep(db, now=now) if has_turn(db) else 0


def _succeeds(duty: Duty) -> bool:
    """Do one duty; its failure is logged and keeps the others from nothing."""
    try:
        duty()
    except Exception:
        logger.exception("The worker failed and goes on")
        return False
    return True


def has_turn(db: Session) -> bool:
    """Whether no other worker sweeps at this moment; on SQLite writers wait in line anyway."""
    if db.connection().dialect.name != "postgresql":
        return True
    return bool(db.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": LOCK}))


def start_in_thread(app: Flask) -> threading.Event:
    """Work in a thread of this process, which ends with it; gives the event that stops it sooner."""
    stop = threading.Event()
    threading.Thread(target=work_for, args=(app, stop), name="worker", daemon=True).start()
    return stop


def work_for(app: Flask, stop: threading.Event) -> None:
    """Work for an application until told to stop."""
    parts = cast("AppState", app.extensions["portal"])
    keeper = FileKeeper(parts.database, parts.configuration, parts.clock)
    threading.Thread(target=keeper.run, args=(stop,), name="files", daemon=True).start()
    with app.app_context():
        Worker(parts).run(stop)


@click.command("worker")
def worker_command() -> None:
    """Deliver mail and sweep until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    work_for(current_app, stop)
