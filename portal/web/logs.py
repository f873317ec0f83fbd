"""Logs: one JSON object a line with the request's id, and never an answer, an address, a token or a code.

A request is logged by its route, not its path, which may hold a token; a failure by its kinds and places, without the
words of the exceptions, which quote what somebody typed (a database's error even whole rows).
"""

import logging
import re
import sys
import traceback
from typing import Any, TextIO
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from portal.web.app_state import app_state, called_view
from portal.web.declarations import Access, Activity
from portal.web.unit_of_work import now

ID_HEADER = "X-Request-ID"
GOOD_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
access_log = logging.getLogger("portal.access")


def configure(stream: TextIO = sys.stderr, level: int = logging.INFO) -> None:
    """Send all logs of this process to one stream as JSON; only starting programs call it.

    Below a warning only the portal itself is heard: libraries do not know what is private (while it draws a receipt,
    fontTools names every letter of the answers).
    """
    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _failure_without_words,
    ]
    handler = logging.StreamHandler(stream)
    rendered: list[Processor] = [ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()]
    handler.setFormatter(ProcessorFormatter(foreign_pre_chain=steps, processors=rendered))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("portal").setLevel(level)
    logging.getLogger("fpdf").setLevel(logging.ERROR)  # its warnings quote the letters that a font lacks
    logging.captureWarnings(True)


def _failure_without_words(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["failure"] = [_described(cause) for cause in _chain(error)]
    return event


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what led to it, the first cause first."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.insert(0, error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def _described(error: BaseException) -> dict[str, Any]:
    kind, frames = type(error), traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"kind": f"{kind.__module__}.{kind.__qualname__}", "places": places}


def _name_request() -> None:
    """First of all: the instant of the request, and its id on everything that is logged from here."""
    now()
    given = request.headers.get(ID_HEADER, "")
    is_ours = app_state().configuration.trusted_proxies and GOOD_ID.fullmatch(given)  # our own proxy named the request
    g.request_id = given if is_ours else uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _log_answer(response: Response) -> Response:
    response.headers[ID_HEADER] = g.request_id
    view = called_view()
    # Operations and every open page ask all the time, and nobody does anything by it.
    only_asks = view is not None and (view.door is Access.SYSTEM.value or view.activity is Activity.POLL)
    if access_log.isEnabledFor(logging.INFO) and not (only_asks and response.status_code < 400):
        facts = {
            "method": request.method,
            "route": request.url_rule.rule if request.url_rule else None,
            "status": response.status_code,
            "ms": round((app_state().clock.now() - now()).total_seconds() * 1000, 1),
        }
        access_log.info("request", extra=facts)
    return response


def init_app(app: Flask) -> None:
    """Name every request and log its answer; this is the first mechanism, so that it sees all the others."""
    app.before_request(_name_request)
    app.after_request(_log_answer)
