"""`/metrics`: the counters as Prometheus reads them, for whoever operates the portal and nobody else."""

from collections.abc import Iterable
from hmac import compare_digest
from ipaddress import ip_address

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from portal.web.counters import CounterRow, write_tally
from portal.web.declarations import Access, Activity, access, activity
from portal.web.portal import portal
from portal.web.unit_of_work import reading

blueprint = Blueprint("metrics", __name__)
MARKS_OF_PROXIES = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
LABELS = ("event", "kind", "form", "section")


@blueprint.get("/metrics")
@access(Access.SYSTEM)
@activity(Activity.NONE)
def metrics() -> Response:
    """All counters since the beginning; 404 for whoever is neither near nor holds the token."""
    if not (_has_token() or _is_near()):
        return Response("not found\n", status=404, mimetype="text/plain")
    write_tally(portal())
    registry = CollectorRegistry()
    registry.register(_Counters())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _has_token() -> bool:
    expected = portal().configuration.metrics_token
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
