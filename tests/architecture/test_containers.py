"""The image and compose.yaml, as far as they can be tested without a container engine."""

import base64
import fnmatch
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines()
    if line and not line.startswith("#")
]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
EXAMPLE = dict(
    line.split("=", maxsplit=1)
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
POSTGRESQL = {"POSTGRES_PASSWORD", "POSTGRES_USER", "POSTGRES_DB"}
OF_THE_IMAGE = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
WAIT_S = 60


def arguments(instruction: str) -> list[str]:
    return [words for name, words in INSTRUCTIONS if name == instruction]


def copied() -> list[str]:
    """Return the files that the Dockerfile copies from the project."""
    return [words.split()[0] for words in arguments("COPY") if not words.startswith("--from")]


def image_environ() -> dict[str, str]:
    [words] = arguments("ENV")
    return dict(pair.split("=", maxsplit=1) for pair in shlex.split(words))


def exec_form(words: str) -> list[str]:
    """Return the words of `CMD ["…"]`, after options where there are any."""
    found: list[str] = json.loads(words[words.index("[") :])
    return found


def names_read() -> set[str]:
    """Return every name that the configuration and the start read from the environment."""
    code = "".join((ROOT / "portal" / file).read_text(encoding="utf-8") for file in ("config.py", "commands/run.py"))
    return set(re.findall(r'"([A-Z][A-Z_]+)"', code))


def test_every_file_that_the_image_copies_exists_and_is_not_ignored() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert set(copied()) == allowed
    assert [name for name in allowed if not (ROOT / name).exists()] == []
    assert "*" in rules
    assert not any(fnmatch.fnmatch(".env", rule) for rule in allowed)


def test_containers_set_only_what_the_portal_reads() -> None:
    assert image_environ().keys() - OF_THE_IMAGE <= names_read()
    assert EXAMPLE.keys() - POSTGRESQL <= names_read()
    assert SERVICES["portal"]["environment"].keys() <= names_read()
    assert SERVICES["postgresql"]["environment"].keys() == POSTGRESQL


def test_image_runs_as_a_user_who_does_not_own_the_code_and_checks_its_health() -> None:
    assert arguments("USER") == ["10001"]
    assert "--uid 10001" in DOCKERFILE
    assert arguments("VOLUME") == [image_environ()["DATA_DIR"]]
    assert "/healthz" in arguments("HEALTHCHECK")[0]


def test_portal_containers_can_write_only_to_their_data() -> None:
    for service in (SERVICES["portal"], SERVICES["worker"]):
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["volumes"] == ["data:/var/lib/portal"]
    assert {volume.partition(":")[0] for name in SERVICES for volume in SERVICES[name]["volumes"]} == {
        *COMPOSE["volumes"]
    }


def test_one_container_migrates_the_schema_and_the_others_wait_for_it() -> None:
    starting = [name for name, service in SERVICES.items() if "portal.commands.run" in service.get("command", [])]
    assert starting == ["portal"]
    assert SERVICES["worker"]["depends_on"] == {"portal": {"condition": "service_healthy"}}
    assert SERVICES["portal"]["depends_on"] == {"postgresql": {"condition": "service_healthy"}}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a container, with the tests' own environment as its `/opt/venv`."""
    filled = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ANSWER_KEYS": f"k1:{base64.b64encode(os.urandom(32)).decode()}",
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    of_this_machine = {"PATH": str(Path(sys.executable).parent), "DATA_DIR": str(tmp_path / "data"), "PORT": str(port)}
    return image_environ() | EXAMPLE | filled | of_this_machine


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Copy exactly the files of the project that the image holds."""
    folder = tmp_path / "srv"
    folder.mkdir()
    for name in copied():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


@pytest.fixture
def running(
    files: Path, environ: dict[str, str], request: pytest.FixtureRequest
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a service's command in such a container; stop it at the end."""
    command = SERVICES[request.param]["command"]
    with subprocess.Popen(command, cwd=files, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        yield process
        process.kill()


def healthy(environ: dict[str, str]) -> bool:
    """Run the image's own health check, at this test's port."""
    check = [word.replace(":8000/", f":{environ['PORT']}/") for word in exec_form(arguments("HEALTHCHECK")[0])]
    return subprocess.run(check, env=environ, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("running", ["portal"], indirect=True)
def test_portal_runs_from_the_image_until_it_is_stopped(
    running: "subprocess.Popen[bytes]", environ: dict[str, str]
) -> None:
    assert any(healthy(environ) or running.poll() is not None for _ in range(600))
    assert running.poll() is None, running.stdout.read().decode()
    running.send_signal(signal.SIGTERM)
    assert running.wait(WAIT_S) == 0
    assert not healthy(environ)


def test_worker_runs_from_the_image(files: Path, environ: dict[str, str]) -> None:
    command = [*SERVICES["worker"]["command"], "--help"]
    done = subprocess.run(command, cwd=files, env=environ, capture_output=True, text=True, check=False)
    assert "Deliver e-mails and delete what has expired, until SIGTERM." in done.stdout, done.stderr


def test_production_refuses_to_start_with_the_unchanged_example(files: Path, environ: dict[str, str]) -> None:
    unfilled = environ | {name: value for name, value in EXAMPLE.items() if not value}
    command = SERVICES["portal"]["command"]
    done = subprocess.run(command, cwd=files, env=unfilled, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "SECRET_KEY is not set; production needs it in the environment.\n"
