"""Read a form back to its author: conditions as sentences, and texts that are missing."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel

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
from portal.form_definitions.format.document import TextDocument
from portal.form_definitions.format.reading import document_of
from portal.form_definitions.format.source import Fault, KeyPath, path_text
from portal.form_definitions.types.answers import date_text, limit_text
from portal.form_definitions.types.field_types import FIELD_TYPES

_COMPARISONS = {
    "is": "is {}",
    "is_not": "is not {}",
    "one_of": "is {}",
    "includes": "includes {}",
    "at_least": "is {} or more",
    "at_most": "is {} or less",
    "more_than": "is more than {}",
    "less_than": "is less than {}",
    "years_ago_at_least": "is {} or more years ago",
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
_OWNER = re.compile(r"^(\(?)(?:my|your|their|his|her|its|the) ")
"""How a short name may begin: "their date of birth" is the date of birth in "at least one person whose …"."""
_UNSURE = "{}.{} may be empty, and then the form cannot be sent; require it, or let `when` ask whether it is answered."
_Found = tuple[str, str, Condition | None]


def condition_sentence(condition: Condition, definition: FormDefinition, language: str) -> str:
    """Return a condition as an English sentence in lower case, with the form's labels in this `language`."""

    def read(part: Condition) -> str:
        return condition_sentence(part, definition, language)

    match condition:
        case Comparison():
            return _comparison(condition, definition, language, _PHRASES)
        case AllOf():
            return _joined_phrases(condition.parts, " and ", read) or "always"
        case AnyOf():
            return _joined_phrases(condition.parts, " or ", read) or "never"
        case Negation(part=Comparison() as compared):
            return _comparison(compared, definition, language, _NEGATED)
        case Negation():
            return f"it is not the case that {_grouped(condition.part, read)}"
        case SomeItem():
            whose = _OWNER.sub(r"\1", _grouped(condition.when, read))
            return f"there is at least one {_item_phrase(condition, definition, language)} whose {whose}"


def _joined_phrases(parts: tuple[Condition, ...], word: str, read: Callable[[Condition], str]) -> str:
    return word.join(_grouped(part, read) if len(parts) > 1 else read(part) for part in parts)


def _grouped(part: Condition, read: Callable[[Condition], str]) -> str:
    grouped = isinstance(part, AllOf | AnyOf) and len(part.parts) > 1
    return f"({read(part)})" if grouped else read(part)


def _item_phrase(condition: SomeItem, definition: FormDefinition, language: str) -> str:
    section = definition.section(condition.section_id)
    item = section.repeat.item.in_(language) if section and section.repeat else "item"
    return f"{item} in “{section.title.in_(language) if section else condition.section_id}”"


def _comparison(condition: Comparison, definition: FormDefinition, language: str, phrases: _Phrases) -> str:
    field = definition.field(condition.section_id, condition.field_id)
    label = field.in_sentence(language)
    if condition.operator == "answered":
        return f"{label} is answered" if condition.value is (phrases is _PHRASES) else f"{label} is not answered"
    kind = "date" if FIELD_TYPES[field.type].compare == "date" else "other"
    return f"{label} {phrases[kind][condition.operator].format(_value_phrase(condition.value, field, language))}"


def _value_phrase(value: Any, field: Field, language: str) -> str:
    if isinstance(value, tuple):
        return " or ".join(_value_phrase(each, field, language) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return limit_text(field, value)
    if isinstance(value, date):
        return date_text(value, str)
    option = field.option(str(value))
    bare = isinstance(value, int) or value == TODAY
    return str(value) if bare and not option else f"“{option.label.in_(language) if option else value}”"


def readback(definition: FormDefinition) -> Iterator[tuple[str, str]]:
    """Yield for each condition its path in the document and what it does, in the order of the form."""
    language = definition.languages[0]
    for path, does, condition in _described_conditions(definition):
        if condition is not None:
            yield path, f"{does} if {condition_sentence(condition, definition, language)}."


def _described_conditions(definition: FormDefinition) -> Iterator[_Found]:
    for section in sorted((*definition.sections, *definition.signer_sections), key=attrgetter("place")):
        path = f"sections[{section.place}]"
        yield f"{path}.when", f"{section.id} is shown", section.when
        for place, field in enumerate(section.fields):
            name = f"{section.id}.{field.id}"
            yield f"{path}.fields[{place}].when", f"{name} is shown", field.when
            yield f"{path}.fields[{place}].required_when", f"{name} must be answered", field.required_when
        for number, stop in enumerate(section.stop_when):
            yield f"{path}.stop_when[{number}].when", f"the form ends at {section.id}", stop.when
    for index, signer in enumerate(definition.signers):
        yield f"signers[{index}].when", f"{signer.id} is asked to sign", signer.when


def missing_texts(definition: FormDefinition) -> tuple[Fault, ...]:
    """Return one fault for each text and language in which it is missing, in the order of the document.

    A text that is written without a language is in the form's first language.
    """
    first, *others = definition.languages
    found = _texts(document_of(definition), ()) if others else ()
    return tuple(
        Fault(path=path_text(path), sentence=f"There is no text in {code}; people read it in {first}.")
        for path, text in found
        for code in others
        if isinstance(text, str) or code not in text
    )


def unclaimed_addresses(definition: FormDefinition) -> tuple[Fault, ...]:
    """Return one fault for each e-mail question of a form that does not say which of them is its customer's."""
    if definition.customer and definition.customer.email:
        return ()
    invited = {signer.email for signer in definition.signers}
    sentence = "The form does not say whose address this is (form.customer.email), so nothing is mailed to it."
    return tuple(
        Fault(path=path_text(("sections", section.place, "fields", place)), sentence=sentence)
        for section in definition.sections
        for place, field in enumerate(section.fields)
        if field.type == "email" and (section.id, field.id) not in invited
    )


def unsure_signers(definition: FormDefinition) -> tuple[Fault, ...]:
    """Return one fault for each signer's field that may be empty although the signer is asked; Send refuses then."""
    return tuple(
        Fault(path=path_text(("signers", index, *path)), sentence=_UNSURE.format(*place))
        for index, signer in enumerate(definition.signers)
        for path, place in ((("name",), signer.name), (("email",), signer.email), (("check", "fact"), signer.fact))
        if place and not _is_sure(definition, place, signer.when)
    )


def _is_sure(definition: FormDefinition, place: tuple[str, str], when: Condition | None) -> bool:
    """Return whether a field has an answer wherever a condition is true, as far as their wording shows it."""
    section, field = definition.section(place[0]), definition.field(*place)
    parts = when.parts if isinstance(when, AllOf) else (when,)
    hidden = [each for each in (section.when if section else None, field.when) if each]
    always = field.required or (field.required_when is not None and field.required_when in parts)
    answered = Comparison(section_id=place[0], field_id=place[1], type=field.type, operator="answered", value=True)
    return answered in parts or (always and all(each in (*parts, when) for each in hidden))


def _texts(part: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str | dict[str, str]]]:
    """Yield every text of a part of the document, with its path."""
    if isinstance(part, BaseModel):
        for name, described in type(part).model_fields.items():
            value, place = getattr(part, name), (*path, described.alias or name)
            yield from _said(value, place) if name in _text_keys(type(part)) else _texts(value, place)
    elif isinstance(part, list | dict):
        for index, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _texts(value, (*path, index))


def _said(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str | dict[str, str]]]:
    """Yield the text of a key, or the texts if it holds a list of them or one for each of several messages."""
    if isinstance(value, list):
        yield from ((((*path, index)), text) for index, text in enumerate(value))
    elif path[-1] == "errors":
        yield from ((((*path, key)), text) for key, text in value.items())
    elif value:
        yield path, value


@cache
def _text_keys(kind: type[BaseModel]) -> frozenset[str]:
    """Return the keys of a part that hold texts, as its model declares them."""
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(name for name in kind.model_fields if _holds_text(hints[name]))


def _holds_text(hint: Any) -> bool:
    return hint == TextDocument or any(_holds_text(part) for part in get_args(hint))
