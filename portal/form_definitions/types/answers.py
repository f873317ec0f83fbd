"""Turn what was typed into an answer, and an answer into text."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from portal.characters import plain, trimmed
from portal.errors import PortalError
from portal.form_definitions.definition import TODAY, Answer, Field, TranslatedText

# The contents of a field's inputs: suffix ("" or "day", "postcode" …) to the posted strings.
Inputs = Mapping[str, Sequence[str]]
Translate = Callable[[str], str]
SHORT_TEXT = 500
LONG_TEXT = 20_000
_LINE_BREAKS = re.compile(r"\s*[\r\n\x85\u2028\u2029]+\s*")
_REGION = "GB"
CURRENCY = "£"
# At most 15 digits before the point and 6 after it, so that numbers stay exact in every program. Spaces separate
# thousands and nothing else: of "12 50" we cannot tell what is meant.
_WHOLE = r"(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4}|[0-9]{1,3}(?: [0-9]{3}){1,4})?"
NUMBER = re.compile(rf"(?:[+-] ?)?{_WHOLE}(?:\.[0-9]{{1,6}})?")
MONEY = re.compile(rf"(?:[+-] ?(?:{CURRENCY} ?)?|{CURRENCY} ?[+-]?)?{_WHOLE}(?:\.[0-9]{{1,2}})?")
_STORED_NUMBER = re.compile(r"[+-]?[0-9]{0,15}(?:\.[0-9]{1,6})?")
# Digits and what people put between them; an extension may follow.
_PHONE = re.compile(
    r"[(\[]?[+\uff0b]?[\d ()\[\]./~\u2010-\u2015\u2212-]+(?:,? ?(?:ext(?:ension)?\.?|x|#) ?\d{1,7})?", re.IGNORECASE
)
_WHOLE_HOME_NUMBER = 10
DATE_PARTS = ("day", "month", "year")
_WELSH_SPRING = ("ionawr", "chwefror", "mawrth", "ebrill", "mai", "mehefin")
_WELSH_AUTUMN = ("gorffennaf", "awst", "medi", "hydref", "tachwedd", "rhagfyr")
ADDRESS_KEYS = ("line_1", "line_2", "town", "postcode")
_NEEDED_PARTS = ("line_1", "town", "postcode")
_PART_LENGTH = 200
_YES_NO = {"yes": True, "no": False}


class InvalidAnswerError(PortalError):
    """Typed text that is not a valid answer.

    `key` names the message (`incomplete.day`; authors override it by the part before the dot), `parts` the inputs that
    are wrong. `values` are what the message says beside the label: text, numbers, dates, or a `TranslatedText`.
    """

    def __init__(self, key: str, *, parts: tuple[str, ...] = (), **values: Any) -> None:
        super().__init__(key)
        self.key = key
        self.parts = parts
        self.values = values


def mark(message: str) -> str:
    """Mark a message for translation (`pybabel extract -k mark`); translate it where it is shown."""
    return message


def typed(inputs: Inputs, suffix: str = "") -> str:
    """Return the text of one input, trimmed; the first if it was sent several times."""
    values = inputs.get(suffix) or ("",)
    return trimmed(values[0])


def input_name(field_id: str, suffix: str) -> str:
    """Return the name under which one input of a field is posted: `born` or `born-day`."""
    return f"{field_id}-{suffix}" if suffix else field_id


def named_inputs(field_id: str, inputs: Inputs) -> dict[str, list[str]]:
    """Return the inputs that are not empty, by the names under which they are posted: `born-day`."""
    named = {input_name(field_id, suffix): list(values) for suffix, values in inputs.items()}
    return {name: values for name, values in named.items() if any(values)}


def inputs_by_suffix(field_id: str, named: Inputs) -> dict[str, list[str]]:
    """Return inputs by suffix, from inputs by name; the reverse of `named_inputs`."""
    return {name.removeprefix(field_id).removeprefix("-"): list(values) for name, values in named.items()}


def show_text(field: Field, answer: Any) -> dict[str, list[str]]:
    """Return a one-input answer as its input shows it."""
    return {"": [str(answer)]}


def display_text(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Return the lines of a text answer."""
    return str(answer).split("\n")


def no_answer(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Return None, for fields that hold no answer."""
    return None


def show_nothing(field: Field, answer: Any) -> dict[str, list[str]]:
    """Return no inputs, for fields that hold no answer."""
    return {}


def date_text(day: date, translate: Translate) -> str:
    """Return a date as people write it: 4 May 2026."""
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
    """Return a date bound, with `today` replaced by the day."""
    resolved: date = today if bound == TODAY else bound
    return resolved


def value_text(value: Any, language: str, translate: Translate) -> str:
    """Return a value of a message in the reader's language."""
    if isinstance(value, TranslatedText):
        return value.in_(language)
    return date_text(value, translate) if isinstance(value, date) else str(value)


def read_text(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read one line of text."""
    return _within_limits(field, _LINE_BREAKS.sub(" ", typed(inputs)), SHORT_TEXT)


def read_long_text(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read a text of several lines; each ends with a line feed."""
    text = typed(inputs).replace("\r\n", "\n").replace("\r", "\n")
    return _within_limits(field, text, LONG_TEXT)


def read_email(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read exactly one e-mail address that can be written to; whether it exists is not checked."""
    text = plain(typed(inputs))
    if not text:
        return None
    try:
        # `test_environment` allows the domain .test, which RFC 6761 reserves for testing.
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        raise InvalidAnswerError("invalid") from None
    return _within_limits(field, found.ascii_email or found.normalized, SHORT_TEXT)


def read_phone(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read a telephone number of a possible length; a real one is written as people in this country write it."""
    text = plain(typed(inputs))
    return _within_limits(field, _phone(text), SHORT_TEXT) if text else None


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text):  # the library would leave out letters, or dial them
        raise InvalidAnswerError("invalid")
    try:
        number = phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException:
        raise InvalidAnswerError("invalid") from None
    # Check the length only: number plans change faster than libraries, and refusing a real number is worse.
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE or not number.national_number:
        raise InvalidAnswerError("invalid")
    home = number.country_code == phonenumbers.country_code_for_region(_REGION)
    # Numbers of full length are all written alike, those too that the library does not know, such as Ofcom's for drama.
    # Any other one stays as it was typed: the library may leave out its 0, and a digit may be missing.
    is_whole = home and len(str(number.national_number)) == _WHOLE_HOME_NUMBER
    if not is_whole and not phonenumbers.is_valid_number(number):
        return text
    style = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    written = str(phonenumbers.format_number(number, style))
    return text if home and written[0] not in "(0" else written


def _within_limits(field: Field, text: str, default_length: int) -> str | None:
    """Return a text that keeps to the field's limits; characters that nobody sees are no reason to refuse it."""
    if not text:
        return None
    longest, is_code = field.max_length or default_length, field.pattern and field.type not in ("name", "long_text")
    first = plain(text) if is_code else text
    fault = _fault(field, first, longest)
    if fault is None:
        return first
    second = plain(text)
    if second == first or _fault(field, second, longest):
        raise fault
    return second


def _fault(field: Field, text: str, longest: int) -> InvalidAnswerError | None:
    if len(text) > longest:
        return InvalidAnswerError("max_length", limit=longest)
    if field.max_words and len(text.split()) > field.max_words:
        return InvalidAnswerError("max_words", limit=field.max_words)
    if field.pattern and not field.pattern.fits(text):
        return InvalidAnswerError("pattern")
    return None


def read_number(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read a number like `3` or `2.5`; commas or spaces may separate thousands."""
    value = _decimal(typed(inputs), NUMBER)
    return None if value is None else plain_number(_number_in_bounds(field, value))


def read_money(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read an amount like `650.00`; the currency sign may stand before it."""
    value = _decimal(typed(inputs), MONEY)
    return None if value is None else f"{_number_in_bounds(field, value) or Decimal(0):.2f}"


def plain_number(value: Decimal) -> str:
    """Return a decimal without exponent, needless zeros or minus zero."""
    text = f"{value:f}"
    short = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if short in ("-0", "") else short


def decimal_of(answer: object) -> Decimal | None:
    """Return the number in a stored answer, or None."""
    if isinstance(answer, str) and _STORED_NUMBER.fullmatch(answer) and re.search("[0-9]", answer):
        return Decimal(answer)
    return None


def _decimal(text: str, spelling: re.Pattern[str]) -> Decimal | None:
    if not text:
        return None
    text = plain(text).replace("\u2212", "-")
    if not spelling.fullmatch(text) or not re.search("[0-9]", text):
        raise InvalidAnswerError("invalid")
    return Decimal(re.sub(f"[ ,{CURRENCY}]", "", text))


def _number_in_bounds(field: Field, value: Decimal) -> Decimal:
    if isinstance(field.min, Decimal) and value < field.min:
        raise InvalidAnswerError("min", limit=limit_text(field, field.min))
    if isinstance(field.max, Decimal) and value > field.max:
        raise InvalidAnswerError("max", limit=limit_text(field, field.max))
    return value


def limit_text(field: Field, value: Decimal) -> str:
    """Return a number as messages write it: `1,300`, or `£1,300.50` for money."""
    if field.type != "money":
        return f"{value:,f}"
    amount = f"{abs(value):,.2f}".removesuffix(".00")
    return f"{'-' if value < 0 else ''}{CURRENCY}{amount}"


def display_money(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Return an amount with its currency: £1,300.00."""
    value = decimal_of(answer)
    if value is None:
        return [str(answer)]
    return [f"{'-' if value < 0 else ''}{CURRENCY}{abs(value):,.2f}"]


def display_number(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Return a number with separated thousands: 1,300.5."""
    value = decimal_of(answer)
    return [str(answer) if value is None else f"{value:,f}"]


_MONTH_NAMES = {
    **{name.lower(): number for number, name in enumerate(MONTHS, 1)},
    **{name.lower()[:3]: number for number, name in enumerate(MONTHS, 1)},
    "sept": 9,
    **{name: number for number, name in enumerate((*_WELSH_SPRING, *_WELSH_AUTUMN), 1)},
}


def read_date(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read a real date within the field's bounds; raise with the parts that are missing or wrong."""
    parts = {part: plain(typed(inputs, part)) for part in DATE_PARTS}
    if not any(parts.values()):
        return None
    missing = tuple(part for part in DATE_PARTS if not parts[part])
    if missing:
        raise InvalidAnswerError("incomplete." + "_".join(missing), parts=missing)
    day = _date_number(parts, "day", 31)
    month = _MONTH_NAMES.get(parts["month"].lower().rstrip(".")) or _date_number(parts, "month", 12)
    if not re.fullmatch("[1-9][0-9]{3}", parts["year"]):
        raise InvalidAnswerError("invalid.year", parts=("year",))
    try:
        found = date(int(parts["year"]), month, day)
    except ValueError:
        raise InvalidAnswerError("invalid", parts=("day",)) from None
    if field.min is not None and found < bound_date(field.min, today):
        raise InvalidAnswerError("min.today" if field.min == TODAY else "min", parts=DATE_PARTS, limit=field.min)
    if field.max is not None and found > bound_date(field.max, today):
        raise InvalidAnswerError("max.today" if field.max == TODAY else "max", parts=DATE_PARTS, limit=field.max)
    return found.isoformat()


def _date_number(parts: Mapping[str, str], part: str, largest: int) -> int:
    if re.fullmatch("[0-9]{1,2}", parts[part]) and 1 <= int(parts[part]) <= largest:
        return int(parts[part])
    raise InvalidAnswerError("invalid", parts=(part,))


def date_of(answer: object) -> date | None:
    """Return the date in a stored answer, or None."""
    try:
        return date.fromisoformat(answer) if isinstance(answer, str) else None
    except ValueError:
        return None


def show_date(field: Field, answer: Any) -> dict[str, list[str]]:
    """Return the three inputs of a date."""
    day = date_of(answer)
    return {"day": [str(day.day)], "month": [str(day.month)], "year": [f"{day.year:04}"]} if day else {}


def display_date(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Return a date as people write it: 4 May 2026."""
    day = date_of(answer)
    return [date_text(day, translate) if day else str(answer)]


def read_choice(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read the value of one option."""
    value = typed(inputs)
    if value and not field.option(value):
        raise InvalidAnswerError("invalid")
    return value or None


def read_choices(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read the values of the chosen options, in the order of the options."""
    posted = {trimmed(value) for value in inputs.get("") or ()} - {""}
    chosen = [option for option in field.options if option.value in posted]
    if len(chosen) < len(posted):
        raise InvalidAnswerError("invalid")
    alone = next((option for option in chosen if option.exclusive), None)
    if alone and len(chosen) > 1:
        raise InvalidAnswerError("exclusive", option=alone.label)
    return [option.value for option in chosen] or None


def read_yes_no(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read yes as True and no as False."""
    value = typed(inputs)
    if not value:
        return None
    if value not in _YES_NO:
        raise InvalidAnswerError("invalid")
    return _YES_NO[value]


def read_declaration(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Return True if the box was ticked; else None."""
    value = typed(inputs)
    if value not in ("", "yes"):
        raise InvalidAnswerError("invalid")
    return True if value else None


def read_postal_address(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Read an address of four parts; one that was begun must have its first line, town and postcode."""
    parts = {part: typed(inputs, part) for part in ADDRESS_KEYS}
    parts["postcode"] = plain(parts["postcode"])
    if not any(parts.values()):
        return None
    long = tuple(part for part in ADDRESS_KEYS if len(parts[part]) > _PART_LENGTH)
    if long:
        raise InvalidAnswerError("max_length", parts=long, limit=_PART_LENGTH)
    missing = tuple(part for part in _NEEDED_PARTS if not parts[part])
    if missing:
        raise InvalidAnswerError("incomplete." + missing[0], parts=missing)
    return parts


def show_choices(field: Field, answer: Any) -> dict[str, list[str]]:
    """Return the ticked boxes."""
    return {"": [str(value) for value in answer]}


def show_yes_no(field: Field, answer: Any) -> dict[str, list[str]]:
    """Return the chosen radio button."""
    return {"": ["yes" if answer else "no"]}


def show_declaration(field: Field, answer: Any) -> dict[str, list[str]]:
    """Return the ticked box."""
    return {"": ["yes"]} if answer else {}


def show_address(field: Field, answer: Any) -> dict[str, list[str]]:
    """Return the four inputs of an address."""
    return {part: [str(answer.get(part, ""))] for part in ADDRESS_KEYS}


def display_choice(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Return the label of the chosen option."""
    return display_choices(field, [answer], language, translate)


def display_choices(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Return the labels of the chosen options; the value itself if its option no longer exists."""
    found = [(value, field.option(value)) for value in answer]
    return [option.label.in_(language) if option else str(value) for value, option in found]


def display_yes_no(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Return Yes or No."""
    return [translate(mark("Yes") if answer else mark("No"))]


def display_address(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """Return the filled parts of an address, one line each."""
    return [answer[part] for part in ADDRESS_KEYS if answer.get(part)]
