"""A form to try: the same pages, with nothing behind them. Every page shows, for no answer of another page is known."""

from collections.abc import Iterable
from dataclasses import replace
from weakref import WeakKeyDictionary

from portal.drafts.outline import condition_remark
from portal.form_definitions.definition import Condition, Field, FormDefinition, Section, SomeItem, StopWhen, Text
from portal.form_definitions.dependence import fields_of
from portal.web.languages import language

LEFT_OUT = frozenset({"file", "lookup"})
"""What would leave something behind, or ask somebody else: in a rehearsal these are only named."""

_REHEARSED: WeakKeyDictionary[FormDefinition, dict[str, FormDefinition]] = WeakKeyDictionary()


def rehearsed(definition: FormDefinition) -> FormDefinition:
    """The form as it is tried, in this request's language; made once, for definitions never change."""
    made = _REHEARSED.setdefault(definition, {})
    if language() not in made:
        made[language()] = replace(
            definition, sections=tuple(_section(definition, section) for section in definition.sections)
        )
    return made[language()]


def named_only(section: Section) -> tuple[Field, ...]:
    """The questions of a section that cannot be tried."""
    return tuple(field for field in section.fields if field.type in LEFT_OUT)


def _section(definition: FormDefinition, section: Section) -> Section:
    """The page of a section; of one that repeats, that of a single item."""
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
    """Whether a condition looks at nothing but this page, and at questions that can be tried."""
    known = {(section.id, field.id) for field in section.fields if field.type not in LEFT_OUT}
    return not isinstance(when, SomeItem) and fields_of(when) <= known


def _field(definition: FormDefinition, section: Section, field: Field) -> Field:
    """A question; what only other pages decide is asked, and says so."""
    needed = field.required_when if field.required_when and _is_own(section, field.required_when) else None
    if field.when is None or _is_own(section, field.when):
        return replace(field, required_when=needed)
    remark = condition_remark(definition, field.when) or ""
    hint = f"{field.hint.in_(language())} {remark}" if field.hint else remark
    return replace(field, required_when=needed, when=None, hint=Text(by_language=((language(), hint),)))
