"""What the short fault runs share: the environment of a portal on each kind of database, and a browser."""

from pathlib import Path

import pytest

from tests.browser.conftest import base_url, browser, browser_type_launch_args

__all__ = ["base_url", "browser", "browser_type_launch_args", "environ"]


@pytest.fixture(params=["sqlite", "postgresql"])
def environ(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Return the environment of several processes that share one new database."""
    found = {"DATA_DIR": str(tmp_path / "data")}
    if request.param == "postgresql":
        found["DATABASE_URL"] = request.getfixturevalue("postgresql_url")
    return found
