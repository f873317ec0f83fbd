"""Measure times, processor, statements, bytes, memory and timing leaks in some six minutes; print them with aims."""

import gzip
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import click

from portal.commands.run import PROJECT_ROOT
from tests.bench import costs, doors, journal, long_form, uploads
from tests.bench.load import Answered, Asked, apply
from tests.bench.requests import (
    AUTOSAVE,
    CONTINUE,
    POLL,
    SECTION,
    guest_asks,
    prepared_app,
    send,
    statements,
    thread_ms,
)
from tests.bench.server import HELLO, PORTAL, Server, running

BROWSERS, SECONDS, WARM_SECONDS = 4, 6.0, 1.5
HEADER = f"{'':<16}{'requests/s':>11}{'of hello':>9}{'p50 ms':>9}{'p95 ms':>9}"
HEADER += f"{'CPU ms':>9}{'× hello':>9}{'alone':>8}{'SQL':>5}"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One line of the table."""

    answered: Answered
    cpu_ms: float
    alone_ms: float = 0.0
    sql: int = 0

    def line(self, name: str, hello: "Measured") -> str:
        """Return the line, with its ratios to hello."""
        seen, times = self.answered, self.cpu_ms / hello.cpu_ms
        rates = f"{seen.rate:>11.0f}{seen.rate / hello.answered.rate:>9.1%}{seen.p50_ms:>9.1f}{seen.p95_ms:>9.1f}"
        return f"{name:<16}{rates}{self.cpu_ms:>9.2f}{times:>9.1f}{self.alone_ms:>8.2f}{self.sql:>5}"


def main() -> None:
    """Measure everything and print it."""
    busy, processors = os.getloadavg()[0], os.cpu_count()
    click.echo(f"Before: {busy:.1f} programs busy on {processors} processors; all figures grow on a busy machine.")
    (PROJECT_ROOT / "instance").mkdir(exist_ok=True)
    # Beside the portal's own data and not in /tmp, which may be memory, where a durable commit costs nothing.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=PROJECT_ROOT / "instance") as data_dir:
        _measure_all(data_dir)
    with tempfile.TemporaryDirectory(prefix="bench-log-", dir=PROJECT_ROOT / "instance") as data_dir:
        journal.measure(data_dir)
    with tempfile.TemporaryDirectory(prefix="bench-costs-", dir=PROJECT_ROOT / "instance") as data_dir:
        costs.measure(data_dir)
    with tempfile.TemporaryDirectory(prefix="bench-doors-", dir=PROJECT_ROOT / "instance") as data_dir:
        doors.measure(data_dir)
    with tempfile.TemporaryDirectory(prefix="bench-files-", dir=PROJECT_ROOT / "instance") as data_dir:
        uploads.measure(data_dir)
    with tempfile.TemporaryDirectory(prefix="bench-long-", dir=PROJECT_ROOT / "instance") as data_dir:
        long_form.measure(data_dir)


def _measure_all(data_dir: str) -> None:
    app = prepared_app({"DATA_DIR": data_dir})
    guests = [guest_asks(app) for _ in range(BROWSERS)]
    with ProcessPoolExecutor(BROWSERS) as browsers:
        with running(HELLO, "/") as server:
            hello = _measured([Asked(path="/")] * BROWSERS, server, browsers)
        with running(PORTAL, "/healthz", DATA_DIR=data_dir) as server:
            asked = {name: [guest[name] for guest in guests] for name in guests[0]}
            rows = {name: _measured(each, server, browsers) for name, each in asked.items()}
            memory = server.memory_mb()
    for name, (first, *_) in asked.items():
        rows[name] = replace(rows[name], alone_ms=thread_ms(app, first), sql=statements(app, first))
    page = send(app, guests[0][SECTION]).data
    app.extensions["portal"].database.close()
    _print(hello, rows, page, memory)


def _measured(asked: list[Asked], server: Server, browsers: ProcessPoolExecutor) -> Measured:
    apply(asked, WARM_SECONDS, server.port, browsers)
    before = server.cpu_s()
    answered = apply(asked, SECONDS, server.port, browsers)
    return Measured(answered=answered, cpu_ms=(server.cpu_s() - before) * 1000 / answered.count)


def _print(hello: Measured, rows: dict[str, Measured], page: bytes, memory: list[float]) -> None:
    click.echo(f"{BROWSERS} browsers at once that keep their connection; CPU ms is the server's for one request, while")
    click.echo("they share its processors; alone is one thread of one process with nothing beside it (aims).\n")
    click.echo(HEADER)
    for name, row in {"hello": hello, **rows}.items():
        click.echo(row.line(name, hello))
    click.echo(f"\nThe section page: {len(page)} bytes, {len(gzip.compress(page))} with gzip.")
    click.echo(f"Memory afterwards: {sum(memory):.0f} MB ({' + '.join(f'{each:.0f}' for each in memory)}).\n")
    for name, value, most, unit in _aims(rows, page, memory):
        verdict = "met" if value <= most else "NOT met"
        click.echo(f"{name:<28}{value:>8.2f} {unit:<8}aim {most:g}: {verdict}")


def _aims(rows: dict[str, Measured], page: bytes, memory: list[float]) -> Iterator[tuple[str, float, float, str]]:
    """Yield the aims: a name, the value measured, the most it may be, and the unit."""
    yield "poll", rows[POLL].alone_ms, 0.5, "ms CPU"
    yield "page of 14 fields", rows[SECTION].alone_ms, 5, "ms CPU"
    yield "page of 14 fields", len(page) / 1000, 40, "kB"
    yield "durable save: Continue", rows[CONTINUE].alone_ms, 3, "ms CPU"
    yield "durable save: autosave", rows[AUTOSAVE].alone_ms, 3, "ms CPU"
    yield "poll", rows[POLL].sql, 1, "SQL"
    yield "page of 14 fields", rows[SECTION].sql, 4, "SQL"
    yield "memory of the server", sum(memory), 120, "MB"


if __name__ == "__main__":
    main()
