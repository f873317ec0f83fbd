"""Deliveries and sweeps outside requests: by a worker, or once by a command."""

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

from portal.accounts.operations import sweep_tokens
from portal.accounts.remembered import sweep_devices, sweep_former_accounts
from portal.accounts.second_factors import forget_shown_codes
from portal.accounts.sign_in_steps import sweep_pending
from portal.drafts.operations import close_and_count
from portal.messages.operations import sweep_thread_codes
from portal.messages.telling import send_message_reminders, sweep_old_messages, sweep_unsent_messages
from portal.outbox.delivery import Deliverer, Round
from portal.outbox.operations import forget_delivered
from portal.resume.operations import sweep_codes, sweep_drafts
from portal.resume.reminders import send_reminders
from portal.sessions.late_forms import sweep_parked
from portal.sessions.operations import sweep_sessions
from portal.signing.upkeep import expire_invitations, note_refused_invitations, send_signing_reminders
from portal.storage.upkeep import FileKeeper
from portal.web.app_state import AppState, app_state
from portal.web.counters import write_tally
from portal.web.limits import forget_old

mail = AppGroup("mail", help="Send e-mails that wait in the outbox.")
logger = logging.getLogger(__name__)
ROUND_PAUSE_S = 0.5
PAUSE_AFTER_FAILURE_S = 2.0
SWEEP_EVERY = timedelta(minutes=1)
PAUSE_BETWEEN_BATCHES_S = 0.02
"""On SQLite, others can write meanwhile."""
BATCHES_AT_ONCE = 20
"""The most batches of one sweep before e-mail is delivered again; the rest follows."""
LOCK = int.from_bytes(b"sweeps")
"""The number of the advisory lock on PostgreSQL, so that one worker sweeps at a time."""
Job = Callable[[], object]
Sweep = Callable[..., int]
SWEEPS: tuple[Sweep, ...] = (
    close_and_count,
    sweep_sessions,
    sweep_parked,
    sweep_tokens,
    sweep_pending,
    sweep_devices,
    sweep_former_accounts,
    forget_shown_codes,
    sweep_codes,
    send_reminders,
    sweep_drafts,
    send_message_reminders,
    sweep_thread_codes,
    sweep_old_messages,
    sweep_unsent_messages,
    note_refused_invitations,
    send_signing_reminders,
    expire_invitations,
    forget_old,
    forget_delivered,
)
"""What is done once a minute. Each takes `db` and `now`, does one short batch, and returns its size."""


@mail.command("deliver")
def deliver() -> None:
    """Send the e-mails that are due."""
    outcome = deliver_once()
    click.echo(f"{outcome.sent} sent, {outcome.failed} failed.")
    if outcome.away:
        click.echo("The mail server does not answer. The e-mails are kept and tried again.", err=True)


def deliver_once() -> Round:
    """Deliver what is due in one round, and return its result."""
    state = app_state()
    return Deliverer(state.database, state.configuration, state.clock).deliver_due()


class Worker:
    """Delivers and sweeps in the background; any number of workers may run at once."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._database = state.database
        self._clock = state.clock
        self._deliverer = Deliverer(state.database, state.configuration, state.clock)
        self._swept_at: datetime | None = None
        self._unfinished: tuple[Sweep, ...] = ()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; log failures and go on."""
        pause = 0.0
        while not stop.wait(pause):
            pause = ROUND_PAUSE_S if self.work_once(stop) else PAUSE_AFTER_FAILURE_S

    def work_once(self, stop: threading.Event) -> bool:
        """Do once what is due now; return whether all of it succeeded."""
        jobs: list[Job] = [
            partial(self._deliverer.deliver_due, stop=stop),
            self._write_counted,
            *self._due_sweeps(stop),
        ]
        return [_succeeds(job) for job in jobs].count(False) == 0

    def _write_counted(self) -> None:
        if self._state.tally.is_due(self._clock.now()):
            write_tally(self._state)

    def _due_sweeps(self, stop: threading.Event) -> Iterator[Job]:
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
            return sweep(db, now=now) if may_sweep(db) else 0


def _succeeds(job: Job) -> bool:
    """Do one job and return whether it succeeded; log a failure, so that the others are still done."""
    try:
        job()
    except Exception:
        logger.exception("The worker failed and goes on")
        return False
    return True


def may_sweep(db: Session) -> bool:
    """Return whether no other worker is sweeping; on SQLite writers wait for each other anyway."""
    if db.connection().dialect.name != "postgresql":
        return True
    return bool(db.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": LOCK}))


def start_in_thread(app: Flask) -> threading.Event:
    """Start a worker in a thread of this process; return the event that stops it."""
    stop = threading.Event()
    threading.Thread(target=run_worker, args=(app, stop), name="worker", daemon=True).start()
    return stop


def run_worker(app: Flask, stop: threading.Event) -> None:
    """Run a worker and the upkeep of files for an application until `stop` is set."""
    state = cast("AppState", app.extensions["portal"])
    keeper = FileKeeper(state.database, state.configuration, state.clock)
    threading.Thread(target=keeper.run, args=(stop,), name="files", daemon=True).start()
    with app.app_context():
        Worker(state).run(stop)


@click.command("worker")
def worker_command() -> None:
    """Deliver e-mails and delete what has expired, until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    run_worker(current_app, stop)
