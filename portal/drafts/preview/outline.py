"""The outline of a form, and a copy of its pages to try that stores nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.form_definitions.conditions import fields_of
from portal.form_definitions.definition import (
    AllOf,
    AnyOf,
    Condition,
    Field,
    FormDefinition,
    Section,
    SignerCheck,
    SignerDefinition,
    SomeItem,
    StopWhen,
    TranslatedText,
)
from portal.form_definitions.format.readback import condition_sentence
from portal.form_definitions.forms import says_optional
from portal.form_definitions.types.field_types import FIELD_TYPES, is_optional
from portal.web.languages import DEFAULT, language

MOST_PARTS = 3
"""The most comparisons that we put into one sentence; more would confuse."""
LEFT_OUT = frozenset({"file", "lookup"})
"""Types that would store something or ask another service; when a form is tried, they are only named."""
_REHEARSED: WeakKeyDictionary[FormDefinition, dict[str, FormDefinition]] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class OutlinedQuestion:
    """One question as somebody reads it beforehand, or answers it on paper."""

    label: str
    hint: str | None
    type: str
    is_optional: bool
    remark: str | None
    options: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OutlinedSection:
    """One page of the form: what it asks, when, and how often."""

    id: str
    title: str
    remarks: tuple[str, ...]
    questions: tuple[OutlinedQuestion, ...]


def outline(definition: FormDefinition) -> tuple[OutlinedSection, ...]:
    """Return all sections in order, including those that only some people are asked."""
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


def _question(definition: FormDefinition, field: Field) -> OutlinedQuestion:
    return OutlinedQuestion(
        label=field.label.in_(language()),
        hint=field.hint.in_(language()) if field.hint else None,
        type=field.type,
        is_optional=is_optional(field) and not says_optional(field.label.in_(language())),
        remark=condition_remark(definition, field.when),
        options=tuple(option.label.in_(language()) for option in field.options),
    )


def section_remarks(definition: FormDefinition, section: Section) -> tuple[str, ...]:
    """Return when a section is asked, and for how many items."""
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
    """Return when something is asked, in words; None if everybody is asked.

    We can put a condition into words in English only. In other languages, or if it is long, say only that there is one.
    """
    if when is None:
        return None
    if language() != DEFAULT or len(fields_of(when)) > MOST_PARTS or _is_nested(when):
        return _("We may ask this, depending on your other answers.")
    return _("Only asked if %(condition)s.", condition=condition_sentence(when, definition, language()))


def _is_nested(when: Condition) -> bool:
    return isinstance(when, AllOf | AnyOf) and any(isinstance(part, AllOf | AnyOf) for part in when.parts)


@dataclass(frozen=True, kw_only=True)
class OutlinedSigner:
    """Somebody who is asked to sign after a form is sent: as what, how we check them, and when."""

    role: str
    check: str
    remark: str | None


def outlined_signers(definition: FormDefinition) -> tuple[OutlinedSigner, ...]:
    """Return all signers of a form in order, including those that are asked only by some people's forms."""
    return tuple(
        OutlinedSigner(
            role=signer.role.in_(language()),
            check=check_words(definition, signer),
            remark=condition_remark(definition, signer.when),
        )
        for signer in definition.signers
    )


def check_words(definition: FormDefinition, signer: SignerDefinition) -> str:
    """Return how we check that a signer is who was invited, as the applicant reads it."""
    if signer.fact:
        fact = definition.field(*signer.fact).in_sentence(language())
        return _("To open the form, they have to type %(fact)s.", fact=fact)
    if signer.check is SignerCheck.CODE:
        return _("To open the form, they have to type a code that we e-mail to them.")
    return _("To open the form, they have to sign in to an account that has their e-mail address.")


def papers(definition: FormDefinition) -> list[str]:
    """Return what to have at hand: what the author lists, and each file that the form asks for."""
    files = [field.label.in_(language()) for section in definition.sections for field in _file_questions(section)]
    named = [text.in_(language()) for text in definition.you_will_need]
    return named + [label for label in dict.fromkeys(files) if label not in named]


def _file_questions(section: Section) -> tuple[Field, ...]:
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
"""How much room each type needs on paper; all others need one line."""


def rehearsed(definition: FormDefinition) -> FormDefinition:
    """Return the form as it is tried, in this request's language; cached, because definitions never change."""
    made = _REHEARSED.setdefault(definition, {})
    if language() not in made:
        made[language()] = replace(
            definition, sections=tuple(_section(definition, section) for section in definition.sections)
        )
    return made[language()]


def named_only(section: Section) -> tuple[Field, ...]:
    """Return the questions of a section that cannot be tried."""
    return tuple(field for field in section.fields if field.type in LEFT_OUT)


def _section(definition: FormDefinition, section: Section) -> Section:
    """Return a section as it is tried: without conditions, and once even if it repeats."""
    return replace(
        section,
        when=None,
        needs=(),
        repeat=None,
        stop_when=tuple(_own_stops(section)),
        fields=tuple(_field(definition, section, each) for each in section.fields if each.type not in LEFT_OUT),
    )


def _own_stops(section: Section) -> Iterable[StopWhen]:
    return (stop for stop in section.stop_when if _is_own(section, stop.when))


def _is_own(section: Section, when: Condition) -> bool:
    """Return whether a condition reads only this page, and only questions that can be tried."""
    known = {(section.id, field.id) for field in section.fields if field.type not in LEFT_OUT}
    return not isinstance(when, SomeItem) and fields_of(when) <= known


def _field(definition: FormDefinition, section: Section, field: Field) -> Field:
    """Return a question as it is tried; if another page decides about it, ask it and say so in its hint."""
    needed = field.required_when
    if needed and not _is_own(section, needed):
        needed = AnyOf(parts=())  # never, and yet not a question that everybody may leave out
    if field.when is None or _is_own(section, field.when):
        return replace(field, required_when=needed)
    remark = condition_remark(definition, field.when) or ""
    hint = f"{field.hint.in_(language())} {remark}" if field.hint else remark
    return replace(field, required_when=needed, when=None, hint=TranslatedText(by_language=((language(), hint),)))
