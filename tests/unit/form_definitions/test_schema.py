"""The JSON Schema of the format: the shipped file is up to date, and every definition the portal accepts fits it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.form_definitions.format.reference import json_schema, schema_text
from portal.form_definitions.types.field_types import FIELD_TYPES
from tests.unit.form_definitions.making import ask, document, section

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "docs" / "form-definition.schema.json"
DEFINITIONS = [*(ROOT / "portal" / "demo_forms").glob("*.yaml"), ROOT / "tests" / "journeys" / "everything.yaml"]
SCHEMA = json_schema()
TYPES: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}


def problems(value: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """Return what is wrong with a value, by the keywords of JSON Schema that ours uses."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] | {k: v for k, v in schema.items() if k != "$ref"}
    wrong = [*_of_kind(value, schema, path), *_of_choice(value, schema, path)]
    return wrong or [*_of_keys(value, schema, path), *_of_items(value, schema, path)]


def _of_kind(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fits = (isinstance(value, TYPES[kind]) and not (isinstance(value, bool) and kind == "integer") for kind in kinds)
    if kinds and not any(fits):
        yield f"{path}: {value!r} is no {kinds}"
    elif "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not fit {schema['pattern']}"


def _of_choice(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not among {schema['enum']}"
    if "anyOf" in schema and all(problems(value, each, path) for each in schema["anyOf"]):
        yield f"{path}: none of {schema['anyOf']}"


def _of_keys(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    yield from (f"{path}: {name} is missing" for name in schema.get("required", []) if name not in value)
    for name, each in value.items():
        inner = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
        yield from [f"{path}.{name}: not known"] if inner is False else problems(each, inner, f"{path}.{name}")


def _of_items(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    for index, each in enumerate(value if isinstance(value, list) else ()):
        yield from problems(each, schema.get("items", {}), f"{path}[{index}]")


def test_the_shipped_schema_is_up_to_date() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == schema_text(), "write it again with `flask --app wsgi forms schema`"


@pytest.mark.parametrize("file", DEFINITIONS, ids=lambda file: file.stem)
def test_every_definition_fits_the_schema_as_an_editor_reads_it(file: Path) -> None:
    read = yaml.safe_load(file.read_text(encoding="utf-8"))
    # Editors follow YAML 1.2, where a date is text.
    assert problems(json.loads(json.dumps(read, default=str)), SCHEMA) == []


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_a_field_of_every_type_fits_the_schema(kind: str) -> None:
    assert problems(document(section("s", ask(kind))), SCHEMA) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (document(section("s", ask("text", requierd=True))), ".sections[0].fields[0].requierd: not known"),
        (document(section("s", ask("txt"))), ".sections[0].fields[0].type: 'txt' is not among"),
        (document(section("s", ask("text", "A"))), ".sections[0].fields[0].id: 'A' does not fit"),
        (document({"id": "s", "fields": []}), ".sections[0]: title is missing"),
        (document(section("s"), form={"drafts": {"on_new_version": "stay"}}), ".form.drafts.on_new_version: 'stay'"),
    ],
    ids=["unknown key", "unknown type", "bad id", "missing title", "unknown policy"],
)
def test_the_schema_finds_typing_errors_of_authors(content: dict[str, Any], expected: str) -> None:
    assert [problem for problem in problems(content, SCHEMA) if problem.startswith(expected)]


def test_the_schema_is_json_and_states_its_dialect() -> None:
    assert json.loads(schema_text())["$schema"].endswith("2020-12/schema")
