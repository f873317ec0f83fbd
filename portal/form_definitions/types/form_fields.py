"""The WTForms fields: what a field shows and what was typed into it, for one-input, many-part and picked answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import wtforms
from markupsafe import Markup

from portal.form_definitions.definition import Answer, Field
from portal.form_definitions.types.answers import Inputs, InvalidAnswerError, input_name


class Posted(Protocol):
    """What was posted: a Werkzeug `MultiDict`."""

    def getlist(self, key: str) -> list[str]:
        """All values of one input."""

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
    """One question bound to a page; its attributes are what templates read.

    `template_values` holds what never changes for this field in this language; `inputs` what stands in its inputs now.
    """

    suffixes: tuple[str, ...] = ("",)
    absent_means_empty = False
    body_html = Markup()
    choices_shown: tuple[tuple[str, str, str | None, bool], ...] = ()
    label: Any
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
        self.required = definition.required
        self.show_when: str | None = None
        self.reveals: dict[str, list[AnswerField]] = {}

    def posted_inputs(self, posted: Posted) -> Inputs | None:
        """What was posted for it, or None where the page cannot have held it.

        Text inputs are always posted, even when empty; one that is absent was not on the page the person saw,
        so what is stored stays. A radio or a checkbox that is absent was not ticked.
        """
        names = {suffix: input_name(self.short_name, suffix) for suffix in self.suffixes}
        if not self.absent_means_empty and not any(name in posted for name in names.values()):
            return None
        return {suffix: posted.getlist(name) for suffix, name in names.items()}

    @property
    def first_input(self) -> str:
        """The id of the input that an error leads to: the first wrong one, else the first."""
        return input_name(self.short_name, self.error_parts[0] if self.error_parts else self.suffixes[0])

    @property
    def value(self) -> str:
        """What the only input shows."""
        values = self.inputs.get("") or ("",)
        return values[0]

    @property
    def values(self) -> list[str]:
        """All values of a field that takes several."""
        return list(self.inputs.get("") or ())

    @property
    def parts(self) -> dict[str, str]:
        """What each part's input shows."""
        return {suffix: (self.inputs.get(suffix) or ("",))[0] for suffix in self.suffixes}

    @property
    def options(self) -> list[OptionView]:
        """The options, those that are chosen checked."""
        chosen = set(self.inputs.get("") or ())
        return [OptionView(*option, option[0] in chosen) for option in self.choices_shown]


class TextField(AnswerField):
    """One input that is typed into."""


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
    """What became of a look-up, as the page shows it: a sentence, and the results to choose from."""

    sentence: str
    options: tuple[OptionView, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FileView:
    """One added file as the page lists it: `href` downloads it, `remark` says what there is to know of it.

    `is_late` means that it came after the session had ended, and is not part of the form yet.
    """

    id: str
    name: str
    size: str
    href: str | None
    remark: str | None
    is_late: bool = False


class FilesField(AnswerField):
    """Files to choose. What is posted for it are contents, judged and stored elsewhere: here stands what is kept."""

    files: tuple[FileView, ...] = ()
    limits_text = ""
    accept = ""
    many = False
    most = 1
    largest = 0

    def posted_inputs(self, posted: Posted) -> Inputs | None:
        """Nothing that is typed makes a file."""
        return None


class WordsField(AnswerField):
    """Shows words and takes no answer."""

    suffixes = ()

    def posted_inputs(self, posted: Posted) -> Inputs | None:
        """Nothing can be posted to it."""
        return None


class LookupField(WordsField):
    """A button that looks something up; `outcome` is what became of it."""

    outcome: LookupView | None = None
