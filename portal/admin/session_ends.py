"""What the session lifetime did to people in the last thirty days, as it stands beside its settings."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext as _

from portal.admin.queries import counted_since
from portal.form_definitions.versions.queries import current_versions, definition_of
from portal.web.counters import Event
from portal.web.declarations import CUSTOMER
from portal.web.languages import language
from portal.web.unit_of_work import now, reading

DAYS = 30
MOST_SECTIONS = 5
Place = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class SessionEnds:
    """Numbers by event; `sections` are those in which most sessions ended, with how many did."""

    numbers: Mapping[Event, int]
    sections: list[tuple[str, int]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted."""
        return not any(self.numbers.values())

    @property
    def parts(self) -> list[tuple[str, int]]:
        """How often people stayed, and how often their time ran out."""
        return [
            (_("“Stay signed in” was pressed"), self.numbers[Event.EXTENDED]),
            (_("Time ran out"), self.numbers[Event.ENDED]),
        ]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The other numbers, with their words."""
        rows = (
            (_("Warnings shown"), Event.WARNING),
            (_("Pages that came too late and were kept"), Event.PARKED),
            (_("Kept pages that were saved later"), Event.RESTORED),
            (_("Times a page got no answer about its time"), Event.POLL_FAILURE),
        )
        return [(label, str(self.numbers[event])) for label, event in rows]


def session_ends() -> SessionEnds:
    """What was counted of citizens' sessions, today and the days before it in UTC."""
    found = counted_since(reading(), now().date() - timedelta(days=DAYS - 1), kind=CUSTOMER)
    numbers: Counter[Event] = Counter()
    ends: Counter[Place] = Counter()
    for event, form, section, number in found:
        numbers[Event(event)] += number
        if event == Event.ENDED.value:
            ends[form, section] += number
    return SessionEnds(numbers=numbers, sections=_named(ends))


def _named(ends: Counter[Place]) -> list[tuple[str, int]]:
    """The places where most sessions ended, in words; most first."""
    ranked = sorted(ends.items(), key=lambda item: (-item[1], item[0]))[:MOST_SECTIONS]
    titles = _titles() if any(form for (form, _section), _number in ranked) else {}
    return [(_words(place, titles), number) for place, number in ranked]


def _titles() -> Mapping[Place, str]:
    """The titles of all forms, and of their sections, by their ids."""
    definitions = [definition_of(version) for version in current_versions(reading())]
    forms = {(each.id, ""): each.title.in_(language()) for each in definitions}
    sections = {(form.id, each.id): each.title.in_(language()) for form in definitions for each in form.sections}
    return forms | sections


def _words(place: Place, titles: Mapping[Place, str]) -> str:
    form, section = place
    if not form:
        return _("No form was open")
    title = titles.get((form, ""), form)
    return f"{title}: {titles.get(place, section)}" if section else title
