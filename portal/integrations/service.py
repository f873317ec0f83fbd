"""Look-ups for the rest of the portal: with a memory, and without waiting for a service that is paused."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, current_app

from portal.characters import plain
from portal.config import Configuration
from portal.db import Database
from portal.integrations.adapters import read_adapters
from portal.integrations.definition import NOT_ASKED, Adapter, Found, LookupFailedError, LookupFailure, Outcome
from portal.integrations.operations import claim_trial, note_failure, note_success
from portal.integrations.queries import record_of
from portal.integrations.rules import BreakerState, breaker_state, missing_inputs

_LOG = logging.getLogger(__name__)
MOST_KEPT = 500
LookupKey = tuple[str, ...]
"""The name of an integration, and its inputs."""
_EXTENSION = "integrations"


class _Memory:
    """Recent answers of other services, kept in this process only, as they may contain names of people."""

    def __init__(self) -> None:
        self._kept: OrderedDict[LookupKey, tuple[datetime, Sequence[Found]]] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, key: LookupKey, now: datetime) -> Sequence[Found] | None:
        """Return the kept answer, or None where there is none or it is too old."""
        with self._lock:
            until, results = self._kept.get(key, (now, ()))
        return results if now < until else None

    def keep(self, key: LookupKey, results: Sequence[Found], until: datetime) -> None:
        """Keep an answer; forget the oldest one where there are too many."""
        with self._lock:
            self._kept[key] = (until, results)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


class Integrations:
    """All integrations of this installation."""

    def __init__(self, adapters: Mapping[str, Adapter], database: Database) -> None:
        self.adapters = adapters
        self._database = database
        self._memory = _Memory()

    def look_up(self, name: str, inputs: Mapping[str, str], *, now: datetime, is_trial: bool = False) -> Outcome:
        """Ask an integration and return the outcome, which may be a failure.

        Never call this inside a transaction: it may wait for another server, and records the outcome in a
        transaction of its own. `is_trial` asks the service even if it is paused or an answer is kept.
        """
        adapter = self.adapters.get(name)
        if adapter is None:
            return Outcome(failure=LookupFailure.UNKNOWN)
        missing = missing_inputs(adapter.inputs, inputs)
        if missing:
            return Outcome(missing=missing)
        given = {each: plain(inputs[each]) for each in adapter.inputs}
        key = (name, *given.values())
        kept = None if is_trial else self._memory.answer(key, now)
        if kept is not None:
            return Outcome(results=kept)
        outcome = self._ask(adapter, given, now, is_trial=is_trial)
        if outcome.failure is None and adapter.care.cache_s:
            self._memory.keep(key, outcome.results, now + timedelta(seconds=adapter.care.cache_s))
        return outcome

    def _ask(self, adapter: Adapter, inputs: Mapping[str, str], now: datetime, *, is_trial: bool) -> Outcome:
        if adapter.care.is_outside and not is_trial and not self._may_ask(adapter.name, now):
            return Outcome(failure=LookupFailure.PAUSED)
        try:
            results = adapter.find(inputs)
        except LookupFailedError as reason:
            self._note_failure(adapter.name, reason.failure, now)
            return Outcome(failure=reason.failure)
        note_success(self._database, adapter.name, now=now)
        return Outcome(results=results)

    def _note_failure(self, name: str, failure: LookupFailure, now: datetime) -> None:
        _LOG.warning("A look-up failed", extra={"integration": name, "failure": failure.value})
        if failure not in NOT_ASKED:
            note_failure(self._database, name, failure, now=now)

    def _may_ask(self, name: str, now: datetime) -> bool:
        """Return whether the service may be asked; after a pause exactly one request tries it again."""
        with self._database.reading() as db:
            record = record_of(db, name)
        state = breaker_state(record.failures_in_row, record.paused_until, now) if record else BreakerState.CLOSED
        if state is not BreakerState.TRIAL:
            return state is BreakerState.CLOSED
        with self._database.writing() as db:
            return claim_trial(db, name, now=now)


def integrations() -> Integrations:
    """Return the integrations of the application that handles this request or command."""
    return cast("Integrations", current_app.extensions[_EXTENSION])


def lookups_offered() -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    """Return the inputs that each integration needs, and its values with their shape, by the integration's name."""
    return {
        name: (adapter.inputs, {output: shape.value for output, shape in adapter.outputs.items()})
        for name, adapter in integrations().adapters.items()
    }


def init_app(app: Flask, configuration: Configuration, database: Database) -> None:
    """Read the integrations once; raise `ConfigurationError` where their file has a fault."""
    app.extensions[_EXTENSION] = Integrations(read_adapters(configuration, database), database)
