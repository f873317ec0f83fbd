"""A few rounds of the races between processes; `make faults` runs a hundred."""

from pathlib import Path

import pytest

from tests.faults.racers import racing
from tests.faults.races import NEVER, prepared, race_all

ROUNDS, PROCESSES = 10, 4


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_session_comes_back_nothing_is_sent_twice_and_one_stale_save_wins(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    environ = {"DATA_DIR": str(tmp_path / "data")}
    if kind == "postgresql":
        environ["DATABASE_URL"] = request.getfixturevalue("migrated_postgresql")
    app = prepared(environ)
    with racing(PROCESSES, environ) as racers:
        seen = race_all(app, racers, rounds=ROUNDS, processes=PROCESSES)
    app.extensions["portal"].database.close()
    assert {name: seen[name] for name in NEVER} == dict.fromkeys(NEVER, 0)
