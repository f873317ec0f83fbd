"""Find what differs between two versions of a form."""

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
    CustomerFields,
    Field,
    FormDefinition,
    Negation,
    Option,
    Repeat,
    Section,
    SignerDefinition,
    SomeItem,
    TranslatedText,
)
from portal.form_definitions.types.answers import mark

# The new id of a field by its section and its old id.
Names = Mapping[tuple[str, str], str]
_MOST_COMPARED = 200


def former_ids(old: Section, new: Section, between: Sequence[Section] = ()) -> Mapping[str, str]:
    """Return the old id of each new field that continues an old one; an equal id takes precedence over `was`.

    `between` are the versions of the section that were published from the one to the other, oldest first.
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
    """Return the ids that a field has had, going back through the versions."""
    names = [field.id, *field.was]
    for section in reversed(between):
        for name in tuple(names):
            step = section.field(name)
            names += [was for was in (step.was if step else ()) if was not in names]
    return names


def in_new_names(section: Section, names: Names) -> Section:
    """Return a section of the old version, with its fields and all references to fields under the new ids."""
    label_from = section.repeat.label_from if section.repeat else None
    named = names.get((section.id, label_from), label_from) if label_from else None
    return replace(
        section,
        when=_condition_in_new_names(section.when, names),
        repeat=replace(section.repeat, label_from=named) if section.repeat else None,
        stop_when=tuple(replace(stop, when=_in_new_names(stop.when, names)) for stop in section.stop_when),
        fields=tuple(_renamed_field(section, field, names) for field in section.fields),
    )


def _renamed_field(section: Section, field: Field, names: Names) -> Field:
    return replace(
        field,
        id=names.get((section.id, field.id), field.id),
        when=_condition_in_new_names(field.when, names),
        required_when=_condition_in_new_names(field.required_when, names),
        lookup=field.lookup
        and replace(
            field.lookup,
            inputs={key: (place[0], names.get(place, place[1])) for key, place in field.lookup.inputs.items()},
            fills={names.get((section.id, key), key): output for key, output in field.lookup.fills.items()},
        ),
    )


def _customer_in_new_names(customer: CustomerFields, names: Names) -> CustomerFields:
    def renamed(place: tuple[str, str]) -> tuple[str, str]:
        return place[0], names.get(place, place[1])

    return CustomerFields(
        name=tuple(map(renamed, customer.name)), email=renamed(customer.email) if customer.email else None
    )


def _signer_in_new_names(signer: SignerDefinition, names: Names) -> SignerDefinition:
    def renamed(place: tuple[str, str]) -> tuple[str, str]:
        return place[0], names.get(place, place[1])

    return replace(
        signer,
        when=_condition_in_new_names(signer.when, names),
        name=renamed(signer.name),
        email=renamed(signer.email),
        fact=renamed(signer.fact) if signer.fact else None,
    )


def _condition_in_new_names(condition: Condition | None, names: Names) -> Condition | None:
    return _in_new_names(condition, names) if condition else None


def _in_new_names(condition: Condition, names: Names) -> Condition:
    match condition:
        case Comparison():
            place = (condition.section_id, condition.field_id)
            return replace(condition, field_id=names.get(place, condition.field_id))
        case AllOf() | AnyOf():
            return replace(condition, parts=tuple(_in_new_names(part, names) for part in condition.parts))
        case Negation():
            return replace(condition, part=_in_new_names(condition.part, names))
        case SomeItem():
            return replace(condition, when=_in_new_names(condition.when, names))


class Effect(Enum):
    """What a change asks of a person who has begun the form; the first is the most serious."""

    MUST_ANSWER = "must_answer"
    ANSWER_AGAIN = "answer_again"
    NOT_SENT = "not_sent"
    CHECK = "check"
    KEPT = "kept"
    MAY_ANSWER = "may_answer"
    NOTHING = "nothing"


class ChangeKind(Enum):
    """The kinds of change, one for everything that a definition can say differently."""

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
    SIGNERS = "signers"
    FORM = "form"


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a kind of change says, and its effect; `judged` if the effect depends on each person's answers."""

    says: str
    effect: Effect
    judged: bool = False


MEANINGS: Mapping[ChangeKind, Meaning] = {
    ChangeKind.NEW_REQUIRED: Meaning(says=mark("New question, required"), effect=Effect.MUST_ANSWER, judged=True),
    ChangeKind.NEW_OPTIONAL: Meaning(says=mark("New question, optional"), effect=Effect.MAY_ANSWER, judged=True),
    ChangeKind.REMOVED: Meaning(says=mark("Question removed"), effect=Effect.NOT_SENT, judged=True),
    ChangeKind.RENAMED: Meaning(says=mark("Renamed: answers are carried"), effect=Effect.NOTHING),
    ChangeKind.REQUIRED: Meaning(says=mark("Now required"), effect=Effect.MUST_ANSWER, judged=True),
    ChangeKind.OPTIONAL: Meaning(says=mark("No longer required"), effect=Effect.NOTHING),
    ChangeKind.TYPE: Meaning(says=mark("Another kind of answer"), effect=Effect.ANSWER_AGAIN, judged=True),
    ChangeKind.WORDING: Meaning(says=mark("Wording changed"), effect=Effect.CHECK, judged=True),
    ChangeKind.OPTIONS_ADDED: Meaning(says=mark("Options added"), effect=Effect.CHECK, judged=True),
    ChangeKind.OPTIONS_REMOVED: Meaning(
        says=mark("Options removed: people who chose one must answer again"), effect=Effect.ANSWER_AGAIN, judged=True
    ),
    ChangeKind.LIMITS: Meaning(
        says=mark("Limits changed: people whose answers no longer fit must answer again"),
        effect=Effect.ANSWER_AGAIN,
        judged=True,
    ),
    ChangeKind.CONDITION: Meaning(
        says=mark("Asked, or required, under another condition"), effect=Effect.NOTHING, judged=True
    ),
    ChangeKind.ORDER: Meaning(says=mark("Order changed"), effect=Effect.NOTHING),
    ChangeKind.BEHAVIOUR: Meaning(
        says=mark("Short name, error messages, look-up or sensitivity changed"), effect=Effect.NOTHING
    ),
    ChangeKind.SECTION_NEW: Meaning(says=mark("New section"), effect=Effect.NOTHING),
    ChangeKind.SECTION_REMOVED: Meaning(says=mark("Section removed"), effect=Effect.NOT_SENT, judged=True),
    ChangeKind.SECTION_WORDING: Meaning(says=mark("Title or introduction changed"), effect=Effect.CHECK, judged=True),
    ChangeKind.SECTION_CONDITION: Meaning(
        says=mark("Shown, startable or stopped under another condition"), effect=Effect.NOTHING, judged=True
    ),
    ChangeKind.SECTION_ORDER: Meaning(says=mark("Order of the sections changed"), effect=Effect.NOTHING),
    ChangeKind.REPEATED: Meaning(
        says=mark("Asked once before and for each item now, or the reverse: the first one is carried"),
        effect=Effect.ANSWER_AGAIN,
        judged=True,
    ),
    ChangeKind.ITEMS: Meaning(says=mark("Name or number of the items changed"), effect=Effect.NOTHING, judged=True),
    ChangeKind.SIGNERS: Meaning(says=mark("Who signs, or what they are asked, changed"), effect=Effect.NOTHING),
    ChangeKind.FORM: Meaning(says=mark("Title, declaration or settings of the form changed"), effect=Effect.NOTHING),
}


# The kind of change of each attribute; None if a rule of its own below judges it.
FIELD_ASPECTS: Mapping[str, ChangeKind | None] = {
    "id": None,
    "was": None,
    "required": None,
    "options": None,
    "type": ChangeKind.TYPE,
    "label": ChangeKind.WORDING,
    "hint": ChangeKind.WORDING,
    "required_when": ChangeKind.CONDITION,
    "when": ChangeKind.CONDITION,
    "min": ChangeKind.LIMITS,
    "max": ChangeKind.LIMITS,
    "max_length": ChangeKind.LIMITS,
    "max_words": ChangeKind.LIMITS,
    "pattern": ChangeKind.LIMITS,
    "files": ChangeKind.LIMITS,
    "sensitive": ChangeKind.BEHAVIOUR,
    "short": ChangeKind.BEHAVIOUR,
    "autocomplete": ChangeKind.BEHAVIOUR,
    "errors": ChangeKind.BEHAVIOUR,
    "lookup": ChangeKind.BEHAVIOUR,
}


SECTION_ASPECTS: Mapping[str, ChangeKind | None] = {
    "id": None,
    "place": None,
    "fields": None,
    "repeat": None,
    "title": ChangeKind.SECTION_WORDING,
    "intro": ChangeKind.SECTION_WORDING,
    "when": ChangeKind.SECTION_CONDITION,
    "needs": ChangeKind.SECTION_CONDITION,
    "stop_when": ChangeKind.SECTION_CONDITION,
}


FORM_ASPECTS: Mapping[str, ChangeKind | None] = {
    "id": None,
    "sections": None,
    "signers": None,
    "signer_sections": None,
    "document": None,
    "title": ChangeKind.FORM,
    "summary": ChangeKind.FORM,
    "languages": ChangeKind.FORM,
    "expected_minutes": ChangeKind.FORM,
    "you_will_need": ChangeKind.FORM,
    "access": ChangeKind.FORM,
    "allow_save": ChangeKind.FORM,
    "drafts": ChangeKind.FORM,
    "declaration": ChangeKind.FORM,
    "customer": ChangeKind.FORM,
}


@dataclass(frozen=True, kw_only=True)
class FormChange:
    """One difference; its ids are those of the new version, or of the old one if the thing is gone.

    `what` names the attributes of a form, or the options that were added or removed.
    """

    kind: ChangeKind
    section_id: str = ""
    field_id: str = ""
    what: tuple[str, ...] = ()

    @property
    def meaning(self) -> Meaning:
        """What this kind of change says."""
        return MEANINGS[self.kind]


@dataclass(frozen=True, kw_only=True)
class Differences:
    """All that differs between two versions.

    `origins` maps each section of both versions, and each of its new fields, to the id of the old field that it
    continues.
    """

    old: FormDefinition
    new: FormDefinition
    changes: tuple[FormChange, ...]
    origins: Mapping[str, Mapping[str, str]]

    def of(self, section_id: str, field_id: str = "") -> frozenset[ChangeKind]:
        """Return what changed about one field, or about a section itself."""
        return frozenset(
            change.kind for change in self.changes if (change.section_id, change.field_id) == (section_id, field_id)
        )

    @property
    def may_hide_a_rename(self) -> bool:
        """Whether a field is gone and another is new, so that both may be one field that was renamed several times."""
        kinds = {change.kind for change in self.changes}
        return ChangeKind.REMOVED in kinds and bool(kinds & {ChangeKind.NEW_REQUIRED, ChangeKind.NEW_OPTIONAL})

    def touches(self, section_id: str) -> bool:
        """Return whether anything in a section or about it changed."""
        return any(change.section_id == section_id for change in self.changes)


@lru_cache(maxsize=_MOST_COMPARED)
def compare(old: FormDefinition, new: FormDefinition, between: tuple[FormDefinition, ...] = ()) -> Differences:
    """Return what differs from `old` to `new`; nothing if they say the same.

    `between` are the versions published from the one to the other, oldest first. With them a field that was renamed
    more than once can be followed.
    """
    origins = _origins(old, new, between)
    names = {(section, was): field for section, fields in origins.items() for field, was in fields.items()}
    read = replace(old, customer=_customer_in_new_names(old.customer, names)) if old.customer else old
    changes = (
        *_aspect_changes(FORM_ASPECTS, read, new, FormChange(kind=ChangeKind.FORM)),
        *_order_changes(ChangeKind.SECTION_ORDER, old.sections, new.sections),
        *(change for section in new.sections for change in _section_changes(old, section, origins, names)),
        *(
            FormChange(kind=ChangeKind.SECTION_REMOVED, section_id=each.id)
            for each in old.sections
            if not new.section(each.id)
        ),
        *_signer_changes(old, new, names),
    )
    return Differences(old=old, new=new, changes=tuple(dict.fromkeys(changes)), origins=origins)


def _signer_changes(old: FormDefinition, new: FormDefinition, names: Names) -> Iterator[FormChange]:
    """Yield one change if others are asked to sign, or if they are asked something else."""
    aspects = [each.name for each in dataclasses.fields(SignerDefinition)]
    read = [_signer_in_new_names(signer, names) for signer in old.signers]
    same = len(read) == len(new.signers) and all(
        _alike(getattr(before, name), getattr(after, name))
        for before, after in zip(read, new.signers, strict=True)
        for name in aspects
    )
    before, after = (replace(each, sections=each.signer_sections) for each in (old, new))
    origins = _origins(before, after, ())
    own = {(section, was): field for section, fields in origins.items() for field, was in fields.items()}
    asked = (change for each in after.sections for change in _section_changes(before, each, origins, {**names, **own}))
    if not same or any(asked):
        yield FormChange(kind=ChangeKind.SIGNERS)


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


def _section_changes(
    old: FormDefinition, section: Section, origins: Mapping[str, Mapping[str, str]], names: Names
) -> Iterator[FormChange]:
    before = old.section(section.id)
    here = FormChange(kind=ChangeKind.SECTION_NEW, section_id=section.id)
    if before is None:
        yield here
        yield from (_new_field(section, field) for field in section.fields)
        return
    origin = origins[section.id]
    read = in_new_names(before, names)
    yield from _aspect_changes(SECTION_ASPECTS, read, section, here)
    yield from _repeat_changes(read, section, here)
    yield from _field_changes(read, section, origin)
    yield from _removed_fields(before, section, origin)


def _aspect_changes(
    aspects: Mapping[str, ChangeKind | None], old: Any, new: Any, place: FormChange
) -> Iterator[FormChange]:
    """Yield the changes of all attributes that the table judges by themselves."""
    for name, kind in aspects.items():
        if kind and not _alike(getattr(old, name), getattr(new, name)):
            yield replace(place, kind=kind, what=(name,) if kind is ChangeKind.FORM else ())


def _alike(old: Any, new: Any) -> bool:
    """Return whether both say the same; a text may have gained languages."""
    if isinstance(old, TranslatedText) and isinstance(new, TranslatedText):
        return all(new.in_(code) == text for code, text in old.by_language)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_alike(old[key], new[key]) for key in old)
    if isinstance(old, tuple) and isinstance(new, tuple):
        return len(old) == len(new) and all(map(_alike, old, new))
    return bool(old == new)


def _order_changes(
    kind: ChangeKind, old: Sequence[Section | Field], new: Sequence[Section | Field], section_id: str = ""
) -> Iterator[FormChange]:
    before, after = [each.id for each in old], [each.id for each in new]
    if [each for each in before if each in after] != [each for each in after if each in before]:
        yield FormChange(kind=kind, section_id=section_id)


def _repeat_changes(old: Section, new: Section, place: FormChange) -> Iterator[FormChange]:
    if bool(old.repeat) is not bool(new.repeat):
        yield replace(place, kind=ChangeKind.REPEATED)
    elif old.repeat and new.repeat:
        names = [each.name for each in dataclasses.fields(Repeat)]
        if not all(_alike(getattr(old.repeat, name), getattr(new.repeat, name)) for name in names):
            yield replace(place, kind=ChangeKind.ITEMS)


def _field_changes(old: Section, new: Section, origin: Mapping[str, str]) -> Iterator[FormChange]:
    """Yield the changes of the fields of a section; `old` already has the new version's ids."""
    yield from _order_changes(ChangeKind.ORDER, old.fields, new.fields, new.id)
    for field in new.fields:
        before = old.field(field.id) if field.id in origin else None
        if before is None:
            yield _new_field(new, field)
            continue
        here = FormChange(kind=ChangeKind.RENAMED, section_id=new.id, field_id=field.id)
        if origin[field.id] != field.id:
            yield here
        yield from _aspect_changes(FIELD_ASPECTS, before, field, here)
        if before.required is not field.required:
            yield replace(here, kind=ChangeKind.REQUIRED if field.required else ChangeKind.OPTIONAL)
        yield from _option_changes(before.options, field.options, here)


def _new_field(section: Section, field: Field) -> FormChange:
    kind = ChangeKind.NEW_REQUIRED if field.required or field.required_when else ChangeKind.NEW_OPTIONAL
    return FormChange(kind=kind, section_id=section.id, field_id=field.id)


def _removed_fields(old: Section, new: Section, origin: Mapping[str, str]) -> Iterator[FormChange]:
    carried = set(origin.values())
    for field in old.fields:
        if field.id not in carried:
            yield FormChange(kind=ChangeKind.REMOVED, section_id=new.id, field_id=field.id)


def _option_changes(old: Iterable[Option], new: Iterable[Option], place: FormChange) -> Iterator[FormChange]:
    before, after = ({option.value: option for option in options} for options in (old, new))
    gone = tuple(value for value in before if value not in after)
    come = tuple(value for value in after if value not in before)
    common = [(before[value], after[value]) for value in before if value in after]
    found = {
        ChangeKind.OPTIONS_REMOVED: bool(gone),
        ChangeKind.OPTIONS_ADDED: bool(come),
        ChangeKind.WORDING: any(not _alike(a.label, b.label) or not _alike(a.hint, b.hint) for a, b in common),
        ChangeKind.LIMITS: any(a.exclusive is not b.exclusive for a, b in common),
        ChangeKind.ORDER: [value for value in before if value in after]
        != [value for value in after if value in before],
    }
    named = {ChangeKind.OPTIONS_REMOVED: gone, ChangeKind.OPTIONS_ADDED: come}
    for kind, is_so in found.items():
        if is_so:
            yield replace(place, kind=kind, what=named.get(kind, ()))
