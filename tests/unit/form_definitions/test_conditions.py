"""Three-valued conditions, what is left of them for the page, and how they read as sentences."""

from datetime import date
from typing import Any

import pytest

from portal.form_definitions.conditions import Scope, evaluate, remaining, years_before
from portal.form_definitions.definition import MISTYPED, AllOf, AnyOf, Comparison, Condition, Negation, SomeItem
from portal.form_definitions.format.readback import condition_sentence
from tests.unit.form_definitions.making import TODAY, ask, definition, section

ANSWERS: dict[str, Any] = {
    "text": "hello",
    "number": "2.5",
    "money": "10.00",
    "date": "2026-11-20",
    "yes_no": False,
    "choice": "a",
    "choices": ["a", "b"],
    "address": {"line_1": "1 Road"},
}


SECTIONS = (
    section("one", *[ask(kind, kind) for kind in ANSWERS]),
    section("people", ask("date", "born"), ask("yes_no", "works"), repeat={"item": "person"}),
)
FORM = definition(*SECTIONS)


def read(when: dict, named: dict | None = None) -> Condition:
    last = section("last", ask("text", "end"), when=when)
    condition = definition(*SECTIONS, last, conditions=named or {}).sections[-1].when
    assert condition
    return condition


def scope(answers: dict[str, Any] | None = None, people: dict[str, Any] | None = None) -> Scope:
    return Scope(said={"one": ANSWERS if answers is None else answers, "people": people or {}}, today=TODAY)


COMPARISONS = [
    ("text", "is", "hello", True),
    ("text", "is_not", "hello", False),
    ("text", "one_of", ["x", "hello"], True),
    ("text", "answered", True, True),
    ("text", "answered", False, False),
    ("number", "is", "2.50", True),
    ("number", "at_least", "2.5", True),
    ("number", "more_than", "2.5", False),
    ("money", "at_most", "10", True),
    ("money", "less_than", "9.99", False),
    ("money", "one_of", ["10", "20"], True),
    ("date", "is", "2026-11-20", True),
    ("date", "less_than", "today", True),
    ("date", "at_least", "today", False),
    ("date", "years_ago_at_least", "1", False),
    ("yes_no", "is", False, True),
    ("yes_no", "is_not", False, False),
    ("choice", "one_of", ["a", "b"], True),
    ("choices", "includes", "b", True),
    ("choices", "includes", "none", False),
    ("address", "answered", True, True),
]
IDS = [f"{name} {operator} {value}" for name, operator, value, _ in COMPARISONS]


@pytest.mark.parametrize(("name", "operator", "value", "expected"), COMPARISONS, ids=IDS)
def test_an_answer_is_compared_as_its_type(name, operator, value, expected):
    assert evaluate(read({"field": f"one.{name}", operator: value}), scope()) is expected


@pytest.mark.parametrize(("name", "operator", "value", "expected"), COMPARISONS, ids=IDS)
def test_a_missing_answer_is_unknown_to_every_operator_but_answered(name, operator, value, expected):
    found = evaluate(read({"field": f"one.{name}", operator: value}), scope({}))
    assert found is (not value if operator == "answered" else None)


@pytest.mark.parametrize(("name", "operator", "value", "expected"), COMPARISONS, ids=IDS)
def test_something_mistyped_is_answered_and_unknown_to_every_other_operator(name, operator, value, expected):
    condition, mistyped = read({"field": f"one.{name}", operator: value}), scope({name: MISTYPED})
    assert evaluate(condition, mistyped) is (value if operator == "answered" else None)
    assert evaluate(Negation(part=condition), mistyped) is (not value if operator == "answered" else None)
    assert remaining(condition, mistyped, "people") is evaluate(condition, mistyped)


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({"i": {"born": MISTYPED}}, None),
        ({"i": {"born": MISTYPED}, "j": {"born": "1990-01-01"}}, True),
        ({"i": {"born": MISTYPED}, "j": {"born": "2020-01-01"}}, None),
    ],
    ids=["alone", "beside an adult", "beside a child"],
)
def test_some_item_is_unknown_while_one_is_mistyped(people, expected):
    adult = read({"some_item": "people", "when": {"field": "./born", "years_ago_at_least": 18}})
    assert evaluate(adult, scope(people=people)) is expected
    assert evaluate(read({"some_item": "people", "when": {"field": "./born", "answered": True}}), scope(people=people))


@pytest.mark.parametrize(("name", "operator", "value", "expected"), COMPARISONS, ids=IDS)
def test_a_stored_answer_of_another_shape_never_raises(name, operator, value, expected):
    condition = read({"field": f"one.{name}", operator: value})
    odds: tuple[Any, ...] = (True, "", "x", [], {}, [1], "2026-99-99", "NaN", "1" * 5000, None)
    for odd in odds:
        assert evaluate(condition, scope({name: odd})) in (True, False, None)


GONE = Comparison(section_id="one", field_id="gone", type="yes_no", operator="is", value=True)
TRUE = Comparison(section_id="one", field_id="yes_no", type="yes_no", operator="is", value=False)
FALSE = Negation(part=TRUE)
KLEENE = [
    (AllOf(parts=(TRUE, TRUE)), True),
    (AllOf(parts=(TRUE, GONE)), None),
    (AllOf(parts=(GONE, FALSE)), False),
    (AnyOf(parts=(FALSE, GONE)), None),
    (AnyOf(parts=(GONE, TRUE)), True),
    (AnyOf(parts=(FALSE, FALSE)), False),
    (Negation(part=GONE), None),
    (Negation(part=TRUE), False),
]


@pytest.mark.parametrize(("condition", "expected"), KLEENE, ids=range(len(KLEENE)))
def test_all_any_and_not_follow_kleene(condition, expected):
    assert evaluate(condition, scope()) is expected


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ({}, False),
        ({"i": {"born": "2020-01-01"}}, False),
        ({"i": {"born": "2020-01-01"}, "j": {}}, None),
        ({"i": {}, "j": {"born": "1990-01-01"}}, True),
    ],
    ids=["nobody", "a child", "somebody unknown", "an adult"],
)
def test_some_item_is_true_if_one_is_true_and_unknown_while_one_is_unknown(people, expected):
    condition = read({"some_item": "people", "when": {"field": "./born", "years_ago_at_least": 18}})
    assert evaluate(condition, scope(people=people)) is expected


@pytest.mark.parametrize(
    ("today", "born", "expected"),
    [
        ("2026-11-21", "2008-11-21", True),
        ("2026-11-21", "2008-11-22", False),
        ("2026-02-28", "2008-02-29", False),
        ("2026-03-01", "2008-02-29", True),
        ("2024-02-29", "2006-02-28", True),
        ("2024-02-29", "2006-03-01", False),
    ],
)
def test_years_are_full_on_the_birthday_and_on_1_march_for_29_february(today, born, expected):
    assert (date.fromisoformat(born) <= years_before(date.fromisoformat(today), 18)) is expected


def test_a_named_condition_means_the_condition_that_it_names():
    named = {"said_no": {"field": "one.yes_no", "is": False}, "both": {"all": [{"condition": "said_no"}] * 2}}
    assert evaluate(read({"condition": "both"}, named), scope()) is True


LEFT = [
    ({"field": "one.yes_no", "is": True}, {"field": "yes_no", "type": "yes_no", "op": "is", "value": True}),
    (
        {"field": "one.date", "at_most": "today"},
        {"field": "date", "type": "date", "op": "at_most", "value": "2026-11-21"},
    ),
    (
        {"field": "one.date", "years_ago_at_least": 18},
        {"field": "date", "type": "date", "op": "at_most", "value": "2008-11-21"},
    ),
    (
        {"field": "one.number", "one_of": ["1.50", "2"]},
        {"field": "number", "type": "number", "op": "one_of", "value": ["1.5", "2"]},
    ),
]


@pytest.mark.parametrize(("when", "expected"), LEFT, ids=range(len(LEFT)))
def test_the_browser_gets_each_comparison_within_the_page_with_the_date_filled_in(when, expected):
    assert remaining(read(when), scope(), "one") == expected


def test_a_missing_condition_leaves_nothing_to_judge():
    assert remaining(None, scope(), "one") is True


PAGE = Comparison(section_id="people", field_id="works", type="yes_no", operator="is", value=True)
OPEN = {"field": "works", "type": "yes_no", "op": "is", "value": True}
FOLDED = [
    (AllOf(parts=(PAGE, TRUE)), OPEN),
    (AllOf(parts=(PAGE, FALSE)), False),
    (AllOf(parts=(PAGE, GONE)), {"all": [OPEN, None]}),
    (AnyOf(parts=(PAGE, TRUE)), True),
    (AnyOf(parts=(PAGE, FALSE)), OPEN),
    (AnyOf(parts=(PAGE, PAGE, GONE)), {"any": [OPEN, OPEN, None]}),
    (Negation(part=PAGE), {"not": OPEN}),
    (Negation(part=GONE), None),
    (AllOf(parts=(TRUE, GONE)), None),
    (SomeItem(section_id="nobody", when=PAGE), False),
]


@pytest.mark.parametrize(("condition", "expected"), FOLDED, ids=range(len(FOLDED)))
def test_comparisons_with_other_sections_are_resolved_before_the_browser(condition, expected):
    assert remaining(condition, scope(), "people") == expected


SENTENCES = [
    ({"field": "one.yes_no", "is": True}, "“Label of yes_no” is yes"),
    ({"field": "one.choice", "one_of": ["a", "b"]}, "“Label of choice” is “A” or “B”"),
    ({"field": "one.choices", "includes": "none"}, "“Label of choices” includes “Nothing”"),
    ({"field": "one.money", "more_than": 1300}, "“Label of money” is more than £1,300"),
    ({"field": "one.date", "at_least": "today"}, "“Label of date” is today or later"),
    ({"field": "one.date", "less_than": "2026-05-31"}, "“Label of date” is before 31 May 2026"),
    ({"not": {"field": "one.text", "answered": True}}, "“Label of text” is not answered"),
    ({"not": {"field": "one.text", "answered": False}}, "“Label of text” is answered"),
    ({"not": {"field": "one.choice", "is": "a"}}, "“Label of choice” is not “A”"),
    ({"not": {"field": "one.choices", "includes": "a"}}, "“Label of choices” does not include “A”"),
    ({"not": {"field": "one.money", "at_least": "5"}}, "“Label of money” is less than £5"),
    ({"not": {"field": "one.date", "at_most": "today"}}, "“Label of date” is after today"),
    ({"not": {"field": "one.date", "years_ago_at_least": "18"}}, "“Label of date” is less than 18 years ago"),
    (
        {"any": [{"field": "one.text", "is": "x"}, {"all": [{"field": "one.yes_no", "is": False}] * 2}]},
        "“Label of text” is “x” or (“Label of yes_no” is no and “Label of yes_no” is no)",
    ),
    (
        {"some_item": "people", "when": {"field": "./born", "years_ago_at_least": 18}},
        "there is at least one person in “People” whose “Label of born” is 18 or more years ago",
    ),
    (
        {"some_item": "people", "when": {"all": [{"field": "./born", "answered": True}] * 2}},
        "there is at least one person in “People” whose (“Label of born” is answered and “Label of born” is answered)",
    ),
]


@pytest.mark.parametrize(("when", "expected"), SENTENCES, ids=[expected for _, expected in SENTENCES])
def test_a_condition_reads_back_as_a_sentence(when, expected):
    assert condition_sentence(read(when), FORM, "en") == expected
