"""Conditions read back as sentences."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from portal.form_definitions.answers import date_text
from portal.form_definitions.answers_number import limit_text
from portal.form_definitions.definition import (
    TODAY,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Field,
    FormDefinition,
    Negation,
    SomeItem,
)
from portal.form_definitions.field_types import FIELD_TYPES

_COMPARISONS = {
    "is": "is {}",
    "is_not": "is not {}",
    "one_of": "is {}",
    "includes": "includes {}",
    "at_least": "is {} or more",
    "at_most": "is {} or less",
    "more_than": "is more than {}",
    "less_than": "is less than {}",
    "years_ago_at_least": "is at least {} years ago",
}
_DATE_COMPARISONS = {
    "at_least": "is {} or later",
    "at_most": "is {} or earlier",
    "more_than": "is after {}",
    "less_than": "is before {}",
}
_NEGATED_COMPARISONS = {
    "is": "is not {}",
    "is_not": "is {}",
    "one_of": "is not {}",
    "includes": "does not include {}",
    "at_least": "is less than {}",
    "at_most": "is more than {}",
    "more_than": "is {} or less",
    "less_than": "is {} or more",
    "years_ago_at_least": "is less than {} years ago",
}
_NEGATED_DATE_COMPARISONS = {
    "at_least": "is before {}",
    "at_most": "is after {}",
    "more_than": "is {} or earlier",
    "less_than": "is {} or later",
}
_Phrases = Mapping[str, Mapping[str, str]]
_PHRASES: _Phrases = {"other": _COMPARISONS, "date": _COMPARISONS | _DATE_COMPARISONS}
_NEGATED: _Phrases = {"other": _NEGATED_COMPARISONS, "date": _NEGATED_COMPARISONS | _NEGATED_DATE_COMPARISONS}


def sentence(condition: Condition, definition: FormDefinition, language: str) -> str:
    """A condition as an English sentence, with the labels of the form in this language; begins in lower case."""

    def read(part: Condition) -> str:
        return sentence(part, definition, language)

    match condition:
        case Comparison():
            return _comparison(condition, definition, language, _PHRASES)
        case AllOf():
            return _joined(condition.parts, " and ", read) or "always"
        case AnyOf():
            return _joined(condition.parts, " or ", read) or "never"
        case Negation(part=Comparison() as compared):
            return _comparison(compared, definition, language, _NEGATED)
        case Negation():
            return f"it is not the case that {_grouped(condition.part, read)}"
        case SomeItem():
            return f"for at least one {_item(condition, definition, language)}, {_grouped(condition.when, read)}"


def _joined(parts: tuple[Condition, ...], word: str, read: Callable[[Condition], str]) -> str:
    return word.join(_grouped(part, read) if len(parts) > 1 else read(part) for part in parts)


def _grouped(part: Condition, read: Callable[[Condition], str]) -> str:
    grouped = isinstance(part, AllOf | AnyOf) and len(part.parts) > 1
    return f"({read(part)})" if grouped else read(part)


def _item(condition: SomeItem, definition: FormDefinition, language: str) -> str:
    section = definition.section(condition.section_id)
    item = section.repeat.item.in_(language) if section and section.repeat else "item"
    return f"{item} in “{section.title.in_(language) if section else condition.section_id}”"


def _comparison(condition: Comparison, definition: FormDefinition, language: str, phrases: _Phrases) -> str:
    field = definition.field(condition.section_id, condition.field_id)
    label = f"“{field.label.in_(language)}”"
    if condition.operator == "answered":
        return f"{label} is answered" if condition.value is (phrases is _PHRASES) else f"{label} is not answered"
    kind = "date" if FIELD_TYPES[field.type].compare == "date" else "other"
    return f"{label} {phrases[kind][condition.operator].format(_value(condition.value, field, language))}"


def _value(value: Any, field: Field, language: str) -> str:
    if isinstance(value, tuple):
        return " or ".join(_value(each, field, language) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return limit_text(field, value)
    if isinstance(value, date):
        return date_text(value, str)
    return _words(value, field, language)


def _words(value: Any, field: Field, language: str) -> str:
    option = field.option(str(value))
    bare = isinstance(value, int) or value == TODAY
    return str(value) if bare and not option else f"“{option.label.in_(language) if option else value}”"
