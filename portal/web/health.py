"""For whoever operates the portal: is the process alive, and is it ready to serve."""

import logging

from flask import Blueprint, Response
from sqlalchemy.exc import SQLAlchemyError

from portal.migrations import is_current
from portal.web.declarations import Access, Activity, access, activity
from portal.web.portal import portal
from portal.web.unit_of_work import reading

blueprint = Blueprint("health", __name__)
logger = logging.getLogger(__name__)


@blueprint.get("/healthz")
@access(Access.SYSTEM)
@activity(Activity.NONE)
def healthz() -> Response:
    """Whether the process answers; it asks nobody else."""
    return _plain("ok", 200)


@blueprint.get("/readyz")
@access(Access.SYSTEM)
@activity(Activity.NONE)
def readyz() -> Response:
    """Whether the database answers and has the present schema; 503 with the reason where not."""
    reason = _not_ready()
    return _plain(f"not ready: {reason}", 503) if reason else _plain("ready", 200)


def _not_ready() -> str | None:
    try:
        return None if is_current(reading()) else "the database needs “flask db upgrade”"
    except SQLAlchemyError:
        logger.warning("The database of %s did not answer", portal().configuration.environment, exc_info=True)
        return "the database does not answer"


def _plain(text: str, status: int) -> Response:
    return Response(f"{text}\n", status=status, mimetype="text/plain")
