"""How the server is started: whether a worker runs beside it, and with which arguments."""

import os
import sys
from pathlib import Path

import pytest

from portal.commands import run
from portal.commands.supervise import WITH_WORKER
from portal.config import read_configuration

LISTENING = run.Listening(host="127.0.0.1", port=8000, workers=3)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that returns the command line of the start, for a database and arguments."""

    def become(database_url: str, *words: str) -> list[str]:
        became: list[list[str]] = []
        monkeypatch.setattr(sys, "argv", ["run", *words])
        monkeypatch.setattr(os, "execv", lambda _, line: became.append(line))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("DATA_DIR", str(tmp_path))
        monkeypatch.setattr(os, "environ", os.environ.copy())
        run.serve(read_configuration({"DATA_DIR": str(tmp_path), "DATABASE_URL": database_url}), LISTENING)
        return became[0]

    return become


def test_worker_runs_beside_the_servers_on_postgresql(command) -> None:
    line = command("postgresql://portal@127.0.0.1/portal")
    assert WITH_WORKER in line
    assert line[line.index("--workers") + 1] == "3"


@pytest.mark.parametrize(
    ("database_url", "words"), [("postgresql://portal@127.0.0.1/portal", ["--without-worker"]), ("sqlite:///x", [])]
)
def test_no_worker_process_is_started_on_sqlite_or_on_request(command, database_url: str, words: list[str]) -> None:
    assert WITH_WORKER not in command(database_url, *words)


@pytest.mark.parametrize(("given", "expected"), [({}, "2"), ({"MALLOC_ARENA_MAX": "8"}, "8")], ids=["unset", "set"])
def test_many_threads_share_the_memory_of_few(command, monkeypatch, given: dict[str, str], expected: str) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    command("sqlite:///x")
    assert os.environ["MALLOC_ARENA_MAX"] == expected
