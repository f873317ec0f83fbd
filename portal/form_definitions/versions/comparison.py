"""What differs between two versions of a form."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any

from portal.form_definitions.definition import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Field,
    FormDefinition,
    Negation,
    Option,
    Repeat,
    Section,
    SomeItem,
    Text,
)
from portal.form_definitions.types.answers import mark

# The new id of a field by its section and its old id.
Names = Mapping[tuple[str, str], str]
_MOST_CACHED = 200


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


class Effect(Enum):
    """What a change asks of somebody who has begun the form, in the order of its weight."""

    MUST_ANSWER = "must_answer"
    ANSWER_AGAIN = "answer_again"
    NOT_SENT = "not_sent"
    CHECK = "check"
    MAY_ANSWER = "may_answer"
    NOTHING = "nothing"


class Kind(Enum):
    """The kinds of change: one for everything that a definition can say differently."""

    NEW_REQUIRED = "new_required"
    NEW_OPTIONAL = "new_optional"
    REMOVED = "removed"
    RENAMED = "renamed"
    REQUIRED = "required"
    OPTIONAL = "optional"
    TYPE = "type"
    WORDING = "wording"
    OPTIONS_ADDED = "options_added"
    OPTIONS_REMOVED = "options_removed"
    LIMITS = "limits"
    CONDITION = "condition"
    ORDER = "order"
    BEHAVIOUR = "behaviour"
    SECTION_NEW = "section_new"
    SECTION_REMOVED = "section_removed"
    SECTION_WORDING = "section_wording"
    SECTION_CONDITION = "section_condition"
    SECTION_ORDER = "section_order"
    REPEATED = "repeated"
    ITEMS = "items"
    FORM = "form"


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a kind of change says, and its effect; `judged` where the answers of each person decide about it."""

    says: str
    effect: Effect
    judged: bool = False


MEANINGS: Mapping[Kind, Meaning] = {
    Kind.NEW_REQUIRED: Meaning(says=mark("New question, required"), effect=Effect.MUST_ANSWER, judged=True),
    Kind.NEW_OPTIONAL: Meaning(says=mark("New question, optional"), effect=Effect.MAY_ANSWER, judged=True),
    Kind.REMOVED: Meaning(says=mark("Question removed"), effect=Effect.NOT_SENT, judged=True),
    Kind.RENAMED: Meaning(says=mark("Renamed: answers are carried"), effect=Effect.NOTHING),
    Kind.REQUIRED: Meaning(says=mark("Now required"), effect=Effect.MUST_ANSWER, judged=True),
    Kind.OPTIONAL: Meaning(says=mark("No longer required"), effect=Effect.NOTHING),
    Kind.TYPE: Meaning(says=mark("Another kind of answer"), effect=Effect.ANSWER_AGAIN, judged=True),
    Kind.WORDING: Meaning(says=mark("Wording changed"), effect=Effect.CHECK, judged=True),
    Kind.OPTIONS_ADDED: Meaning(says=mark("Options added"), effect=Effect.CHECK, judged=True),
    Kind.OPTIONS_REMOVED: Meaning(
        says=mark("Options removed: whoever chose one answers again"), effect=Effect.ANSWER_AGAIN, judged=True
    ),
    Kind.LIMITS: Meaning(
        says=mark("Limits changed: whoever's answer no longer fits answers again"),
        effect=Effect.ANSWER_AGAIN,
        judged=True,
    ),
    Kind.CONDITION: Meaning(
        says=mark("Asked, or required, under another condition"), effect=Effect.NOTHING, judged=True
    ),
    Kind.ORDER: Meaning(says=mark("Order changed"), effect=Effect.NOTHING),
    Kind.BEHAVIOUR: Meaning(says=mark("Error messages, look-up or sensitivity changed"), effect=Effect.NOTHING),
    Kind.SECTION_NEW: Meaning(says=mark("New section"), effect=Effect.NOTHING),
    Kind.SECTION_REMOVED: Meaning(says=mark("Section removed"), effect=Effect.NOT_SENT, judged=True),
    Kind.SECTION_WORDING: Meaning(says=mark("Title or introduction changed"), effect=Effect.CHECK, judged=True),
    Kind.SECTION_CONDITION: Meaning(
        says=mark("Shown, startable or stopped under another condition"), effect=Effect.NOTHING, judged=True
    ),
    Kind.SECTION_ORDER: Meaning(says=mark("Order of the sections changed"), effect=Effect.NOTHING),
    Kind.REPEATED: Meaning(
        says=mark("Asked once before and for each item now, or the reverse: the first one is carried"),
        effect=Effect.ANSWER_AGAIN,
        judged=True,
    ),
    Kind.ITEMS: Meaning(says=mark("Name or number of the items changed"), effect=Effect.NOTHING, judged=True),
    Kind.FORM: Meaning(says=mark("Title, declaration or settings of the form changed"), effect=Effect.NOTHING),
}


# Which attribute is judged as which kind; None where a rule of its own below looks at it.
FIELD_ASPECTS: Mapping[str, Kind | None] = {
    "id": None,
    "was": None,
    "required": None,
    "options": None,
    "type": Kind.TYPE,
    "label": Kind.WORDING,
    "hint": Kind.WORDING,
    "required_when": Kind.CONDITION,
    "when": Kind.CONDITION,
    "min": Kind.LIMITS,
    "max": Kind.LIMITS,
    "max_length": Kind.LIMITS,
    "max_words": Kind.LIMITS,
    "pattern": Kind.LIMITS,
    "files": Kind.LIMITS,
    "sensitive": Kind.BEHAVIOUR,
    "errors": Kind.BEHAVIOUR,
    "lookup": Kind.BEHAVIOUR,
}


SECTION_ASPECTS: Mapping[str, Kind | None] = {
    "id": None,
    "fields": None,
    "repeat": None,
    "title": Kind.SECTION_WORDING,
    "intro": Kind.SECTION_WORDING,
    "when": Kind.SECTION_CONDITION,
    "needs": Kind.SECTION_CONDITION,
    "stop_when": Kind.SECTION_CONDITION,
}


FORM_ASPECTS: Mapping[str, Kind | None] = {
    "id": None,
    "sections": None,
    "document": None,
    "title": Kind.FORM,
    "summary": Kind.FORM,
    "languages": Kind.FORM,
    "expected_minutes": Kind.FORM,
    "you_will_need": Kind.FORM,
    "access": Kind.FORM,
    "allow_save": Kind.FORM,
    "drafts": Kind.FORM,
    "declaration": Kind.FORM,
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference. Ids are those of the new version; of the old one where the thing is gone.

    `what` names the attributes of a form, or the options that came or went.
    """

    kind: Kind
    section_id: str = ""
    field_id: str = ""
    what: tuple[str, ...] = ()

    @property
    def meaning(self) -> Meaning:
        """What this kind of change says."""
        return MEANINGS[self.kind]


@dataclass(frozen=True, kw_only=True)
class Differences:
    """All that differs between two versions, and by which names the new one knows the fields of the old.

    `origins` gives for each section of both, and each of its new fields, the id of the old field that it continues.
    """

    old: FormDefinition
    new: FormDefinition
    changes: tuple[Change, ...]
    origins: Mapping[str, Mapping[str, str]]

    def of(self, section_id: str, field_id: str = "") -> frozenset[Kind]:
        """What changed about one field, or about a section itself."""
        return frozenset(
            change.kind for change in self.changes if (change.section_id, change.field_id) == (section_id, field_id)
        )

    @property
    def may_hide_a_rename(self) -> bool:
        """Whether something is gone and something is new, so that both may be one field, renamed more than once."""
        kinds = {change.kind for change in self.changes}
        return Kind.REMOVED in kinds and bool(kinds & {Kind.NEW_REQUIRED, Kind.NEW_OPTIONAL})

    def touches(self, section_id: str) -> bool:
        """Whether anything in or about a section changed."""
        return any(change.section_id == section_id for change in self.changes)


@lru_cache(maxsize=_MOST_CACHED)
def compare(old: FormDefinition, new: FormDefinition, between: tuple[FormDefinition, ...] = ()) -> Differences:
    """What differs from `old` to `new`; nothing where they say the same.

    `between` are the versions published from the one to the other, oldest first: a field that was renamed more than
    once is followed through them.
    """
    origins = _origins(old, new, between)
    names = {(section, was): field for section, fields in origins.items() for field, was in fields.items()}
    changes = (
        *_aspects(FORM_ASPECTS, old, new, Change(kind=Kind.FORM)),
        *_order(Kind.SECTION_ORDER, [each.id for each in old.sections], [each.id for each in new.sections]),
        *(change for section in new.sections for change in _section(old, section, origins, names)),
        *(Change(kind=Kind.SECTION_REMOVED, section_id=each.id) for each in old.sections if not new.section(each.id)),
    )
    return Differences(old=old, new=new, changes=tuple(dict.fromkeys(changes)), origins=origins)


def _origins(
    old: FormDefinition, new: FormDefinition, between: Sequence[FormDefinition]
) -> Mapping[str, Mapping[str, str]]:
    found = {}
    for section in new.sections:
        before = old.section(section.id)
        if before:
            steps = tuple(step for each in between if (step := each.section(section.id)))
            found[section.id] = former_ids(before, section, steps)
    return found


def _section(
    old: FormDefinition, section: Section, origins: Mapping[str, Mapping[str, str]], names: Names
) -> Iterator[Change]:
    before = old.section(section.id)
    here = Change(kind=Kind.SECTION_NEW, section_id=section.id)
    if before is None:
        yield here
        yield from (_new_field(section, field) for field in section.fields)
        return
    origin = origins[section.id]
    read = in_new_names(before, names)
    yield from _aspects(SECTION_ASPECTS, read, section, here)
    yield from _repeat(read, section, here)
    yield from _fields(read, section, origin)
    yield from _removed(before, section, origin)


def _aspects(aspects: Mapping[str, Kind | None], old: Any, new: Any, place: Change) -> Iterator[Change]:
    """The changes of everything that the table judges by its attribute alone."""
    for name, kind in aspects.items():
        if kind and not _same(getattr(old, name), getattr(new, name)):
            yield replace(place, kind=kind, what=(name,) if kind is Kind.FORM else ())


def _same(old: Any, new: Any) -> bool:
    """Whether both say the same; a text may say it in more languages than before."""
    if isinstance(old, Text) and isinstance(new, Text):
        return all(new.in_(code) == text for code, text in old.by_language)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    if isinstance(old, tuple) and isinstance(new, tuple):
        return len(old) == len(new) and all(map(_same, old, new))
    return bool(old == new)


def _order(kind: Kind, old: Sequence[str], new: Sequence[str], section_id: str = "") -> Iterator[Change]:
    common = [each for each in old if each in new]
    if common != [each for each in new if each in common]:
        yield Change(kind=kind, section_id=section_id)


def _repeat(old: Section, new: Section, place: Change) -> Iterator[Change]:
    if bool(old.repeat) is not bool(new.repeat):
        yield replace(place, kind=Kind.REPEATED)
    elif old.repeat and new.repeat:
        names = [each.name for each in dataclasses.fields(Repeat)]
        if not all(_same(getattr(old.repeat, name), getattr(new.repeat, name)) for name in names):
            yield replace(place, kind=Kind.ITEMS)


def _fields(old: Section, new: Section, origin: Mapping[str, str]) -> Iterator[Change]:
    """The fields of a section; `old` speaks the new version's names already."""
    yield from _order(Kind.ORDER, [each.id for each in old.fields], [each.id for each in new.fields], new.id)
    for field in new.fields:
        before = old.field(field.id) if field.id in origin else None
        if before is None:
            yield _new_field(new, field)
            continue
        here = Change(kind=Kind.RENAMED, section_id=new.id, field_id=field.id)
        if origin[field.id] != field.id:
            yield here
        yield from _aspects(FIELD_ASPECTS, before, field, here)
        if before.required is not field.required:
            yield replace(here, kind=Kind.REQUIRED if field.required else Kind.OPTIONAL)
        yield from _options(before.options, field.options, here)


def _new_field(section: Section, field: Field) -> Change:
    kind = Kind.NEW_REQUIRED if field.required or field.required_when else Kind.NEW_OPTIONAL
    return Change(kind=kind, section_id=section.id, field_id=field.id)


def _removed(old: Section, new: Section, origin: Mapping[str, str]) -> Iterator[Change]:
    carried = set(origin.values())
    for field in old.fields:
        if field.id not in carried:
            yield Change(kind=Kind.REMOVED, section_id=new.id, field_id=field.id)


def _options(old: Iterable[Option], new: Iterable[Option], place: Change) -> Iterator[Change]:
    before, after = ({option.value: option for option in options} for options in (old, new))
    gone = tuple(value for value in before if value not in after)
    come = tuple(value for value in after if value not in before)
    common = [(before[value], after[value]) for value in before if value in after]
    found = {
        Kind.OPTIONS_REMOVED: bool(gone),
        Kind.OPTIONS_ADDED: bool(come),
        Kind.WORDING: any(not _same(a.label, b.label) or not _same(a.hint, b.hint) for a, b in common),
        Kind.LIMITS: any(a.exclusive is not b.exclusive for a, b in common),
        Kind.ORDER: [value for value in before if value in after] != [value for value in after if value in before],
    }
    named = {Kind.OPTIONS_REMOVED: gone, Kind.OPTIONS_ADDED: come}
    for kind, is_so in found.items():
        if is_so:
            yield replace(place, kind=kind, what=named.get(kind, ()))
