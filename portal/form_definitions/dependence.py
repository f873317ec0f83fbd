"""What depends on what in a form: the answers that a condition reads, and the sections that one rests on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from portal.form_definitions.definition import (
    Comparison,
    Condition,
    Field,
    FormDefinition,
    Negation,
    Section,
    SomeItem,
)

Place = tuple[str, str]
"""A section's id and a field's."""


def fields_of(condition: Condition | None) -> set[Place]:
    """The fields, each with its section, whose answers a condition reads."""
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
    """The sections whose answers a condition reads."""
    return {section_id for section_id, _ in fields_of(condition)}


@dataclass(frozen=True)
class Readers:
    """What one answer decides about: whole sections, and single fields by their section, in the order of the form."""

    sections: list[Section] = field(default_factory=list)
    fields: dict[Section, list[Field]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Dependence:
    rests_on: Mapping[str, tuple[str, ...]]
    readers: Mapping[Place, Readers]


_FOUND: WeakKeyDictionary[FormDefinition, _Dependence] = WeakKeyDictionary()
_NOTHING = Readers()


def rests_on(definition: FormDefinition, section_id: str) -> tuple[str, ...]:
    """The earlier sections that decide what shows and is required in this one, or decide about those; in order."""
    return _of(definition).rests_on[section_id]


def readers(definition: FormDefinition, place: Place) -> Readers:
    """What shows or hides by the answer at this place."""
    return _of(definition).readers.get(place, _NOTHING)


def _of(definition: FormDefinition) -> _Dependence:
    """Found once for a definition, which never changes."""
    found = _FOUND.get(definition)
    if found is None:
        found = _FOUND[definition] = _Dependence(_all_rests(definition), _all_readers(definition))
    return found


def _all_rests(definition: FormDefinition) -> Mapping[str, tuple[str, ...]]:
    position = {section.id: index for index, section in enumerate(definition.sections)}
    found: dict[str, tuple[str, ...]] = {}
    for section in definition.sections:
        read = set().union(*(sections_of(each) for each in conditions_of(section))) - {section.id}
        all_read = read.union(*(found[each] for each in read))
        found[section.id] = tuple(sorted(all_read, key=position.__getitem__))
    return found


def conditions_of(section: Section) -> Iterator[Condition | None]:
    """The conditions by which a section shows, and its fields show and are required."""
    yield section.when
    for each in section.fields:
        yield each.when
        yield each.required_when


def _all_readers(definition: FormDefinition) -> Mapping[Place, Readers]:
    found: dict[Place, Readers] = {}
    for section in definition.sections:
        for place in fields_of(section.when):
            found.setdefault(place, Readers()).sections.append(section)
        for each in section.fields:
            for place in fields_of(each.when):
                found.setdefault(place, Readers()).fields.setdefault(section, []).append(each)
    return found
