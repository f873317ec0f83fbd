"""What the portal takes with N drafts, beside what it takes with a thousand, in one run: `make grow N=1000000`.

Fills a database with drafts and their parts, sessions that live and have ended, sent forms with their cases, messages,
e-mails, and the tombstones of drafts that are over; first for 1000 drafts, then for all. Prints what is there, the
times of requests, the longest hold of the write lock by each sweep, and how many times those of the small database
they are.

SQLite in a folder of the project by default, DATABASE_URL for an empty database of PostgreSQL. On two cores N=100000
takes one minute and 350 MB, N=1000000 four minutes and 3.5 GB.
"""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from statistics import median, quantiles
from time import perf_counter

import click
from flask import Flask
from sqlalchemy import func, select, update

from portal.accounts.queries import person_by_key
from portal.commands.worker import BATCHES_AT_ONCE, SWEEPS, Sweep
from portal.db import Base
from portal.drafts.models import Draft
from portal.hub.rules import CASES_A_PAGE, THREADS_A_PAGE
from portal.messages.models import Thread
from portal.web.declarations import MESSAGES
from tests import threads
from tests.bench.load import Asked
from tests.bench.requests import AUTOSAVE, CONTINUE, POLL, SECTION, Direct, data_folder, guest_asks, prepared_app
from tests.cases import copy_cases
from tests.citizen import Citizen
from tests.grown import add_due, fill
from tests.loan import begin, publish_loan, send
from tests.people import add_person, sign_in

SMALL, USUAL, STEP, DUE = 1000, 100_000, 200, 1000
ROUNDS, TIMES, CARDS = 6, 40, 10
MOST_MS = 20
"""How long a sweep may hold the write lock at most."""
WORD = "hold of "
Times = dict[str, tuple[float, float]]
"""In ms: for each request the time of half and of 95 %; for each sweep the hold of half its batches and the longest."""


def main() -> None:
    """Grow, measure and print."""
    rows = max(SMALL, int(os.environ.get("N") or USUAL) // STEP * STEP)
    busy, processors = os.getloadavg()[0], os.cpu_count()
    click.echo(f"Before: {busy:.1f} programs busy on {processors} processors; all figures grow on a busy machine.")
    with data_folder("grow") as data_dir:
        environ = {name: os.environ[name] for name in ("DATABASE_URL",) if name in os.environ}
        app = prepared_app(environ | {"DATA_DIR": data_dir})
        _require_empty(app)
        publish_loan(app)
        small = _grown(app, 0, SMALL)
        large = _grown(app, SMALL, rows)
        _print_counts(app)
        app.extensions["portal"].database.close()
    _print(small, large, rows)


def _require_empty(app: Flask) -> None:
    """Leave a database in use alone."""
    with app.extensions["portal"].database.reading() as db:
        if db.scalar(select(func.count()).select_from(Draft)):
            raise SystemExit("There are drafts in this database. Name an empty one in DATABASE_URL.")


def _grown(app: Flask, since: int, rows: int) -> Times:
    """Grow the database from `since` to `rows` drafts, and return what the portal takes there."""
    parts, began = app.extensions["portal"], perf_counter()
    fill(parts.database, rows, now=parts.clock.now(), since=since)
    click.echo(f"{rows} drafts, with what belongs to them, in {perf_counter() - began:.0f} s")
    add_due(parts.database, DUE, now=parts.clock.now(), calls=since // SMALL)
    requests = {name: Direct(app, asked) for name, asked in _asked(app, since).items()}
    return _best_times(requests) | {f"{WORD}{sweep.__name__}": _holds(app, sweep) for sweep in SWEEPS}


def _asked(app: Flask, number: int) -> dict[str, Asked]:
    """Return the requests of a guest, a person with as many drafts as a page shows, and a member of staff, all new."""
    guest, person, staff = guest_asks(app), Citizen(app), Citizen(app)
    _sign_in(app, person, f"ada{number}@mail.example", "citizen")
    for _ in range(CARDS):
        begin(person)
    reference = send(person)
    # The cases on the first page of the work list are real, as their customers are shown.
    long_ago = app.extensions["portal"].clock.now() - timedelta(days=3000)
    copy_cases(app, reference, CASES_A_PAGE, prefix=f"TL-{number}", sent_at=long_ago)
    thread = _with_messages(app, person, f"ada{number}@mail.example")
    _sign_in(app, staff, f"mina{number}@mail.example", "staff")
    of_staff, of_person = _cookies(staff, "session_hub"), _cookies(person, "session_customer", "session_messages")
    return {name: guest[name] for name in (SECTION, CONTINUE, AUTOSAVE, POLL)} | {
        "My Requests": Asked(path="/account", headers=of_person),
        "messages": Asked(path="/messages", headers=of_person),
        "thread": Asked(path=f"/messages/{thread}", headers=of_person),
        "work list": Asked(path="/hub", headers=of_staff),
        "overdue": Asked(path="/hub?overdue=yes&assignee=me", headers=of_staff),
        "case": Asked(path=f"/hub/cases/{reference}", headers=of_staff),
        "inbox": Asked(path="/hub/messages", headers=of_staff),
        "inbox, mine": Asked(path="/hub/messages?assignee=me&waits=us", headers=of_staff),
        "thread in the hub": Asked(path=f"/hub/messages/{thread}", headers=of_staff),
    }


def _with_messages(app: Flask, person: Citizen, email: str) -> str:
    """Give a person as many threads as a page of the inbox shows, first in it, and a reply in one; return that one."""
    parts = app.extensions["portal"]
    with parts.database.reading() as db:
        found = person_by_key(db, email)
    assert found is not None
    references = [threads.begin(app, found) for _ in range(THREADS_A_PAGE + 1)]
    threads.reply(app, references[-1], is_visible=True)
    with parts.database.writing() as db:
        waiting = update(Thread).where(Thread.reference.in_(references[:-1]))
        db.execute(waiting.values(due_on=parts.clock.now().date() - timedelta(days=3000)))
    person.hold(MESSAGES, person_id=found.id)
    return references[-1]


def _sign_in(app: Flask, citizen: Citizen, email: str, role: str) -> None:
    add_person(app, email, role)
    sign_in(citizen, email)


def _cookies(citizen: Citizen, *names: str) -> dict[str, str]:
    found = [cookie for name in names if (cookie := citizen.client.get_cookie(name))]
    return {"Cookie": "; ".join(f"{cookie.key}={cookie.value}" for cookie in found)}


def _ms(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return (perf_counter() - began) * 1000


def _best_times(requests: Mapping[str, Direct]) -> Times:
    """Return the times of the best of some rounds in turns, so that other programs on the machine count little."""
    rounds = [{name: _times(request) for name, request in requests.items()} for _ in range(ROUNDS)]
    return {name: min(each[name] for each in rounds) for name in requests}


def _times(request: Direct) -> tuple[float, float]:
    cuts = quantiles((_ms(request.send) for _ in range(TIMES)), n=100)
    return cuts[49], cuts[94]


def _holds(app: Flask, sweep: Sweep) -> tuple[float, float]:
    """Return how long half of the batches of a sweep hold the lock, commit included, and the longest, in ms.

    The first is left out: it reads templates and makes statements, once a process.
    """
    parts, sizes = app.extensions["portal"], [1]

    def batch() -> None:
        with parts.database.writing() as db:
            sizes.append(sweep(db, now=parts.clock.now()))

    held: list[float] = []
    with app.app_context():
        while sizes[-1] and len(held) < BATCHES_AT_ONCE:
            held.append(_ms(batch))
    return median(held[1:]), max(held[1:])


def _print_counts(app: Flask) -> None:
    with app.extensions["portal"].database.reading() as db:
        counts = {
            table.name: db.scalar(select(func.count()).select_from(table)) for table in Base.metadata.sorted_tables
        }
    click.echo("\n" + ", ".join(f"{name} {number}" for name, number in counts.items() if number))


def _print(small: Times, large: Times, rows: int) -> None:
    click.echo(f"\n{'ms':<32}{SMALL:>9} drafts{rows:>17} drafts{'ratio':>15}")
    click.echo(f"{'':<32}{'p50':>8}{'p95':>8}{'p50':>16}{'p95':>8}{'p50':>8}{'p95':>7}   (sweeps: p50, longest)")
    for name, (p50, p95) in large.items():
        before, before_95 = small[name]
        ratios = f"{p50 / before:>8.1f}{p95 / before_95:>7.1f}"
        click.echo(f"{name:<32}{before:>8.2f}{before_95:>8.2f}{p50:>16.2f}{p95:>8.2f}{ratios}")
    longest = max(hold for name, (_, hold) in large.items() if name.startswith(WORD))
    click.echo(f"\nlongest hold: {longest:.1f} ms: aim {MOST_MS} ms: {'met' if longest <= MOST_MS else 'NOT met'}")


if __name__ == "__main__":
    main()
