"""The floors of the house, the order inside a feature, pure rules, and no cycles (contracts in `pyproject.toml`)."""

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_every_import_goes_the_way_that_the_contracts_allow(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS, capsys.readouterr().out
