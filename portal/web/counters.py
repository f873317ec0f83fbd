"""Counters without personal data: how often something happened on a day, in which form and section.

A request counts in memory, once its answer is known; the numbers are written later, many at a time, by the first
request after five seconds that is neither a poll nor a probe, or by a worker of the same process. So counting costs a
request nothing; what a killed process had not written yet is lost.
"""

import logging
import threading
from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

from flask import Flask, Response, g
from sqlalchemy import Date, Integer, String, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.db import Base, Database
from portal.web.app_state import AppState, app_state, called_view
from portal.web.declarations import Activity
from portal.web.unit_of_work import now

logger = logging.getLogger(__name__)
WRITTEN_EVERY = timedelta(seconds=5)
MOST_WAITING = 200
MOST_REMEMBERED = 10_000


class Event(Enum):
    """What is counted of sessions."""

    WARNING = "warning"
    EXTENDED = "extended"
    ENDED = "ended"
    PARKED = "parked"
    RESTORED = "restored"
    POLL_FAILURE = "poll_failure"


class CounterRow(Base):
    """How often an event happened on one day (UTC). `form` and `section` are ids of a published form, or empty."""

    __tablename__ = "counters"

    event: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    form: Mapped[str] = mapped_column(String(64), primary_key=True)
    section: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    number: Mapped[int] = mapped_column(Integer)


@dataclass(frozen=True, kw_only=True, order=True)
class Counted:
    """What one number stands for: an event, the kind of session, and a form and section of ours or nothing.

    `day` is a day in UTC. Nobody is named, and there is no place for a name.
    """

    event: str
    kind: str
    form: str = ""
    section: str = ""
    day: date


class Tally:
    """Numbers on their way to the database: given away all at once when the first has waited long enough."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: Counter[Counted] = Counter()
        self._since: datetime | None = None
        self._remembered: OrderedDict[Hashable, None] = OrderedDict()

    def add(self, numbers: Mapping[Counted, int], *, now: datetime) -> None:
        """Count this much more."""
        with self._lock:
            self._numbers.update(numbers)
            self._since = self._since or now

    def take(self) -> Mapping[Counted, int]:
        """All that waits; whoever takes it writes it, or adds it again."""
        with self._lock:
            taken, self._numbers, self._since = self._numbers, Counter(), None
        return taken

    def is_due(self, now: datetime) -> bool:
        """Whether something has waited for five seconds, or much is waiting."""
        with self._lock:
            waited = self._since is not None and now - self._since >= WRITTEN_EVERY
            return waited or len(self._numbers) >= MOST_WAITING

    def is_first(self, mark: Hashable) -> bool:
        """Whether nobody asked this of the same mark before, as far as this process remembers."""
        with self._lock:
            is_new = mark not in self._remembered
            self._remembered[mark] = None
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return is_new


def count(event: Event, *, kind: str, form: str = "", section: str = "", number: int = 1) -> None:
    """Count something that this request did, if it is answered without failing.

    `form` and `section` are ids that the caller found in a published form; what a browser says never gets here.
    """
    counted: Counter[Counted] = g.setdefault("counted", Counter())
    counted[Counted(event=event.value, kind=kind, form=form, section=section, day=now().date())] += number


def write_numbers(db: Session, database: Database, numbers: Mapping[Counted, int]) -> None:
    """Add these numbers to what is in the table; processes that do so at once add up.

    In one order everywhere, so that two of them never wait for each other.
    """
    for counted in sorted(numbers):
        key: dict[str, Any] = asdict(counted)
        database.insert_or_ignore(db, CounterRow, **key, number=0)
        number = CounterRow.number + numbers[counted]
        db.execute(update(CounterRow).filter_by(**key).values(number=number), execution_options=_PLAIN)


_PLAIN = {"synchronize_session": False}


def write_tally(parts: AppState) -> None:
    """Write what this process has counted, in a short transaction of its own; what could not be written waits."""
    numbers = parts.tally.take()
    if not numbers:
        return
    try:
        with parts.database.writing() as db:
            write_numbers(db, parts.database, numbers)
    except SQLAlchemyError:
        parts.tally.add(numbers, now=parts.clock.now())
        raise


def _note_counted(response: Response) -> Response:
    """Behind the commit of what is counted: take it, and write what has waited long enough.

    Neither a probe of operations nor a poll waits for a writer; others come soon enough. A failure to count is
    nobody's failure.
    """
    parts, counted, view = app_state(), g.pop("counted", None), called_view()
    if counted and response.status_code < 500:
        parts.tally.add(counted, now=now())
    if view is None or view.door.kind is None or view.activity is Activity.POLL:
        return response
    try:
        if parts.tally.is_due(parts.clock.now()):
            write_tally(parts)
    except SQLAlchemyError:
        logger.warning("The counters could not be written and wait", exc_info=True)
    return response


def init_app(app: Flask) -> None:
    """Take what requests have counted; registered before the unit of work, so that it acts after the commit."""
    app.after_request(_note_counted)
