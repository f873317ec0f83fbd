"""A form as the portal uses it, frozen: texts, fields, sections, conditions and the shape of answers."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, Self

from markupsafe import Markup

Answer = str | bool | list[str] | list[dict[str, str]] | dict[str, str]
SectionAnswers = Mapping[str, Answer]
# A plain section holds {field: answer}, a repeat {item: {field: answer}} in the order of its items.
FormAnswers = Mapping[str, Mapping[str, Answer | SectionAnswers]]


@dataclass(frozen=True)
class Mistyped:
    """Stands in conditions for something typed that is not a valid answer.

    The question is not unanswered, so `answered` is true. What the answer will be, nobody can tell yet.
    """


MISTYPED = Mistyped()
Said = Mapping[str, Answer | Mistyped]
"""What somebody said on a page, as conditions read it: by field, an answer or that it is mistyped."""

# What was typed and is not a valid answer: field id to the posted strings by input name.
Typed = Mapping[str, Mapping[str, Sequence[str]]]

TODAY: Literal["today"] = "today"
Bound = Decimal | date | Literal["today"]
Expected = bool | str | int | Decimal | date | tuple[str, ...] | tuple[Decimal, ...]


class ForeignText(str):
    """A text in another language than its page; its HTML says which, for screen readers (WCAG 3.1.2)."""

    __slots__ = ("language",)
    language: str

    def __new__(cls, text: str, language: str) -> Self:
        """Make the text; as a string it is like any other."""
        made = super().__new__(cls, text)
        made.language = language
        return made

    def __html__(self) -> str:
        """Return the text as templates write it."""
        return Markup('<span lang="{}">{}</span>').format(self.language, str(self))


@dataclass(frozen=True)
class Pattern:
    """A pattern that has been read; two are the same if they were written alike."""

    written: str
    _compiled: Any = field(compare=False, repr=False)

    def fits(self, text: str) -> bool:
        """Return whether the whole text is one that the pattern describes."""
        return self._compiled.fullmatch(text) is not None


@dataclass(frozen=True, kw_only=True)
class TranslatedText:
    """One text in the languages in which it was written, the form's first language first."""

    by_language: tuple[tuple[str, str], ...]

    def in_(self, language: str) -> str:
        """Return the text in this language; else in the form's first language, marked as such."""
        found = next((text for code, text in self.by_language if code == language), None)
        if found is not None:
            return found
        first, text = self.by_language[0]
        return ForeignText(text, first)


@dataclass(frozen=True, kw_only=True)
class SectionState:
    """What is stored of a section or item: its answers, and by input name what was typed and is not a valid answer.

    `seal` identifies these exact contents; it is empty while they are not stored.
    """

    answers: Mapping[str, Answer] = dataclasses.field(default_factory=dict)
    typed: Typed = dataclasses.field(default_factory=dict)
    seal: bytes = dataclasses.field(default=b"", compare=False)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The comparison of one field's answer with a value."""

    section_id: str
    field_id: str
    type: str
    operator: str
    value: Expected


@dataclass(frozen=True, kw_only=True)
class AllOf:
    """True if every part is true."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, kw_only=True)
class AnyOf:
    """True if one part is true."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, kw_only=True)
class Negation:
    """True if its part is false."""

    part: "Condition"


@dataclass(frozen=True, kw_only=True)
class SomeItem:
    """True if the inner condition is true for one item of a repeat."""

    section_id: str
    when: "Condition"


Condition = Comparison | AllOf | AnyOf | Negation | SomeItem


@dataclass(frozen=True, kw_only=True)
class Option:
    """One of the answers to choose from; an exclusive one cannot be combined with others."""

    value: str
    label: TranslatedText
    hint: TranslatedText | None = None
    exclusive: bool = False


@dataclass(frozen=True, kw_only=True)
class FileLimits:
    """How many files, how large, and of which kinds."""

    max: int
    max_mb: int
    types: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """A named integration, the fields it is asked with, and the fields it fills in.

    `inputs` maps the integration's names to (section, field); `fills` maps field ids of this section to its outputs.
    """

    integration: str
    inputs: Mapping[str, tuple[str, str]]
    fills: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One question."""

    id: str
    type: str
    label: TranslatedText
    hint: TranslatedText | None = None
    short: TranslatedText | None = None
    required: bool = False
    required_when: Condition | None = None
    when: Condition | None = None
    min: Bound | None = None
    max: Bound | None = None
    max_length: int | None = None
    max_words: int | None = None
    pattern: Pattern | None = None
    options: tuple[Option, ...] = ()
    sensitive: str | None = None
    autocomplete: str | None = None
    """What of its user a browser may fill in here (WCAG 1.3.5); `off` if the question is about somebody else."""
    was: tuple[str, ...] = ()
    errors: Mapping[str, TranslatedText]
    files: FileLimits | None = None
    lookup: Lookup | None = None

    def option(self, value: str) -> Option | None:
        """Return the option with this value, if there is one."""
        return next((option for option in self.options if option.value == value), None)

    def in_sentence(self, language: str) -> str:
        """Return what a sentence calls the question: its short name, else its label in quotation marks."""
        return self.short.in_(language) if self.short else f"“{self.label.in_(language)}”"


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """How a section is repeated: what an item is called, how many there may be, and which answer names it."""

    item: TranslatedText
    min: int
    max: int
    label_from: str | None


@dataclass(frozen=True, kw_only=True)
class StopWhen:
    """A condition under which the form cannot be sent, and what to say then."""

    when: Condition
    title: TranslatedText
    body: TranslatedText | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """One page of the form; compared and hashed by identity, so that page plans can be cached by it.

    `place` is its position among the sections of the document.
    """

    id: str
    place: int
    title: TranslatedText
    intro: TranslatedText | None
    when: Condition | None
    needs: tuple[str, ...]
    repeat: Repeat | None
    stop_when: tuple[StopWhen, ...]
    fields: tuple[Field, ...]

    def field(self, field_id: str) -> Field | None:
        """Return the field with this id, if there is one."""
        return self._by_id.get(field_id)

    @cached_property
    def _by_id(self) -> Mapping[str, Field]:
        return {field.id: field for field in reversed(self.fields)}


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """How long a draft is kept, when we send reminders, and what a new version does to it."""

    keep_days: int
    remind_days_before: tuple[int, ...]
    on_new_version: str


@dataclass(frozen=True, kw_only=True)
class CustomerFields:
    """The fields, as (section, field), that hold the name and e-mail address of the person whose form it is.

    The words of several `name` fields are joined. Neither is in a repeat.
    """

    name: tuple[tuple[str, str], ...] = ()
    email: tuple[str, str] | None = None


class SignerCheck(StrEnum):
    """How we make sure that somebody who follows the link is the person who was invited."""

    FACT = "fact"
    CODE = "code"
    ACCOUNT = "account"


@dataclass(frozen=True, kw_only=True)
class SignerDefinition:
    """A second person who reads what was sent and signs it.

    `name`, `email` and `fact` are the fields, as (section, field), that hold their name and address and what they have
    to type. `shows` are the sections that they read, `asks` is a section that only they answer, and `after` are the
    signers who sign before them. Without `when` they are always asked.
    """

    id: str
    role: TranslatedText
    when: Condition | None
    name: tuple[str, str]
    email: tuple[str, str]
    check: SignerCheck
    fact: tuple[str, str] | None
    shows: tuple[str, ...]
    asks: str | None
    statement: TranslatedText
    days: int
    after: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class FormDefinition:
    """A whole form; `document` is the canonical JSON from which it was read.

    `signer_sections` are those that only a signer answers; they are not among `sections`.
    """

    id: str
    title: TranslatedText
    summary: TranslatedText | None
    languages: tuple[str, ...]
    expected_minutes: int | None
    you_will_need: tuple[TranslatedText, ...]
    access: str
    allow_save: bool
    drafts: Drafts
    declaration: TranslatedText | None
    customer: CustomerFields | None
    sections: tuple[Section, ...]
    signers: tuple[SignerDefinition, ...] = ()
    signer_sections: tuple[Section, ...] = ()
    document: str

    @property
    def slug(self) -> str:
        """The id as it is written in addresses."""
        return self.id.replace("_", "-")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical document, in hex."""
        return hashlib.sha256(self.document.encode()).hexdigest()

    def section(self, section_id: str) -> Section | None:
        """Return the section with this id, if its applicant fills in one."""
        return self._by_id.get(section_id)

    @cached_property
    def _by_id(self) -> Mapping[str, Section]:
        return {section.id: section for section in reversed(self.sections)}

    def signer_section(self, section_id: str) -> Section | None:
        """Return the section with this id, if signers answer one."""
        return next((section for section in self.signer_sections if section.id == section_id), None)

    def field(self, section_id: str, field_id: str) -> Field:
        """Return a field that a condition refers to; raise `KeyError` if there is none."""
        section = self.section(section_id) or self.signer_section(section_id)
        found = section and section.field(field_id)
        if not found:
            raise KeyError(f"{section_id}.{field_id}")
        return found
