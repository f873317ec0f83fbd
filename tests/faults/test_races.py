"""A few rounds of the races between processes; `make faults` runs a hundred."""

from tests.faults.racers import racing
from tests.faults.races import NEVER, prepared, race_all

ROUNDS, PROCESSES = 3, 3


def test_races_revive_no_session_send_nothing_twice_and_let_one_stale_save_win(
    environ: dict[str, str],
) -> None:
    app = prepared(environ)
    with racing(PROCESSES, environ) as racers:
        seen = race_all(app, racers, rounds=ROUNDS, processes=PROCESSES)
    app.extensions["portal"].database.close()
    assert {name: seen[name] for name in NEVER} == dict.fromkeys(NEVER, 0)
