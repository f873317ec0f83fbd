"""The JSON Schema of the format, for editors that complete and check while an author types."""

import json
from collections.abc import Iterator
from typing import Any

from portal.form_definitions import document
from portal.form_definitions.document import Document
from portal.form_definitions.field_reading import ID
from portal.form_definitions.field_types import FIELD_TYPES
from portal.form_definitions.file_kinds import FILE_KINDS

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Every scalar is read as text, so that an author may write 5, 2.5, true or a date without quotes.
_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_ID: Schema = {"type": "string", "pattern": f"^{ID.pattern}$"}
_TEXT: Schema = {
    "description": "One text, or one for each language of the form.",
    "anyOf": [_SCALAR, {"type": "object", "additionalProperties": _SCALAR, "minProperties": 1}],
}
_TEXT_REFERENCE: Schema = {"$ref": "#/$defs/Text"}
_VALUES = ("is", "is_not", "includes", "at_least", "at_most", "more_than", "less_than")
# What the models leave to the reader, which names each fault with its path.
_EXACT: dict[tuple[str, str], Schema] = {
    ("Document", "format"): {"enum": [1, "1"]},
    ("Document", "conditions"): {"type": "object", "additionalProperties": {"$ref": "#/$defs/ConditionDocument"}},
    ("HeaderDocument", "id"): _ID,
    ("HeaderDocument", "access"): {"enum": ["anyone", "account"]},
    ("HeaderDocument", "you_will_need"): {"type": "array", "items": _TEXT_REFERENCE},
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
    **{("ConditionDocument", name): _SCALAR for name in _VALUES},
}
_TEXTS = frozenset({"title", "summary", "declaration", "label", "hint", "item", "intro", "body"})


def json_schema() -> Schema:
    """The schema of a whole document; one that it accepts may still have faults that only `forms check` finds."""
    schema = Document.model_json_schema(by_alias=True)
    parts = schema.pop("$defs")
    _complete(schema, Document)
    for name, part in parts.items():
        _complete(part, vars(document)[name])
    return {"$schema": DIALECT, **schema, "title": "Form definition", "$defs": {"Text": _TEXT, **parts}}


def schema_text() -> str:
    """The schema as the file that is shipped."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _complete(part: Schema, model: type[Any]) -> None:
    required = set(model.required_keys)
    for name, found in part["properties"].items():
        exact = _EXACT.get((model.__name__, name)) or (_TEXT_REFERENCE if name in _TEXTS else None)
        default = {"default": found["default"]} if name not in required and _says(found.get("default")) else {}
        part["properties"][name] = (exact or _without_null(found)) | default
    if required:
        part["required"] = [name for name in part["properties"] if name in required]


def _says(default: Any) -> bool:
    return default is not None and default != [] and default != {}


def _without_null(found: Schema) -> Schema:
    """What an author may write: a key that says nothing is left out."""
    kinds = [kind for kind in _kinds(found) if kind.get("type") != "null"]
    rest = {key: value for key, value in found.items() if key not in ("anyOf", "oneOf", "default", "title")}
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, "anyOf": kinds} if kinds else rest


def _kinds(found: Schema) -> Iterator[Schema]:
    for kind in found.get("anyOf") or found.get("oneOf") or []:
        yield from _kinds(kind) if "oneOf" in kind else [kind]
