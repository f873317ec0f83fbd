"""Look-ups as the rest of the portal asks for them."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, current_app

from portal.config import Configuration
from portal.db import Database
from portal.integrations.definition import NOT_ASKED, Adapter, Failure, Found, LookupFailedError, Outcome
from portal.integrations.operations import claim_trial, note_failure, note_success
from portal.integrations.queries import record_of
from portal.integrations.reading import read_adapters
from portal.integrations.rules import BreakerState, breaker_state, missing_inputs

_LOG = logging.getLogger(__name__)
MOST_KEPT = 500
Question = tuple[str, ...]


_KEY = "integrations"


class _Memory:
    """Answers of somebody else's services, kept for a while in this process alone: they may name people."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Question, tuple[datetime, Sequence[Found]]] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, question: Question, now: datetime) -> Sequence[Found] | None:
        """What was answered to this question and still holds."""
        with self._lock:
            until, results = self._kept.get(question, (now, ()))
        return results if now < until else None

    def keep(self, question: Question, results: Sequence[Found], until: datetime) -> None:
        """Remember an answer; of too many the oldest is forgotten."""
        with self._lock:
            self._kept[question] = (until, results)
            self._kept.move_to_end(question)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


class Integrations:
    """All integrations of this installation."""

    def __init__(self, adapters: Mapping[str, Adapter], database: Database) -> None:
        self.adapters = adapters
        self._database = database
        self._memory = _Memory()

    def look_up(self, name: str, inputs: Mapping[str, str], *, now: datetime, is_trial: bool = False) -> Outcome:
        """Ask an integration; a failure is an outcome too.

        Never call this inside a transaction: it may wait for somebody else's server, and notes what became of it in
        a transaction of its own. `is_trial` asks anew, whatever is remembered and though the service is left alone.
        """
        adapter = self.adapters.get(name)
        if adapter is None:
            return Outcome(failure=Failure.UNKNOWN)
        missing = missing_inputs(adapter.inputs, inputs)
        if missing:
            return Outcome(missing=missing)
        given = {each: inputs[each].strip() for each in adapter.inputs}
        question = (name, *given.values())
        kept = None if is_trial else self._memory.answer(question, now)
        if kept is not None:
            return Outcome(results=kept)
        outcome = self._asked(adapter, given, now, is_trial=is_trial)
        if outcome.failure is None and adapter.care.cache_s:
            self._memory.keep(question, outcome.results, now + timedelta(seconds=adapter.care.cache_s))
        return outcome

    def _asked(self, adapter: Adapter, inputs: Mapping[str, str], now: datetime, *, is_trial: bool) -> Outcome:
        if adapter.care.is_outside and not is_trial and not self._may_ask(adapter.name, now):
            return Outcome(failure=Failure.PAUSED)
        try:
            results = adapter.find(inputs)
        except LookupFailedError as reason:
            self._note_failure(adapter.name, reason.failure, now)
            return Outcome(failure=reason.failure)
        note_success(self._database, adapter.name, now=now)
        return Outcome(results=results)

    def _note_failure(self, name: str, failure: Failure, now: datetime) -> None:
        _LOG.warning("A look-up failed", extra={"integration": name, "failure": failure.value})
        if failure not in NOT_ASKED:
            note_failure(self._database, name, failure, now=now)

    def _may_ask(self, name: str, now: datetime) -> bool:
        """Whether the breaker lets this one through; it lets exactly one try whether a service is back."""
        with self._database.reading() as db:
            record = record_of(db, name)
        state = breaker_state(record.failures_in_row, record.paused_until, now) if record else BreakerState.CLOSED
        if state is not BreakerState.TRIAL:
            return state is BreakerState.CLOSED
        with self._database.writing() as db:
            return claim_trial(db, name, now=now)


def integrations() -> Integrations:
    """The integrations of the application that handles this request or command."""
    return cast("Integrations", current_app.extensions[_KEY])


def lookups_offered() -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    """Of each integration by name: the inputs that it needs, and the values that it offers with their shape."""
    return {
        name: (adapter.inputs, {output: shape.value for output, shape in adapter.outputs.items()})
        for name, adapter in integrations().adapters.items()
    }


def init_app(app: Flask, configuration: Configuration, database: Database) -> None:
    """Read the integrations once; raises `ConfigurationError` where their file is not as it must be."""
    app.extensions[_KEY] = Integrations(read_adapters(configuration, database), database)
