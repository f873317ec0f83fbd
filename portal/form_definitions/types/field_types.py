"""The table of field types: how each is read, shown, displayed, compared and refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from portal.form_definitions.definition import Answer, Field
from portal.form_definitions.types.answers import (
    CURRENCY,
    Inputs,
    InvalidAnswerError,
    Translate,
    display_address,
    display_choice,
    display_choices,
    display_date,
    display_money,
    display_number,
    display_text,
    display_yes_no,
    mark,
    no_answer,
    read_choice,
    read_choices,
    read_date,
    read_declaration,
    read_email,
    read_long_text,
    read_money,
    read_number,
    read_phone,
    read_postal_address,
    read_text,
    read_yes_no,
    show_address,
    show_choices,
    show_date,
    show_declaration,
    show_nothing,
    show_text,
    show_yes_no,
    value_text,
)
from portal.form_definitions.types.files import FILE_MESSAGES, display_files, read_kept_files, show_files
from portal.form_definitions.types.form_fields import (
    AddressField,
    AnswerField,
    DateField,
    FilesField,
    LookupField,
    PickedField,
    TextField,
    WordsField,
)

_ENDS = ("?", ".", "!", ":", "…")
_LABEL_FIRST = re.compile(r"^%\(label\)s: (.)")
_TEXT_KEYS = frozenset({"max_length", "max_words", "pattern"})
OFF = "off"
_PURPOSES = frozenset(
    (
        *(OFF, "name", "honorific-prefix", "given-name", "additional-name", "family-name", "honorific-suffix"),
        *("nickname", "username", "organization", "organization-title", "address-line1", "address-line2"),
        *("address-line3", "address-level1", "address-level2", "address-level3", "address-level4", "postal-code"),
        *("country", "country-name", "language", "sex", "url", "email", "tel", "tel-national", "bday", "bday-day"),
        *("bday-month", "bday-year"),
    )
)
"""What a line of text may be, as browsers know it (HTML, 4.10.18.7.1), without cards and passwords."""
_BOUND_KEYS = frozenset({"min", "max"})
_TEXT_MESSAGES = {
    "required": mark("%(label)s: enter an answer"),
    "max_length": mark("%(question)s must be %(limit)s characters or fewer"),
    "max_words": mark("%(question)s must be %(limit)s words or fewer"),
    "pattern": mark("%(label)s: enter it in the right format"),
}
_ENTER = mark("Enter %(question)s")
_RIGHT_FORMAT = mark("Enter %(question)s in the right format")
_BOUND_MESSAGES = {
    "min": mark("%(question)s must be %(limit)s or more"),
    "max": mark("%(question)s must be %(limit)s or less"),
}
_CHOOSE_YES_OR_NO = mark("%(label)s: choose yes or no")
_TICK_TO_AGREE = mark("%(label)s: tick the box to agree")


@dataclass(frozen=True, kw_only=True)
class FieldType:
    """All that the portal knows about one type.

    `read` turns inputs into the answer (None: empty) or raises `InvalidAnswerError`; `show` turns an answer into its
    inputs; `display` into lines to read. `compare` says how conditions compare it (None: not at all), `keys` which keys
    of the definition it has beside the common ones, `template_values` what its template needs, `purposes` what its
    `autocomplete` may say. `messages` holds what people read by the key of the error, `short_messages` what they read
    instead where the question has a short name.
    """

    form_field: type[AnswerField] = TextField
    read: Callable[[Field, Inputs, date], Answer | None] = read_text
    show: Callable[[Field, Any], dict[str, list[str]]] = show_text
    display: Callable[[Field, Any, str, Translate], list[str]] = display_text
    shape: type = str
    compare: str | None = "text"
    keys: frozenset[str] = frozenset()
    messages: Mapping[str, str] = field(default_factory=dict)
    short_messages: Mapping[str, str] = field(default_factory=lambda: {"required": _ENTER, "pattern": _RIGHT_FORMAT})
    template_values: Mapping[str, Any] = field(default_factory=dict)
    purposes: frozenset[str] = frozenset()

    @property
    def answerable(self) -> bool:
        """Whether a field of this type can hold an answer."""
        return self.read is not no_answer


FIELD_TYPES: Mapping[str, FieldType] = {
    "text": FieldType(keys=_TEXT_KEYS, messages=_TEXT_MESSAGES, purposes=_PURPOSES),
    "long_text": FieldType(
        read=read_long_text,
        keys=_TEXT_KEYS,
        messages=_TEXT_MESSAGES,
        template_values={"rows": 8},
        purposes=frozenset({OFF, "street-address"}),
    ),
    "name": FieldType(
        purposes=_PURPOSES,
        keys=_TEXT_KEYS,
        messages=_TEXT_MESSAGES,
        template_values={"autocomplete": "name", "width": "name", "spellcheck": False},
    ),
    "number": FieldType(
        purposes=frozenset({OFF, "bday-day", "bday-month", "bday-year"}),
        read=read_number,
        display=display_number,
        compare="number",
        keys=_BOUND_KEYS,
        template_values={"inputmode": "decimal", "width": "short"},
        messages={
            "required": mark("%(label)s: enter a number"),
            "invalid": mark("%(question)s must be a number, like 3 or 2.5"),
            **_BOUND_MESSAGES,
        },
    ),
    "money": FieldType(
        read=read_money,
        display=display_money,
        compare="number",
        keys=_BOUND_KEYS,
        template_values={"inputmode": "decimal", "width": "money", "prefix": CURRENCY},
        messages={
            "required": mark("%(label)s: enter an amount of money, like 650 or 650.50"),
            "invalid": mark("%(question)s must be an amount of money, like 650 or 650.50"),
            **_BOUND_MESSAGES,
        },
        short_messages={"required": mark("Enter %(question)s, like 650 or 650.50")},
    ),
    "email": FieldType(
        purposes=frozenset({OFF, "email"}),
        read=read_email,
        keys=_TEXT_KEYS,
        template_values={"autocomplete": "email", "inputmode": "email", "spellcheck": False},
        messages={
            **_TEXT_MESSAGES,
            "required": mark("%(label)s: enter an e-mail address"),
            "invalid": mark("Enter an e-mail address in the right format, like name@example.com"),
        },
        short_messages={
            "required": _ENTER,
            "pattern": _RIGHT_FORMAT,
            "invalid": mark("Enter %(question)s in the right format, like name@example.com"),
        },
    ),
    "phone": FieldType(
        purposes=frozenset({OFF, "tel", "tel-national"}),
        read=read_phone,
        keys=_TEXT_KEYS,
        template_values={"autocomplete": "tel", "inputmode": "tel", "width": "name", "spellcheck": False},
        messages={
            **_TEXT_MESSAGES,
            "required": mark("%(label)s: enter a telephone number"),
            "invalid": mark("Enter a telephone number in the right format, like 01632 960 001 or +44 7700 900 123"),
        },
        short_messages={
            "required": _ENTER,
            "pattern": _RIGHT_FORMAT,
            "invalid": mark("Enter %(question)s in the right format, like 01632 960 001 or +44 7700 900 123"),
        },
    ),
    "date": FieldType(
        purposes=frozenset({OFF, "bday"}),
        form_field=DateField,
        read=read_date,
        show=show_date,
        display=display_date,
        compare="date",
        keys=_BOUND_KEYS,
        messages={
            "required": mark("%(label)s: enter a date, like 27 3 1984"),
            "incomplete.day": mark("%(question)s must include a day"),
            "incomplete.month": mark("%(question)s must include a month"),
            "incomplete.year": mark("%(question)s must include a year"),
            "incomplete.day_month": mark("%(question)s must include a day and a month"),
            "incomplete.day_year": mark("%(question)s must include a day and a year"),
            "incomplete.month_year": mark("%(question)s must include a month and a year"),
            "invalid": mark("%(question)s must be a real date"),
            "invalid.year": mark("%(question)s must have a year of 4 numbers, like 1984"),
            "min": mark("%(question)s must be %(limit)s or later"),
            "max": mark("%(question)s must be %(limit)s or earlier"),
            "min.today": mark("%(question)s must be today or in the future"),
            "max.today": mark("%(question)s must be today or in the past"),
        },
        short_messages={"required": mark("Enter %(question)s, like 27 3 1984")},
    ),
    "yes_no": FieldType(
        form_field=PickedField,
        read=read_yes_no,
        show=show_yes_no,
        display=display_yes_no,
        shape=bool,
        compare="flag",
        messages={
            "required": _CHOOSE_YES_OR_NO,
            "invalid": _CHOOSE_YES_OR_NO,
        },
        short_messages={},
    ),
    "choice": FieldType(
        form_field=PickedField,
        read=read_choice,
        display=display_choice,
        compare="option",
        keys=frozenset({"options"}),
        messages={
            "required": mark("%(label)s: choose an answer"),
            "invalid": mark("%(label)s: choose one of the answers"),
        },
        short_messages={"required": mark("Choose %(question)s"), "invalid": mark("Choose %(question)s from the list")},
    ),
    "choices": FieldType(
        form_field=PickedField,
        read=read_choices,
        show=show_choices,
        display=display_choices,
        shape=list,
        compare="options",
        keys=frozenset({"options"}),
        messages={
            "required": mark("%(label)s: choose at least one answer"),
            "invalid": mark("%(label)s: choose from the answers on the page"),
            "exclusive": mark("%(label)s: choose “%(option)s” alone, or only other answers"),
        },
        short_messages={"required": mark("Choose %(question)s")},
    ),
    "address": FieldType(
        purposes=frozenset({OFF}),
        form_field=AddressField,
        read=read_postal_address,
        show=show_address,
        display=display_address,
        shape=dict,
        compare="presence",
        messages={
            "required": mark("%(label)s: enter an address"),
            "incomplete.line_1": mark("%(label)s: enter the first line"),
            "incomplete.town": mark("%(label)s: enter the town or city"),
            "incomplete.postcode": mark("%(label)s: enter the postcode"),
            "max_length": mark("%(label)s: enter no more than %(limit)s characters in a line"),
        },
        short_messages={
            "required": _ENTER,
            "incomplete.line_1": mark("Enter the first line of %(question)s"),
            "incomplete.town": mark("Enter the town or city of %(question)s"),
            "incomplete.postcode": mark("Enter the postcode of %(question)s"),
        },
    ),
    "file": FieldType(
        form_field=FilesField,
        read=read_kept_files,
        show=show_files,
        display=display_files,
        shape=list,
        compare="presence",
        keys=frozenset({"files"}),
        messages=FILE_MESSAGES,
        short_messages={"required": mark("Add %(question)s")},
    ),
    "declaration": FieldType(
        form_field=PickedField,
        read=read_declaration,
        show=show_declaration,
        display=display_yes_no,
        shape=bool,
        compare="flag",
        messages={
            "required": _TICK_TO_AGREE,
            "invalid": _TICK_TO_AGREE,
        },
        short_messages={},
    ),
    "note": FieldType(form_field=WordsField, read=no_answer, show=show_nothing, compare=None),
    "lookup": FieldType(
        form_field=LookupField,
        read=no_answer,
        show=show_nothing,
        compare=None,
        keys=frozenset({"integration", "inputs", "fills"}),
    ),
}


NOT_IN_LOOKUPS = frozenset({"choices", "file", "declaration", "note", "lookup"})
"""Types that a look-up neither reads nor fills in; a declaration, for one, only the person can make."""


AGAIN = mark("%(question)s must be answered again")


def read_answer(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Return the answer in what was typed, or None if nothing was; raise `InvalidAnswerError` if it is not valid."""
    return FIELD_TYPES[field.type].read(field, inputs, today)


def inputs_of(field: Field, answer: Answer) -> dict[str, list[str]]:
    """Return what the field's inputs show for an answer; nothing if the answer has the shape of another type."""
    entry = FIELD_TYPES[field.type]
    return entry.show(field, answer) if isinstance(answer, entry.shape) else {}


def is_optional(field: Field) -> bool:
    """Return whether nobody needs to answer; a box to tick says so itself."""
    entry = FIELD_TYPES[field.type]
    return entry.answerable and field.type != "declaration" and not field.required and not field.required_when


def answer_problem(field: Field, answer: Answer, today: date) -> InvalidAnswerError | None:
    """Return why a stored answer would not be accepted today (a bound, an option that is gone), or None."""
    inputs = inputs_of(field, answer)
    try:
        kept = read_answer(field, inputs, today)
    except InvalidAnswerError as problem:
        return problem
    return None if kept is not None else InvalidAnswerError("again")


def answer_lines(field: Field, answer: Answer, language: str, translate: Translate) -> list[str]:
    """Return an answer as lines to read, in the form's language."""
    entry = FIELD_TYPES[field.type]
    return entry.display(field, answer, language, translate) if isinstance(answer, entry.shape) else []


def message(field: Field, problem: InvalidAnswerError, language: str, translate: Translate) -> str:
    """Return what to tell the person: the author's words, else the type's, with the question's name and values."""
    own = field.errors.get(problem.key) or field.errors.get(problem.key.partition(".")[0])
    if own:
        return own.in_(language)
    entry = FIELD_TYPES[field.type]
    words = {**entry.messages, **entry.short_messages} if field.short else entry.messages
    values = {name: value_text(value, language, translate) for name, value in problem.values.items()}
    label = field.label.in_(language)
    sentence = translate(words.get(problem.key, AGAIN))
    if label.endswith(_ENDS):  # "How much is your rent? Enter a number", where a colon would be one mark too many
        sentence = _LABEL_FIRST.sub(lambda found: f"%(label)s {found[1].upper()}", sentence)
    sentence %= {"label": label, "question": field.in_sentence(language), **values}
    return sentence[:1].upper() + sentence[1:] if field.short else sentence


def override_keys(type_name: str) -> frozenset[str]:
    """Return the keys under `errors` that an author may word for this type."""
    return frozenset(key.partition(".")[0] for key in FIELD_TYPES[type_name].messages)
