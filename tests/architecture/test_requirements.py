"""The locked requirements are those of `pyproject.toml`, each with its version and hashes."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUN = PROJECT["dependencies"]
DEVELOPMENT = PROJECT["optional-dependencies"]["dev"]
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)(?: ;[^\\]*)? \\$", re.MULTILINE)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(file: str) -> dict[str, set[str]]:
    """The versions of every locked package; one may have several, for several Pythons."""
    found: dict[str, set[str]] = {}
    for name, version in LOCKED.findall((ROOT / file).read_text(encoding="utf-8")):
        found.setdefault(normal(name), set()).add(version)
    return found


def wanted(requirement: str) -> tuple[str, str]:
    name, _, version = requirement.partition("==")
    return normal(name.partition("[")[0]), version


@pytest.mark.parametrize(
    ("file", "lines"), [("requirements.txt", RUN), ("requirements-dev.txt", [*RUN, *DEVELOPMENT])]
)
def test_what_the_project_wants_is_locked(file: str, lines: list[str]) -> None:
    found = locked(file)
    named = dict(map(wanted, lines))
    assert {name: {version} if version else found.get(name) for name, version in named.items()} == {
        name: found.get(name) for name in named
    }
    assert named.keys() <= found.keys()


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_has_a_hash(file: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / file).read_text(encoding="utf-8"))
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_tests_run_on_what_the_portal_runs_on() -> None:
    development = locked("requirements-dev.txt")
    assert {name: development.get(name) for name in locked("requirements.txt")} == locked("requirements.txt")
