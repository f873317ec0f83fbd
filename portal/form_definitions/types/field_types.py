"""The table of field types: how each is read, shown, displayed, compared and refused."""

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
    input_name,
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

_TEXT_KEYS = frozenset({"max_length", "max_words", "pattern"})
_BOUND_KEYS = frozenset({"min", "max"})
_TEXT_MESSAGES = {
    "required": mark("Enter an answer to “%(label)s”"),
    "max_length": mark("“%(label)s” must be %(limit)s characters or fewer"),
    "max_words": mark("“%(label)s” must be %(limit)s words or fewer"),
    "pattern": mark("Enter “%(label)s” in the right form"),
}
_PICKED_MESSAGES = {
    "required": mark("Choose an answer to “%(label)s”"),
    "invalid": mark("Choose one of the answers to “%(label)s”"),
}


@dataclass(frozen=True, kw_only=True)
class FieldType:
    """All that the portal knows about one type.

    `read` turns inputs into the answer (None: empty) or raises `InvalidAnswerError`; `show` turns an answer into its
    inputs; `display` into lines to read. `compare` says how conditions compare it (None: not at all), `keys` which keys
    of the definition it has beside the common ones, `template_values` what its template needs.
    """

    form_field: type[AnswerField] = TextField
    read: Callable[[Field, Inputs, date], Answer | None] = read_text
    show: Callable[[Field, Any], dict[str, list[str]]] = show_text
    display: Callable[[Field, Any, str, Translate], list[str]] = display_text
    shape: type = str
    compare: str | None = "text"
    keys: frozenset[str] = frozenset()
    messages: Mapping[str, str] = field(default_factory=dict)
    template_values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def answerable(self) -> bool:
        """Whether a field of this type can hold an answer."""
        return self.read is not no_answer

    def first_input(self, field_id: str) -> str:
        """Return the id of the first input of a field, to which links to the question lead."""
        return input_name(field_id, next(iter(self.form_field.suffixes), ""))


FIELD_TYPES: Mapping[str, FieldType] = {
    "text": FieldType(keys=_TEXT_KEYS, messages=_TEXT_MESSAGES),
    "long_text": FieldType(read=read_long_text, keys=_TEXT_KEYS, messages=_TEXT_MESSAGES, template_values={"rows": 8}),
    "name": FieldType(
        keys=_TEXT_KEYS,
        messages=_TEXT_MESSAGES,
        template_values={"autocomplete": "name", "width": "name", "spellcheck": False},
    ),
    "number": FieldType(
        read=read_number,
        display=display_number,
        compare="number",
        keys=_BOUND_KEYS,
        template_values={"inputmode": "decimal", "width": "short"},
        messages={
            "required": mark("Enter a number for “%(label)s”"),
            "invalid": mark("Enter “%(label)s” as a number, like 3 or 2.5"),
            "min": mark("“%(label)s” must be %(limit)s or more"),
            "max": mark("“%(label)s” must be %(limit)s or less"),
        },
    ),
    "money": FieldType(
        read=read_money,
        display=display_money,
        compare="number",
        keys=_BOUND_KEYS,
        template_values={"inputmode": "decimal", "width": "money", "prefix": CURRENCY},
        messages={
            "required": mark("Enter an amount of money for “%(label)s”, like 650 or 650.50"),
            "invalid": mark("Enter “%(label)s” as an amount of money, like 650 or 650.50"),
            "min": mark("“%(label)s” must be %(limit)s or more"),
            "max": mark("“%(label)s” must be %(limit)s or less"),
        },
    ),
    "email": FieldType(
        read=read_email,
        keys=_TEXT_KEYS,
        template_values={"autocomplete": "email", "inputmode": "email", "spellcheck": False},
        messages={
            **_TEXT_MESSAGES,
            "required": mark("Enter an e-mail address for “%(label)s”"),
            "invalid": mark("Enter “%(label)s” as one e-mail address, like name@example.com"),
        },
    ),
    "phone": FieldType(
        read=read_phone,
        keys=_TEXT_KEYS,
        template_values={"autocomplete": "tel", "inputmode": "tel", "width": "name", "spellcheck": False},
        messages={
            **_TEXT_MESSAGES,
            "required": mark("Enter a telephone number for “%(label)s”"),
            "invalid": mark("Enter “%(label)s” as a telephone number, like 01632 960 001 or +44 7700 900 123"),
        },
    ),
    "date": FieldType(
        form_field=DateField,
        read=read_date,
        show=show_date,
        display=display_date,
        compare="date",
        keys=_BOUND_KEYS,
        messages={
            "required": mark("Enter a date for “%(label)s”"),
            "incomplete.day": mark("“%(label)s” must include a day"),
            "incomplete.month": mark("“%(label)s” must include a month"),
            "incomplete.year": mark("“%(label)s” must include a year"),
            "incomplete.day_month": mark("“%(label)s” must include a day and a month"),
            "incomplete.day_year": mark("“%(label)s” must include a day and a year"),
            "incomplete.month_year": mark("“%(label)s” must include a month and a year"),
            "invalid": mark("“%(label)s” must be a real date"),
            "invalid.year": mark("The year of “%(label)s” must have 4 numbers"),
            "min": mark("“%(label)s” must be %(limit)s or later"),
            "max": mark("“%(label)s” must be %(limit)s or earlier"),
            "min.today": mark("“%(label)s” must be today or in the future"),
            "max.today": mark("“%(label)s” must be today or in the past"),
        },
    ),
    "yes_no": FieldType(
        form_field=PickedField,
        read=read_yes_no,
        show=show_yes_no,
        display=display_yes_no,
        shape=bool,
        compare="flag",
        messages={
            "required": mark("Choose yes or no for “%(label)s”"),
            "invalid": mark("Choose yes or no for “%(label)s”"),
        },
    ),
    "choice": FieldType(
        form_field=PickedField,
        read=read_choice,
        display=display_choice,
        compare="option",
        keys=frozenset({"options"}),
        messages=_PICKED_MESSAGES,
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
            "required": mark("Choose at least one answer to “%(label)s”"),
            "invalid": mark("Choose only from the answers to “%(label)s”"),
            "exclusive": mark("Choose “%(option)s” alone, or only the other answers to “%(label)s”"),
        },
    ),
    "address": FieldType(
        form_field=AddressField,
        read=read_postal_address,
        show=show_address,
        display=display_address,
        shape=dict,
        compare="presence",
        messages={
            "required": mark("Enter an address for “%(label)s”"),
            "incomplete.line_1": mark("Enter the first line of “%(label)s”"),
            "incomplete.town": mark("Enter the town or city of “%(label)s”"),
            "incomplete.postcode": mark("Enter the postcode of “%(label)s”"),
            "max_length": mark("Each line of “%(label)s” must be %(limit)s characters or fewer"),
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
    ),
    "declaration": FieldType(
        form_field=PickedField,
        read=read_declaration,
        show=show_declaration,
        display=display_yes_no,
        shape=bool,
        compare="flag",
        messages={
            "required": mark("Tick the box to agree: “%(label)s”"),
            "invalid": mark("Tick the box to agree: “%(label)s”"),
        },
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


AGAIN = mark("Answer “%(label)s” again")


def read_answer(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """Return the answer in what was typed, or None if nothing was; raise `InvalidAnswerError` if it is not valid."""
    return FIELD_TYPES[field.type].read(field, inputs, today)


def inputs_of(field: Field, answer: Answer) -> dict[str, list[str]]:
    """Return what the field's inputs show for an answer; nothing if the answer has the shape of another type."""
    entry = FIELD_TYPES[field.type]
    return entry.show(field, answer) if isinstance(answer, entry.shape) else {}


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
    """Return what to tell the person: the author's words, else the type's, filled with label and values."""
    own = field.errors.get(problem.key) or field.errors.get(problem.key.partition(".")[0])
    if own:
        return own.in_(language)
    messages = FIELD_TYPES[field.type].messages
    values = {name: value_text(value, language, translate) for name, value in problem.values.items()}
    return translate(messages.get(problem.key, AGAIN)) % {"label": field.label.in_(language), **values}


def override_keys(type_name: str) -> frozenset[str]:
    """Return the keys under `errors` that an author may word for this type."""
    return frozenset(key.partition(".")[0] for key in FIELD_TYPES[type_name].messages)
