"""The state of the integrations, and a trial of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.admin.people_views import me, staff_day
from portal.audit import record
from portal.form_definitions.lookups import lookups_of
from portal.form_definitions.versions.queries import current_versions, definition_of
from portal.integrations.definition import Adapter, Found, LookupFailure, Outcome
from portal.integrations.models import IntegrationRecord
from portal.integrations.queries import count_addresses, records
from portal.integrations.rules import BreakerState, breaker_state
from portal.integrations.service import integrations
from portal.site_settings.current import clock_time
from portal.web.declarations import Access, Activity, access, activity
from portal.web.languages import language
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now, reading, stop_reading

blueprint = Blueprint("integrations", __name__)
LONGEST_INPUT = 500


@dataclass(frozen=True, kw_only=True)
class FormUse:
    """A look-up of a published form."""

    form: str
    section: str
    field: str


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial on this page, and its outcome."""

    name: str
    typed: Mapping[str, str]
    outcome: Outcome

    @property
    def failure(self) -> str | None:
        """Why the trial failed, in words."""
        return failure_text(self.outcome.failure) if self.outcome.failure else None

    @property
    def results(self) -> list[tuple[str, str]]:
        """The label of each result, and its values in words."""
        return [(found.label, _values_text(found)) for found in self.outcome.results]


@dataclass(frozen=True, kw_only=True)
class IntegrationCard:
    """One integration as shown on the page."""

    name: str
    facts: list[tuple[str, str]]
    state: BreakerState
    paused_until: str | None
    inputs: tuple[str, ...]
    uses: list[FormUse]
    trial: Trial | None

    def typed(self, name: str) -> str:
        """Return what was typed in an input of its trial."""
        return self.trial.typed.get(name, "") if self.trial else ""

    def problem(self, name: str) -> str | None:
        """Return the error of an input of its trial, or None."""
        missing = self.trial.outcome.missing if self.trial else ()
        return _("Enter a value for %(name)s", name=name) if name in missing else None


def cards(trial: Trial | None = None) -> list[IntegrationCard]:
    """Return all integrations by name, the one that was tried with its outcome."""
    known, used = records(reading()), _form_uses()
    return [
        _integration_card(adapter, known.get(name), used.get(name, []), trial if trial and trial.name == name else None)
        for name, adapter in sorted(integrations().adapters.items())
    ]


def unknown_uses() -> list[tuple[str, FormUse]]:
    """Return the look-ups of published forms whose integration is missing."""
    adapters = integrations().adapters
    return [(name, use) for name, uses in sorted(_form_uses().items()) if name not in adapters for use in uses]


def _integration_card(
    adapter: Adapter, record: IntegrationRecord | None, uses: list[FormUse], trial: Trial | None
) -> IntegrationCard:
    paused_until = record.paused_until if record else None
    return IntegrationCard(
        name=adapter.name,
        facts=_integration_facts(adapter, record),
        state=breaker_state(record.failures_in_row, paused_until, now()) if record else BreakerState.CLOSED,
        paused_until=clock_time(paused_until) if paused_until else None,
        inputs=adapter.inputs,
        uses=uses,
        trial=trial,
    )


def _integration_facts(adapter: Adapter, record: IntegrationRecord | None) -> list[tuple[str, str]]:
    address = adapter.address
    if not adapter.care.is_outside:
        address = _("Our own register, %(count)s addresses", count=count_addresses(reading()))
    return [
        (_("Kind"), adapter.kind),
        (_("Address"), address),
        (_("Needs"), ", ".join(adapter.inputs)),
        (_("Offers"), ", ".join(adapter.outputs)),
        (_("Answered"), _count_text(record.ok_count if record else 0, record.last_ok_at if record else None)),
        (_("Failed"), _failed_text(record)),
    ]


def _count_text(count: int, last: datetime | None) -> str:
    if last is None:
        return str(count)
    return _("%(count)s, last %(day)s, %(time)s", count=count, day=staff_day(last), time=clock_time(last))


def _failed_text(record: IntegrationRecord | None) -> str:
    if record is None or record.last_failure is None:
        return "0"
    return (
        f"{_count_text(record.failed_count, record.last_failed_at)}: {failure_text(LookupFailure(record.last_failure))}"
    )


def failure_text(failure: LookupFailure) -> str:
    """Return the words for a failure, for administrators."""
    return {
        LookupFailure.UNKNOWN: _("There is no such integration"),
        LookupFailure.PAUSED: _("Paused after several failures"),
        LookupFailure.BUSY: _("Too many look-ups at once"),
        LookupFailure.SLOW: _("It took too long to answer"),
        LookupFailure.UNREACHABLE: _("The connection failed"),
        LookupFailure.FORBIDDEN: _("Its address is one that the portal may not call"),
        LookupFailure.REDIRECTED: _("It redirected us, and the portal does not follow"),
        LookupFailure.STATUS: _("It answered with an error"),
        LookupFailure.REFUSED: _("It refused the question"),
        LookupFailure.TOO_LARGE: _("Its answer is larger than allowed"),
        LookupFailure.NOT_UNDERSTOOD: _("Its answer is not as declared"),
    }[failure]


def _values_text(found: Found) -> str:
    return "; ".join(f"{name}: {_value_text(value)}" for name, value in found.values.items() if _value_text(value))


def _value_text(value: str | Mapping[str, str]) -> str:
    return value if isinstance(value, str) else ", ".join(filter(None, value.values()))


def _form_uses() -> dict[str, list[FormUse]]:
    """Return the look-ups of the current forms by the name of their integration."""
    used: dict[str, list[FormUse]] = {}
    for version in current_versions(reading()):
        definition = definition_of(version)
        for path, field in lookups_of(definition):
            section = next(each for each in definition.sections if each.place == path[1])
            if field.lookup:
                use = FormUse(
                    form=definition.title.in_(language()),
                    section=section.title.in_(language()),
                    field=field.label.in_(language()),
                )
                used.setdefault(field.lookup.integration, []).append(use)
    return used


@blueprint.get("/admin/self/integrations")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_integrations() -> ResponseReturnValue:
    """Show all integrations: their addresses, the forms that use them, and how often they answered."""
    return _integrations_page()


@blueprint.post("/admin/self/integrations")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def try_integration() -> ResponseReturnValue:
    """Try one integration now, even if it is paused or an answer is kept."""
    require_end_marker()
    adapter = integrations().adapters.get(request.form.get("integration", ""))
    if adapter is None or repeated(set(request.form)):
        abort(400)
    typed = {name: request.form.get(f"{adapter.name}-{name}", "")[:LONGEST_INPUT] for name in adapter.inputs}
    by = me()
    stop_reading()  # an integration may be slow; meanwhile it needs no connection to the database
    outcome = integrations().look_up(adapter.name, typed, now=now(), is_trial=True)
    if outcome.missing:
        return _integrations_page(Trial(name=adapter.name, typed=typed, outcome=outcome)), 422
    record(db(), "integration_tried", by=by, now=now(), subject=adapter.name)
    return _integrations_page(Trial(name=adapter.name, typed=typed, outcome=outcome))


def _integrations_page(trial: Trial | None = None) -> str:
    return render_template("admin/integrations.html", cards=cards(trial), unknown=unknown_uses())
