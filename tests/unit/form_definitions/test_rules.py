"""What shows, what counts, what is complete and where a form stops."""

from typing import Any

import pytest

from portal.form_definitions.rules import (
    customer_email,
    customer_name,
    first_stop,
    item_name,
    section_problems,
    shown,
    unmet_needs,
)
from tests.unit.form_definitions.making import TODAY, ask, definition, section

HOME = definition(
    section(
        "home",
        ask("yes_no", "rents", required=True),
        ask(
            "money",
            "rent",
            when={"field": "./rents", "is": True},
            required_when={"field": "./rents", "is": True},
            min=1,
        ),
        ask("text", "why", when={"field": "./rent", "more_than": 1000}),
        stop_when=[{"when": {"field": "./rent", "at_least": 9000}, "title": "Too much"}],
    ),
    section("landlord", ask("name", "who"), when={"field": "home.rent", "answered": True}, needs=["home"]),
    section(
        "people",
        ask("name", "name", required=True),
        ask("yes_no", "works", when={"field": "./name", "answered": True}),
        repeat={"item": "person", "min": 1, "max": 2, "label_from": "name"},
        needs=["landlord"],
        stop_when=[{"when": {"field": "./name", "is": "Nemo"}, "title": "No Nemo"}],
    ),
)
FULL: dict[str, Any] = {"home": {"rents": True, "rent": "1200.00", "why": "dear"}, "landlord": {"who": "L"}}


def problems(answers, section_id, typed=None):
    section = HOME.section(section_id)
    found = section_problems(section, shown(HOME, answers, TODAY), typed)
    return [(problem.item_id, problem.field and problem.field.id, problem.error.key) for problem in found]


def test_a_hidden_answer_hides_every_later_answer_that_depends_on_it():
    assert shown(HOME, FULL, TODAY).answers == FULL | {"people": {}}
    hidden = {**FULL, "home": FULL["home"] | {"rents": False}}
    assert shown(HOME, hidden, TODAY).answers == {"home": {"rents": False}, "people": {}}


def test_a_missing_answer_shows_nothing_that_depends_on_it():
    pages = shown(HOME, {}, TODAY).pages
    assert [field.id for field in pages["home"][""].fields] == ["rents"]
    assert "landlord" not in pages


def test_each_item_is_judged_on_its_own_and_the_order_stays():
    people: dict[str, Any] = {"z": {"name": "Zoë", "works": True}, "a": {"works": True}}
    pages = shown(HOME, {"people": people}, TODAY).pages["people"]
    assert list(pages) == ["z", "a"]
    assert [len(page.fields) for page in pages.values()] == [2, 1]
    assert pages["a"].answers == {}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, [("", "rents", "required")]),
        ({"rents": False}, []),
        ({"rents": True}, [("", "rent", "required")]),
        ({"rents": True, "rent": "0.50"}, [("", "rent", "min")]),
        ({"rents": True, "rent": ["odd"]}, [("", "rent", "again")]),
        ({"rents": False, "rent": "0.50"}, []),
    ],
    ids=["empty", "not required", "required now", "out of bounds", "another shape", "hidden"],
)
def test_a_section_is_complete_when_every_shown_answer_is_there_and_valid(answers, expected):
    assert problems({"home": answers}, "home") == expected


def test_invalid_typed_text_keeps_a_section_incomplete():
    assert problems({"home": {"rents": True}}, "home", {"": {"rent": {"rent": ["6o0"]}}}) == [("", "rent", "invalid")]


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({}, [("", None, "too_few")]),
        ({"a": {"name": "A"}}, []),
        ({"a": {}, "b": {"name": "B"}}, [("a", "name", "required")]),
        ({key: {"name": key} for key in "abc"}, [("", None, "too_many")]),
    ],
    ids=["none", "one", "one is empty", "three"],
)
def test_a_repeat_needs_the_right_number_of_complete_items(people, expected):
    assert problems({"people": people}, "people") == expected


def test_a_required_file_blocks_a_section_until_it_is_there_and_a_note_never_does():
    form = definition(section("s", ask("file", "f", required=True), ask("note", "n")))
    kept = {"id": "1", "name": "a.pdf", "kind": "pdf", "size": "9"}
    missing = section_problems(form.section("s"), shown(form, {}, TODAY))
    assert [(problem.field.id, problem.error.key) for problem in missing] == [("f", "required")]
    assert section_problems(form.section("s"), shown(form, {"s": {"f": [kept]}}, TODAY)) == ()


def test_a_section_waits_for_the_sections_it_needs_but_not_for_hidden_ones():
    landlord, people = HOME.section("landlord"), HOME.section("people")
    assert unmet_needs(landlord, shown(HOME, FULL, TODAY), []) == ("home",)
    assert unmet_needs(landlord, shown(HOME, FULL, TODAY), ["home"]) == ()
    assert unmet_needs(people, shown(HOME, {}, TODAY), []) == ()


@pytest.mark.parametrize(
    ("answers", "title"),
    [
        ({}, None),
        ({"home": {"rents": True, "rent": "8999.99"}}, None),
        ({"home": {"rents": True, "rent": "9000.00"}}, "Too much"),
        ({"home": {"rents": False, "rent": "9000.00"}}, None),
        ({"people": {"a": {"name": "A"}, "b": {"name": "Nemo"}}}, "No Nemo"),
    ],
    ids=["empty", "below", "reached", "hidden", "one item"],
)
def test_a_form_stops_only_on_a_condition_that_is_true(answers, title):
    found = first_stop(HOME, shown(HOME, answers, TODAY))
    assert (found[1].title.in_("en") if found else None) == title


@pytest.mark.parametrize(
    ("customer", "name", "email"),
    [
        pytest.param(None, "Ann", None, id="nobody: the first name, no address"),
        pytest.param({"name": "b.name", "email": "b.mail"}, "Bob", "bob@mail.example", id="not the first"),
        pytest.param({"name": ["b.first", "b.name"]}, "Bo Bob", None, id="names joined"),
        pytest.param({"name": ["b.empty", "b.name"]}, "Bob", None, id="an unanswered one left out"),
        pytest.param({"email": "b.mail"}, None, "bob@mail.example", id="no name"),
        pytest.param({"name": "b.empty", "email": "b.no_mail"}, None, None, id="unanswered"),
    ],
)
def test_the_customer_is_whom_the_form_names(customer: Any, name: str | None, email: str | None) -> None:
    first = section("a", ask("name", "name"), ask("email", "mail"))
    second = section("b", *(ask("name", each) for each in ("name", "empty")), ask("text", "first"))
    second["fields"] += [ask("email", "mail"), ask("email", "no_mail")]
    found = definition(first, second, form={"customer": customer} if customer else None)
    answers = {
        "a": {"name": "Ann", "mail": "ann@mail.example"},
        "b": {"name": "Bob", "first": "Bo", "mail": "bob@mail.example"},
    }
    assert (customer_name(found, answers), customer_email(found, answers)) == (name, email)
    assert (customer_name(found, {}), customer_email(found, {})) == (None, None)


@pytest.mark.parametrize(("answers", "name"), [({"name": "Zoë"}, "Zoë"), ({}, None)])
def test_an_item_is_named_by_its_answer(answers, name):
    assert item_name(HOME.section("people"), answers, "en", str) == name
