"""Describe the format: its JSON Schema, the reference of field types, and a definition written out again."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from portal.form_definitions.definition import Field, FormDefinition
from portal.form_definitions.format import document
from portal.form_definitions.format.condition_reading import OPERATORS_BY_KIND
from portal.form_definitions.format.document import Document, plain
from portal.form_definitions.format.field_reading import ID
from portal.form_definitions.format.reading import MAX_SIGNER_DAYS, document_of, read_json
from portal.form_definitions.format.source import yaml_tree
from portal.form_definitions.types.answers import Inputs, input_name
from portal.form_definitions.types.field_types import FIELD_TYPES, FieldType, answer_lines, read_answer
from portal.form_definitions.types.files import FILE_KINDS

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Every scalar is read as text, so that an author may write 5, 2.5, true or a date without quotes.
_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_ID: Schema = {"type": "string", "pattern": f"^{ID.pattern}$"}
_REFERENCE: Schema = {"type": "string", "pattern": f"^{ID.pattern}\\.{ID.pattern}$"}
_TEXT: Schema = {
    "description": "One text, or one for each language of the form.",
    "anyOf": [_SCALAR, {"type": "object", "additionalProperties": _SCALAR, "minProperties": 1}],
}
_TEXT_REFERENCE: Schema = {"$ref": "#/$defs/Text"}
_COMPARED_WITH_ONE = ("is", "is_not", "includes", "at_least", "at_most", "more_than", "less_than")
# What the models do not check, because the reader does and names each fault with its path.
_EXACT: dict[tuple[str, str], Schema] = {
    ("Document", "format"): {"enum": [1, "1"]},
    ("Document", "conditions"): {"type": "object", "additionalProperties": {"$ref": "#/$defs/ConditionDocument"}},
    ("HeaderDocument", "id"): _ID,
    ("HeaderDocument", "access"): {"enum": ["anyone", "account"]},
    ("HeaderDocument", "you_will_need"): {"type": "array", "items": _TEXT_REFERENCE},
    ("CustomerDocument", "name"): {"anyOf": [_REFERENCE, {"type": "array", "items": _REFERENCE, "minItems": 1}]},
    ("CustomerDocument", "email"): _REFERENCE,
    ("FactDocument", "fact"): _REFERENCE,
    ("SignerDocument", "id"): _ID,
    ("SignerDocument", "name"): _REFERENCE,
    ("SignerDocument", "email"): _REFERENCE,
    ("SignerDocument", "check"): {"anyOf": [{"enum": ["code", "account"]}, {"$ref": "#/$defs/FactDocument"}]},
    ("SignerDocument", "shows"): {"type": "array", "items": _ID},
    ("SignerDocument", "asks"): _ID,
    ("SignerDocument", "days"): {"type": "integer", "minimum": 1, "maximum": MAX_SIGNER_DAYS},
    ("SignerDocument", "after"): {"type": "array", "items": _ID},
    ("DraftsDocument", "on_new_version"): {"enum": ["keep", "move", "ask"]},
    ("SectionDocument", "id"): _ID,
    ("FieldDocument", "id"): _ID,
    ("FieldDocument", "type"): {"enum": list(FIELD_TYPES)},
    ("FieldDocument", "min"): _SCALAR,
    ("FieldDocument", "max"): _SCALAR,
    ("FieldDocument", "was"): {"type": "array", "items": _ID},
    ("FieldDocument", "errors"): {"type": "object", "additionalProperties": _TEXT_REFERENCE},
    ("FilesDocument", "types"): {"type": "array", "items": {"enum": sorted(FILE_KINDS)}, "minItems": 1},
    ("OptionDocument", "value"): _SCALAR,
    ("ConditionDocument", "one_of"): {"type": "array", "items": _SCALAR, "minItems": 1},
    ("ConditionDocument", "answered"): {"type": "boolean"},
    ("ConditionDocument", "years_ago_at_least"): {"type": "integer", "minimum": 0},
    **{("ConditionDocument", name): _SCALAR for name in _COMPARED_WITH_ONE},
}
_TEXTS = frozenset(
    {"title", "summary", "declaration", "label", "hint", "short", "item", "intro", "body", "role", "statement"}
)
_ANY_DAY = date(2026, 6, 30)
_FILE = {"id": "abcd2345", "name": "payslip.pdf", "kind": "pdf", "size": "48213"}


def json_schema() -> Schema:
    """Return the schema of a whole document; some faults only `forms check` can find."""
    schema = Document.model_json_schema(by_alias=True)
    parts = schema.pop("$defs")
    _make_exact(schema, Document)
    for name, part in parts.items():
        _make_exact(part, vars(document)[name])
    return {"$schema": DIALECT, **schema, "title": "Form definition", "$defs": {"Text": _TEXT, **parts}}


def schema_text() -> str:
    """Return the schema as the text of the file that we ship."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _make_exact(part: Schema, model: type[Any]) -> None:
    required = set(model.required_keys)
    for name, found in part["properties"].items():
        exact = _EXACT.get((model.__name__, name)) or (_TEXT_REFERENCE if name in _TEXTS else None)
        says_more = name not in required and found.get("default") not in (None, [], {})
        default = {"default": found["default"]} if says_more else {}
        part["properties"][name] = (exact or _without_null(found)) | default
    if required:
        part["required"] = [name for name in part["properties"] if name in required]


def _without_null(found: Schema) -> Schema:
    """Return a schema without null: an author leaves out a key that has no value."""
    kinds = [kind for kind in _kinds(found) if kind.get("type") != "null"]
    rest = {key: value for key, value in found.items() if key not in ("anyOf", "oneOf", "default", "title")}
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, "anyOf": kinds} if kinds else rest


def _kinds(found: Schema) -> Iterator[Schema]:
    for kind in found.get("anyOf") or found.get("oneOf") or []:
        yield from _kinds(kind) if "oneOf" in kind else [kind]


REFERENCE_END = "<!-- End of what `flask forms reference` writes. -->"


REFERENCE_START = (
    "<!-- What stands between these lines is written by `flask forms reference`; change the table instead. -->"
)


@dataclass(frozen=True)
class Example:
    """An example of a field: what people see, how its author writes it, and what somebody types, by suffix."""

    seen: str
    written: str
    typed: Inputs


EXAMPLES: Mapping[str, Example] = {
    "text": Example(
        "one line",
        "{id: number, type: text, label: Reference number, max_length: 9, pattern: '[A-Z]{2} ?[0-9]{4}', "
        "errors: {pattern: Enter the number like AB 1234}}",
        {"": [" AB 1234 "]},
    ),
    "long_text": Example(
        "several lines, with a count where there is a limit",
        "{id: story, type: long_text, label: 'What happened?', required: true, max_words: 200}",
        {"": ["The lamp\r\nis broken."]},
    ),
    "name": Example("one line, offered by browsers", "{id: name, type: name, label: Full name}", {"": ["Zoë Łukasz"]}),
    "number": Example(
        "one line; up to 15 digits and 6 decimals, commas or spaces between thousands are read",
        "{id: hours, type: number, label: Hours a year, min: 0, max: 8784}",
        {"": ["1,300.50"]},
    ),
    "email": Example(
        "one line; the address must be one that mail can be sent to",
        "{id: email, type: email, label: E-mail address}",
        {"": ["Zoe@MAIL.example"]},
    ),
    "phone": Example(
        "one line; `07…`, or `+…` from abroad; a number that may lack a digit stays as it was typed",
        "{id: phone, type: phone, label: Telephone number}",
        {"": ["+44 7700 900 123"]},
    ),
    "money": Example("one line with £ before it", "{id: rent, type: money, label: Rent, min: 1}", {"": ["£1,300.5"]}),
    "date": Example(
        "day, month as a number or a name, year",
        "{id: born, type: date, label: Date of birth, max: today}",
        {"day": ["9"], "month": ["May"], "year": ["1988"]},
    ),
    "yes_no": Example("Yes and No", "{id: works, type: yes_no, label: 'Do you work?'}", {"": ["yes"]}),
    "choice": Example(
        "radio buttons",
        "{id: tenure, type: choice, label: Your home, options: [{value: rent, label: I rent}, "
        "{value: own, label: I own it, hint: With a mortgage too}]}",
        {"": ["rent"]},
    ),
    "choices": Example(
        "checkboxes; an `exclusive` option stands alone, and answers stand in the order of the options",
        "{id: income, type: choices, label: Income, options: [{value: wages, label: Wages}, "
        "{value: pension, label: Pension}, {value: none, label: None, exclusive: true}]}",
        {"": ["pension", "wages"]},
    ),
    "address": Example(
        "two lines, town, postcode; the first line, town and postcode go together",
        "{id: home, type: address, label: Address, required: true}",
        {"line_1": ["18 Weir Lane"], "town": ["Ashmere"], "postcode": ["AS4 2LN"]},
    ),
    "file": Example(
        "files to choose or drop; each is judged by its content, stored encrypted, and can be removed",
        "{id: proof, type: file, label: Proof of income, files: {max: 3, max_mb: 10, types: [pdf, jpg, png]}}",
        {"": [json.dumps(_FILE)]},
    ),
    "declaration": Example(
        "one checkbox", "{id: agreed, type: declaration, label: I agree, required: true}", {"": ["yes"]}
    ),
    "note": Example(
        "the label as text, with Markdown; nothing is asked",
        "{id: hint, type: note, label: Have a **payslip** ready.}",
        {},
    ),
    "lookup": Example(
        "a button with the label on it; its results stand below it, see [look-ups](#look-ups)",
        "{id: find, type: lookup, label: Find address, integration: address_register, "
        "inputs: {postcode: ./postcode}, fills: {./address: address}}",
        {},
    ),
}


_BESIDE = (
    {"id": "postcode", "type": "text", "label": "Postcode"},
    {"id": "address", "type": "address", "label": "Address"},
)
"""Fields that an example may refer to."""


def example_field(type_name: str) -> Field:
    """Return the example of a type as the portal reads it."""
    written = yaml_tree(EXAMPLES[type_name].written)
    section = {"id": "s", "title": "S", "fields": [*_BESIDE, written]}
    document = {"format": "1", "form": {"id": "f", "title": "F"}, "sections": [section]}
    return read_json(json.dumps(document)).field("s", written["id"])


def reference() -> str:
    """Return the reference of field types, as the part of the documentation between its marks."""
    lines = [REFERENCE_START, "", *_overview(), ""]
    for name, entry in FIELD_TYPES.items():
        lines += [*_type_lines(name, entry), ""]
    return "\n".join([*lines, REFERENCE_END])


def with_reference(text: str) -> str:
    """Return the documentation with this part written anew; raise `ValueError` if its marks are missing."""
    before, after = text.index(REFERENCE_START), text.index(REFERENCE_END) + len(REFERENCE_END)
    return text[:before] + reference() + text[after:]


def _overview() -> Iterator[str]:
    yield "| type | what people see | answer stored |"
    yield "| --- | --- | --- |"
    for name in FIELD_TYPES:
        yield f"| [`{name}`](#{name}) | {EXAMPLES[name].seen} | {_stored(name)} |"


def _stored(name: str) -> str:
    answer = read_answer(example_field(name), EXAMPLES[name].typed, _ANY_DAY)
    return f"`{json.dumps(answer, ensure_ascii=False)}`" if answer is not None else "nothing"


def _type_lines(name: str, entry: FieldType) -> Iterator[str]:
    yield f"### `{name}`"
    yield ""
    yield f"People see {EXAMPLES[name].seen}."
    yield ""
    yield "```yaml"
    yield f"- {EXAMPLES[name].written}"
    yield "```"
    yield ""
    yield from _example_lines(name)
    keys = [f"`{key}`" for key in sorted(entry.keys)]
    yield f"* Keys of its own: {', '.join(keys) or 'none'}."
    operators = [f"`{operator}`" for operator in OPERATORS_BY_KIND[entry.compare]]
    yield f"* Conditions: {', '.join(operators) or 'none; nothing can be compared with it'}."
    yield from _refusals(entry)


def _example_lines(name: str) -> Iterator[str]:
    """Yield what somebody types, what is stored of it, and how it reads."""
    field, typed = example_field(name), EXAMPLES[name].typed
    answer = read_answer(field, typed, _ANY_DAY)
    if answer is None:
        yield "* Answer: none."
        return
    if name != "file":
        inputs = (f"`{input_name(field.id, suffix)}` = `{_quoted(values)}`" for suffix, values in typed.items())
        yield f"* Typed: {', '.join(inputs)}."
    yield f"* Stored: {_stored(name)}."
    lines = answer_lines(field, answer, "en", str)
    yield f"* Reads: {' / '.join(lines)}"


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(json.dumps(text, ensure_ascii=False)[1:-1] for text in values)


def _refusals(entry: FieldType) -> Iterator[str]:
    """Yield each message, with the key under which an author may word it."""
    if not entry.messages:
        return
    yield "* What is refused, with the key under `errors` that words it:"
    yield ""
    yield "| `errors` key | what people read | with `short` |"
    yield "| --- | --- | --- |"
    for key, words in entry.messages.items():
        short = entry.short_messages.get(key, words)
        yield f"| `{key.partition('.')[0]}` | {_without_places(words)} | {_without_places(short, '<short>')} |"


def _without_places(text: str, question: str = "“…”") -> str:
    text = text.replace("%(label)s", "…").replace("%(question)s", question).replace("%(limit)s", "N")
    for value in ("option", "name", "kind", "kinds"):
        text = text.replace(f"%({value})s", f"<{value}>")
    return text.replace("<", "‹").replace(">", "›")


def definition_as_yaml(definition: FormDefinition) -> str:
    """Return the definition as YAML, with keys in the order in which authors write them."""
    return yaml.safe_dump(plain(document_of(definition)), sort_keys=False, allow_unicode=True, width=120)


def definition_as_json(definition: FormDefinition) -> str:
    """Return the definition as JSON, indented."""
    return json.dumps(plain(document_of(definition)), indent=2, ensure_ascii=False) + "\n"
