"""What the running application is made of, as every view and command reaches it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from flask import current_app

from portal.clock import Clock
from portal.config import Configuration
from portal.db import Database
from portal.web.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(kw_only=True)
class Portal:
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


def portal() -> Portal:
    """The parts of the application that handles this request or command."""
    return cast("Portal", current_app.extensions["portal"])
