"""Look-ups: watched and tried."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.admin.history import staff_day
from portal.audit import record
from portal.form_definitions.lookups import lookups_of
from portal.form_definitions.versions.queries import current_versions, definition_of
from portal.integrations.definition import Adapter, Failure, Found, Outcome
from portal.integrations.models import IntegrationRecord
from portal.integrations.queries import count_addresses, records
from portal.integrations.rules import BreakerState, breaker_state
from portal.integrations.service import integrations
from portal.sessions.browser_sessions import browser
from portal.site_settings.current import clock_time
from portal.web.addresses import actor
from portal.web.declarations import Access, Activity, access, activity
from portal.web.languages import language
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now, reading, stop_reading

blueprint = Blueprint("integrations", __name__)
LONGEST_INPUT = 500


@dataclass(frozen=True, kw_only=True)
class Use:
    """A look-up of a published form."""

    form: str
    section: str
    field: str


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was tried on this page, and what came of it."""

    name: str
    typed: Mapping[str, str]
    outcome: Outcome

    @property
    def failure(self) -> str | None:
        """Why there was no answer, in words."""
        return failure_text(self.outcome.failure) if self.outcome.failure else None

    @property
    def results(self) -> list[tuple[str, str]]:
        """Each result: its label, and the values that it offers."""
        return [(found.label, _offered(found)) for found in self.outcome.results]


@dataclass(frozen=True, kw_only=True)
class Card:
    """One integration as the page shows it."""

    name: str
    facts: list[tuple[str, str]]
    state: BreakerState
    paused_until: str | None
    inputs: tuple[str, ...]
    uses: list[Use]
    trial: Trial | None

    def typed(self, name: str) -> str:
        """What stands in an input of its trial."""
        return self.trial.typed.get(name, "") if self.trial else ""

    def problem(self, name: str) -> str | None:
        """What is wrong with an input of its trial."""
        missing = self.trial.outcome.missing if self.trial else ()
        return _("Enter a value for %(name)s", name=name) if name in missing else None


def cards(trial: Trial | None = None) -> list[Card]:
    """All integrations by name, the one that was tried with what came of it."""
    known, used = records(reading()), _used()
    return [
        _card(adapter, known.get(name), used.get(name, []), trial if trial and trial.name == name else None)
        for name, adapter in sorted(integrations().adapters.items())
    ]


def unknown_uses() -> list[tuple[str, Use]]:
    """Look-ups of published forms that name an integration which is not here."""
    adapters = integrations().adapters
    return [(name, use) for name, uses in sorted(_used().items()) if name not in adapters for use in uses]


def _card(adapter: Adapter, record: IntegrationRecord | None, uses: list[Use], trial: Trial | None) -> Card:
    paused_until = record.paused_until if record else None
    return Card(
        name=adapter.name,
        facts=_facts(adapter, record),
        state=breaker_state(record.failures_in_row, paused_until, now()) if record else BreakerState.CLOSED,
        paused_until=clock_time(paused_until) if paused_until else None,
        inputs=adapter.inputs,
        uses=uses,
        trial=trial,
    )


def _facts(adapter: Adapter, record: IntegrationRecord | None) -> list[tuple[str, str]]:
    return [
        (_("Kind"), adapter.kind),
        (_("Address"), adapter.address if adapter.care.is_outside else _register_text()),
        (_("Needs"), ", ".join(adapter.inputs)),
        (_("Offers"), ", ".join(adapter.outputs)),
        (_("Answered"), _count_text(record.ok_count if record else 0, record.last_ok_at if record else None)),
        (_("Failed"), _failed_text(record)),
    ]


def _register_text() -> str:
    return _("Our own register, %(count)s addresses", count=count_addresses(reading()))


def _count_text(count: int, last: datetime | None) -> str:
    if last is None:
        return str(count)
    return _("%(count)s, last %(day)s, %(time)s", count=count, day=staff_day(last), time=clock_time(last))


def _failed_text(record: IntegrationRecord | None) -> str:
    if record is None or record.last_failure is None:
        return "0"
    return f"{_count_text(record.failed_count, record.last_failed_at)}: {failure_text(Failure(record.last_failure))}"


def failure_text(failure: Failure) -> str:
    """A failure for those who can do something about it."""
    return {
        Failure.UNKNOWN: _("There is no such integration"),
        Failure.PAUSED: _("Left alone for a while after several failures"),
        Failure.BUSY: _("Too many look-ups at once"),
        Failure.SLOW: _("No whole answer in time"),
        Failure.UNREACHABLE: _("No connection, or one that broke off"),
        Failure.FORBIDDEN: _("Its name leads to an address that the portal may not call"),
        Failure.REDIRECTED: _("It sent us elsewhere; the portal does not follow"),
        Failure.STATUS: _("It answered with an error"),
        Failure.REFUSED: _("It refused the question"),
        Failure.TOO_LARGE: _("Its answer is larger than allowed"),
        Failure.NOT_UNDERSTOOD: _("Its answer is not as declared"),
    }[failure]


def _offered(found: Found) -> str:
    return "; ".join(f"{name}: {_value_text(value)}" for name, value in found.values.items() if _value_text(value))


def _value_text(value: str | Mapping[str, str]) -> str:
    return value if isinstance(value, str) else ", ".join(filter(None, value.values()))


def _used() -> dict[str, list[Use]]:
    """The look-ups of the forms that people may fill now, by the integration that they name."""
    used: dict[str, list[Use]] = {}
    for name, use in _uses():
        used.setdefault(name, []).append(use)
    return used


def _uses() -> Iterator[tuple[str, Use]]:
    for version in current_versions(reading()):
        definition = definition_of(version)
        for path, field in lookups_of(definition):
            section = definition.sections[int(path[1])]
            if field.lookup:
                yield (
                    field.lookup.integration,
                    Use(
                        form=definition.title.in_(language()),
                        section=section.title.in_(language()),
                        field=field.label.in_(language()),
                    ),
                )


@blueprint.get("/admin/self/integrations")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_integrations() -> ResponseReturnValue:
    """All integrations: where they ask, who uses them, how they fare."""
    return _page()


@blueprint.post("/admin/self/integrations")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def try_integration() -> ResponseReturnValue:
    """Ask one integration now, whatever is remembered of it and though it is left alone."""
    require_end_marker()
    adapter = integrations().adapters.get(request.form.get("integration", ""))
    if adapter is None or repeated(set(request.form)):
        abort(400)
    typed = {name: request.form.get(f"{adapter.name}-{name}", "")[:LONGEST_INPUT] for name in adapter.inputs}
    by = actor(_person_id())
    stop_reading()  # an integration may be slow, and takes no connection of ours meanwhile
    outcome = integrations().look_up(adapter.name, typed, now=now(), is_trial=True)
    if outcome.missing:
        return _page(Trial(name=adapter.name, typed=typed, outcome=outcome)), 422
    record(db(), "integration_tried", by=by, now=now(), subject=adapter.name)
    return _page(Trial(name=adapter.name, typed=typed, outcome=outcome))


def _page(trial: Trial | None = None) -> str:
    return render_template("admin/integrations.html", cards=cards(trial), unknown=unknown_uses())


def _person_id() -> int | None:
    live = browser().live()
    return live.person_id if live else None
