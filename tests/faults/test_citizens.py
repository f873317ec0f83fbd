"""Some citizens and a saboteur on a real server; `make faults` runs hundreds."""

from pathlib import Path

import pytest

from tests.faults.simulation import Plan, simulate

PLANS = {
    "sqlite": Plan(citizens=9, kills=3, at_once=6, seconds=20, seed=1, pauses=(0.5, 1.5)),
    "postgresql": Plan(citizens=7, kills=3, at_once=5, seconds=15, seed=2, pauses=(0.5, 1.5)),
}


@pytest.mark.parametrize("kind", PLANS)
def test_citizens_lose_nothing_while_processes_are_killed(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgresql_url") if kind == "postgresql" else None
    figures = simulate(tmp_path / "data", PLANS[kind], url)
    assert figures.is_clean, "\n\n".join(figures.stories)
    assert figures.counts["kills"] > 0
    assert figures.counts["acknowledged"] > 0
