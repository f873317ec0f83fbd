"""`make run` serves, says where and for whom, survives the death of its parts, and stops when told to."""

import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.conftest import DATABASES
from tests.smoke.conftest import ROOT, RunningPortal, Start, command_line, eventually


@pytest.fixture(params=DATABASES)
def environ(request: pytest.FixtureRequest) -> dict[str, str]:
    return {} if request.param == "sqlite" else served_by(request.getfixturevalue("postgresql_url"))


def served_by(url: str) -> dict[str, str]:
    """Return the environment of two server processes on PostgreSQL."""
    return {"DATABASE_URL": url.replace("+psycopg", ""), "WORKERS": "2"}


def test_the_portal_serves_prints_the_sign_ins_and_stops_everything_it_started(
    start: Start, environ: dict[str, str]
) -> None:
    portal = start(**environ)
    assert portal.status("/readyz") == 200
    assert f"The portal is at {portal.url}" in portal.printed()
    assert "administrator  admin@demo.example" in portal.printed()
    assert {path.name for path in portal.data_dir.rglob("*") if path.stat().st_mode & 0o077} == set()
    children = portal.processes()
    assert children
    portal.process.send_signal(signal.SIGTERM)
    portal.process.wait(15)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux signals children when their parent dies.")
def test_a_killed_supervisor_leaves_nothing_behind(start: Start, environ: dict[str, str]) -> None:
    portal = start(**environ)
    children = portal.processes()
    portal.process.kill()
    portal.process.wait()
    assert eventually(lambda: not any(child.is_running() for child in children))


def refused(tmp_path: Path, **environ: str) -> tuple[int, str]:
    finished = subprocess.run(
        [sys.executable, "-m", "portal.commands.run"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "DATA_DIR": str(tmp_path / "data")} | environ,
        capture_output=True,
        timeout=60,
    )
    return finished.returncode, finished.stderr.decode()


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"PORT": "http"}, "PORT is “http”; it must be a number from 1 to 65535.\n"),
        ({"ENVIRONMENT": "production"}, "SECRET_KEY is not set; production needs it in the environment.\n"),
        ({"MAIL_URL": "smtp:"}, "MAIL_URL must look like smtp://user:password@host:587?starttls=1, or be file:.\n"),
        (
            {"DATABASE_URL": "postgresql://127.0.0.1:1/portal"},
            "DATABASE_URL: the database does not answer. Is it running?\n",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_wrong_configuration_is_refused_with_one_sentence(
    tmp_path: Path, environ: dict[str, str], sentence: str
) -> None:
    assert refused(tmp_path, **environ) == (2, sentence)


def test_a_taken_port_is_refused_with_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, printed = refused(tmp_path, PORT=str(port))
    assert (status, printed) == (
        2,
        f"Cannot listen at 127.0.0.1 port {port}: Address already in use. Try another PORT=.\n",
    )


@pytest.fixture(scope="module", params=DATABASES)
def portal(request: pytest.FixtureRequest, start_shared: Start) -> RunningPortal:
    """Return a portal that the following tests share: whatever they kill comes back."""
    return start_shared(
        **({} if request.param == "sqlite" else served_by(request.getfixturevalue("shared_postgresql_url")))
    )


def answering(portal: RunningPortal) -> list[psutil.Process]:
    """Return the processes that serve requests: the server's children."""
    return [found for found in portal.command("granian") if "granian" in " ".join(command_line(found.parent()))]


def is_back(portal: RunningPortal, killed: list[psutil.Process]) -> bool:
    return bool(set(answering(portal)) - set(killed)) and portal.answers()


def test_a_killed_server_process_comes_back(portal: RunningPortal) -> None:
    """Kill it a second time at once: on its own the server gives up after that."""
    for _ in range(2):
        killed = answering(portal)
        for process in killed:
            process.send_signal(signal.SIGKILL)
        assert eventually(partial(is_back, portal, killed))


def test_a_killed_server_ends_its_children_and_comes_back(portal: RunningPortal) -> None:
    killed = portal.command("granian")
    killed[0].send_signal(signal.SIGKILL)
    assert eventually(lambda: not any(process.is_running() for process in killed))
    assert eventually(portal.answers)


@pytest.mark.parametrize("portal", ["postgresql"], indirect=True)
def test_a_killed_worker_comes_back(portal: RunningPortal) -> None:
    assert eventually(lambda: len(portal.command("wsgi worker")) == 1)
    (killed,) = portal.command("wsgi worker")
    killed.send_signal(signal.SIGKILL)
    assert eventually(lambda: bool(set(portal.command("wsgi worker")) - {killed}))


@pytest.mark.parametrize("portal", ["sqlite"], indirect=True)
def test_the_worker_delivers_emails_by_itself(portal: RunningPortal) -> None:
    portal.flask("accounts", "create", "--role", "staff", "mina@example.org")
    assert eventually(lambda: len(list((portal.data_dir / "mail").glob("*.eml"))) == 1)


@pytest.mark.parametrize("portal", ["sqlite"], indirect=True)
def test_no_log_line_holds_a_path(portal: RunningPortal) -> None:
    assert portal.status("/resume/a-token-that-nobody-may-read?code=123456") == 404
    assert eventually(lambda: '"status": 404' in portal.printed())
    assert "a-token-that-nobody" not in portal.printed()
    assert "123456" not in portal.printed()
