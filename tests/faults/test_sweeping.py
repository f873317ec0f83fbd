"""A short sweep; `make faults` sweeps ten thousand sessions, and measures how long the locks last."""

from tests.bench.requests import prepared_app
from tests.faults.sweeping import LONG, NEVER, sweep_under_load

SESSIONS = 250


def test_sweeping_under_load_removes_expired_sessions_and_touches_no_live_one(
    environ: dict[str, str],
) -> None:
    app = prepared_app(environ)
    seen = sweep_under_load(app, environ, SESSIONS)
    app.extensions["portal"].database.close()
    # Times mean something only on a machine that does nothing else.
    never = set(NEVER) - {LONG}
    assert {name: seen[name] for name in never} == dict.fromkeys(never, 0)
    assert seen["requests meanwhile"] > 0
