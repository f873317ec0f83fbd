"""A short siege; `make faults` guesses ten thousand times, from 1 and 50 addresses, with 1 and 4 processes."""

import pytest

from portal import migrations
from portal.app import create_app
from portal.config import read_configuration
from tests.conftest import MovableClock
from tests.faults.guessing import ALLOWED, NEVER, Siege, besiege

GUESSES = 160


@pytest.mark.parametrize(("addresses", "processes"), [(1, 1), (50, 2)])
def test_guessing_opens_no_account_costs_no_extra_hash_and_locks_no_owner_out(
    environ: dict[str, str], addresses: int, processes: int
) -> None:
    app = create_app(read_configuration(environ), clock=MovableClock())
    migrations.upgrade(app.extensions["portal"].database)
    seen = besiege(app, environ, Siege(guesses=GUESSES, addresses=addresses, processes=processes))
    app.extensions["portal"].database.close()
    assert {name: seen[name] for name in NEVER} == dict.fromkeys(NEVER, 0)
    assert seen["guesses allowed"] == ALLOWED
