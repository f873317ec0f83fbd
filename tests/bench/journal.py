"""How long SQLite's write-ahead log grows while browsers save and read without a pause.

`python -m tests.bench.journal` measures this only; `SECONDS_OF_LOAD=60` lasts longer than the usual 20.
"""

import os
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import click

from tests.bench.load import Answered, apply
from tests.bench.requests import AUTOSAVE, SECTION, data_folder, guest_asks, prepared_app
from tests.bench.server import PORTAL, running

BROWSERS = 12
SECONDS = float(os.environ.get("SECONDS_OF_LOAD") or 20)
LOOKS_EVERY_S = 0.1
MOST_MB = 64


def measure(data_dir: str, seconds: float = SECONDS) -> bool:
    """Print the longest log beside its database; return whether it stayed short enough."""
    app = prepared_app({"DATA_DIR": data_dir})
    guests = [guest_asks(app) for _ in range(BROWSERS)]
    asked = [guest[name] for guest, name in zip(guests, [AUTOSAVE, SECTION] * BROWSERS, strict=False)]
    app.extensions["portal"].database.close()
    database, longest = Path(data_dir) / "portal.sqlite3", 0
    with running(PORTAL, "/healthz", DATA_DIR=data_dir) as server, ProcessPoolExecutor(1) as aside:
        load = aside.submit(apply, asked, seconds, server.port)
        while not _is_over(load):
            longest = max(longest, database.with_name("portal.sqlite3-wal").stat().st_size)
        seen = load.result()
    verdict = "met" if longest <= MOST_MB * 1e6 else "NOT met"
    click.echo(
        f"\n{seen.count} saves and pages of {BROWSERS} browsers in {seconds:g} s (p95 {seen.p95_ms:.0f} ms): "
        f"a log of {longest / 1e6:.1f} MB at most beside {database.stat().st_size / 1e6:.1f} MB: "
        f"aim {MOST_MB} MB: {verdict}"
    )
    return longest <= MOST_MB * 1e6


def _is_over(load: Future[Answered]) -> bool:
    try:
        load.exception(LOOKS_EVERY_S)
    except TimeoutError:
        return False
    return True


def main() -> None:
    """Measure in a folder of its own."""
    with data_folder("log") as data_dir:
        measure(data_dir)


if __name__ == "__main__":
    main()
