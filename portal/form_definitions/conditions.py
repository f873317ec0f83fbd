"""Conditions over answers, pure: evaluate them with three truth values, and find what depends on what."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from weakref import WeakKeyDictionary

from portal.form_definitions.definition import (
    MISTYPED,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Field,
    FormDefinition,
    Negation,
    Said,
    Section,
    SomeItem,
)
from portal.form_definitions.types.answers import bound_date, date_of, decimal_of, plain_number
from portal.form_definitions.types.field_types import FIELD_TYPES

Truth = bool | None
# What is left of a condition for the browser, as JSON: true, false, null (cannot tell),
# {"all": […]}, {"any": […]}, {"not": …}, or one comparison with a field of the same page:
# {"field": "phone", "type": "phone", "op": "answered", "value": true}. Numbers are decimal strings, dates YYYY-MM-DD,
# yes/no values booleans; `years_ago_at_least` and `today` have become dates. A field that is hidden or not on the page
# counts as not answered. That, or something typed that is not a valid answer, makes every comparison but `answered`
# null; {"not": null} is null, "all" and "any" follow Kleene. A field shows only where its condition is true.
PageCondition = bool | dict[str, Any] | None
FieldPlace = tuple[str, str]
"""The id of a section and of a field in it."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a condition can read: what was said where it shows, in its own section or item too, and the day.

    `said` has the shape of answers, with `MISTYPED` for what is not a valid one. `here` maps a section's id to what was
    said on this page, or in one item of a repeat; it takes precedence. `unfinished` names sections to which answers and
    items may still be added, so that "there is none" is not yet known.
    """

    said: Mapping[str, Mapping[str, Any]]
    today: date
    here: Mapping[str, Said] = field(default_factory=dict)
    unfinished: frozenset[str] = frozenset()

    def within(self, section_id: str, said: Said) -> "Scope":
        """Return the same scope inside one section or item."""
        return replace(self, here={**self.here, section_id: said})

    def items(self, section_id: str) -> dict[str, "Scope"]:
        """Return the same scope inside each item of a repeat, by item."""
        return {item: self.within(section_id, said) for item, said in self.said.get(section_id, {}).items()}


def evaluate(condition: Condition, scope: Scope) -> Truth:
    """Return whether the condition holds; None if this is not known yet."""
    match condition:
        case Comparison():
            return _compare(condition, scope)
        case AllOf():
            return _kleene((evaluate(part, scope) for part in condition.parts), decisive=False)
        case AnyOf():
            return _kleene((evaluate(part, scope) for part in condition.parts), decisive=True)
        case Negation():
            part = evaluate(condition.part, scope)
            return None if part is None else not part
        case SomeItem():
            items = [evaluate(condition.when, item) for item in scope.items(condition.section_id).values()]
            if condition.section_id in scope.unfinished:
                items.append(None)
            return _kleene(items, decisive=True)


def holds(condition: Condition | None, scope: Scope) -> bool:
    """Return whether a condition certainly holds; no condition always does."""
    return condition is None or evaluate(condition, scope) is True


def remaining(condition: Condition | None, scope: Scope, page: str, item: str = "") -> PageCondition:
    """Return what the browser must evaluate on a page of section `page`: all else is folded to true, false or null.

    If that section is repeated, `item` is the one that the page shows.
    """
    match condition:
        case None:
            return True
        case Comparison():
            if condition.section_id != page:
                return _compare(condition, scope)
            operator, value = _resolved(condition, scope.today)
            return {"field": condition.field_id, "type": condition.type, "op": operator, "value": _json(value)}
        case AllOf():
            return _left_open("all", [remaining(part, scope, page, item) for part in condition.parts], decisive=False)
        case AnyOf():
            return _left_open("any", [remaining(part, scope, page, item) for part in condition.parts], decisive=True)
        case Negation():
            part = remaining(condition.part, scope, page, item)
            return {"not": part} if isinstance(part, dict) else None if part is None else not part
        case SomeItem():
            is_on_page = condition.section_id == page
            items = [
                evaluate(condition.when, inside)
                if is_on_page and key != item
                else remaining(condition.when, inside, page, item)
                for key, inside in scope.items(condition.section_id).items()
            ]
            return _left_open("any", items, decisive=True)


def _kleene(values: Iterable[Truth], *, decisive: bool) -> Truth:
    """Join truth values in Kleene's logic by "all" (`decisive` False) or "any" (`decisive` True).

    One decisive value decides alone. Without one, None makes the whole None.
    """
    found = set(values)
    return decisive if decisive in found else None if None in found else not decisive


def _left_open(word: str, parts: list[PageCondition], *, decisive: bool) -> PageCondition:
    """Join what is left by "all" or "any"; fold known parts into one, and return a decisive one alone."""
    open_parts: list[PageCondition] = [part for part in parts if isinstance(part, dict)]
    folded = _kleene((part for part in parts if not isinstance(part, dict)), decisive=decisive)
    if folded is decisive or not open_parts:
        return folded
    left = open_parts if folded is not None else [*open_parts, None]
    return left[0] if len(left) == 1 else {word: left}


def years_before(today: date, years: int) -> date:
    """Return the latest birth date of people who are `years` old today.

    People who were born on 29 February have their birthday on 1 March in other years.
    """
    if years >= today.year:
        return date.min
    try:
        return today.replace(year=today.year - years)
    except ValueError:
        return today.replace(year=today.year - years, day=28)


_COMPARABLE: Mapping[str, Callable[[Any], Any]] = {
    "number": decimal_of,
    "date": date_of,
    "flag": lambda answer: answer if isinstance(answer, bool) else None,
    "options": lambda answer: answer if isinstance(answer, list) else None,
    "option": lambda answer: answer if isinstance(answer, str) else None,
    "text": lambda answer: answer if isinstance(answer, str) else None,
    "presence": lambda answer: None,
}


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "is": lambda actual, expected: actual == expected,
    "is_not": lambda actual, expected: actual != expected,
    "one_of": lambda actual, expected: actual in expected,
    "includes": lambda actual, expected: expected in actual,
    "at_least": lambda actual, expected: actual >= expected,
    "at_most": lambda actual, expected: actual <= expected,
    "more_than": lambda actual, expected: actual > expected,
    "less_than": lambda actual, expected: actual < expected,
}


def _compare(condition: Comparison, scope: Scope) -> Truth:
    section_id = condition.section_id
    said: Mapping[str, Any] = (scope.here if section_id in scope.here else scope.said).get(section_id, {})
    answer = said.get(condition.field_id)
    if condition.operator == "answered":
        undecided = answer is None and section_id in scope.unfinished
        return None if undecided else (answer is not None) is condition.value
    compare = FIELD_TYPES[condition.type].compare
    actual = None if answer in (None, MISTYPED) or compare is None else _COMPARABLE[compare](answer)
    if actual is None:
        return None
    operator, expected = _resolved(condition, scope.today)
    return _OPERATORS[operator](actual, expected)


def _resolved(condition: Comparison, today: date) -> tuple[str, Any]:
    """Return the operator and the value of a comparison, with `today` replaced by the date."""
    if condition.operator == "years_ago_at_least":
        return "at_most", years_before(today, int(str(condition.value)))
    if FIELD_TYPES[condition.type].compare == "date" and condition.operator != "answered":
        return condition.operator, bound_date(condition.value, today)
    return condition.operator, condition.value


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json(part) for part in value]
    if isinstance(value, bool | str):
        return value
    return value.isoformat() if isinstance(value, date) else plain_number(value)


def fields_of(condition: Condition | None) -> set[FieldPlace]:
    """Return the fields that a condition reads, each with its section."""
    match condition:
        case None:
            return set()
        case Comparison():
            return {(condition.section_id, condition.field_id)}
        case Negation():
            return fields_of(condition.part)
        case SomeItem():
            return fields_of(condition.when)
        case _:
            return set().union(*(fields_of(part) for part in condition.parts))


def sections_of(condition: Condition | None) -> set[str]:
    """Return the ids of the sections whose answers a condition reads."""
    return {section_id for section_id, _ in fields_of(condition)}


@dataclass(frozen=True)
class Readers:
    """What the answer to one field decides about: whole sections, and fields by section, in the order of the form."""

    sections: list[Section] = field(default_factory=list)
    fields: dict[Section, list[Field]] = field(default_factory=dict)


@dataclass(frozen=True)
class Dependence:
    """What depends on what in a form, for showing and for being required.

    `rests_on`: for each section, the earlier sections that decide about it, directly or through others, in order.
    `opened_by`: for each section, those that its own condition reads and those to complete first.
    `readers`: for each field, what its answer shows or hides.
    """

    rests_on: Mapping[str, tuple[str, ...]]
    opened_by: Mapping[str, frozenset[str]]
    readers: Mapping[FieldPlace, Readers]


_DEPENDENCES: WeakKeyDictionary[FormDefinition, Dependence] = WeakKeyDictionary()


def dependence(definition: FormDefinition) -> Dependence:
    """Return what depends on what; cached, because definitions never change."""
    found = _DEPENDENCES.get(definition)
    if found is None:
        found = _DEPENDENCES[definition] = _dependence(definition.sections)
    return found


def _dependence(sections: Sequence[Section]) -> Dependence:
    position = {section.id: index for index, section in enumerate(sections)}
    readers = {(section.id, each.id): Readers() for section in sections for each in section.fields}
    rests_on: dict[str, tuple[str, ...]] = {}
    for section in sections:
        for place in fields_of(section.when):
            readers[place].sections.append(section)
        for each in section.fields:
            for place in fields_of(each.when):
                readers[place].fields.setdefault(section, []).append(each)
        read = set().union(*map(sections_of, conditions_of(section))) - {section.id}
        all_read = read.union(*(rests_on[each] for each in read))
        rests_on[section.id] = tuple(sorted(all_read, key=position.__getitem__))
    opened_by = {section.id: frozenset(sections_of(section.when)).union(section.needs) for section in sections}
    return Dependence(rests_on=rests_on, opened_by=opened_by, readers=readers)


def conditions_of(section: Section) -> Iterator[Condition | None]:
    """Yield the conditions by which a section shows, and its fields show and are required."""
    yield section.when
    for each in section.fields:
        yield each.when
        yield each.required_when
