"""Answers carried from one version of a section to another: whatever still is an answer, else what was typed."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from portal.form_definitions.answers import Inputs, InvalidAnswerError, inputs_by_suffix, named_inputs
from portal.form_definitions.definition import Answer, Field, Section, SectionState
from portal.form_definitions.field_types import FIELD_TYPES, answer_problem, inputs_of, read_answer
from portal.form_definitions.form_fields import PickedField


def carried(old: Section, new: Section, origin: Mapping[str, str], state: SectionState, today: date) -> SectionState:
    """What the new version of a section, or of an item, holds of what the old one held.

    `origin` gives the old id of each field that has one. Every answer that is kept is one in the new version; what no
    longer is one stays in its inputs where the field still has the same ones, so that its person sees and mends it.
    """
    answers: dict[str, Answer] = {}
    typed: dict[str, Inputs] = {}
    for field in new.fields:
        before = old.field(origin.get(field.id, ""))
        if before:
            answer, inputs = _carried(before, field, state, today)
            answers |= {} if answer is None else {field.id: answer}
            typed |= {field.id: named_inputs(field.id, inputs)} if any(map(any, inputs.values())) else {}
    return SectionState(answers=answers, typed=typed)


def _carried(old: Field, new: Field, state: SectionState, today: date) -> tuple[Answer | None, Inputs]:
    """The answer, or else what stands in the inputs."""
    answer = state.answers.get(old.id)
    if answer is not None and old.type == new.type and answer_problem(new, answer, today) is None:
        return answer, {}
    if old.type == new.type == "file":
        return _files(new, answer, today), {}
    inputs = inputs_of(old, answer) if answer is not None else inputs_by_suffix(old.id, state.typed.get(old.id, {}))
    if not _takes_inputs_of(new, old):
        return None, {}
    if FIELD_TYPES[new.type].form_field is PickedField and (answer is not None or old.type != new.type):
        return _picked(new, inputs, today), {}
    try:
        return read_answer(new, inputs, today), {}
    except InvalidAnswerError:
        return None, inputs


def _files(new: Field, answer: Answer | None, today: date) -> Answer | None:
    """Those files that the new limits let stay, the first ones first."""
    kept: list[Any] = []
    for file in answer if isinstance(answer, list) else ():
        if answer_problem(new, [*kept, file], today) is None:
            kept.append(file)
    return kept or None


def _takes_inputs_of(new: Field, old: Field) -> bool:
    """Whether what stood in the old inputs can stand in the new ones; nobody agrees to another declaration by this."""
    same_inputs = FIELD_TYPES[new.type].form_field is FIELD_TYPES[old.type].form_field
    return same_inputs and (new.type != "declaration" or old.type == "declaration")


def _picked(new: Field, inputs: Inputs, today: date) -> Answer | None:
    """What is left of the options that were chosen; nobody chooses one of several by this."""
    chosen = [value for value in inputs.get("", ()) if not new.options or new.option(value)]
    if len(chosen) > 1 and new.type != "choices":
        return None
    try:
        return read_answer(new, {"": chosen}, today)
    except InvalidAnswerError:
        return None
