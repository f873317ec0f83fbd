"""What a form will ask, told before anybody begins: sections, questions, papers. Made from the definition alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.form_definitions.definition import AllOf, AnyOf, Condition, Field, FormDefinition, Section
from portal.form_definitions.dependence import fields_of
from portal.form_definitions.field_types import FIELD_TYPES
from portal.form_definitions.wording import sentence
from portal.web.languages import DEFAULT, language

MOST_PARTS = 3
"""How many comparisons a sentence may join before it explains less than it confuses."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question as somebody reads it beforehand, or fills it on paper."""

    label: str
    hint: str | None
    type: str
    is_required: bool
    remark: str | None
    options: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OutlinedSection:
    """One page of the form: what it asks, when it is asked, and how often."""

    id: str
    title: str
    remarks: tuple[str, ...]
    questions: tuple[Question, ...]


def outline(definition: FormDefinition) -> tuple[OutlinedSection, ...]:
    """All sections in their order, those that only some people are asked too."""
    return tuple(
        OutlinedSection(
            id=section.id,
            title=section.title.in_(language()),
            remarks=section_remarks(definition, section),
            questions=tuple(_question(definition, field) for field in section.fields if _is_question(field)),
        )
        for section in definition.sections
    )


def _is_question(field: Field) -> bool:
    return FIELD_TYPES[field.type].answerable


def _question(definition: FormDefinition, field: Field) -> Question:
    return Question(
        label=field.label.in_(language()),
        hint=field.hint.in_(language()) if field.hint else None,
        type=field.type,
        is_required=field.required,
        remark=condition_remark(definition, field.when),
        options=tuple(option.label.in_(language()) for option in field.options),
    )


def section_remarks(definition: FormDefinition, section: Section) -> tuple[str, ...]:
    """When a section is asked, and for how many items."""
    found = (condition_remark(definition, section.when), _repeat_remark(section))
    return tuple(remark for remark in found if remark)


def _repeat_remark(section: Section) -> str | None:
    if section.repeat is None:
        return None
    item = section.repeat.item.in_(language())
    if section.repeat.min:
        return ngettext(
            "Asked for each %(item)s. At least %(num)s is needed.",
            "Asked for each %(item)s. At least %(num)s are needed.",
            section.repeat.min,
            item=item,
        )
    return _("Asked for each %(item)s.", item=item)


def condition_remark(definition: FormDefinition, when: Condition | None) -> str | None:
    """When something is asked, in words; None for what everybody is asked.

    A condition reads back in English only, and a long one tells people less than that there is one.
    """
    if when is None:
        return None
    if language() != DEFAULT or len(fields_of(when)) > MOST_PARTS or _is_nested(when):
        return _("Only asked if your other answers call for it.")
    return _("Only asked if %(condition)s.", condition=sentence(when, definition, language()))


def _is_nested(when: Condition) -> bool:
    return isinstance(when, AllOf | AnyOf) and any(isinstance(part, AllOf | AnyOf) for part in when.parts)


def papers(definition: FormDefinition) -> list[str]:
    """What to have at hand: what the author says, and each file that the form asks for."""
    files = [field.label.in_(language()) for section in definition.sections for field in _files(section)]
    named = [text.in_(language()) for text in definition.you_will_need]
    return named + [label for label in dict.fromkeys(files) if label not in named]


def _files(section: Section) -> tuple[Field, ...]:
    return tuple(field for field in section.fields if field.type == "file")


SPACES: Mapping[str, str] = {
    "long_text": "lines",
    "address": "address",
    "date": "date",
    "yes_no": "yes_no",
    "choice": "options",
    "choices": "options",
    "declaration": "box",
    "file": "paper",
}
"""How much room each type needs on paper; all others take a line."""
