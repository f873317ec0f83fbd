"""Rules of a form, pure: what shows, what is complete, what may start, and where the form stops."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import Any

from portal.form_definitions.conditions import Scope, dependence, holds
from portal.form_definitions.definition import (
    MISTYPED,
    Answer,
    Field,
    FormAnswers,
    FormDefinition,
    Mistyped,
    Said,
    Section,
    SectionAnswers,
    StopWhen,
)
from portal.form_definitions.types.answers import Inputs, InvalidAnswerError, Translate, inputs_by_suffix
from portal.form_definitions.types.field_types import answer_lines, answer_problem, read_answer

PLAIN = ""  # the item id of a section that does not repeat
TypedFields = Mapping[str, Mapping[str, Collection[str]]]


@dataclass(frozen=True, kw_only=True)
class ShownPage:
    """A plain section, or one item of a repeat: its shown fields in order, and what was said in them.

    `answers` count and are sent; `said` is what conditions read, with what is mistyped.
    """

    fields: tuple[Field, ...]
    said: Said

    @cached_property
    def answers(self) -> SectionAnswers:
        """The answers that count."""
        return {field_id: answer for field_id, answer in self.said.items() if not isinstance(answer, Mistyped)}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a form shows for its answers: pages by section and item (`PLAIN` for sections that do not repeat).

    A section that is not in `pages` does not show. `answers` holds only visible answers; `scope` is what conditions can
    read of them.
    """

    pages: Mapping[str, Mapping[str, ShownPage]]
    answers: FormAnswers
    scope: Scope


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An answer that keeps a section from being complete; without a field it concerns the repeat as a whole."""

    field: Field | None
    error: InvalidAnswerError
    item_id: str = PLAIN


class _Pages(Mapping[str, Mapping[str, ShownPage]]):
    """The pages of each section that shows, judged at the first use: most pages of a long form need few of them."""

    def __init__(
        self,
        definition: FormDefinition,
        sections: Iterable[Section],
        stored: FormAnswers,
        typed: TypedFields,
        today: date,
    ) -> None:
        self._definition = definition
        self._sections = {section.id: section for section in sections}
        self._stored, self._typed = stored, typed
        self._found: dict[str, Mapping[str, ShownPage] | None] = {}
        self.answers = _OfPages(self, self._sections, attrgetter("answers"))
        self.scope = Scope(said=_OfPages(self, self._sections, attrgetter("said")), today=today)

    def __getitem__(self, section_id: str) -> Mapping[str, ShownPage]:
        """Return the pages of a section, after judging the sections that it rests on.

        They are judged in order and in a loop, so that a long chain of sections cannot exhaust the stack.
        """
        if section_id not in self._found:
            for each in (*dependence(self._definition).rests_on[section_id], section_id):
                if each not in self._found:
                    self._found[each] = self._judged(self._sections[each])
        pages = self._found[section_id]
        if pages is None:
            raise KeyError(section_id)
        return pages

    def _judged(self, section: Section) -> Mapping[str, ShownPage] | None:
        if not holds(section.when, self.scope):
            return None
        stored: Mapping[str, Any] = self._stored.get(section.id, {})
        items, typed = stored if section.repeat else {PLAIN: stored}, self._typed.get(section.id, {})
        return {
            item_id: shown_page(section, answers, self.scope, typed.get(item_id, ()))
            for item_id, answers in items.items()
        }

    def __iter__(self) -> Iterator[str]:
        return (section_id for section_id in self._sections if section_id in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, eq=False)
class _OfPages(Mapping[str, Mapping[str, Any]]):
    """What `pick` takes of each page that shows, in the shape of answers."""

    pages: _Pages
    sections: Mapping[str, Section]
    pick: Callable[[ShownPage], Mapping[str, Any]]

    def __getitem__(self, section_id: str) -> Mapping[str, Any]:
        pages = self.pages[section_id]
        if self.sections[section_id].repeat:
            return {item_id: self.pick(page) for item_id, page in pages.items()}
        return self.pick(pages[PLAIN])

    def __iter__(self) -> Iterator[str]:
        return iter(self.pages)

    def __len__(self) -> int:
        return len(self.pages)


def shown(
    definition: FormDefinition,
    answers: FormAnswers,
    today: date,
    *,
    typed: TypedFields | None = None,
    before: Section | None = None,
) -> Shown:
    """Return which sections and fields show, and which answers count; each section is judged at its first use.

    `typed` names the fields in which something stands that is not a valid answer, by section and item. With `before`,
    include only the sections before that one: the conditions of its fields can read no others. Before a signer's are
    all.
    """
    sections = definition.sections
    if before and before not in definition.signer_sections:
        sections = sections[: sections.index(before)]
    pages = _Pages(definition, sections, answers, typed or {}, today)
    return Shown(pages=pages, answers=pages.answers, scope=pages.scope)


def shown_page(section: Section, answers: SectionAnswers, scope: Scope, typed: Collection[str] = ()) -> ShownPage:
    """Return the shown fields of one section or item; a field's condition reads the visible ones before it."""
    said: dict[str, Answer | Mistyped] = {}
    here = scope.within(section.id, said)
    fields = []
    for each in section.fields:
        if holds(each.when, here):
            fields.append(each)
            if each.id in typed:
                said[each.id] = MISTYPED
            elif each.id in answers:
                said[each.id] = answers[each.id]
    return ShownPage(fields=tuple(fields), said=said)


def customer_email(definition: FormDefinition, answers: FormAnswers) -> str | None:
    """Return the address that the form names as its customer's; no other answered address is anybody's to write to.

    `answers` are those that show (`Shown.answers`), or those that were sent.
    """
    return _text_at(answers, definition.customer.email) if definition.customer and definition.customer.email else None


def customer_name(definition: FormDefinition, answers: FormAnswers) -> str | None:
    """Return the name of the person whose form it is; in a form that does not say, the first answered name."""
    if definition.customer:
        return " ".join(filter(None, (_text_at(answers, place) for place in definition.customer.name))) or None
    plain = (section for section in definition.sections if not section.repeat)
    places = ((section.id, field.id) for section in plain for field in section.fields if field.type == "name")
    return next(filter(None, (_text_at(answers, place) for place in places)), None)


def _text_at(answers: FormAnswers, place: tuple[str, str]) -> str | None:
    answer = answers.get(place[0], {}).get(place[1])
    return answer if isinstance(answer, str) else None


def is_required(asked: Field, scope: Scope) -> bool:
    """Return whether an answer is required; no field without an answer can be, as reading refuses that."""
    return asked.required or (asked.required_when is not None and holds(asked.required_when, scope))


def section_problems(
    section: Section, shown_form: Shown, typed: Mapping[str, Mapping[str, Inputs]] | None = None
) -> tuple[Problem, ...]:
    """Return what keeps a shown section from being complete: missing or invalid answers, too few items.

    `typed` holds what was typed and is not a valid answer: by item (`PLAIN`), field and input name, as drafts keep it.
    """
    pages, repeat = shown_form.pages.get(section.id, {}), section.repeat
    found: list[Problem] = []
    if repeat and len(pages) < repeat.min:
        found.append(Problem(field=None, error=InvalidAnswerError("too_few", limit=repeat.min)))
    if repeat and len(pages) > repeat.max:
        found.append(Problem(field=None, error=InvalidAnswerError("too_many", limit=repeat.max)))
    for item_id, page in pages.items():
        here = shown_form.scope.within(section.id, page.said)
        typed_here = (typed or {}).get(item_id, {})
        for each in page.fields:
            problem = problem_of(each, page.answers.get(each.id), here, typed_here.get(each.id))
            if problem:
                found.append(Problem(field=each, error=problem, item_id=item_id))
    return tuple(found)


def problem_of(
    asked: Field, answer: Answer | None, scope: Scope, typed: Inputs | None = None
) -> InvalidAnswerError | None:
    """Return why a shown field is not complete, or None.

    `typed` holds by input name what was typed; it takes precedence over the answer.
    """
    if typed:
        try:
            answer = read_answer(asked, inputs_by_suffix(asked.id, typed), scope.today)
        except InvalidAnswerError as problem:
            return problem
    if answer is not None:
        return answer_problem(asked, answer, scope.today)
    return InvalidAnswerError("required") if is_required(asked, scope) else None


def unmet_needs(section: Section, shown_form: Shown, complete: Iterable[str]) -> tuple[str, ...]:
    """Return the sections to complete before this one can start; sections that do not show are left out."""
    done = frozenset(complete)
    return tuple(need for need in section.needs if need in shown_form.pages and need not in done)


def stopped(section: Section, shown_form: Shown) -> StopWhen | None:
    """Return the first stop of a shown section whose condition is true; in a repeat, for any of its items."""
    if section.id not in shown_form.pages:
        return None
    said: list[Said] = [page.said for page in shown_form.pages[section.id].values()] or [{}]
    scopes = [shown_form.scope.within(section.id, each) for each in said]
    return next((stop for stop in section.stop_when if any(holds(stop.when, scope) for scope in scopes)), None)


def first_stop(definition: FormDefinition, shown_form: Shown) -> tuple[Section, StopWhen] | None:
    """Return the first shown section that stops the form, with its stop."""
    stops = ((section, stopped(section, shown_form)) for section in definition.sections)
    return next(((section, stop) for section, stop in stops if stop), None)


def item_name(section: Section, answers: SectionAnswers, language: str, translate: Translate) -> str | None:
    """Return the answer that names an item of a repeat, if there is one."""
    named = section.field(section.repeat.label_from) if section.repeat and section.repeat.label_from else None
    answer = answers.get(named.id) if named else None
    lines = answer_lines(named, answer, language, translate) if named and answer is not None else []
    return ", ".join(lines) or None
