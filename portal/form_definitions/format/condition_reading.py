"""Read conditions: replace names, check references, and make values comparable."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from portal.form_definitions.definition import TODAY, AllOf, AnyOf, Comparison, Condition, Expected, Negation, SomeItem
from portal.form_definitions.format.document import ConditionDocument, FieldDocument
from portal.form_definitions.format.source import Faults, KeyPath
from portal.form_definitions.types.answers import decimal_of
from portal.form_definitions.types.field_types import FIELD_TYPES

MAX_PARTS = 500
MAX_NAMES = 20  # names within names
MAX_PATH = 60  # bounds how deeply a condition nests, so that evaluating it never exhausts the stack
_NEVER = AnyOf(parts=())  # in place of what could not be read; the document is refused anyway
_ORDERED = ("is", "is_not", "at_least", "at_most", "more_than", "less_than")
_FLAGS = {"true": True, "false": False}
_SHAPES = ("field", "all", "any", "not", "condition", "some_item")
ALL_FIELDS = 1_000_000  # more than any section holds


OPERATORS_BY_KIND: Mapping[str | None, tuple[str, ...]] = {
    "text": ("is", "is_not", "one_of", "answered"),
    "option": ("is", "is_not", "one_of", "answered"),
    "options": ("includes", "answered"),
    "number": (*_ORDERED, "one_of", "answered"),
    "date": (*_ORDERED, "years_ago_at_least", "answered"),
    "flag": ("is", "is_not", "answered"),
    "presence": ("answered",),
    None: (),
}
_ALL_OPERATORS = tuple(dict.fromkeys(name for names in OPERATORS_BY_KIND.values() for name in names))


@dataclass(frozen=True, kw_only=True)
class KnownField:
    """A field that conditions may refer to: its place, its document and its options' values."""

    index: int
    document: FieldDocument
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class KnownSection:
    """A section that conditions may refer to."""

    index: int
    repeats: bool
    fields: Mapping[str, KnownField]


@dataclass(frozen=True, kw_only=True)
class ConditionPlace:
    """Where a condition is written, which decides what it can read.

    `section` is None for a named condition read on its own: what depends on the place is judged where it is used.
    `fields_before` is the number of fields of its own section that it can read; `own_items` allows `some_item` over
    them.
    """

    section: str | None = None
    fields_before: int = 0
    own_items: bool = False
    here: str | None = None
    bound: frozenset[str] = frozenset()


@dataclass(kw_only=True)
class ConditionReader:
    """Resolve conditions against the sections of one document, and note their faults."""

    sections: Mapping[str, KnownSection]
    named: Mapping[str, ConditionDocument]
    faults: Faults
    _sound: dict[str, bool] = field(default_factory=dict)
    _parts: int = 0
    _within: tuple[str, ...] = ()

    def read(self, document: ConditionDocument | None, path: KeyPath, place: ConditionPlace) -> Condition | None:
        """Return the resolved condition, or None if there is none."""
        if document is None:
            return None
        self._parts = 0
        return self._node(document, path, place)

    def read_named(self) -> None:
        """Check every named condition on its own, used or not."""
        for name in self.named:
            self._is_sound(name)

    def _is_sound(self, name: str) -> bool:
        """Return whether a named condition is right in itself; note a loop where it begins."""
        if name not in self._sound:
            self._sound[name] = True
            faults = _Counting(self.faults)
            within = (*self._within, name)
            judge = replace(self, faults=faults, _within=within)
            judge.read(self.named[name], ("conditions", name), ConditionPlace())
            self._sound[name] = faults.count == 0
        return self._sound[name]

    def _node(self, document: ConditionDocument, path: KeyPath, place: ConditionPlace) -> Condition:
        self._parts += 1
        if self._parts > MAX_PARTS:
            return self._fault(path, f"This condition has more than {MAX_PARTS} parts once its names are written out.")
        if len(path) > MAX_PATH or len(self._within) > MAX_NAMES:
            return self._fault(path[:4], "This condition is nested too deeply once its names are written out.")
        written = {key.alias or name: getattr(document, name) for name, key in ConditionDocument.model_fields.items()}
        keys = {key: value for key, value in written.items() if value is not None}
        shapes = [shape for shape in _SHAPES if shape in keys]
        if len(shapes) != 1:
            return self._fault(path, f"A condition needs exactly one of {', '.join(_SHAPES)}.")
        allowed = {"field": _ALL_OPERATORS, "some_item": ("when",)}.get(shapes[0], ())
        for key in keys.keys() - {shapes[0]} - set(allowed):
            self.faults.add((*path, key), f"This key cannot stand beside {shapes[0]}.")
        readers = (self._field, self._all, self._any, self._not, self._condition, self._some_item)
        return dict(zip(_SHAPES, readers, strict=True))[shapes[0]](keys, path, place)

    def _fault(self, path: KeyPath, sentence: str) -> Condition:
        self.faults.add(path, sentence)
        return _NEVER

    def _all(self, keys: Mapping[str, Any], path: KeyPath, place: ConditionPlace) -> Condition:
        return AllOf(parts=self._nodes(keys["all"], (*path, "all"), place))

    def _any(self, keys: Mapping[str, Any], path: KeyPath, place: ConditionPlace) -> Condition:
        return AnyOf(parts=self._nodes(keys["any"], (*path, "any"), place))

    def _not(self, keys: Mapping[str, Any], path: KeyPath, place: ConditionPlace) -> Condition:
        return Negation(part=self._node(keys["not"], (*path, "not"), place))

    def _nodes(self, documents: list[ConditionDocument], path: KeyPath, place: ConditionPlace) -> tuple[Condition, ...]:
        if not documents:
            self.faults.add(path, "This list needs at least one condition.")
        return tuple(self._node(document, (*path, index), place) for index, document in enumerate(documents))

    def _condition(self, keys: Mapping[str, Any], path: KeyPath, place: ConditionPlace) -> Condition:
        name, path = keys["condition"], (*path, "condition")
        if name not in self.named:
            return self._fault(path, f"There is no condition named {name}.")
        if name in self._within:
            loop = " → ".join((*self._within[self._within.index(name) :], name))
            return self._fault(path, f"This condition refers to itself: {loop}.")
        if not self._is_sound(name):
            return _NEVER
        outer, self._within = self._within, (*self._within, name)
        found = self._node(self.named[name], path, place)
        self._within = outer
        return found

    def _some_item(self, keys: Mapping[str, Any], path: KeyPath, place: ConditionPlace) -> Condition:
        name, when = keys["some_item"], keys.get("when")
        section = self.sections.get(name)
        if when is None:
            return self._fault((*path, "when"), "This is missing: some_item needs a condition on its items.")
        if section is None or not section.repeats:
            return self._fault((*path, "some_item"), f"There is no repeated section named {name}.")
        if not self._may_see_items(name, section, place):
            return self._fault((*path, "some_item"), f"{name} does not come before this; refer to earlier sections.")
        inner = replace(place, here=name, bound=place.bound | {name})
        return SomeItem(section_id=name, when=self._node(when, (*path, "when"), inner))

    def _may_see_items(self, name: str, section: KnownSection, place: ConditionPlace) -> bool:
        if place.section is None:
            return True
        own = self.sections[place.section].index
        return section.index < own or (name == place.section and place.own_items)

    def _field(self, keys: Mapping[str, Any], path: KeyPath, place: ConditionPlace) -> Condition:
        operators = [key for key in keys if key in _ALL_OPERATORS]
        if len(operators) != 1:
            return self._fault(path, f"A condition on a field needs exactly one of {', '.join(_ALL_OPERATORS)}.")
        found = self.reference(keys["field"], (*path, "field"), place)
        if found is None:
            return _NEVER
        section_id, known = found
        return self._comparison(section_id, known, operators[0], keys[operators[0]], path)

    def _comparison(self, section_id: str, known: KnownField, operator: str, value: Any, path: KeyPath) -> Condition:
        kind = known.document.type
        if kind not in FIELD_TYPES:
            return _NEVER
        if operator not in OPERATORS_BY_KIND[FIELD_TYPES[kind].compare]:
            return self._fault((*path, operator), f"A field of type {kind} cannot be compared by {operator}.")
        try:
            expected = _expected(known, operator, value)
        except ValueError as error:
            return self._fault((*path, operator), str(error))
        return Comparison(
            section_id=section_id, field_id=known.document.id, type=kind, operator=operator, value=expected
        )

    def reference(self, written: str, path: KeyPath, place: ConditionPlace) -> tuple[str, KnownField] | None:
        """Return the section and field that `section.field` or `./field` means here.

        Return None and note a fault if it means nothing, or if a condition in this place cannot read it.
        """
        match = re.fullmatch(r"(\.|[a-z0-9_]+)([./])([a-z0-9_]+)", written)
        if not match or (match[1] == ".") != (match[2] == "/"):
            self.faults.add(path, f"{written} is no reference; write section.field or ./field.")
            return None
        section_id = match[1] if match[1] != "." else place.here or place.section
        if section_id is None:
            # `./field` in a named condition depends on where it is used, so it is judged there.
            return None
        section = self.sections.get(section_id)
        known = section.fields.get(match[3]) if section else None
        if section is None or known is None:
            self.faults.add(path, f"There is no field {section_id}.{match[3]}.")
            return None
        problem = self._unseen(section_id, section, known, place)
        if problem:
            self.faults.add(path, problem)
        return None if problem else (section_id, known)

    def _unseen(self, section_id: str, section: KnownSection, known: KnownField, place: ConditionPlace) -> str | None:
        """Return why a condition in this place cannot read that field, or None."""
        if place.section is None or section_id in place.bound:
            return None
        own = self.sections[place.section].index
        name = f"{section_id}.{known.document.id}"
        if section.index > own or (section.index == own and known.index >= place.fields_before):
            return f"{name} does not come before this; refer to earlier sections, or earlier fields of the section."
        if section.repeats and section.index != own:
            return f"{section_id} is repeated; ask about its items with some_item."
        return None


class _Counting(Faults):
    """Pass faults on, and count them."""

    def __init__(self, target: Faults) -> None:
        super().__init__()
        self._target = target
        self.count = 0

    def add(self, path: KeyPath, sentence: str) -> None:
        self.count += 1
        self._target.add(path, sentence)


def _expected(known: KnownField, operator: str, value: Any) -> Expected:
    """Return the value to compare with; raise `ValueError` with a plain sentence if it does not suit the field."""
    if operator == "answered":
        return _flag(value)
    if operator == "years_ago_at_least":
        if not re.fullmatch("[0-9]{1,3}", value):
            raise ValueError("This must be a whole number of years.")
        return int(value)
    if operator == "one_of":
        if not value:
            raise ValueError("This list needs at least one value.")
        return tuple(_expected_value(known, each) for each in value)
    expected: Expected = _expected_value(known, value)
    return expected


def _expected_value(known: KnownField, value: str) -> Any:
    kind = FIELD_TYPES[known.document.type].compare
    if kind in ("option", "options") and value not in known.values:
        raise ValueError(f"{value} is not among the options of {known.document.id}.")
    read: Callable[[str], Any] = _VALUE_READERS.get(str(kind), str)
    return read(value)


def _flag(value: str) -> bool:
    if value not in _FLAGS:
        raise ValueError("This must be true or false.")
    return _FLAGS[value]


def number(value: str) -> Decimal:
    """Return a number written in a definition; raise `ValueError` with a plain sentence if it is not one."""
    found = decimal_of(value)
    if found is None or "," in value:
        raise ValueError("This must be a number, like 650 or 2.5.")
    return found


def day(value: str) -> Any:
    """Return a date written in a definition, or `today`; raise `ValueError` with a plain sentence if it is neither."""
    if value == TODAY:
        return TODAY
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("This must be a date like 2026-05-31, or today.")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value} is not a real date.") from None


_VALUE_READERS: Mapping[str, Callable[[str], Any]] = {"flag": _flag, "number": number, "date": day}
