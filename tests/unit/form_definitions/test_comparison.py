"""Two versions of a form: every change has its kind, renames are followed, and nothing is left uncompared."""

import dataclasses
from typing import Any

import pytest

from portal.form_definitions.definition import Field, FormDefinition, Section
from portal.form_definitions.versions.comparison import (
    FIELD_ASPECTS,
    FORM_ASPECTS,
    MEANINGS,
    SECTION_ASPECTS,
    ChangeKind,
    Effect,
    compare,
)
from tests.unit.form_definitions.making import OPTIONS, ask, definition, section

PERSON = {"item": "person", "label_from": "q"}
WHEN = {"field": "./first", "answered": True}


def kinds(old: FormDefinition, new: FormDefinition) -> list[str]:
    """Return what changed, as `kind place`."""
    return [f"{c.kind.value} {c.section_id}.{c.field_id}".rstrip(".") for c in compare(old, new).changes]


def one(kind: str = "text", **more: Any) -> FormDefinition:
    return definition(section("s", ask("text", "first"), ask(kind, **more)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({}, {"label": "Other"}, ["wording s.q"], id="label"),
        pytest.param({}, {"hint": "Hint"}, ["wording s.q"], id="hint added"),
        pytest.param({}, {"required": True}, ["required s.q"], id="newly required"),
        pytest.param({"required": True}, {}, ["optional s.q"], id="no longer required"),
        pytest.param({}, {"when": WHEN}, ["condition s.q"], id="shown only then"),
        pytest.param({}, {"required_when": WHEN}, ["condition s.q"], id="required only then"),
        pytest.param({}, {"max_length": 10}, ["limits s.q"], id="length"),
        pytest.param({}, {"max_words": 10}, ["limits s.q"], id="words"),
        pytest.param({}, {"pattern": "[a-z]+"}, ["limits s.q"], id="pattern"),
        pytest.param({}, {"errors": {"required": "Say it"}}, ["behaviour s.q"], id="error text"),
        pytest.param({}, {"sensitive": "personal"}, ["behaviour s.q"], id="sensitivity"),
        pytest.param({}, {"kind": "long_text"}, ["type s.q"], id="type"),
        pytest.param({"kind": "number"}, {"kind": "number", "max": 3}, ["limits s.q"], id="bound"),
        pytest.param({"kind": "file"}, {"kind": "file", "files": {"max": 3}}, ["limits s.q"], id="files"),
        pytest.param({}, {"id": "r"}, ["new_optional s.r", "removed s.q"], id="another field"),
        pytest.param({}, {"id": "r", "required": True}, ["new_required s.r", "removed s.q"], id="a required one"),
        pytest.param({}, {"id": "r", "label": "Label of q", "was": ["q"]}, ["renamed s.r"], id="renamed"),
        pytest.param({}, {}, [], id="nothing"),
    ],
)
def test_each_change_of_a_field_has_its_kind(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    assert kinds(one(**old), one(**new)) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(OPTIONS[:2], [("options_removed", ("none",))], id="removed"),
        pytest.param([*OPTIONS, {"value": "c", "label": "C"}], [("options_added", ("c",))], id="added"),
        pytest.param([{"value": "a", "label": "Z"}, *OPTIONS[1:]], [("wording", ())], id="worded differently"),
        pytest.param([*OPTIONS[:2], {"value": "none", "label": "Nothing"}], [("limits", ())], id="exclusive"),
        pytest.param([OPTIONS[1], OPTIONS[0], OPTIONS[2]], [("order", ())], id="order"),
    ],
)
def test_each_change_of_options_has_its_kind_and_names_them(options: Any, expected: Any) -> None:
    changes = compare(one("choices"), one("choices", options=options)).changes
    assert [(change.kind.value, change.what) for change in changes] == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({}, {"title": "Other"}, ["section_wording s"], id="title"),
        pytest.param({}, {"intro": "Read"}, ["section_wording s"], id="introduction"),
        pytest.param({}, {"when": {"field": "z.x", "answered": True}}, ["section_condition s"], id="condition"),
        pytest.param({}, {"needs": ["z"]}, ["section_condition s"], id="needs"),
        pytest.param({}, {"repeat": PERSON}, ["repeated s"], id="repeated now"),
        pytest.param({"repeat": PERSON}, {}, ["repeated s"], id="no longer repeated"),
        pytest.param({"repeat": PERSON}, {"repeat": PERSON | {"min": 1}}, ["items s"], id="how many"),
        pytest.param(
            {},
            {"stop_when": [{"when": {"field": "./q", "is": "x"}, "title": "Stop"}]},
            ["section_condition s"],
            id="stop",
        ),
    ],
)
def test_each_change_of_a_section_has_its_kind(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    versions = [definition(section("z"), section("s", ask("text"), **more)) for more in (old, new)]
    assert kinds(*versions) == expected


def test_added_removed_and_moved_sections_are_found() -> None:
    a, b, c = section("a"), section("b"), section("c", ask("text", required=True))
    assert kinds(definition(a, b), definition(b, a)) == ["section_order "]
    assert kinds(definition(a, b), definition(a)) == ["section_removed b"]
    assert kinds(definition(a), definition(a, c)) == ["section_new c", "new_required c.q"]


@pytest.mark.parametrize(
    "more",
    [
        {"title": "Other"},
        {"summary": "Short"},
        {"expected_minutes": 9},
        {"access": "account"},
        {"allow_save": False},
        {"drafts": {"on_new_version": "keep"}},
        {"declaration": "True"},
        {"you_will_need": ["Pen"]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_change_of_the_form_itself_asks_nothing_of_anybody(more: dict[str, Any]) -> None:
    (change,) = compare(definition(section("s")), definition(section("s"), form=more)).changes
    assert (change.kind, change.what, change.meaning.effect) == (ChangeKind.FORM, tuple(more), Effect.NOTHING)


def test_adding_a_language_is_not_a_change_and_removing_one_is() -> None:
    old = definition(section("s", ask("text", label="Name")), form={"languages": ["en", "cy"]})
    new = definition(section("s", ask("text", label={"en": "Name", "cy": "Enw"})), form={"languages": ["en", "cy"]})
    assert kinds(old, new) == []
    assert kinds(new, definition(section("s", ask("text", label="Name")), form={"languages": ["en", "cy"]})) == [
        "wording s.q"
    ]


def test_another_customer_is_a_change_of_the_form_and_a_renamed_field_of_theirs_is_none() -> None:
    def claimed(customer: str, field_id: str, **more: Any) -> FormDefinition:
        fields = (ask("email", field_id, label="Mail", **more), ask("email", "other"))
        return definition(section("s", *fields), form={"customer": {"email": f"s.{customer}"}})

    assert kinds(claimed("old", "old"), claimed("new", "new", was=["old"])) == ["renamed s.new"]
    assert [each.what for each in compare(claimed("old", "old"), claimed("other", "old")).changes] == [("customer",)]


def test_a_rename_is_followed_in_everything_that_refers_to_the_field() -> None:
    def form(name: str, **more: Any) -> FormDefinition:
        when = {"any": [{"not": {"field": f"./{name}", "is": "x"}}, {"field": f"./{name}", "answered": True}]}
        some = {"some_item": "s", "when": {"field": f"./{name}", "is": "x"}}
        return definition(
            section(
                "s",
                ask("text", name, label="Name", **more),
                ask("text", "b", when=when),
                ask("lookup", "l", inputs={"postcode": f"./{name}"}, fills={f"./{name}": "address"}),
                repeat={"item": "person", "label_from": name},
                stop_when=[{"when": {"all": [some]}, "title": "Stop"}],
            ),
            section("t", when=some),
        )

    assert kinds(form("a"), form("c", was=["a"])) == ["renamed s.c"]


def test_a_field_renamed_twice_is_found_through_the_versions_between() -> None:
    first, second, third = one(id="a", label="Q"), one(id="b", label="Q", was=["a"]), one(id="c", label="Q", was=["b"])
    assert compare(first, third, (second,)).origins["s"] == {"first": "first", "c": "a"}
    assert "c" not in compare(first, third).origins["s"]


def test_an_equal_id_takes_precedence_over_a_former_one() -> None:
    old = definition(section("s", ask("text", "a"), ask("text", "b")))
    new = definition(section("s", ask("text", "b", was=["a"])))
    assert compare(old, new).origins["s"] == {"b": "b"}


@pytest.mark.parametrize(
    ("aspects", "described"),
    [(FIELD_ASPECTS, Field), (SECTION_ASPECTS, Section), (FORM_ASPECTS, FormDefinition)],
    ids=["field", "section", "form"],
)
def test_every_attribute_of_a_definition_is_compared(aspects: Any, described: Any) -> None:
    assert set(aspects) == {each.name for each in dataclasses.fields(described)}


def test_every_kind_of_change_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ChangeKind)
