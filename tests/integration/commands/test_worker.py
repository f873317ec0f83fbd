"""The worker delivers and sweeps, a failing sweep stops nothing else, and it ends when told to."""

import threading
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.commands import worker
from portal.commands.worker import BATCHES_AT_ONCE, SWEEPS, Worker, may_sweep, start_in_thread
from portal.config import Configuration
from portal.db import SWEEP_BATCH, Database
from portal.outbox.definition import MAIL, Mail
from portal.outbox.models import Delivery
from portal.outbox.operations import enqueue, forget_delivered, new_public_id
from portal.web.limits import UsedUp, forget_old
from tests.conftest import MovableClock

pytestmark = pytest.mark.both_databases

MAIL_TO_ANN = Mail(sender="a@b.example", recipient="ann@example.org", content="x\n")


@pytest.fixture
def mail_waits(database: Database, configuration: Configuration, clock: MovableClock) -> None:
    ring, payload = configuration.keyring, MAIL_TO_ANN.payload()
    with database.writing() as db:
        enqueue(db, ring, public_id=new_public_id(), kind=MAIL, message="m", payload=payload, now=clock.now())


def work(app: Flask) -> bool:
    with app.app_context():
        return Worker(app.extensions["portal"]).work_once(threading.Event())


def is_sent(database: Database) -> bool:
    with database.reading() as db:
        return db.scalars(select(Delivery)).one().sent_at is not None


def use_up(database: Database, clock: MovableClock) -> None:
    with database.writing() as db:
        db.add(UsedUp(key=b"k" * 32, used_until=clock.now()))
    clock.advance(minutes=1)


def used_up(database: Database) -> int:
    with database.reading() as db:
        return len(db.scalars(select(UsedUp)).all())


@pytest.mark.usefixtures("mail_waits")
def test_waiting_mail_is_delivered(app: Flask, database: Database) -> None:
    assert work(app)
    assert is_sent(database)


def test_expired_limits_are_swept_once_a_minute(app: Flask, database: Database, clock: MovableClock) -> None:
    with app.app_context():
        steady = Worker(app.extensions["portal"])
        use_up(database, clock)
        steady.work_once(threading.Event())
        assert used_up(database) == 0
        use_up(database, clock)
        clock.advance(seconds=-1)
        steady.work_once(threading.Event())
        assert used_up(database) == 1
        clock.advance(seconds=1)
        steady.work_once(threading.Event())
        assert used_up(database) == 0


def test_long_sweep_runs_in_batches_with_mail_between(app: Flask, database: Database, clock: MovableClock) -> None:
    rows = SWEEP_BATCH * BATCHES_AT_ONCE + 1
    with database.writing() as db:
        db.add_all(UsedUp(key=number.to_bytes(32), used_until=clock.now()) for number in range(rows))
    clock.advance(seconds=1)
    with app.app_context():
        steady = Worker(app.extensions["portal"])
        steady.work_once(threading.Event())
        assert used_up(database) == 1
        steady.work_once(threading.Event())
        assert used_up(database) == 0


@pytest.mark.usefixtures("mail_waits")
def test_failing_sweep_stops_neither_mail_nor_other_sweeps(
    app: Flask, database: Database, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_db: Session, *, now: datetime) -> None:
        raise RuntimeError(now)

    monkeypatch.setattr(worker, "SWEEPS", (fail, forget_old))
    use_up(database, clock)
    assert not work(app)
    assert is_sent(database)
    assert used_up(database) == 0


def test_every_sweep_runs_on_an_empty_database(app: Flask) -> None:
    assert forget_delivered in SWEEPS
    assert work(app)


def test_one_worker_sweeps_at_a_time(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("On SQLite writers wait in line.")
    others = Database(database.engine.url.render_as_string(hide_password=False))
    with database.writing() as one, others.writing() as other:
        assert may_sweep(one)
        assert not may_sweep(other)
    others.close()


@pytest.mark.usefixtures("mail_waits")
def test_a_worker_in_a_thread_works_until_it_is_stopped(app: Flask, database: Database) -> None:
    stop = start_in_thread(app)
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "worker")
    while not is_sent(database):
        assert thread.is_alive()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
