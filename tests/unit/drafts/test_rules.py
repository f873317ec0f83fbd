"""The status of each section, where to go next, and what keeps a form from being sent."""

from typing import Any

import pytest

from portal.drafts.rules import Filled, Part, Status, reference_prefix
from portal.form_definitions.definition import FormDefinition, SectionState
from portal.form_definitions.rules import first_stop, stopped
from tests.unit.form_definitions.making import TODAY, ask, definition, section

YES = {"field": "a.q", "is": True}


def part(place: str, done: bool = True, typed: dict[str, Any] | None = None, **answers: Any) -> Part:
    """Return what is stored at `section` or `section/item`; confirmed unless `done` is false."""
    section_id, _, item_id = place.partition("/")
    state = SectionState(answers=answers, typed=typed or {})
    return Part(section_id=section_id, item_id=item_id, state=state, revision=1, is_confirmed=done)


def filled(form: FormDefinition, *parts: Part) -> Filled:
    return Filled(definition=form, parts=parts, today=TODAY)


def statuses(form: FormDefinition, *parts: Part) -> str:
    """Return the statuses of all sections on one line."""
    return " ".join(status.value for status in filled(form, *parts).statuses.values())


def plain() -> FormDefinition:
    return definition(
        section("a", ask("yes_no", required=True)),
        section("b", ask("text", required=True), when=YES, needs=["a"]),
        section("c", ask("text")),
    )


def repeating(least: int = 0, **more: Any) -> FormDefinition:
    fields = (ask("text", required=True), ask("yes_no", "adult"))
    repeat = {"item": "person", "min": least, "max": 3}
    grown = {"some_item": "r", "when": {"field": "./adult", "is": True}}
    return definition(section("r", *fields, repeat=repeat, **more), section("z", when=grown, needs=["r"]))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param((), "not_started cannot_start not_started", id="nothing is answered"),
        pytest.param((part("a", q=True),), "complete not_started not_started", id="shown and its needs are met"),
        pytest.param((part("a", q=False),), "complete not_needed not_started", id="decided against"),
        pytest.param((part("a", done=False, q=True),), "in_progress cannot_start not_started", id="not yet continued"),
        pytest.param((part("a", done=False, q=False),), "in_progress not_needed not_started", id="decided early"),
        pytest.param((part("a"),), "in_progress cannot_start not_started", id="continued, then emptied"),
        pytest.param((part("a", typed={"q": {"q": ["?"]}}),), "in_progress cannot_start not_started", id="nonsense"),
        pytest.param((part("c"),), "not_started cannot_start complete", id="nothing asked and continued"),
        pytest.param((part("c", done=False, q="x"),), "not_started cannot_start in_progress", id="autosaved only"),
        pytest.param((part("a", q=False), part("b", q="x")), "complete not_needed not_started", id="kept aside"),
    ],
)
def test_a_sections_status_follows_from_its_answers(parts: tuple[Part, ...], expected: str) -> None:
    assert statuses(plain(), *parts) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param((), "not_started cannot_start", id="no item, nothing said"),
        pytest.param((part("r"),), "complete not_needed", id="nobody, and that is everyone"),
        pytest.param((part("r/1", q="x"),), "in_progress cannot_start", id="one, but not yet everyone"),
        pytest.param((part("r/1", q="x", adult=False),), "in_progress cannot_start", id="a child, not yet everyone"),
        pytest.param((part("r"), part("r/1", q="x", adult=True)), "complete not_started", id="an adult"),
        pytest.param((part("r"), part("r/1", adult=True)), "in_progress cannot_start", id="one item lacks an answer"),
        pytest.param((part("r"), part("r/1", done=False, q="x", adult=False)), "complete not_needed", id="by Back"),
    ],
)
def test_a_repeat_is_complete_when_confirmed_and_every_item_is_valid(parts: tuple[Part, ...], expected: str) -> None:
    assert statuses(repeating(), *parts) == expected


@pytest.mark.parametrize("count", [pytest.param(1, id="below"), pytest.param(4, id="above")])
def test_a_repeat_below_its_minimum_or_above_its_maximum_is_in_progress(count: int) -> None:
    items = [part(f"r/{number}", q="x", adult=False) for number in range(count)]
    assert filled(repeating(2), part("r"), *items).statuses["r"] is Status.IN_PROGRESS


def test_items_keep_the_order_in_which_they_were_added() -> None:
    form = repeating()
    found = filled(form, part("r/z", q="first"), part("r"), part("r/a", q="second"))
    assert [item.item_id for item in found.items(form.sections[0])] == ["z", "a"]


def test_a_section_never_waits_for_one_that_is_not_shown() -> None:
    form = definition(section("a", ask("yes_no")), section("b", when=YES), section("c", needs=["b"]))
    assert statuses(form, part("a", q=False)) == "complete not_needed not_started"


def test_sections_open_one_after_the_other_as_their_needs_are_met() -> None:
    form = definition(section("a"), section("b", needs=["a"]), section("c", needs=["b"]))
    assert statuses(form) == "not_started cannot_start cannot_start"
    assert statuses(form, part("a")) == "complete not_started cannot_start"
    assert statuses(form, part("a"), part("b")) == "complete complete not_started"


def test_a_complete_section_cannot_start_if_its_needs_are_no_longer_met() -> None:
    form = definition(section("a", ask("text", required=True)), section("b", needs=["a"]))
    assert statuses(form, part("a"), part("b")) == "in_progress cannot_start"


def section_ids(found: Any) -> list[str]:
    return [each.id for each in found]


def test_next_section_is_the_following_one_that_can_be_filled_complete_or_not() -> None:
    form = plain()
    a, b, c = form.sections
    assert filled(form, part("c")).next_section(a) is c
    assert filled(form, part("a", q=True), part("b", q="x")).next_section(a) is b
    assert filled(form).next_section(c) is None


def test_previous_section_is_the_one_before_that_can_be_filled() -> None:
    form = plain()
    a, b, c = form.sections
    assert filled(form).previous_section(c) is a
    assert filled(form, part("a", q=True)).previous_section(c) is b
    assert filled(form).previous_section(a) is None


def test_first_unfinished_skips_sections_that_are_complete_or_cannot_be_filled() -> None:
    form = plain()
    assert filled(form).first_unfinished() is form.sections[0]
    assert filled(form, part("a", q=False)).first_unfinished() is form.sections[2]
    assert filled(form, part("a", q=True)).first_unfinished() is form.sections[1]
    assert filled(form, part("a", q=False), part("c")).first_unfinished() is None


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param((), ["a", "c"], id="one that may never show is not asked for"),
        pytest.param((part("a", q=True),), ["b", "c"], id="one that shows is"),
        pytest.param((part("a", done=False, q=True), part("b")), ["a", "b", "c"], id="one whose needs are unmet, too"),
        pytest.param((part("a", q=False), part("c")), [], id="all done"),
    ],
)
def test_unfinished_sections_are_those_that_show_and_are_not_complete(
    parts: tuple[Part, ...], expected: list[str]
) -> None:
    assert section_ids(filled(plain(), *parts).unfinished()) == expected


def test_sections_not_needed_count_as_neither_done_nor_to_do() -> None:
    form = plain()
    assert filled(form).counts() == (0, 3)
    assert filled(form, part("a", q=True)).counts() == (1, 2)
    assert filled(form, part("a", q=False), part("c")).counts() == (2, 0)


def test_a_stop_is_found_in_its_section_and_in_the_whole_form() -> None:
    stop = {"when": {"field": "b.q", "is": "x"}, "title": "Stop"}
    form = definition(section("a"), section("b", ask("text"), stop_when=[stop]))
    going, ended = filled(form, part("b", q="y")), filled(form, part("b", q="x"))
    assert first_stop(form, going.shown) is None
    assert first_stop(form, ended.shown) == (form.sections[1], stopped(form.sections[1], ended.shown))


def test_a_section_that_cannot_start_names_the_section_that_decides() -> None:
    form = plain()
    assert filled(form).deciding_section(form.sections[1]) == "a"
    assert filled(form, part("a", q=True)).deciding_section(form.sections[1]) is None


@pytest.mark.parametrize(
    ("form_id", "prefix"),
    [
        ("housing_support", "HS"),
        ("report_a_problem", "RP"),
        ("survey", "SU"),
        ("f", "FX"),
        ("permit_2026", "P2"),
        ("odd_", "OD"),
        ("a__b", "AB"),
    ],
)
def test_a_reference_begins_with_two_capitals_of_its_form(form_id: str, prefix: str) -> None:
    assert reference_prefix(form_id) == prefix


def test_a_section_is_not_needed_when_its_optional_condition_was_left_unanswered() -> None:
    form = definition(
        section("a", ask("yes_no"), ask("text", "other")),
        section("b", ask("text"), when=YES),
        section("c", ask("text")),
    )
    assert statuses(form, part("a", other="x")) == "complete not_needed not_started"


def may_hide(form: FormDefinition, changed: str, *parts: Part) -> dict[str, Any]:
    """Return what changing the field at `section/item/field` may hide, and for which answers it stays."""
    section_id, item_id, field_id = changed.split("/")
    found = filled(form, *parts).hidden_by_changing(form.section(section_id), form.field(section_id, field_id), item_id)
    return {other.id: left for other, left in found}


def test_a_change_may_hide_what_this_page_decides_about_and_nothing_that_another_item_keeps() -> None:
    is_adult = {"field": "adult", "type": "yes_no", "op": "is", "value": True}
    parts = part("r/i", q="Ann", adult=True), part("r/j", q="Bob", adult=False), part("z", q="x", x="y")
    assert may_hide(repeating(), "r/i/adult", *parts) == {"z": is_adult}
    assert may_hide(repeating(), "r/j/adult", *parts) == {}
    assert may_hide(repeating(), "r/k/adult", *parts) == {}
    assert may_hide(repeating(), "r/i/q", *parts) == {}
    assert may_hide(plain(), "a//q", part("a", q=True), part("b", q="x")) == {"b": is_adult | {"field": "q"}}
