"""Each address that a stranger or a guest can call has a row in the table of costs, and keeps within it."""

from pathlib import Path

import pytest

from tests.bench.costs import COSTS, TAKE_FILES, Prober, key_of, open_rules, prepared


@pytest.mark.usefixtures("whole_hashes")
def test_the_dearest_requests_of_strangers_and_guests_stay_within_the_table_of_costs(tmp_path: Path) -> None:
    app = prepared(str(tmp_path))
    rules = open_rules(app)
    assert {key_of(rule) for rule in rules} == set(COSTS)
    prober = Prober(app)
    costs = {key_of(rule): prober.cost_of(rule) for rule in rules}
    app.extensions["portal"].database.close()
    assert {key: cost for key, cost in costs.items() if cost.exceeds(COSTS[key])} == {}
    with_files = {key_of(rule) for rule in rules if rule.endpoint in TAKE_FILES}
    assert {key for key in with_files if costs[key].kb < 10_000} == set(), "the files were not stored"
    autosaved = {key for key in costs if "/autosave/" in key} - with_files
    assert {key for key in autosaved if costs[key].kb < 800} == set(), "the long value was not saved"
    assert costs["POST /account/sign-in"].hashes == 1
    mail = {"POST /account/register", "POST /messages/code", "POST /messages/open/<mailed:token>"}
    assert {key: costs[key].mails for key in mail} == dict.fromkeys(mail, 1)
