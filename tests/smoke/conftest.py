"""The portal as `make run` starts it: real processes, a real port, a data folder of its own."""

import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from portal.db import Database
from tests.conftest import emptied

ROOT = Path(__file__).resolve().parent.parent.parent
TRIES = 600
PAUSE_S = 0.1


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def eventually(claim: Callable[[], bool]) -> bool:
    """Return whether something becomes true within a minute; it asks processes, so it must wait in real time."""
    pause = threading.Event()
    return any(claim() or pause.wait(PAUSE_S) for _ in range(TRIES))


class RunningPortal:
    """One started portal and what can be asked of it."""

    def __init__(self, data_dir: Path, environ: dict[str, str]) -> None:
        self.port = free_port()
        self.data_dir = data_dir
        self.log = data_dir.with_suffix(".log")
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self.environ = inherited | {"DATA_DIR": str(data_dir), "PORT": str(self.port)} | environ
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal.commands.run"],
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                umask=0,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def status(self, path: str) -> int:
        """Return the status of a GET, 0 if nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code
        except (OSError, urllib.error.URLError):
            return 0

    def answers(self) -> bool:
        return self.status("/healthz") == 200

    def processes(self) -> list[psutil.Process]:
        """Return everything that it started, by age."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def command(self, words: str) -> list[psutil.Process]:
        """Return those of its processes that run a command with these words."""
        return [found for found in self.processes() if words in " ".join(command_line(found))]

    def flask(self, *words: str, typed: str = "") -> None:
        """Run a command of the portal beside it, in a process of its own."""
        line = [sys.executable, "-m", "flask", "--app", "wsgi", *words]
        finished = subprocess.run(
            line, cwd=ROOT, env=self.environ, input=typed, text=True, capture_output=True, timeout=60, check=False
        )
        assert finished.returncode == 0, finished.stderr

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        for process in [*self.processes(), psutil.Process(self.process.pid)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


def command_line(process: psutil.Process | None) -> list[str]:
    """Return the words that a process was started with; none if it is gone."""
    if process is None:
        return []
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        line: list[str] = process.cmdline()
        return line
    return []


Start = Callable[..., RunningPortal]


@contextmanager
def starting(folder: Path) -> Iterator[Start]:
    """Start portals and wait until they respond; kill whatever is left of them afterwards."""
    started: list[RunningPortal] = []

    def start_one(**environ: str) -> RunningPortal:
        portal = RunningPortal(folder / f"data{len(started)}", environ)
        started.append(portal)
        assert eventually(portal.answers), portal.printed()
        return portal

    yield start_one
    for portal in started:
        if portal.process.poll() is None:
            portal.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start portals that end with the test."""
    with starting(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def start_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start portals that the tests of a module share: a start takes longer than most of what is asked of them."""
    with starting(tmp_path_factory.mktemp("portals")) as start:
        yield start


@pytest.fixture(scope="module")
def shared_postgresql_url(migrated_postgresql: str, databases: dict[str, Database]) -> str:
    """Return a PostgreSQL database that was emptied for the module."""
    return emptied(databases, migrated_postgresql)
