"""A short siege of each kind of database, by as many processes as serve it.

`make faults` guesses ten thousand times on both, from 1 and 50 addresses, with 1 and 4 processes.
"""

import pytest

from portal import migrations
from portal.app import create_app
from portal.config import read_configuration
from tests.conftest import MovableClock
from tests.faults.guessing import ALLOWED, NEVER, Siege, besiege

GUESSES = 120
SIEGES = {"sqlite": (1, 1), "postgresql": (50, 2)}


@pytest.mark.usefixtures("whole_hashes")
def test_guessing_opens_no_account_costs_no_extra_hash_and_locks_no_owner_out(
    environ: dict[str, str],
) -> None:
    addresses, processes = SIEGES["postgresql" if "DATABASE_URL" in environ else "sqlite"]
    app = create_app(read_configuration(environ), clock=MovableClock())
    migrations.upgrade(app.extensions["portal"].database)
    seen = besiege(app, environ, Siege(guesses=GUESSES, addresses=addresses, processes=processes))
    app.extensions["portal"].database.close()
    assert {name: seen[name] for name in NEVER} == dict.fromkeys(NEVER, 0)
    assert seen["guesses allowed"] == ALLOWED
