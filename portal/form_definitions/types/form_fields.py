"""The WTForms fields: what a question shows, and what was typed into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import wtforms
from markupsafe import Markup

from portal.form_definitions.definition import Answer, Field
from portal.form_definitions.types.answers import Inputs, InvalidAnswerError, input_name


class Posted(Protocol):
    """What was posted: a Werkzeug `MultiDict`."""

    def getlist(self, key: str) -> list[str]:
        """Return all values of one input."""

    def __contains__(self, key: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class OptionView:
    """One option as the page shows it."""

    value: str
    label: str
    hint: str | None
    exclusive: bool
    checked: bool


class AnswerField(wtforms.Field):
    """One question bound to a page; templates read its attributes.

    `template_values` holds what never changes for this field in this language, `inputs` what its inputs hold now.
    """

    suffixes: tuple[str, ...] = ("",)
    absent_means_empty = False
    body_html = Markup()
    choices_shown: tuple[tuple[str, str, str | None, bool], ...] = ()
    label: Any
    label_says_optional: bool
    type: Any

    def __init__(self, *, definition: Field, template_values: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(label="", **kwargs)
        self.definition = definition
        self.__dict__.update(template_values)
        self.inputs: Inputs = {}
        self.answer: Answer | None = None
        self.invalid: InvalidAnswerError | None = None
        self.error: str | None = None
        self.error_parts: tuple[str, ...] = ()
        self.part_errors: dict[str, str] = {}
        self.need: str | None = None
        """Whether an answer is needed, as `components/_described.html` shows it."""
        self.required_when: str | None = None
        self.show_when: str | None = None
        self.reveals: dict[str, list[AnswerField]] = {}
        self.bounds: dict[str, str] = {}

    def posted_inputs(self, posted: Posted) -> Inputs | None:
        """Return what was posted for the field, or None if the page cannot have held it.

        Text inputs are always posted, even when empty. If one is absent, the person's page did not have it, so the
        stored value stays. A radio button or checkbox that is absent was not ticked.
        """
        names = {suffix: input_name(self.short_name, suffix) for suffix in self.suffixes}
        if not self.absent_means_empty and not any(name in posted for name in names.values()):
            return None
        return {suffix: posted.getlist(name) for suffix, name in names.items()}

    @property
    def holds_something(self) -> bool:
        """Whether its inputs hold an answer, or text that is not a valid one; spaces alone are nothing."""
        return self.answer is not None or self.invalid is not None

    @property
    def first_input(self) -> str:
        """The id of the input to which an error links: the first wrong one, else the first."""
        return input_name(self.short_name, self.error_parts[0] if self.error_parts else self.suffixes[0])

    @property
    def value(self) -> str:
        """What the only input shows."""
        values = self.inputs.get("") or ("",)
        return values[0]

    @property
    def values(self) -> list[str]:
        """All values of a field that allows several."""
        return list(self.inputs.get("") or ())

    @property
    def parts(self) -> dict[str, str]:
        """What the input of each part shows."""
        return {suffix: (self.inputs.get(suffix) or ("",))[0] for suffix in self.suffixes}

    @property
    def options(self) -> list[OptionView]:
        """The options, with the chosen ones checked."""
        chosen = set(self.inputs.get("") or ())
        return [OptionView(*option, option[0] in chosen) for option in self.choices_shown]


class TextField(AnswerField):
    """One input to type into."""


class PickedField(AnswerField):
    """Radio buttons or checkboxes."""

    absent_means_empty = True


class DateField(AnswerField):
    """Day, month and year."""

    suffixes = ("day", "month", "year")


class AddressField(AnswerField):
    """First and second line, town and postcode."""

    suffixes = ("line_1", "line_2", "town", "postcode")


@dataclass(frozen=True, kw_only=True)
class LookupView:
    """The outcome of a look-up as the page shows it: a sentence, the results to choose from, and their button."""

    sentence: str
    use: str = ""
    options: tuple[OptionView, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FileView:
    """One added file as the page lists it: `href` downloads it, `remark` says what there is to know.

    `is_late` means that it came after the session had ended and is not part of the form yet.
    """

    id: str
    name: str
    size: str
    href: str | None
    remark: str | None
    is_late: bool = False


class FilesField(AnswerField):
    """A question for files; it holds the kept files, and uploads are judged and stored elsewhere."""

    files: tuple[FileView, ...] = ()
    removed: tuple[FileView, ...] = ()
    """Files that were removed and can be brought back until the form is sent."""
    limits_text = ""
    accept = ""
    many = False
    most = 1
    largest = 0

    def posted_inputs(self, posted: Posted) -> Inputs | None:
        """Return None: typed values never make a file."""
        return None


class WordsField(AnswerField):
    """A text to read, without an answer."""

    suffixes = ()

    def posted_inputs(self, posted: Posted) -> Inputs | None:
        """Return None: nothing can be posted for it."""
        return None


class LookupField(WordsField):
    """A button for a look-up, which is `asked_with` fields of this page, and its `outcome`."""

    asked_with: Sequence[str] = ()
    outcome: LookupView | None = None
