"""For whoever operates the portal: is the process alive, is it ready, and what has it counted."""

import logging
from collections.abc import Iterable
from hmac import compare_digest
from ipaddress import ip_address

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from portal.migrations import is_current
from portal.web.app_state import app_state
from portal.web.counters import CounterRow, write_tally
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import reading

blueprint = Blueprint("health", __name__)
logger = logging.getLogger(__name__)
MARKS_OF_PROXIES = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
LABELS = ("event", "kind", "form", "section")


@blueprint.get("/healthz")
@access(Access.SYSTEM)
@activity(Activity.NONE)
def healthz() -> Response:
    """Whether the process answers; it asks nobody else."""
    return _plain_answer("ok", 200)


@blueprint.get("/readyz")
@access(Access.SYSTEM)
@activity(Activity.NONE)
def readyz() -> Response:
    """Whether the database answers and has the present schema; 503 with the reason where not."""
    reason = _not_ready()
    return _plain_answer(f"not ready: {reason}", 503) if reason else _plain_answer("ready", 200)


def _not_ready() -> str | None:
    try:
        return None if is_current(reading()) else "the database needs “flask db upgrade”"
    except SQLAlchemyError:
        logger.warning("The database of %s did not answer", app_state().configuration.environment, exc_info=True)
        return "the database does not answer"


def _plain_answer(text: str, status: int) -> Response:
    return Response(f"{text}\n", status=status, mimetype="text/plain")


@blueprint.get("/metrics")
@access(Access.SYSTEM)
@activity(Activity.NONE)
def metrics() -> Response:
    """All counters since the beginning; 404 for whoever is neither near nor holds the token."""
    if not (_has_token() or _is_near()):
        return Response("not found\n", status=404, mimetype="text/plain")
    write_tally(app_state())
    registry = CollectorRegistry()
    registry.register(_Counters())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _has_token() -> bool:
    expected = app_state().configuration.metrics_token
    given = request.headers.get("Authorization", "")
    return expected is not None and compare_digest(given.encode(), f"Bearer {expected}".encode())


def _is_near() -> bool:
    """Whether the request comes from this machine or its private network, and not through a proxy for the world."""
    if any(name in request.headers for name in MARKS_OF_PROXIES):
        return False
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    return address.is_loopback or address.is_private


class _Counters(Collector):
    """The table of counters, all days together: such a number only grows."""

    def collect(self) -> Iterable[CounterMetricFamily]:
        """One family, a sample for each event, kind, form and section."""
        family = CounterMetricFamily("portal_session_events", "What happened to sessions.", labels=LABELS)
        columns = [CounterRow.event, CounterRow.kind, CounterRow.form, CounterRow.section]
        query = select(*columns, func.sum(CounterRow.number)).group_by(*columns).order_by(*columns)
        for *labels, number in reading().execute(query):
            family.add_metric(labels, number)
        yield family
