"""What never changes about a section's page in one language: bound once, used by every request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from wtforms.fields.core import UnboundField

from portal.form_definitions.definition import Comparison, Field, FormDefinition, Section
from portal.form_definitions.field_types import FIELD_TYPES
from portal.form_definitions.rich_text import rich_text

_NO_LOOK: Mapping[str, Any] = dict.fromkeys(
    ("autocomplete", "inputmode", "spellcheck", "width", "prefix", "suffix", "rows")
)
_SHORT_WIDTH = 10


@dataclass(frozen=True, kw_only=True)
class PagePlan:
    """The unbound fields of a section, which of them another one's option reveals, and whether any is conditional."""

    unbound: tuple[tuple[str, "UnboundField[Any]"], ...]
    revealed_by: Mapping[str, tuple[str, str]]
    conditional: bool


_PLANS: WeakKeyDictionary[Section, dict[str, PagePlan]] = WeakKeyDictionary()


def page_plan(definition: FormDefinition, section: Section, language: str) -> PagePlan:
    """The plan of a section, made at its first use; definitions never change, so it holds as long as they live."""
    plans = _PLANS.setdefault(section, {})
    if language not in plans:
        plans[language] = _made(definition, section, language)
    return plans[language]


def _made(definition: FormDefinition, section: Section, language: str) -> PagePlan:
    own = _about_the_person(definition)
    fields = [(field, _look(field, language, field in own.get(section.id, ()))) for field in section.fields]
    return PagePlan(
        unbound=tuple((field.id, _unbound(field, look)) for field, look in fields),
        revealed_by=_revealed_by(section),
        conditional=any(field.when or field.required_when for field in section.fields),
    )


def _unbound(field: Field, look: Mapping[str, Any]) -> "UnboundField[Any]":
    return UnboundField(FIELD_TYPES[field.type].form_field, definition=field, look=look)


def _about_the_person(definition: FormDefinition) -> Mapping[str, list[Field]]:
    """The fields a browser may fill from what it knows of its user: the first of each type, never those of an item.

    WCAG 1.3.5 asks for this purpose only where a field is about the user; a landlord's name is not.
    """
    seen: set[str] = set()
    own: dict[str, list[Field]] = {}
    for section in definition.sections:
        for field in () if section.repeat else section.fields:
            if field.type not in seen:
                own.setdefault(section.id, []).append(field)
            seen.add(field.type)
    return own


def _look(field: Field, language: str, own: bool) -> Mapping[str, Any]:
    look = {
        **_NO_LOOK,
        **FIELD_TYPES[field.type].look,
        "type": field.type,
        "label": field.label.in_(language),
        "hint": field.hint.in_(language) if field.hint else None,
        "max_words": field.max_words,
        "max_length": field.max_length,
        "choices_shown": _choices(field, language),
    }
    if field.type == "note":
        look["body_html"] = rich_text(field.label.in_(language))
    if field.type == "text" and field.max_length and field.max_length <= _SHORT_WIDTH:
        look["width"] = "postcode"
    if field.pattern:
        look["spellcheck"] = False
    return look if own else {**look, "autocomplete": None}


def _choices(field: Field, language: str) -> tuple[tuple[str, str, str | None, bool], ...]:
    return tuple(
        (option.value, option.label.in_(language), option.hint.in_(language) if option.hint else None, option.exclusive)
        for option in field.options
    )


def _revealed_by(section: Section) -> Mapping[str, tuple[str, str]]:
    """Which fields stand inside an option of another: those right after it that it alone decides about."""
    revealed: dict[str, tuple[str, str]] = {}
    parent: Field | None = None
    for field in section.fields:
        option = _deciding_option(field, section, parent)
        if parent and option:
            revealed[field.id] = (parent.id, option)
        else:
            parent = field
    return revealed


def _deciding_option(field: Field, section: Section, parent: Field | None) -> str | None:
    """The option of `parent` that alone shows this field, as it is posted."""
    when = field.when
    if parent is None or not isinstance(when, Comparison) or when.operator not in ("is", "includes"):
        return None
    if (when.section_id, when.field_id) != (section.id, parent.id):
        return None
    if parent.type == "yes_no":
        return "yes" if when.value else "no"
    return str(when.value) if parent.type in ("choice", "choices") else None
