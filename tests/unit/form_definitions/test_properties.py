"""Whatever is posted or written: no exception, nothing typed lost, every fault with a path."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from portal.characters import trimmed
from portal.form_definitions.definition import SectionState
from portal.form_definitions.format.reading import read_json, read_yaml
from portal.form_definitions.format.source import Fault, FaultyDefinitionError
from portal.form_definitions.forms import PageScope, section_form
from portal.form_definitions.rules import section_problems, shown
from portal.form_definitions.types.answers import input_name
from portal.form_definitions.types.field_types import FIELD_TYPES
from tests.unit.form_definitions.making import TODAY, ask, definition, document, section

EVERYTHING = definition(
    section(
        "s",
        *[
            ask(kind, kind, required=True) if entry.answerable else ask(kind, kind)
            for kind, entry in FIELD_TYPES.items()
        ],
    )
)
PAGE = EVERYTHING.sections[0]
SUFFIXES = ("", "-day", "-month", "-year", "-line_1", "-line_2", "-town", "-postcode")
NAMES = [f"{kind}{suffix}" for kind in FIELD_TYPES for suffix in SUFFIXES]
STRINGS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["yes", "no", "a", "none", "31", "2", "2026", "6o0", "1e999", "NaN", "٣", "a@b.test", "07700 900123"]
    ),
    st.from_regex(r"[-+£ 0-9.,]{1,40}", fullmatch=True),
    st.sampled_from(
        ["£", "-", "+", ".", ",", "12 50", "£ £", "07700 900 12", "0770o", "@", "/", "\u200b£\u2060", "\ufffd"]
    ),
)
# A repeated input that is not a checkbox is refused before it reaches a form.
POSTED = st.lists(
    st.tuples(st.sampled_from(NAMES), STRINGS),
    max_size=40,
    unique_by=lambda pair: pair if pair[0] == "choices" else pair[0],
)


def form_of(stored: SectionState, posted: MultiDict[str, str] | None = None) -> Any:
    scope = PageScope(definition=EVERYTHING, answers={}, today=TODAY)
    return section_form(PAGE, language="en", scope=scope, stored=stored, posted=posted)


@settings(max_examples=150)
@given(POSTED)
def test_no_post_raises_and_everything_typed_comes_back(pairs):
    posted = MultiDict(pairs)
    form = form_of(SectionState(), posted)
    form.validate()
    kept = form.kept()
    json.dumps([kept.answers, kept.typed])
    again = form_of(kept)
    for field_id, field in again.all_fields.items():
        typed = {suffix: values for suffix, values in form.all_fields[field_id].inputs.items() if any(values)}
        if field_id not in kept.answers and any(trimmed(value) for values in typed.values() for value in values):
            assert {suffix: list(values) for suffix, values in field.inputs.items()} == typed
    assert form_of(kept, MultiDict(as_served(again))).kept() == kept
    section_problems(PAGE, shown(EVERYTHING, {"s": kept.answers}, TODAY), {"": kept.typed})


def as_served(form: Any) -> list[tuple[str, str]]:
    """Return what a browser posts back for a page that nobody touched."""
    fields = form.all_fields.values()
    return [
        (input_name(f.short_name, suffix), value)
        for f in fields
        for suffix, values in f.inputs.items()
        for value in values
    ]


TREES = st.recursive(
    st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["id", "type", "label", "when", "field", "is", "all", "options", "x"]), inner, max_size=4
        ),
    ),
    max_leaves=10,
)
KEYS = ["format", "form", "conditions", "lists", "sections"]


@settings(max_examples=200)
@given(
    st.dictionaries(st.sampled_from(KEYS), st.one_of(TREES, st.lists(TREES, max_size=2)), max_size=5),
    st.sampled_from(KEYS),
)
def test_a_faulty_document_always_lists_its_faults_with_paths(parts, spoilt):
    content: dict[str, Any] = document(section("s", ask("choice")), section("t", when={"field": "s.q", "is": "a"}))
    content[spoilt] = parts.get(spoilt, [])
    found = faults_of(read_json, json.dumps(content))
    assert all(fault.path and fault.sentence.endswith(".") for fault in found or ())
    assert found != ()


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_no_text_breaks_the_yaml_or_json_reader(text):
    assert faults_of(read_yaml, text) != ()
    assert faults_of(read_json, text) != ()


def faults_of(read: Callable[[str], object], text: str) -> tuple[Fault, ...] | None:
    """Return the faults that were reported, None if there are none."""
    try:
        read(text)
    except FaultyDefinitionError as error:
        return error.faults
    return None
