"""Applications that many tests share: built once a process, and reset for each test to what `create_app` returns."""

from collections.abc import Callable
from dataclasses import replace

from flask import Flask
from jinja2 import BytecodeCache

from portal.app import create_app
from portal.clock import Clock
from portal.config import Configuration
from portal.db import Database
from portal.integrations import service as integrations
from portal.storage.adapters import open_storage
from portal.web.counters import Tally

Equipment = Callable[[Flask], None]


def as_served(_app: Flask) -> None:
    """Add nothing: the application has what `create_app` sets up."""


def build(
    equip: Equipment, compiled: BytecodeCache, configuration: Configuration, clock: Clock, database: Database
) -> Flask:
    """Return an application for tests; this takes ten times as long as a request, mostly to compile its routes."""
    app = create_app(configuration, clock=clock, database=database)
    app.jinja_env.bytecode_cache = compiled
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    equip(app)
    return app


class SharedApplication:
    """One application; `arm` undoes whatever a test changed and prepares it for the next."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        # Flask accepts no more routes after a first request, so a test that adds one here fails at once.
        self._attributes = {**vars(app), "_got_first_request": True}
        self._config = {**app.config}
        self._extensions = {**app.extensions}

    def arm(self, configuration: Configuration, clock: Clock, database: Database) -> Flask:
        """Set another configuration, clock and database, and forget all that was counted, set or added.

        Proxies are middleware, which only `create_app` adds.
        """
        assert configuration.trusted_proxies == 0, "call create_app for an application behind proxies"
        open_storage(configuration).check()
        app = self._app
        vars(app).clear()
        vars(app).update(self._attributes)
        app.config.clear()
        app.config.update(
            self._config, SECRET_KEY=configuration.secret_key, TRUSTED_HOSTS=list(configuration.trusted_hosts)
        )
        app.extensions.clear()
        app.extensions.update(self._extensions)
        app.extensions["portal"] = replace(
            self._extensions["portal"],
            configuration=configuration,
            clock=clock,
            database=database,
            tally=Tally(),
        )
        integrations.init_app(app, configuration, database)
        return app
