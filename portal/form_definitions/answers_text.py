"""Text, e-mail addresses and telephone numbers: from what was typed to the answer."""

import re
from datetime import date

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from portal.form_definitions.answers import Inputs, InvalidAnswerError, typed
from portal.form_definitions.definition import Answer, Field

SHORT_TEXT = 500
LONG_TEXT = 20_000
_LINE_BREAKS = re.compile(r"\s*[\r\n\x85\u2028\u2029]+\s*")
_REGION = "GB"


def read_text(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """One line of text."""
    return _within_limits(field, _LINE_BREAKS.sub(" ", typed(inputs)), SHORT_TEXT)


def read_long_text(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Text of several lines, each ended by a line feed."""
    text = typed(inputs).replace("\r\n", "\n").replace("\r", "\n")
    return _within_limits(field, text, LONG_TEXT)


def read_email(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Exactly one e-mail address that mail can be sent to; whether anybody reads it is not asked."""
    text = typed(inputs)
    if not text:
        return None
    try:
        # The test environment allows the domain .test, which RFC 6761 keeps free for trying things out.
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        raise InvalidAnswerError("invalid") from None
    return _within_limits(field, found.ascii_email or found.normalized, SHORT_TEXT)


def read_phone(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """A telephone number of a possible length, as people in the country write it."""
    text = typed(inputs)
    return _within_limits(field, _phone(text), SHORT_TEXT) if text else None


def _phone(text: str) -> str:
    try:
        number = phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException:
        raise InvalidAnswerError("invalid") from None
    # Length, not allocation: number plans change faster than libraries, and refusing a real number is worse.
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE or not number.national_number:
        raise InvalidAnswerError("invalid")
    home = number.country_code == phonenumbers.country_code_for_region(_REGION)
    style = phonenumbers.PhoneNumberFormat.NATIONAL if home else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(number, style))


def _within_limits(field: Field, text: str, default_length: int) -> str | None:
    if not text:
        return None
    longest = field.max_length or default_length
    if len(text) > longest:
        raise InvalidAnswerError("max_length", limit=longest)
    if field.max_words and len(text.split()) > field.max_words:
        raise InvalidAnswerError("max_words", limit=field.max_words)
    if field.pattern and not field.pattern.fullmatch(text):
        raise InvalidAnswerError("pattern")
    return text
