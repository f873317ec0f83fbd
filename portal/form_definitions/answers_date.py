"""Dates typed as day, month and year: what is missing, what is wrong, and the answer as YYYY-MM-DD."""

import re
from datetime import date
from typing import Any

from portal.form_definitions.answers import (
    MONTHS,
    Inputs,
    InvalidAnswerError,
    Translate,
    bound_date,
    date_text,
    typed,
)
from portal.form_definitions.definition import TODAY, Answer, Field

DATE_PARTS = ("day", "month", "year")
_WELSH_SPRING = ("ionawr", "chwefror", "mawrth", "ebrill", "mai", "mehefin")
_WELSH_AUTUMN = ("gorffennaf", "awst", "medi", "hydref", "tachwedd", "rhagfyr")
_MONTH_NAMES = {
    **{name.lower(): number for number, name in enumerate(MONTHS, 1)},
    **{name.lower()[:3]: number for number, name in enumerate(MONTHS, 1)},
    "sept": 9,
    **{name: number for number, name in enumerate((*_WELSH_SPRING, *_WELSH_AUTUMN), 1)},
}


def read_date(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """A real date within the field's bounds, or the parts that are missing or wrong."""
    parts = {part: typed(inputs, part) for part in DATE_PARTS}
    if not any(parts.values()):
        return None
    missing = tuple(part for part in DATE_PARTS if not parts[part])
    if missing:
        raise InvalidAnswerError("incomplete." + "_".join(missing), parts=missing)
    return _in_bounds(field, _real_date(parts), today).isoformat()


def _real_date(parts: dict[str, str]) -> date:
    day = _number(parts["day"], 31, "day")
    month = _MONTH_NAMES.get(parts["month"].lower().rstrip(".")) or _number(parts["month"], 12, "month")
    if not re.fullmatch("[1-9][0-9]{3}", parts["year"]):
        raise InvalidAnswerError("invalid.year", parts=("year",))
    try:
        return date(int(parts["year"]), month, day)
    except ValueError:
        raise InvalidAnswerError("invalid", parts=("day",)) from None


def _number(text: str, largest: int, part: str) -> int:
    if re.fullmatch("[0-9]{1,2}", text) and 1 <= int(text) <= largest:
        return int(text)
    raise InvalidAnswerError("invalid", parts=(part,))


def _in_bounds(field: Field, day: date, today: date) -> date:
    if field.min is not None and day < bound_date(field.min, today):
        raise InvalidAnswerError("min" + _today(field.min), parts=DATE_PARTS, limit=field.min)
    if field.max is not None and day > bound_date(field.max, today):
        raise InvalidAnswerError("max" + _today(field.max), parts=DATE_PARTS, limit=field.max)
    return day


def _today(bound: object) -> str:
    return ".today" if bound == TODAY else ""


def date_of(answer: object) -> date | None:
    """The date in a stored answer, or None where there is none."""
    try:
        return date.fromisoformat(answer) if isinstance(answer, str) else None
    except ValueError:
        return None


def show_date(field: Field, answer: Any) -> dict[str, list[str]]:
    """The three inputs of a date."""
    day = date_of(answer)
    return {"day": [str(day.day)], "month": [str(day.month)], "year": [f"{day.year:04}"]} if day else {}


def display_date(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """A date as people write it: 4 May 2026."""
    day = date_of(answer)
    return [date_text(day, translate) if day else str(answer)]
