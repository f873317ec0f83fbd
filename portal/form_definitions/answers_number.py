"""Numbers and money: exact decimals, canonical spelling, bounds."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from portal.form_definitions.answers import Inputs, InvalidAnswerError, Translate, typed
from portal.form_definitions.definition import Answer, Field

CURRENCY = "£"
# At most 15 digits before the point and 6 after it: exact everywhere, and nothing can grow without end.
NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})?(?:\.[0-9]{1,6})?")
MONEY = re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})?(?:\.[0-9]{1,2})?")
_SPACES = re.compile(r"\s+")


def read_number(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """A number as `3` or `2.5`; thousands may be parted by commas or spaces."""
    value = _decimal(typed(inputs), NUMBER)
    return None if value is None else plain_number(_in_bounds(field, value))


def read_money(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """An amount as `650.00`; the currency sign may be typed."""
    value = _decimal(typed(inputs).replace(CURRENCY, "", 1), MONEY)
    return None if value is None else f"{_in_bounds(field, value) or Decimal(0):.2f}"


def plain_number(value: Decimal) -> str:
    """A decimal without exponent, without needless zeros and without minus zero."""
    text = f"{value:f}"
    trimmed = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if trimmed in ("-0", "") else trimmed


def decimal_of(answer: object) -> Decimal | None:
    """The number in a stored answer, or None where there is none."""
    if isinstance(answer, str) and len(answer) < 40 and NUMBER.fullmatch(answer) and re.search("[0-9]", answer):
        return Decimal(answer)
    return None


def _decimal(text: str, spelling: re.Pattern[str]) -> Decimal | None:
    text = _SPACES.sub("", text).replace("\u2212", "-")
    if not text:
        return None
    if not spelling.fullmatch(text) or not re.search("[0-9]", text):
        raise InvalidAnswerError("invalid")
    return Decimal(text.replace(",", ""))


def _in_bounds(field: Field, value: Decimal) -> Decimal:
    if isinstance(field.min, Decimal) and value < field.min:
        raise InvalidAnswerError("min", limit=limit_text(field, field.min))
    if isinstance(field.max, Decimal) and value > field.max:
        raise InvalidAnswerError("max", limit=limit_text(field, field.max))
    return value


def limit_text(field: Field, value: Decimal) -> str:
    """A number as messages and sentences write it: `1,300`, or `£1,300.50` for money."""
    if field.type != "money":
        return f"{value:,f}"
    amount = f"{abs(value):,.2f}".removesuffix(".00")
    return f"{'-' if value < 0 else ''}{CURRENCY}{amount}"


def display_money(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """An amount with its currency: £1,300.00."""
    value = decimal_of(answer)
    if value is None:
        return [str(answer)]
    return [f"{'-' if value < 0 else ''}{CURRENCY}{abs(value):,.2f}"]


def display_number(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """A number with thousands parted: 1,300.5."""
    value = decimal_of(answer)
    return [str(answer) if value is None else f"{value:,f}"]
