"""One instant, one database session and one commit a request."""

from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import datetime

from flask import Flask, Response, g, request
from sqlalchemy.orm import Session

from portal.web.app_state import app_state

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class _RolledBack(Exception):  # noqa: N818 - a signal to our own transaction, not an error
    """Leaves the transaction of an answer that failed."""


def now() -> datetime:
    """The instant at which this request arrived; every rule of the request is judged with it."""
    instant: datetime | None = g.get("now")
    if instant is None:
        instant = g.now = app_state().clock.now()
    return instant


def reading() -> Session:
    """A database session of this request that cannot write."""
    if "reading" not in g:
        g.readers = ExitStack()
        g.reading = g.readers.enter_context(app_state().database.reading())
    session: Session = g.reading
    return session


def db() -> Session:
    """This request's session: reading for a safe request, else the one write transaction, begun at first use."""
    if request.method in SAFE_METHODS:
        return reading()
    if "writing" not in g:
        g.writing_stack = ExitStack()
        g.writing = g.writing_stack.enter_context(app_state().database.writing())
    session: Session = g.writing
    return session


def is_writing() -> bool:
    """Whether this request's write transaction has begun: nothing may wait for others then."""
    return "writing" in g


def at_once() -> AbstractContextManager[Session]:
    """A transaction of its own, whatever becomes of the request; the request's where that has begun.

    A thread that writes must never wait for a second transaction: on SQLite it would wait for itself.
    """
    return nullcontext(db()) if is_writing() else app_state().database.writing()


def stop_reading() -> None:
    """Close the reading session, before something that takes long; the next `reading` begins another."""
    g.pop("reading", None)
    readers: ExitStack | None = g.pop("readers", None)
    if readers is not None:
        readers.close()


def is_safe() -> bool:
    """Whether this request must not change anything."""
    return request.method in SAFE_METHODS


def finish(response: Response) -> Response:
    """Commit what the request wrote, once its status is known: only an answer of 5xx loses it."""
    stack: ExitStack | None = g.pop("writing_stack", None)
    g.pop("writing", None)
    if stack is None:
        return response
    if response.status_code < 500:
        stack.close()
    else:
        _roll_back(stack)
    return response


def _roll_back(stack: ExitStack) -> None:
    signal = _RolledBack()
    try:
        stack.__exit__(_RolledBack, signal, None)
    except _RolledBack:
        return


def _release(_error: BaseException | None) -> None:
    """Close connections, also where no answer could be made."""
    stack: ExitStack | None = g.pop("writing_stack", None)
    if stack is not None:
        _roll_back(stack)
    stop_reading()


def init_app(app: Flask) -> None:
    """Commit after each request and release its connections."""
    app.after_request(finish)
    app.teardown_request(_release)
