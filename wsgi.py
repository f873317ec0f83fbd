"""Where servers and `flask --app wsgi` find the application."""

import multiprocessing
import os
import signal
import sys
from typing import NoReturn

from flask import Flask

from portal import app as composition
from portal.commands.supervise import end_with_parent
from portal.commands.worker import start_in_thread
from portal.config import read_configuration
from portal.errors import ConfigurationError
from portal.web import logs


def create_app() -> Flask:
    """The application, for commands and servers; a wrong configuration ends the process with one sentence."""
    logs.configure()
    try:
        return composition.create_app()
    except ConfigurationError as reason:
        _refuse(reason)


def serve() -> Flask:
    """The application in a server's process; on SQLite the worker is a thread of it."""
    _end_with_server()
    app = create_app()
    if read_configuration().is_sqlite:
        start_in_thread(app)
    return app


def _end_with_server() -> None:
    """A killed server leaves no process behind that would hold its port; nor one that was just being made."""
    end_with_parent(signal.SIGKILL)
    server = multiprocessing.parent_process()
    if server and os.getppid() != server.pid:
        raise SystemExit(1)


def _refuse(reason: ConfigurationError) -> NoReturn:
    sys.stderr.write(f"{reason}\n")
    raise SystemExit(2)
