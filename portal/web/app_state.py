"""What the running application is made of, as every view and command reaches it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from flask import current_app

from portal.clock import Clock
from portal.config import Configuration
from portal.db import Database
from portal.web.tally import Tally


@dataclass(kw_only=True)
class AppState:
    """The parts that `create_app` puts together.

    `kept_work` and `after_sign_in` are filled by `app` with what higher floors know: what a person left unfinished,
    and where somebody goes who has just signed in.
    """

    configuration: Configuration
    clock: Clock
    database: Database
    policies: "Mapping[str, Any]" = field(default_factory=dict)
    registry: dict[str, Callable[..., Any]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)


def app_state() -> AppState:
    """The parts of the application that handles this request or command."""
    return cast("AppState", current_app.extensions["portal"])
