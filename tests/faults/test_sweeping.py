"""A short sweep; `make faults` sweeps ten thousand sessions, and looks at how long the locks last."""

from pathlib import Path

import pytest

from tests.bench.requests import prepared_app
from tests.faults.sweeping import LONG, NEVER, sweep_under_load

SESSIONS = 250


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_has_expired_is_swept_while_people_work_and_no_live_session_is_touched(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    environ = {"DATA_DIR": str(tmp_path / "data")}
    if kind == "postgresql":
        environ["DATABASE_URL"] = request.getfixturevalue("migrated_postgresql")
    app = prepared_app(environ)
    seen = sweep_under_load(app, environ, SESSIONS)
    app.extensions["portal"].database.close()
    # Times are for a machine that does nothing else.
    never = set(NEVER) - {LONG}
    assert {name: seen[name] for name in never} == dict.fromkeys(never, 0)
    assert seen["requests meanwhile"] > 0
