"""A storm at the doors of sessions beside each way of ending; `make faults` runs a hundred."""

from tests.faults.races import INSIDE, prepared, storm_all

ROUNDS = 1


def test_nobody_who_was_ended_is_in_after_a_storm_at_any_door(environ: dict[str, str]) -> None:
    app = prepared(environ)
    seen = storm_all(app, environ, rounds=ROUNDS)
    app.extensions["portal"].database.close()
    assert seen[INSIDE] == 0
    assert seen["sessions ended beside a storm"] > 0
