"""Each address that a stranger or a guest can call has a row in the table of costs, and keeps within it."""

from pathlib import Path

from tests.bench.costs import COSTS, Prober, key_of, open_rules, prepared


def test_the_dearest_requests_of_strangers_and_guests_stay_within_the_table_of_costs(tmp_path: Path) -> None:
    app = prepared(str(tmp_path))
    rules = open_rules(app)
    assert {key_of(rule) for rule in rules} == set(COSTS)
    prober = Prober(app)
    costs = {key_of(rule): prober.cost_of(rule) for rule in rules}
    app.extensions["portal"].database.close()
    assert {key: cost for key, cost in costs.items() if cost.exceeds(COSTS[key])} == {}
    assert costs["POST /drafts/<reference>/<section_id>"].kb > 500, "the long value was not saved"
    assert costs["POST /account/sign-in"].hashes == 1
    assert costs["POST /account/register"].mails == 1
