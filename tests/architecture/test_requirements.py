"""Imported packages are declared, declared packages are locked, and locked packages have hashes."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUN = [Requirement(line) for line in PROJECT["dependencies"]]
DEVELOPMENT = [Requirement(line) for line in PROJECT["optional-dependencies"]["dev"]]
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)(?: ;[^\\]*)? \\$", re.MULTILINE)
OURS = {"portal", "tests", "wsgi"}
NOT_IMPORTED = {"granian", "psycopg", "tzdata"}
"""Run as a command, loaded by SQLAlchemy, read by zoneinfo."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: list[Requirement]) -> set[str]:
    return {normal(requirement.name) for requirement in requirements}


def locked(file: str) -> dict[str, set[str]]:
    """Return the versions of every locked package; one may have several, for several Pythons."""
    found: dict[str, set[str]] = {}
    for name, version in LOCKED.findall((ROOT / file).read_text(encoding="utf-8")):
        found.setdefault(normal(name), set()).add(version)
    return found


def modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)


def imported(*files: Path) -> set[str]:
    """Return the third-party packages that these files import, by the names under which they are published."""
    found = {module.partition(".")[0] for file in files for module in modules(file)} - OURS - sys.stdlib_module_names
    published = packages_distributions()
    return {normal(name) for module in found for name in published.get(module, [module])}


def test_imported_packages_are_declared_and_the_portal_declares_no_others() -> None:
    assert imported(ROOT / "wsgi.py", *(ROOT / "portal").rglob("*.py")) == names(RUN) - NOT_IMPORTED
    assert imported(*(ROOT / "tests").rglob("*.py")) - names(RUN) - names(DEVELOPMENT) == set()


@pytest.mark.parametrize(
    ("file", "wanted"), [("requirements.txt", RUN), ("requirements-dev.txt", [*RUN, *DEVELOPMENT])], ids=["run", "dev"]
)
def test_every_declared_package_is_locked_within_its_range(file: str, wanted: list[Requirement]) -> None:
    found = locked(file)
    assert names(wanted) - found.keys() == set()
    outside = [str(each) for each in wanted for version in found[normal(each.name)] if version not in each.specifier]
    assert outside == []


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "tests/judge/requirements.txt"])
def test_every_locked_package_has_a_hash(file: str) -> None:
    _, *blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_tests_run_on_the_same_versions_as_the_portal() -> None:
    development = locked("requirements-dev.txt")
    assert {name: development.get(name) for name in locked("requirements.txt")} == locked("requirements.txt")


def test_locks_state_the_command_that_renovate_repeats() -> None:
    """Renovate runs the command in the first lines again; it understands only `--option=value`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [command] = re.findall(r"^UV_LOCK := (.*)$", makefile, re.MULTILINE)
    made = {
        line.replace("$(UV_LOCK)", command) for line in re.findall(r"^\t(\$\(UV_LOCK\) .*)$", makefile, re.MULTILINE)
    }
    files = ("requirements.txt", "requirements-dev.txt", "tests/judge/requirements.txt")
    heads = [(ROOT / file).read_text(encoding="utf-8").splitlines()[:2] for file in files]
    assert {head[1].removeprefix("#    ") for head in heads} == made
    assert not re.search(r"--(?:output-file|extra|constraint|python-version) ", " ".join(made))
