"""`make run`: checks the configuration, upgrades the database, loads the demo, prints the address, and serves."""

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click
from sqlalchemy.exc import OperationalError

from portal import migrations
from portal.clock import SystemClock
from portal.commands.database import load_demo, sign_ins
from portal.commands.supervise import WITH_WORKER
from portal.config import Configuration, read_configuration
from portal.db import Database
from portal.errors import ConfigurationError
from portal.integrations.adapters import check_integrations
from portal.outbox.delivery import read_mail_server
from portal.storage.adapters import open_storage
from portal.storage.scanner import read_scanner
from portal.web.front import TURNS_ON_POSTGRESQL, TURNS_ON_SQLITE, WAITING_THREADS

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent
MOST_WORKERS = 64
FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}
"""For glibc: many threads otherwise keep the memory of large requests once each, which is twice as much altogether."""
WITHOUT_WORKER = "--without-worker"
"""For a worker in a container of its own; on SQLite the worker is always a thread of each process of the server."""


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where the server listens, and its number of processes."""

    host: str
    port: int
    workers: int


def read_listening(environ: Mapping[str, str]) -> Listening:
    """Read HOST, PORT and WORKERS.

    Raises `ConfigurationError` where one is wrong.
    """
    return Listening(
        host=environ.get("HOST") or "127.0.0.1",
        port=_environment_number(environ, "PORT", 8000, 65_535),
        workers=_environment_number(environ, "WORKERS", 2, MOST_WORKERS),
    )


def _environment_number(environ: Mapping[str, str], name: str, default: int, high: int) -> int:
    typed = environ.get(name) or str(default)
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 5 and 1 <= int(typed) <= high):
        raise ConfigurationError(f"{name} is “{typed}”; it must be a number from 1 to {high}.")
    return int(typed)


def refuse_taken_port(listening: Listening) -> None:
    """Raise `ConfigurationError` where the server cannot listen."""
    family = socket.AF_INET6 if ":" in listening.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listening.host, listening.port))
        except OSError as reason:
            where = f"{listening.host} port {listening.port}"
            raise ConfigurationError(f"Cannot listen at {where}: {reason.strerror}. Try another PORT=.") from reason


def prepare_installation(configuration: Configuration) -> None:
    """Check the configuration, upgrade the database, and in development load the demo.

    Raises `ConfigurationError` where a setting is wrong or the database does not answer.
    """
    read_mail_server(configuration.mail_url)
    check_integrations(configuration)
    open_storage(configuration).check()
    read_scanner(configuration.clamav_url)
    database = Database(configuration.database_url)
    try:
        database.check()
        migrations.upgrade(database)
        if configuration.environment == "development":
            load_demo(database, configuration, now=SystemClock().now())
    except OperationalError as reason:
        raise ConfigurationError("DATABASE_URL: the database does not answer. Is it running?") from reason
    finally:
        database.close()


def server_command(listening: Listening, *, workers: int, turns: int) -> list[str]:
    """Return the command line of granian for so many processes, each with so many requests that work at once.

    It has no access log, which would contain paths with tokens.
    """
    options = {
        "--interface": "wsgi",
        "--http": "1",
        "--host": listening.host,
        "--port": str(listening.port),
        "--workers": str(workers),
        "--blocking-threads": str(turns + WAITING_THREADS),
        "--backlog": "4096",
        "--backpressure": "4096",
        "--respawn-interval": "0.5",
        "--workers-kill-timeout": "5",
        "--log-level": "error",
        "--working-dir": str(PROJECT_ROOT),
    }
    flags = ["--no-ws", "--respawn-failed-workers", "--factory"]
    pairs = [word for option in options.items() for word in option]
    return [sys.executable, "-m", "granian", *pairs, *flags, "wsgi:serve"]


def announce(configuration: Configuration) -> None:
    """Print the address of the portal and, with the demo, who can sign in."""
    click.echo(f"The portal is at {configuration.base_url}")
    if configuration.mail_url == "file:":
        click.echo(f"E-mails are written to {configuration.mail_dir}")
    if configuration.environment == "development":
        click.echo(f"\nSign in with one of these:\n{sign_ins()}\n")
    sys.stdout.flush()


def serve(configuration: Configuration, listening: Listening) -> NoReturn:
    """Become the supervisor of the server; so the memory that the preparation needed is freed."""
    os.environ.update({**FEW_ARENAS, **os.environ, "DATA_DIR": str(configuration.data_dir)})
    os.chdir(PROJECT_ROOT)
    command = [sys.executable, "-m", "portal.commands.supervise"]
    if configuration.is_sqlite:
        command += server_command(listening, workers=listening.workers, turns=TURNS_ON_SQLITE)
    else:
        command += [] if WITHOUT_WORKER in sys.argv else [WITH_WORKER]
        command += server_command(listening, workers=listening.workers, turns=TURNS_ON_POSTGRESQL)
    os.execv(command[0], command)  # noqa: S606 - our own program, no shell wanted


def main() -> NoReturn:
    """Start, or print in one sentence why not and exit with 2."""
    try:
        listening = read_listening(os.environ)
        configuration = read_configuration()
        refuse_taken_port(listening)
        prepare_installation(configuration)
    except ConfigurationError as reason:
        click.echo(str(reason), err=True)
        sys.exit(2)
    announce(configuration)
    serve(configuration, listening)


if __name__ == "__main__":
    main()
