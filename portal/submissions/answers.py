"""Answers as people read them: on the check page, on the confirmation and in the case."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from portal.form_definitions.definition import Answer, Field, FormAnswers, FormDefinition, Section
from portal.form_definitions.rules import item_name
from portal.form_definitions.types.field_types import FIELD_TYPES, answer_lines
from portal.form_definitions.types.files import FileEntry, file_entries
from portal.web.languages import language

Link = tuple[str, str, str]
ShownAnswers = tuple[str, tuple[Field, ...], Mapping[str, Answer]]
"""The id of an item (empty in a section that is asked once), the fields to show, and the answers."""


@dataclass(frozen=True, kw_only=True)
class AnswerRow:
    """One question with the lines of its answer; `actions` are (text, address, hidden text), `mark` is shown beside it.

    `files` are those that the lines name, so that a page can link to them.
    """

    key: str
    value_lines: list[str]
    actions: list[Link]
    mark: Any = None
    files: tuple[FileEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Block:
    """The answers of one section, or of one item of it (then `name` says which)."""

    name: str | None
    rows: list[AnswerRow]


@dataclass(frozen=True, kw_only=True)
class AnsweredSection:
    """The title of a section, and its answers."""

    id: str
    title: str
    blocks: list[Block]

    @property
    def is_asked(self) -> bool:
        """Whether there is anything to read: notes alone are nothing; an empty repeat says that nobody is listed."""
        return not self.blocks or any(block.rows for block in self.blocks)


NO_LINKS: Callable[[Section, str, Field], list[Link]] = lambda section, item_id, field: []  # noqa: E731
NO_MARKS: Callable[[Section, str, Field], Any] = lambda section, item_id, field: None  # noqa: E731


def sent_sections(definition: FormDefinition, answers: FormAnswers) -> list[AnsweredSection]:
    """Return all that was sent, by section in the order of the form."""
    return [sent_section(section, answers[section.id]) for section in definition.sections if answers.get(section.id)]


def sent_section(section: Section, answers: Mapping[str, Any]) -> AnsweredSection:
    """Return what was sent of one section."""
    return section_answers(section, _pages(section, answers))


def _pages(section: Section, stored: Mapping[str, Any]) -> list[ShownAnswers]:
    items = stored.items() if section.repeat else [("", stored)]
    return [
        (item_id, tuple(field for field in section.fields if field.id in answers), answers)
        for item_id, answers in items
    ]


def section_answers(
    section: Section,
    pages: Iterable[ShownAnswers],
    links: Callable[[Section, str, Field], list[Link]] = NO_LINKS,
    marks: Callable[[Section, str, Field], Any] = NO_MARKS,
) -> AnsweredSection:
    """Return a section as it reads; `pages` are (item, the fields to show, the answers)."""
    shown = list(pages)
    names = item_names(section, shown)
    blocks = [
        Block(
            name=names.get(item_id),
            rows=[_answer_row(section, item_id, field, answers, links, marks) for field in fields],
        )
        for item_id, fields, answers in shown
    ]
    return AnsweredSection(id=section.id, title=section.title.in_(language()), blocks=blocks)


def _answer_row(
    section: Section,
    item_id: str,
    field: Field,
    answers: Mapping[str, Answer],
    links: Callable[[Section, str, Field], list[Link]],
    marks: Callable[[Section, str, Field], Any],
) -> AnswerRow:
    answer = answers.get(field.id)
    lines = answer_lines(field, answer, language(), _) if answer is not None else []
    return AnswerRow(
        key=field.label.in_(language()),
        value_lines=lines,
        actions=links(section, item_id, field),
        mark=marks(section, item_id, field),
        files=file_entries(answer) if field.type == "file" else (),
    )


def item_names(section: Section, pages: Iterable[ShownAnswers]) -> Mapping[str, str]:
    """Return the name of each item by its id; those without a name, and the second of one name, are numbered."""
    if not section.repeat:
        return {}
    word = section.repeat.item.in_(language())
    names: dict[str, str] = {}
    times: Counter[str] = Counter()
    for number, (item_id, _fields, answers) in enumerate(pages, start=1):
        unnamed = _("%(item)s %(number)s", item=word[:1].upper() + word[1:], number=number)
        name = item_name(section, answers, language(), _) or unnamed
        times[name] += 1
        names[item_id] = f"{name} ({times[name]})" if times[name] > 1 else name
    return names


def is_asked(field: Field) -> bool:
    """Return whether a field can hold an answer; notes cannot."""
    return FIELD_TYPES[field.type].answerable
