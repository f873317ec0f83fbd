"""Answers that are picked: one option, several, yes or no, a declaration; and addresses, typed in four parts."""

from datetime import date
from typing import Any

from portal.form_definitions.answers import Inputs, InvalidAnswerError, Translate, mark, typed
from portal.form_definitions.definition import Answer, Field

ADDRESS_PARTS = ("line_1", "line_2", "town", "postcode")
_NEEDED_PARTS = ("line_1", "town", "postcode")
_PART_LENGTH = 200
_YES_NO = {"yes": True, "no": False}


def read_choice(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """The value of one option."""
    value = typed(inputs)
    if value and not field.option(value):
        raise InvalidAnswerError("invalid")
    return value or None


def read_choices(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """The values of the chosen options, in the order of the options."""
    posted = {value.strip() for value in inputs.get("") or ()} - {""}
    chosen = [option for option in field.options if option.value in posted]
    if len(chosen) < len(posted):
        raise InvalidAnswerError("invalid")
    alone = next((option for option in chosen if option.exclusive), None)
    if alone and len(chosen) > 1:
        raise InvalidAnswerError("exclusive", option=alone.label)
    return [option.value for option in chosen] or None


def read_yes_no(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """True for yes, False for no."""
    value = typed(inputs)
    if not value:
        return None
    if value not in _YES_NO:
        raise InvalidAnswerError("invalid")
    return _YES_NO[value]


def read_declaration(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """True where it was ticked; anything else is no answer."""
    value = typed(inputs)
    if value not in ("", "yes"):
        raise InvalidAnswerError("invalid")
    return True if value else None


def read_address(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """An address of four parts; one begun must have its first line, town and postcode."""
    parts = {part: typed(inputs, part) for part in ADDRESS_PARTS}
    if not any(parts.values()):
        return None
    long = tuple(part for part in ADDRESS_PARTS if len(parts[part]) > _PART_LENGTH)
    if long:
        raise InvalidAnswerError("max_length", parts=long, limit=_PART_LENGTH)
    missing = tuple(part for part in _NEEDED_PARTS if not parts[part])
    if missing:
        raise InvalidAnswerError("incomplete." + missing[0], parts=missing)
    return parts


def show_choices(field: Field, answer: Any) -> dict[str, list[str]]:
    """The ticked boxes."""
    return {"": [str(value) for value in answer]}


def show_yes_no(field: Field, answer: Any) -> dict[str, list[str]]:
    """The chosen radio button."""
    return {"": ["yes" if answer else "no"]}


def show_declaration(field: Field, answer: Any) -> dict[str, list[str]]:
    """The ticked box."""
    return {"": ["yes"]} if answer else {}


def show_address(field: Field, answer: Any) -> dict[str, list[str]]:
    """The four inputs of an address."""
    return {part: [str(answer.get(part, ""))] for part in ADDRESS_PARTS}


def display_choice(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """The label of the chosen option."""
    return display_choices(field, [answer], language, translate)


def display_choices(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """The labels of the chosen options; the bare value where an option is gone."""
    found = [(value, field.option(value)) for value in answer]
    return [option.label.in_(language) if option else str(value) for value, option in found]


def display_yes_no(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Yes or No."""
    return [translate(mark("Yes") if answer else mark("No"))]


def display_address(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """The parts that are filled, a line each."""
    return [answer[part] for part in ADDRESS_PARTS if answer.get(part)]
