"""What every kind of answer shares: typed inputs, refusals, translation marks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from portal.errors import PortalError
from portal.form_definitions.definition import TODAY, Answer, Field, Text

# What stands in a field's inputs: suffix ("" or "day", "postcode" …) to the posted strings.
Inputs = Mapping[str, Sequence[str]]
Translate = Callable[[str], str]
Shown = dict[str, list[str]]


class InvalidAnswerError(PortalError):
    """Typed text that is not an answer.

    `key` names the message (`incomplete.day`; authors override by the part before the dot), `parts` the wrong inputs,
    `values` what the message says beside the label: text, numbers, dates, or a `Text` in several languages.
    """

    def __init__(self, key: str, *, parts: tuple[str, ...] = (), **values: Any) -> None:
        super().__init__(key)
        self.key = key
        self.parts = parts
        self.values = values


def mark(message: str) -> str:
    """Mark a message for translation (`pybabel extract -k mark`); the one who shows it translates it."""
    return message


def typed(inputs: Inputs, suffix: str = "") -> str:
    """The text of one input, trimmed; of repeated ones the first."""
    values = inputs.get(suffix) or ("",)
    return values[0].strip()


def named_inputs(field_id: str, inputs: Inputs) -> dict[str, list[str]]:
    """The inputs that are not empty, by the names they are posted under: `born-day`."""
    named = {f"{field_id}-{suffix}" if suffix else field_id: list(values) for suffix, values in inputs.items()}
    return {name: values for name, values in named.items() if any(values)}


def inputs_by_suffix(field_id: str, named: Inputs) -> dict[str, list[str]]:
    """The reverse: inputs by suffix from inputs by name."""
    return {name.removeprefix(field_id).removeprefix("-"): list(values) for name, values in named.items()}


def show_text(field: Field, answer: Any) -> Shown:
    """A one-input answer as its input shows it."""
    return {"": [str(answer)]}


def display_text(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """A text answer, one line for each of its own."""
    return str(answer).split("\n")


def no_answer(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read nothing: for fields that hold no answer."""
    return None


def show_nothing(field: Field, answer: Any) -> Shown:
    """Show nothing: for fields that hold no answer."""
    return {}


def date_text(day: date, translate: Translate) -> str:
    """A date as people write it: 4 May 2026."""
    return f"{day.day} {translate(MONTHS[day.month - 1])} {day.year}"


MONTHS = (
    mark("January"),
    mark("February"),
    mark("March"),
    mark("April"),
    mark("May"),
    mark("June"),
    mark("July"),
    mark("August"),
    mark("September"),
    mark("October"),
    mark("November"),
    mark("December"),
)


def bound_date(bound: Any, today: date) -> date:
    """A date bound with `today` resolved."""
    resolved: date = today if bound == TODAY else bound
    return resolved


def value_text(value: Any, language: str, translate: Translate) -> str:
    """A value of a message in the reader's language."""
    if isinstance(value, Text):
        return value.in_(language)
    return date_text(value, translate) if isinstance(value, date) else str(value)
