"""Fields that bear another id in a later version: found by `was`, and the old version read in the new names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from portal.form_definitions.definition import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Negation,
    Section,
    SomeItem,
)

# The new id of a field by its section and its old id.
Names = Mapping[tuple[str, str], str]


def former_ids(old: Section, new: Section, between: Sequence[Section] = ()) -> Mapping[str, str]:
    """For each new field that continues an old one, the old id; an equal id goes before `was`.

    `between` are the section's versions from the one to the other, oldest first.
    """
    found = {field.id: field.id for field in new.fields if old.field(field.id)}
    taken = set(found.values())
    for field in new.fields:
        former = next((name for name in _former(field, between) if old.field(name) and name not in taken), None)
        if field.id not in found and former:
            found[field.id] = former
            taken.add(former)
    return found


def _former(field: Field, between: Sequence[Section]) -> Sequence[str]:
    """The ids that a field has borne, going back through the versions."""
    names = [field.id, *field.was]
    for section in reversed(between):
        for name in tuple(names):
            step = section.field(name)
            names += [was for was in (step.was if step else ()) if was not in names]
    return names


def in_new_names(section: Section, names: Names) -> Section:
    """A section of the old version, its fields and everything that refers to fields under the new ids."""
    label_from = section.repeat.label_from if section.repeat else None
    named = names.get((section.id, label_from), label_from) if label_from else None
    return replace(
        section,
        when=_condition(section.when, names),
        repeat=replace(section.repeat, label_from=named) if section.repeat else None,
        stop_when=tuple(replace(stop, when=_named(stop.when, names)) for stop in section.stop_when),
        fields=tuple(_field(section, field, names) for field in section.fields),
    )


def _field(section: Section, field: Field, names: Names) -> Field:
    return replace(
        field,
        id=names.get((section.id, field.id), field.id),
        when=_condition(field.when, names),
        required_when=_condition(field.required_when, names),
        lookup=field.lookup
        and replace(
            field.lookup,
            inputs={key: (place[0], names.get(place, place[1])) for key, place in field.lookup.inputs.items()},
            fills={names.get((section.id, key), key): output for key, output in field.lookup.fills.items()},
        ),
    )


def _condition(condition: Condition | None, names: Names) -> Condition | None:
    return _named(condition, names) if condition else None


def _named(condition: Condition, names: Names) -> Condition:
    match condition:
        case Comparison():
            place = (condition.section_id, condition.field_id)
            return replace(condition, field_id=names.get(place, condition.field_id))
        case AllOf() | AnyOf():
            return replace(condition, parts=tuple(_named(part, names) for part in condition.parts))
        case Negation():
            return replace(condition, part=_named(condition.part, names))
        case SomeItem():
            return replace(condition, when=_named(condition.when, names))
