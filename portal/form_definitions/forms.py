"""A section as a web form: what never changes is prepared once, the rest is read for each request."""

import dataclasses
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast
from weakref import WeakKeyDictionary

from flask_babel import gettext as _
from wtforms.fields.core import UnboundField
from wtforms.form import BaseForm
from wtforms.meta import DefaultMeta

from portal.characters import plain
from portal.form_definitions.conditions import Scope, holds, remaining
from portal.form_definitions.definition import (
    MISTYPED,
    Answer,
    Comparison,
    Field,
    FileLimits,
    FormAnswers,
    FormDefinition,
    Mistyped,
    Section,
    SectionState,
)
from portal.form_definitions.lookups import input_text
from portal.form_definitions.rich_text import rich_text
from portal.form_definitions.rules import TypedFields, is_required, problem_of, shown
from portal.form_definitions.types.answers import (
    Inputs,
    InvalidAnswerError,
    bound_date,
    inputs_by_suffix,
    mark,
    named_inputs,
    plain_number,
)
from portal.form_definitions.types.field_types import FIELD_TYPES, OFF, inputs_of, message, read_answer
from portal.form_definitions.types.files import MEGABYTE, endings_of, kinds_text
from portal.form_definitions.types.form_fields import AnswerField, FilesField, Posted

_DEFAULT_VALUES: Mapping[str, Any] = dict.fromkeys(
    ("autocomplete", "inputmode", "spellcheck", "width", "prefix", "suffix", "rows")
)
_SHORT_WIDTH = 10
LEFT_OUT = "_left_out"
"""The input in which a page names the radio buttons and checkboxes that it does not hold."""
_META = DefaultMeta()
OPTIONAL = mark("(optional)")
_YES_NO_LABELS = (("yes", mark("Yes")), ("no", mark("No")))


@dataclass(frozen=True, kw_only=True)
class PagePlan:
    """The unbound fields of a section, which of them an option reveals, and whether any has a condition."""

    unbound: tuple[tuple[str, "UnboundField[Any]"], ...]
    revealed_by: Mapping[str, tuple[str, str]]
    conditional: bool


_PLANS: WeakKeyDictionary[Section, dict[str, PagePlan]] = WeakKeyDictionary()


def _page_plan(definition: FormDefinition, section: Section, language: str) -> PagePlan:
    own = _about_the_person(definition).get(section.id, ())
    bound = [(field, _template_values(section, field, language, field in own)) for field in section.fields]
    _keep_apart(bound)
    return PagePlan(
        unbound=tuple(
            (field.id, UnboundField(FIELD_TYPES[field.type].form_field, definition=field, template_values=values))
            for field, values in bound
        ),
        revealed_by=_revealed_by(section),
        conditional=any(field.when or field.required_when for field in section.fields),
    )


def _about_the_person(definition: FormDefinition) -> Mapping[str, list[Field]]:
    """Return the fields that a browser may fill from what it knows of its user.

    These are the fields that say so, else the first of each type, never those of an item. WCAG 1.3.5 asks for a purpose
    only where a field is about the user; a landlord's name is not.
    """
    seen: set[str] = set()
    own: dict[str, list[Field]] = {}
    for section in definition.sections:
        for field in () if section.repeat else section.fields:
            if field.type not in seen and field.autocomplete is None:
                own.setdefault(section.id, []).append(field)
            if field.autocomplete != OFF:
                seen.add(field.type)
    return own


def _keep_apart(bound: Sequence[tuple[Field, dict[str, Any]]]) -> None:
    """Give questions of one page that a browser would fill with the same, such as two postcodes, a group each."""
    filled = Counter(token for field, values in bound for token in _tokens(field, values["autocomplete"]))
    for field, values in bound:
        if any(filled[token] > 1 for token in _tokens(field, values["autocomplete"])):
            values["autocomplete"] = f"section-{field.id} {values['autocomplete'] or ''}".rstrip()


def _tokens(field: Field, purpose: str | None) -> tuple[str, ...]:
    """Return what a browser is told to fill in; an address always has four tokens, unless it is somebody else's."""
    if purpose == OFF:
        return ()
    if field.type == "address":
        return ("address-line1", "address-line2", "address-level2", "postal-code")
    return (purpose,) if purpose else ()


def _template_values(section: Section, field: Field, language: str, own: bool) -> dict[str, Any]:
    values = {
        **_DEFAULT_VALUES,
        **FIELD_TYPES[field.type].template_values,
        "type": field.type,
        "label": field.label.in_(language),
        "label_says_optional": says_optional(field.label.in_(language)),
        "hint": field.hint.in_(language) if field.hint else None,
        "max_words": field.max_words,
        "max_length": field.max_length,
        "choices_shown": tuple(
            (each.value, each.label.in_(language), each.hint.in_(language) if each.hint else None, each.exclusive)
            for each in field.options
        ),
    }
    if field.lookup:
        values["asked_with"] = [name for place, name in field.lookup.inputs.values() if place == section.id]
    if field.type == "note":
        values["body_html"] = rich_text(field.label.in_(language))
    if field.type == "text" and field.max_length and field.max_length <= _SHORT_WIDTH:
        values["width"] = "postcode"
    if field.pattern:
        values["spellcheck"] = False
    if field.autocomplete or not own:
        values["autocomplete"] = field.autocomplete
    return values


def _revealed_by(section: Section) -> Mapping[str, tuple[str, str]]:
    """Return which fields show inside an option of another field: those right after it that only this option shows."""
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
    """Return the option of `parent` that alone shows this field, as it is posted; None if there is none."""
    when = field.when
    if parent is None or not isinstance(when, Comparison) or when.operator not in ("is", "includes"):
        return None
    if (when.section_id, when.field_id) != (section.id, parent.id):
        return None
    if parent.type == "yes_no":
        return "yes" if when.value else "no"
    return str(when.value) if parent.type in ("choice", "choices") else None


@dataclass(frozen=True, kw_only=True)
class PageScope:
    """What a page is judged against: the form, all that is stored (only earlier sections count) and the day.

    `typed` names the fields in which something stands that is not a valid answer, by section and item.
    """

    definition: FormDefinition
    answers: FormAnswers
    today: date
    typed: TypedFields = dataclasses.field(default_factory=dict)


def section_form(
    section: Section,
    *,
    language: str,
    scope: PageScope,
    stored: SectionState,
    posted: Posted | None = None,
    only: Collection[str] | None = None,
) -> "SectionForm":
    """Return the form of a plain section, or of the item whose state is `stored`.

    `posted` is what the browser sent. With `only`, just these fields are read from it (autosave) and the others keep
    their stored state. Iterating yields the fields to render, in order; a field inside an option is in the `reveals` of
    its parent.
    """
    plans = _PLANS.setdefault(section, {})
    if language not in plans:  # definitions never change, so a plan holds as long as they live
        plans[language] = _page_plan(scope.definition, section, language)
    plan = plans[language]
    seen = Scope(said={}, today=scope.today)
    if plan.conditional:
        seen = shown(scope.definition, scope.answers, scope.today, typed=scope.typed, before=section).scope
    form = SectionForm(section, plan, language, seen, stored)
    form.take(posted, only)
    return form


class SectionForm(BaseForm):
    """One page of a form; fields are judged in order, each condition by the values before it."""

    def __init__(self, section: Section, plan: PagePlan, language: str, scope: Scope, stored: SectionState) -> None:
        super().__init__(plan.unbound, meta=_META)
        self.section = section
        self.all_fields = cast("Mapping[str, AnswerField]", self._fields)
        """Every field of the section by id, rendered or not."""
        self.files_fields = tuple(bound for bound in self.all_fields.values() if isinstance(bound, FilesField))
        self._revealed_by = plan.revealed_by
        self._language = language
        self._scope = scope
        self._stored = stored
        self._said: dict[str, Answer | Mistyped] = {}
        self._here = scope.within(section.id, self._said)
        self._shown: dict[str, bool] = {}
        self._read: set[str] = set()

    def take(self, posted: Posted | None, only: Collection[str] | None) -> None:
        """Read each field from what was posted, else from what is stored, in the order of the page.

        That nothing is ticked says nothing of a question that the page left out.
        """
        left_out = ",".join(posted.getlist(LEFT_OUT)).split(",") if posted is not None else []
        for field_id, bound in self.all_fields.items():
            inputs = None
            if posted is not None and (only is None or field_id in only) and field_id not in left_out:
                inputs = bound.posted_inputs(posted)
            answer, typed = self._stored.answers.get(field_id), self._stored.typed.get(field_id)
            if inputs is not None:
                self._read.add(field_id)
            elif typed:
                inputs = inputs_by_suffix(field_id, typed)
            if inputs is not None:
                bound.inputs = inputs
                try:
                    bound.answer = read_answer(bound.definition, inputs, self._scope.today)
                except InvalidAnswerError as problem:
                    bound.invalid = problem
            elif answer is not None:
                bound.inputs, bound.answer = inputs_of(bound.definition, answer), answer
            self._shown[field_id] = holds(bound.definition.when, self._here)
            if self._shown[field_id] and bound.invalid:
                self._said[field_id] = MISTYPED
            elif self._shown[field_id] and bound.answer is not None:
                self._said[field_id] = bound.answer

    def __iter__(self) -> Iterator[AnswerField]:
        """Yield the fields that some value of this page can show; put those that only an option reveals into it.

        A field that none can show any more is yielded too if this request brought something for it: the page that
        showed it was older, and what it brought is on no other page until it is saved.
        """
        top: dict[str, AnswerField] = {}
        for field_id, bound in self.all_fields.items():
            left = remaining(bound.definition.when, self._scope, self.section.id)
            if left in (None, False) and not self._brought(bound):
                continue
            is_open = left is True or bound.error  # what is said of a file is seen, whether its question shows or not
            bound.show_when = None if is_open else json.dumps(left, ensure_ascii=False)
            bound.reveals = {}
            self._make_ready(bound)
            parent_id, option = self._revealed_by.get(field_id, ("", ""))
            if parent_id in top:
                top[parent_id].reveals.setdefault(option, []).append(bound)
            else:
                top[field_id] = bound
        return iter(top.values())

    def _brought(self, bound: AnswerField) -> bool:
        """Return whether this request brought something for a field, or has something to say about it."""
        return bool(bound.error) or (bound.short_name in self._read and bound.holds_something)

    @property
    def left_out(self) -> list[str]:
        """The ids of the radio buttons and checkboxes that the page does not hold."""
        picked = (bound for bound in self.all_fields.values() if bound.absent_means_empty and bound.definition.when)
        return [
            bound.short_name
            for bound in picked
            if not self._brought(bound)
            and remaining(bound.definition.when, self._scope, self.section.id) in (None, False)
        ]

    def validate(self, extra_validators: object = None) -> bool:
        """Judge every shown field and put errors at the fields; return whether all are right."""
        for field_id, bound in self.all_fields.items():
            if bound.error or not self._shown[field_id]:
                continue
            problem = bound.invalid
            if problem is None and (bound.answer is None or field_id not in self._read):
                problem = problem_of(bound.definition, bound.answer, self._here)
            if problem:
                self._refuse(bound, problem)
        return not self.errors

    def refuse_file(self, field_id: str, problem: InvalidAnswerError) -> None:
        """Add to a question why a file was not kept; several files have one sentence each."""
        bound = self.all_fields[field_id]
        bound.invalid = problem
        if self._shown[field_id]:
            self._said.setdefault(field_id, MISTYPED)
        sentence = message(bound.definition, problem, self._language, _)
        bound.error = f"{bound.error}. {sentence}" if bound.error else sentence

    def question(self, field_id: str) -> AnswerField | None:
        """Return one question, ready to be rendered by itself."""
        bound = self.all_fields.get(field_id)
        if bound is not None:
            self._make_ready(bound)
        return bound

    def _make_ready(self, bound: AnswerField) -> None:
        """Add what a question's template needs and no plan can know: the reader's words, its bounds and its need.

        The bounds let the page's script know that a number or date is not a valid answer. If answers of this page
        decide whether an answer is needed, the script gets the condition.
        """
        asked = bound.definition
        if asked.type == "yes_no":
            bound.choices_shown = tuple((value, _(label), None, False) for value, label in _YES_NO_LABELS)
        if isinstance(bound, FilesField) and asked.files:
            _add_limits(bound, asked.files)
        for name, bound_value in (("data-min", asked.min), ("data-max", asked.max)):
            if isinstance(bound_value, Decimal):
                bound.bounds[name] = plain_number(bound_value)
            elif bound_value is not None:
                bound.bounds[name] = bound_date(bound_value, self._scope.today).isoformat()
        left = remaining(asked.required_when, self._scope, self.section.id)
        if isinstance(left, dict):
            bound.required_when = json.dumps(left, ensure_ascii=False)
        need = "required" if is_required(asked, self._here) else "optional"
        bound.need = f"now_{need}" if bound.required_when else need
        if bound.label_says_optional:
            bound.need = None

    def is_shown(self, field_id: str) -> bool:
        """Return whether a question shows for the values of this page."""
        return self._shown[field_id]

    def _refuse(self, bound: AnswerField, problem: InvalidAnswerError) -> None:
        bound.error = message(bound.definition, problem, self._language, _)
        bound.errors = [bound.error]
        bound.error_parts = problem.parts
        stem = problem.key.partition(".")[0]
        for part in problem.parts:
            known = f"{stem}.{part}" in FIELD_TYPES[bound.definition.type].messages
            own = InvalidAnswerError(f"{stem}.{part}" if known else problem.key, **problem.values)
            bound.part_errors[part] = message(bound.definition, own, self._language, _)

    @property
    def errors(self) -> dict[str, str]:  # type: ignore[override]
        """The error message of each field that is wrong."""
        return {field_id: bound.error for field_id, bound in self.all_fields.items() if bound.error}

    def error_list(self) -> list[tuple[str, str]]:
        """Return the error summary: the input to which each message links, and the message."""
        return [(f"#{bound.first_input}", bound.error) for bound in self.all_fields.values() if bound.error]

    @property
    def is_partly_right(self) -> bool:
        """Whether the page holds an answer beside its mistakes."""
        return any(bound.answer not in (None, (), []) and not bound.error for bound in self.all_fields.values())

    def typed_text(self, field_id: str) -> str:
        """Return what a field holds as one text, valid or not; empty if the field does not show."""
        bound = self.all_fields.get(field_id)
        if bound is None or not self._shown[field_id]:
            return ""
        return input_text(bound.answer) if bound.answer is not None else plain(bound.value)

    def kept(self) -> SectionState:
        """Return what to store now, valid or not: nothing typed is lost.

        What was posted for a field that does not show is kept aside in the same way. An empty post leaves what is kept
        of it, because a page may hold the inputs of a hidden field without its values.
        """
        answers: dict[str, Answer] = {}
        typed: dict[str, Inputs] = {}
        for field_id, bound in self.all_fields.items():
            stays = not self._shown[field_id] and not bound.holds_something
            if stays or field_id not in self._read:
                if field_id in self._stored.answers:
                    answers[field_id] = self._stored.answers[field_id]
                if field_id in self._stored.typed:
                    typed[field_id] = self._stored.typed[field_id]
            elif bound.invalid:
                typed[field_id] = named_inputs(field_id, bound.inputs)
            elif bound.answer is not None:
                answers[field_id] = bound.answer
        return SectionState(answers=answers, typed=typed)


def says_optional(label: str) -> bool:
    """Return whether an author wrote "(optional)" into a label, as was needed before the portal said so itself."""
    return label.rstrip().lower().endswith((OPTIONAL, _(OPTIONAL).lower()))


def _add_limits(bound: FilesField, limits: FileLimits) -> None:
    """Say, in the reader's language, which files may be added and how many."""
    one = _("One file: %(kinds)s, up to %(size)s MB.")
    several = _("Up to %(num)s files: %(kinds)s, up to %(size)s MB each.")
    values = {"num": limits.max, "kinds": kinds_text(limits.types, _), "size": limits.max_mb}
    bound.limits_text = (one if limits.max == 1 else several) % values
    bound.accept = ",".join(f".{ending}" for ending in endings_of(limits.types))
    bound.many, bound.most = limits.max > 1, limits.max
    bound.largest = limits.max_mb * MEGABYTE
