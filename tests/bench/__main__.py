"""Measure processor time, rates, statements, bytes and memory beside a bare view; print them in one table with aims.

It takes some three minutes. `make bench PART=doors` measures another part: citizens, costs, doors, journal, long_form
or uploads. `docs/performance.md` says how to read it.
"""

import gzip
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import click

from tests.bench.bare import bare_app
from tests.bench.load import Answered, Asked, apply, failures, more_files, overload
from tests.bench.requests import (
    AUTOSAVE,
    CONTINUE,
    POLL,
    SECTION,
    Direct,
    data_folder,
    guest_asks,
    prepared_app,
    statements,
    thread_ms,
)
from tests.bench.server import BARE, PORTAL, Memory, Server, running

BARE_VIEW = "bare view"
FEW, MANY = 1, 16
ROUNDS, SECONDS, WARM_SECONDS = 3, 1.5, 1.0
KEPT, REST_S = 8_000, 35.0
"""Connections of the overload, nearly as many as two processes take, and seconds until memory is read again: threads
without work end in 30, and what is freed goes back with the next requests."""
YARDSTICK_MS = 0.12
"""The processor time of the bare view on the machine, at rest, for which the aims were set."""
MOST_SQL, MOST_BYTES = {POLL: 1, SECTION: 4}, 40_000
MOST_MS = {POLL: 0.35, SECTION: 2.5, CONTINUE: 2.0, AUTOSAVE: 1.8}
LEAST_POLLS, LEAST_SAVES, MOST_SAVE_MS, MOST_MIB = 0.6, 330, 80, 90


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    cpu_ms: float
    sql: int
    content: bytes
    few: Answered
    many: Answered

    def line(self, name: str, bare: "Row") -> str:
        """Return the line, with its ratios to the bare view."""
        loads = "".join(_load(seen, beside) for seen, beside in ((self.few, bare.few), (self.many, bare.many)))
        sizes = f"{self.sql:>6}{len(self.content):>9}{len(gzip.compress(self.content)):>8}"
        return f"{name:<14}{self.cpu_ms:>8.3f}{self.cpu_ms / bare.cpu_ms:>8.1f}{loads}{sizes}"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The rows of the table, what each process held at several times, and what came of the overload."""

    rows: Mapping[str, Row]
    memory: Mapping[str, Mapping[str, Memory]]
    seen: Mapping[str, int]


def _load(seen: Answered, bare: Answered) -> str:
    return f"{seen.rate:>10.0f}{seen.rate / bare.rate:>8.2f}{seen.p95_ms:>8.1f}"


def main() -> None:
    """Measure everything and print it."""
    more_files()
    busy, processors = os.getloadavg()[0], os.cpu_count()
    click.echo(f"Before: {busy:.1f} programs busy on {processors} processors; all figures grow on a busy machine.\n")
    with data_folder("table") as data_dir:
        measured = _measured(data_dir)
    _print(measured.rows)
    _print_memory(measured)
    click.echo("")
    for name, value, aim, unit, is_met in _aims(measured):
        click.echo(f"{name:<40}{value:>9.2f} {unit:<18}aim {aim:<24} {'met' if is_met else 'NOT met'}")
    click.echo(
        "\nWhat a million drafts change: make grow N=1000000. How many citizens it carries: make bench PART=citizens."
    )


def _measured(data_dir: str) -> Measured:
    app, bare = prepared_app({"DATA_DIR": data_dir}), bare_app(data_dir)
    guests = [guest_asks(app) for _ in range(MANY)]
    with (
        running(BARE, "/", DATA_DIR=data_dir) as beside,
        running(PORTAL, "/healthz", DATA_DIR=data_dir) as server,
    ):
        memory = {"at the start": server.memory()}
        loads = _in_turns(guests, beside, server)
        memory["after the load"] = server.memory()
        seen = overload([guest[name] for guest in guests for name in (POLL, SECTION)], KEPT, server.port)
        memory["after the overload"] = server.memory()
        time.sleep(REST_S)
        apply([guest[SECTION] for guest in guests], SECONDS, server.port)
        memory["after a rest and a few pages"] = server.memory()
    requests = {BARE_VIEW: Direct(bare, Asked(path="/"))}
    requests |= {name: Direct(app, asked) for name, asked in guests[0].items()}
    ms = thread_ms(requests)
    rows = {
        name: Row(
            cpu_ms=ms[name],
            sql=1 if name == BARE_VIEW else statements(app, request),
            content=request.send()[1],
            few=loads[name, FEW],
            many=loads[name, MANY],
        )
        for name, request in requests.items()
    }
    app.extensions["portal"].database.close()
    return Measured(rows=rows, memory=memory, seen=seen)


def _in_turns(guests: list[dict[str, Asked]], beside: Server, server: Server) -> dict[tuple[str, int], Answered]:
    """Return the best of some rounds for each request and number of connections: a busy machine only slows a round."""
    best: dict[tuple[str, int], Answered] = {}
    asked = {BARE_VIEW: [Asked(path="/")] * MANY} | {name: [guest[name] for guest in guests] for name in guests[0]}
    for round_ in range(ROUNDS):
        for name, each in asked.items():
            port = beside.port if name == BARE_VIEW else server.port
            if not round_:
                apply(each, WARM_SECONDS, port)
            for connections in (FEW, MANY):
                seen = apply(each[:connections], SECONDS, port)
                best[name, connections] = max(best.get((name, connections), seen), seen, key=lambda one: one.rate)
    return best


def _print(rows: Mapping[str, Row]) -> None:
    each = f"{'a second':>10}{'× bare':>8}{'p95 ms':>8}"
    click.echo(f"{'':<14}{'one thread':>16}{f'{FEW} connection':>26}{f'{MANY} connections':>26}{'the answer':>23}")
    click.echo(f"{'':<14}{'CPU ms':>8}{'× bare':>8}{each}{each}{'SQL':>6}{'bytes':>9}{'gzip':>8}")
    for name, row in rows.items():
        click.echo(row.line(name, rows[BARE_VIEW]))


def _print_memory(measured: Measured) -> None:
    memory = measured.memory
    click.echo(
        f"\n{'MiB, resident (of it private)':<32}" + "".join(f"{name:>18}" for name in next(iter(memory.values())))
    )
    for when, held in memory.items():
        figures = (f"{each.resident:.1f} ({each.private:.1f})" for each in held.values())
        click.echo(f"{when:<32}" + "".join(f"{figure:>18}" for figure in figures))
    outcomes = ", ".join(f"{count} × {outcome}" for outcome, count in sorted(measured.seen.items()))
    click.echo(f"The overload: {KEPT} kept connections, a request of each at the same time: {outcomes}.")


def _aims(measured: Measured) -> Iterator[tuple[str, float, str, str, bool]]:
    """Yield the aims: a name, the value measured, the aim in words, the unit, and whether it is met.

    Processor time is judged in multiples of the bare view: that holds on any machine.
    """
    rows = measured.rows
    bare = rows[BARE_VIEW]
    for name, most in MOST_MS.items():
        times = rows[name].cpu_ms / bare.cpu_ms
        words = f"≤ {most / YARDSTICK_MS:.1f} ({most:g} ms at {YARDSTICK_MS:g})"
        yield f"{name}, CPU", times, words, "× the bare view", times <= most / YARDSTICK_MS
    for connections, load, beside in ((FEW, rows[POLL].few, bare.few), (MANY, rows[POLL].many, bare.many)):
        share = load.rate / beside.rate
        yield f"poll, rate at {connections}", share, f"≥ {LEAST_POLLS}", "× the bare view", share >= LEAST_POLLS
    for name in (CONTINUE, AUTOSAVE):
        many = rows[name].many
        yield f"{name}, rate at {MANY}", many.rate, f"≥ {LEAST_SAVES}", "a second", many.rate >= LEAST_SAVES
        yield f"{name}, p95 at {MANY}", many.p95_ms, f"≤ {MOST_SAVE_MS}", "ms", many.p95_ms <= MOST_SAVE_MS
    for when in ("after the load", "after a rest and a few pages"):
        held = max(each.resident for name, each in measured.memory[when].items() if name.startswith("worker"))
        yield f"worker, {when}", held, f"≤ {MOST_MIB}", "MiB", held <= MOST_MIB
    for name, most_statements in MOST_SQL.items():
        yield f"{name}, SQL", rows[name].sql, f"≤ {most_statements}", "statements", rows[name].sql <= most_statements
    size = len(rows[SECTION].content)
    yield SECTION, size, f"≤ {MOST_BYTES}", "bytes", size <= MOST_BYTES
    lost = failures(measured.seen, [200])
    yield "overload, requests without an answer", lost, "0", "requests", not lost


if __name__ == "__main__":
    main()
