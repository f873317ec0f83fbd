"""The documentation of field types and operators matches their tables."""

import re
from pathlib import Path

import pytest

from portal.form_definitions.format.condition_reading import OPERATORS_BY_KIND
from portal.form_definitions.format.reference import EXAMPLES, example_field, with_reference
from portal.form_definitions.types.field_types import FIELD_TYPES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "form-definitions.md"
TEXT = PAGE.read_text(encoding="utf-8")
ALL_BUT = {"everything but note and lookup": {"note", "lookup"}}


def test_the_page_matches_what_the_command_writes() -> None:
    assert with_reference(TEXT) == TEXT, "run `flask --app wsgi forms reference docs/form-definitions.md`"


def test_every_type_has_exactly_one_example() -> None:
    assert set(EXAMPLES) == set(FIELD_TYPES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_valid_field_of_its_type(name: str) -> None:
    assert example_field(name).type == name


@pytest.mark.parametrize("operator", sorted({each for kind in OPERATORS_BY_KIND.values() for each in kind}))
def test_the_table_of_operators_lists_the_types_that_each_compares(operator: str) -> None:
    rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", TEXT.partition("| operator |")[2], re.MULTILINE)
    [named] = [types for operators, types in rows if f"`{operator}`" in operators]
    listed = set(FIELD_TYPES) - ALL_BUT[named] if named in ALL_BUT else set(named.split(", "))
    assert listed == {name for name, entry in FIELD_TYPES.items() if operator in OPERATORS_BY_KIND[entry.compare]}


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="not found"):
        with_reference("# Something else")
