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
    ("file", "requirement"),
    [*(("requirements.txt", line) for line in RUN), *(("requirements-dev.txt", line) for line in [*RUN, *DEVELOPMENT])],
)
def test_what_the_project_wants_is_locked(file: str, requirement: str) -> None:
    name, version = wanted(requirement)
    versions = locked(file).get(name, set())
    assert versions == {version} if version else versions


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_locked_package_has_a_hash(file: str) -> None:
    _, *blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_tests_run_on_what_the_portal_runs_on() -> None:
    development = locked("requirements-dev.txt")
    assert {name: development.get(name) for name in locked("requirements.txt")} == locked("requirements.txt")


def test_locks_say_how_they_were_made_for_what_updates_them() -> None:
    """Renovate compiles them again by their first lines; it knows `--option=value` alone."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [command] = re.findall(r"^UV_LOCK := (.*)$", makefile, re.MULTILINE)
    made = {
        line.replace("$(UV_LOCK)", command) for line in re.findall(r"^\t(\$\(UV_LOCK\) .*)$", makefile, re.MULTILINE)
    }
    files = ("requirements.txt", "requirements-dev.txt")
    heads = [(ROOT / file).read_text(encoding="utf-8").splitlines()[:2] for file in files]
    assert {head[1].removeprefix("#    ") for head in heads} == made
    assert not re.search(r"--(?:output-file|extra|constraint|python-version) ", " ".join(made))
