"""The format of a form definition as models, which check the shape and name all faults."""

import difflib
import json
import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, PlainValidator, Tag, ValidationError
from pydantic import Field as Key
from pydantic_core import PydanticCustomError

from portal.form_definitions.format.source import Faults, KeyPath, Tree


def _true_or_false(value: Any) -> bool:
    if value not in ("true", "false"):
        raise PydanticCustomError("portal", "This must be true or false.")
    return bool(value == "true")


def _whole_count(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,6}", value):
        raise PydanticCustomError("portal", "This must be a whole number.")
    return int(value)


def _text_or_texts(value: Any) -> str | dict[str, str]:
    if isinstance(value, str) or (isinstance(value, dict) and all(isinstance(text, str) for text in value.values())):
        return value
    raise PydanticCustomError("portal", "This must be a text, or one text for each language.")


Flag = Annotated[bool, BeforeValidator(_true_or_false)]


Count = Annotated[int, BeforeValidator(_whole_count)]


TextDocument = Annotated[str | dict[str, str], PlainValidator(_text_or_texts)]


class _DocumentPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
    required_keys: ClassVar[tuple[str, ...]] = ()


class ConditionDocument(_DocumentPart):
    """Any condition; which keys may stand together is judged when it is resolved."""

    field: str | None = None
    is_: str | None = Key(None, alias="is")
    is_not: str | None = None
    one_of: list[str] | None = None
    includes: str | None = None
    at_least: str | None = None
    at_most: str | None = None
    more_than: str | None = None
    less_than: str | None = None
    years_ago_at_least: str | None = None
    answered: str | None = None
    all_: "list[ConditionDocument] | None" = Key(None, alias="all")
    any_: "list[ConditionDocument] | None" = Key(None, alias="any")
    not_: "ConditionDocument | None" = Key(None, alias="not")
    condition: str | None = None
    some_item: str | None = None
    when: "ConditionDocument | None" = None


class OptionDocument(_DocumentPart):
    """One option of a list."""

    required_keys = ("value", "label")
    value: str = ""
    label: TextDocument = ""
    hint: TextDocument | None = None
    exclusive: Flag = False


OptionsDocument = Annotated[
    Annotated[str, Tag("@name")] | Annotated[list[OptionDocument], Tag("@list")],
    Discriminator(lambda value: "@name" if isinstance(value, str) else "@list"),
]


class FilesDocument(_DocumentPart):
    """Limits of a file field."""

    max: Count = 1
    max_mb: Count = 10
    types: list[str] = ["pdf", "jpg", "png"]


class FieldDocument(_DocumentPart):
    """One question."""

    required_keys = ("id", "type", "label")
    id: str = ""
    type: str = ""
    label: TextDocument = ""
    hint: TextDocument | None = None
    short: TextDocument | None = None
    required: Flag = False
    required_when: ConditionDocument | None = None
    when: ConditionDocument | None = None
    min: str | None = None
    max: str | None = None
    max_length: Count | None = None
    max_words: Count | None = None
    pattern: str | None = None
    options: OptionsDocument | None = None
    sensitive: str | None = None
    autocomplete: str | None = None
    was: list[str] = []
    errors: dict[str, TextDocument] = {}
    files: FilesDocument | None = None
    integration: str | None = None
    inputs: dict[str, str] | None = None
    fills: dict[str, str] | None = None


class RepeatDocument(_DocumentPart):
    """How often a section is asked."""

    required_keys = ("item",)
    item: TextDocument = ""
    min: Count = 0
    max: Count = 100
    label_from: str | None = None


class StopDocument(_DocumentPart):
    """Where the form ends without being sent."""

    required_keys = ("when", "title")
    when: ConditionDocument | None = None
    title: TextDocument = ""
    body: TextDocument | None = None


class SectionDocument(_DocumentPart):
    """One page."""

    required_keys = ("id", "title", "fields")
    id: str = ""
    title: TextDocument = ""
    intro: TextDocument | None = None
    when: ConditionDocument | None = None
    needs: list[str] = []
    repeat: RepeatDocument | None = None
    stop_when: list[StopDocument] = []
    fields: list[FieldDocument] = []


class DraftsDocument(_DocumentPart):
    """How drafts of the form are kept."""

    keep_days: Count = 30
    remind_days_before: list[Count] = [7, 2]
    on_new_version: str = "ask"


NameDocument = Annotated[
    Annotated[str, Tag("@one")] | Annotated[list[str], Tag("@several")],
    Discriminator(lambda value: "@one" if isinstance(value, str) else "@several"),
]


class CustomerDocument(_DocumentPart):
    """Which fields say whose form it is."""

    name: NameDocument | None = None
    email: str | None = None


class FactDocument(_DocumentPart):
    """Which field holds what a signer has to type."""

    required_keys = ("fact",)
    fact: str = ""


CheckDocument = Annotated[
    Annotated[str, Tag("@word")] | Annotated[FactDocument, Tag("@fact")],
    Discriminator(lambda value: "@word" if isinstance(value, str) else "@fact"),
]


class SignerDocument(_DocumentPart):
    """A second person who signs what was sent."""

    required_keys = ("id", "role", "name", "email", "check", "statement")
    id: str = ""
    role: TextDocument = ""
    when: ConditionDocument | None = None
    name: str = ""
    email: str = ""
    check: CheckDocument = ""
    shows: list[str] | None = None
    asks: str | None = None
    statement: TextDocument = ""
    days: Count = 30
    after: list[str] = []


class HeaderDocument(_DocumentPart):
    """What the form is."""

    required_keys = ("id", "title")
    id: str = ""
    title: TextDocument = ""
    summary: TextDocument | None = None
    languages: list[str] = ["en"]
    expected_minutes: Count | None = None
    you_will_need: list[TextDocument] = []
    access: str = "anyone"
    allow_save: Flag = True
    drafts: DraftsDocument = DraftsDocument()
    declaration: TextDocument | None = None
    customer: CustomerDocument | None = None


class Document(_DocumentPart):
    """A whole definition as its author wrote it, checked for shape only."""

    required_keys = ("format", "form", "sections")
    format: str = ""
    form: HeaderDocument = HeaderDocument()
    conditions: dict[str, ConditionDocument] = {}
    lists: dict[str, list[OptionDocument]] = {}
    sections: list[SectionDocument] = []
    signers: list[SignerDocument] = []


_PARTS: dict[str, type[BaseModel]] = {
    "": Document,
    "form": HeaderDocument,
    "drafts": DraftsDocument,
    "customer": CustomerDocument,
    "sections": SectionDocument,
    "repeat": RepeatDocument,
    "stop_when": StopDocument,
    "fields": FieldDocument,
    "files": FilesDocument,
    "options": OptionDocument,
    "lists": OptionDocument,
    "signers": SignerDocument,
    "check": FactDocument,
}
"""The model of each part by the key under which it stands."""


def read_document(tree: Tree, faults: Faults) -> Document:
    """Return the document in `tree`.

    Parts of a wrong shape are noted as faults and left out, so that the rest can still be judged.
    """
    if not isinstance(tree, dict):
        faults.add_unreadable((), "The document must be a mapping that begins with format: 1.")
        return Document()
    try:
        document = Document.model_validate(tree)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False, include_context=False):
            path = tuple(part for part in fault["loc"] if not str(part).startswith("@"))
            faults.add_unreadable(path, _SHAPE_FAULTS.get(fault["type"], fault["msg"]) + _hint(fault["type"], path))
            _leave_out(tree, path)
        document = Document.model_validate(tree)
    _note_missing(document, (), faults)
    return document


def canonical(document: Document) -> str:
    """Return the one JSON spelling of a document: keys sorted, the form's defaults written out, empty keys left out."""
    return json.dumps(plain(document), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def plain(document: Document) -> dict[str, Any]:
    """Return the document as plain mappings, with keys in the order in which authors write them."""
    parts = document.model_dump(by_alias=True, exclude_defaults=True)
    header = document.form.model_dump(by_alias=True, exclude_none=True)
    return {key: header if key == "form" else parts[key] for key in Document.model_fields if key in parts}


def _hint(fault: str, path: KeyPath) -> str:
    """Return which key the author of an unknown one may have meant."""
    parents = ["", *(part for part in path[:-1] if isinstance(part, str))]
    model = _PARTS.get("lists" if parents[1:2] == ["lists"] else parents[-1])
    if fault != "extra_forbidden" or model is None:
        return ""
    known = [described.alias or name for name, described in model.model_fields.items()]
    meant = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f" Did you mean {meant[0]}?" if meant else ""


_SHAPE_FAULTS = {
    "extra_forbidden": "This key is not known.",
    "string_type": "This must be a text.",
    "list_type": "This must be a list.",
    "dict_type": "This must be a mapping of keys to values.",
    "model_type": "This must be a mapping of keys to values.",
    "model_attributes_type": "This must be a mapping of keys to values.",
    "recursion_loop": "This is nested too deeply.",
}


_LISTS_OF_TEXT = {"one_of", "types", "was", "needs", "languages", "you_will_need", "name", "shows", "after"}


def _leave_out(tree: Tree, path: KeyPath) -> None:
    """Remove the value at `path`; in a list, leave an empty value so that the others keep their places."""
    *parents, last = path
    for part in parents:
        tree = tree[part]
    if isinstance(tree, dict):
        tree.pop(last, None)
    else:
        name = path[-2]
        tree[last] = "1" if name == "remind_days_before" else "" if name in _LISTS_OF_TEXT else {}


def _note_missing(part: Any, path: KeyPath, faults: Faults) -> None:
    if isinstance(part, _DocumentPart):
        for key in part.required_keys:
            if key not in part.model_fields_set:
                faults.add_unreadable((*path, key), "This is missing.")
        for name, described in type(part).model_fields.items():
            _note_missing(getattr(part, name), (*path, described.alias or name), faults)
    elif isinstance(part, list | dict):
        for index, value in part.items() if isinstance(part, dict) else enumerate(part):
            _note_missing(value, (*path, index), faults)
