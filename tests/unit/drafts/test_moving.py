"""A draft in a newer version: answers are carried over if they fit, and everything else is reported."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.drafts.rules import Filled, Part, Status
from portal.drafts.versions.migrating import FIRST_ITEM, MovedDraft, move
from portal.form_definitions.definition import FormDefinition, SectionState
from portal.form_definitions.rules import section_problems
from portal.form_definitions.types.field_types import FIELD_TYPES, answer_problem
from portal.form_definitions.versions.comparison import Effect, compare
from tests.unit.drafts.test_rules import part
from tests.unit.form_definitions.making import OPTIONS, TODAY, ask, definition, page, section

WHEN = {"field": "./first", "answered": True}


def moved(
    old: FormDefinition, new: FormDefinition, *parts: Part, between: tuple[FormDefinition, ...] = ()
) -> MovedDraft:
    return move(Filled(definition=old, parts=parts, today=TODAY), compare(old, new, between))


def one(kind: str = "text", **more: Any) -> FormDefinition:
    return definition(section("s", ask("text", "first"), ask(kind, **more)))


def touches(result: MovedDraft) -> list[str]:
    return [f"{t.effect.value} {t.section.id}.{t.field.id if t.field else ''}" for t in result.touches]


NOTHING: dict[str, Any] = {}
BOTH = {"kind": "choices"}
FEWER = {"kind": "choices", "options": [OPTIONS[0], OPTIONS[2]]}


@pytest.mark.parametrize(
    ("old", "new", "answer", "expected", "kept"),
    [
        pytest.param({}, {"label": "Other"}, "x", ["check s.q"], "x", id="worded differently"),
        pytest.param({}, {"label": "Other"}, None, [], None, id="worded differently, not answered"),
        pytest.param({}, {"required": True}, None, ["must_answer s.q"], None, id="newly required"),
        pytest.param({}, {"required": True}, "x", [], "x", id="newly required, answered"),
        pytest.param({"required": True}, {"required": True, "label": "O"}, None, [], None, id="required before"),
        pytest.param({}, {"kind": "number"}, "x", ["answer_again s.q"], None, id="another type"),
        pytest.param({}, {"kind": "number"}, "3.50", ["answer_again s.q"], "3.5", id="another type that reads it"),
        pytest.param({"kind": "yes_no"}, {"kind": "declaration"}, True, ["answer_again s.q"], None, id="no consent"),
        pytest.param({}, {"kind": "date"}, "x", ["answer_again s.q"], None, id="other inputs"),
        pytest.param(BOTH, FEWER, ["a", "b"], ["answer_again s.q"], ["a"], id="one of two options gone"),
        pytest.param(BOTH, FEWER, ["b"], ["answer_again s.q"], None, id="the only option gone"),
        pytest.param(BOTH, FEWER, ["a"], [], ["a"], id="an option that nobody chose"),
        pytest.param({}, {"max_length": 2}, "xyz", ["answer_again s.q"], None, id="too long now"),
        pytest.param({}, {"max_length": 9}, "xyz", [], "xyz", id="still short enough"),
        pytest.param({}, {"when": {"field": "./first", "is": "other"}}, "x", ["not_sent s.q"], "x", id="hidden now"),
    ],
)
def test_a_changed_question_is_asked_again_only_if_needed_and_keeps_valid_answers(
    old: dict[str, Any], new: dict[str, Any], answer: Any, expected: list[str], kept: Any
) -> None:
    answers = {"first": "f"} | ({} if answer is None else {"q": answer})
    result = moved(one(**old), one(**new), part("s", **answers))
    assert touches(result) == expected
    assert result.filled.part("s").state.answers.get("q") == kept


def test_an_answer_that_is_no_longer_valid_stays_in_its_input() -> None:
    result = moved(one(), one("number"), part("s", q="about 3"))
    assert result.filled.part("s").state.typed == {"q": {"q": ["about 3"]}}


def test_typed_text_becomes_an_answer_if_it_is_valid_now() -> None:
    result = moved(one("number", max=3), one("number"), part("s", typed={"q": {"q": ["9"]}}))
    assert result.filled.part("s").state == SectionState(answers={"q": "9"})


def test_a_rename_carries_the_answer_over_without_a_notice() -> None:
    old, new = one("date"), one("date", id="r", label="Label of q", was=["q"])
    typed = {"q": {"q-day": ["3"]}}
    assert moved(old, new, part("s", q="2026-05-31")).filled.part("s").state.answers == {"r": "2026-05-31"}
    assert moved(old, new, part("s", typed=typed)).filled.part("s").state.typed == {"r": {"r-day": ["3"]}}
    assert touches(moved(old, new, part("s", q="2026-05-31"))) == []


KINDS_OF_FILE = ("pdf", "png", "pdf")
FILES = [{"id": f"f{n}", "name": f"{n}.{kind}", "kind": kind, "size": "9"} for n, kind in enumerate(KINDS_OF_FILE)]


def test_files_that_the_new_limits_refuse_are_asked_for_again() -> None:
    def limited(most: int, *kinds: str) -> FormDefinition:
        return one("file", files={"max": most, "types": list(kinds)})

    old = limited(3, "pdf", "png")
    result = moved(old, limited(1, "pdf"), part("s", q=FILES))
    assert result.filled.part("s").state == SectionState(answers={"q": FILES[:1]})
    assert touches(result) == ["answer_again s.q"]
    assert moved(old, limited(5, "pdf", "png"), part("s", q=FILES)).filled.part("s").state.answers["q"] == FILES


def test_answers_of_removed_questions_and_sections_are_not_sent() -> None:
    old = definition(section("s", ask("text"), ask("text", "r")), section("t", ask("text")))
    result = moved(old, definition(section("s", ask("text"))), part("s", q="x", r="y"), part("t", q="z"))
    assert touches(result) == ["not_sent s.r", "not_sent t.q"]
    assert [(each.section_id, each.state.answers) for each in result.filled.parts] == [("s", {"q": "x"})]


GATE, WORKS = ask("yes_no", "works"), {"field": "s.works", "is": True}
PEOPLE = section("people", ask("number", "age"), repeat={"item": "person", "min": 0})
ADULT = {"some_item": "people", "when": {"field": "./age", "at_least": 18}}


def unconditional(asked: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in asked.items() if key != "when"}


@pytest.mark.parametrize(
    ("sections", "answers", "expected"),
    [
        pytest.param([section("s", GATE, ask("text", when=WORKS))], [], ["works"], id="new question before it"),
        pytest.param([section("s", GATE, ask("text", when=WORKS))], [{"works": True}], [], id="asked: nothing to say"),
        pytest.param([section("s", GATE, ask("text", when=WORKS))], [{"works": False}], None, id="certainly hidden"),
        pytest.param(
            [section("s", GATE, ask("text", when={"not": WORKS}))], [{"works": True}], None, id="certainly not"
        ),
        pytest.param(
            [section("s", GATE, ask("text", when={"field": "./works", "answered": True}))], [], ["works"], id="answered"
        ),
        pytest.param(
            [section("s", GATE, ask("yes_no", "long", when=WORKS), ask("text", when={"field": "./long", "is": True}))],
            [],
            ["works"],
            id="through a question that waits itself",
        ),
        pytest.param(
            [section("s", GATE, ask("yes_no", "long", when=WORKS), ask("text", when={"field": "./long", "is": True}))],
            [{"works": False}],
            None,
            id="through a question that is never asked",
        ),
        pytest.param(
            [section("s", GATE, ask("yes_no", "b"), ask("text", when={"all": [WORKS, {"field": "./b", "is": True}]}))],
            [],
            ["works", "b"],
            id="after two questions",
        ),
        pytest.param(
            [section("s", GATE, ask("yes_no", "b"), ask("text", when={"all": [WORKS, {"field": "./b", "is": True}]}))],
            [{"b": False}],
            None,
            id="one of two says no",
        ),
        pytest.param(
            [section("first", GATE), section("s", ask("text"), when={"field": "first.works", "is": True})],
            [],
            ["works"],
            id="its whole section",
        ),
        pytest.param([PEOPLE, section("s", ask("text"), when=ADULT)], [], ["people"], id="after a list"),
    ],
)
def test_answer_that_may_be_asked_for_again_is_told_from_one_that_is_no_longer_asked(
    sections: list[dict[str, Any]], answers: list[dict[str, Any]], expected: list[str] | None
) -> None:
    old = [unconditional(each) | {"fields": list(map(unconditional, each["fields"]))} for each in sections]
    stored = {"q": "x"} | (answers[0] if answers else {})
    result = moved(definition(*old), definition(*sections), part("s", **stored))
    touch = next((each for each in result.touches if each.field and each.field.id == "q"), None)
    assert result.filled.part("s").state.answers["q"] == "x"
    if expected is None:
        assert touch is not None
        assert touch.effect is Effect.NOT_SENT
    elif touch is None:
        assert expected == []
    else:
        assert (touch.effect, [each.id for each in touch.waits_for]) == (Effect.KEPT, expected)


def test_a_new_question_is_asked_only_if_it_shows() -> None:
    new = definition(
        section("s", ask("text", "first"), ask("text"), ask("text", "a", required=True, when=WHEN), ask("text", "b"))
    )
    assert touches(moved(one(), new, part("s", first="x"))) == ["must_answer s.a", "may_answer s.b"]
    assert touches(moved(one(), new)) == []


def test_each_item_of_a_repeat_is_judged_on_its_own() -> None:
    def form(**more: Any) -> FormDefinition:
        return definition(section("r", ask("text"), ask("text", "age", **more), repeat={"item": "person"}))

    result = moved(form(), form(required=True), part("r"), part("r/a", q="A", age="3"), part("r/b", q="B"))
    assert [(t.effect.value, t.item_id) for t in result.touches] == [("must_answer", "b")]
    marks = {each.item_id: each.marks for each in result.filled.parts}
    assert marks == {"": {}, "a": {}, "b": {"age": "must_answer"}}


def test_a_section_becomes_the_first_item_when_repeated_and_turns_back() -> None:
    plain = definition(section("s", ask("text")))
    repeated = definition(section("s", ask("text"), repeat={"item": "person"}))
    there = moved(plain, repeated, part("s", q="x")).filled
    assert {each.item_id: each.state.answers for each in there.parts} == {FIRST_ITEM: {"q": "x"}}
    back = moved(repeated, plain, part("s"), part("s/b", q="B"), part("s/a", q="A"))
    assert {each.item_id: each.state.answers for each in back.filled.parts} == {"": {"q": "B"}}
    assert touches(back) == ["not_sent s.q"]


def test_a_changed_section_must_be_checked_again_and_its_open_pages_conflict() -> None:
    old = definition(section("s", ask("text")), section("t", ask("text")))
    new = definition(section("s", ask("text", label="Other")), section("t", ask("text")))
    result = moved(old, new, part("s", q="x"), part("t", q="x"))
    assert [each.value for each in result.filled.statuses.values()] == ["check_again", "complete"]
    assert [(each.revision, each.page_id) for each in result.filled.parts] == [(2, ""), (1, "")]


def test_marks_of_an_earlier_migration_stay_until_the_section_is_continued() -> None:
    first = moved(one(), one(label="Other"), part("s", q="x")).filled
    new = definition(section("s", ask("text", "first"), ask("text", "r", label="Other", was=["q"])))
    assert move(first, compare(first.definition, new)).filled.parts[0].marks == {"r": "check"}


KINDS = [kind for kind, entry in FIELD_TYPES.items() if entry.answerable and kind != "file"]
STRINGS = st.sampled_from(["", "x", "yes", "no", "a", "none", "3", "650.00", "31", "2026", "a@b.test", "07700 900123"])
IDS = ["a", "b", "c", "d"]


@st.composite
def forms(draw: st.DrawFn) -> FormDefinition:
    """Draw two sections, repeated or not, with some of four fields of any type, limits and conditions."""
    sections = []
    for section_id in ("s", "t"):
        fields: list[dict[str, Any]] = []
        for field_id in draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True)):
            kind = draw(st.sampled_from(KINDS))
            more: dict[str, Any] = {"required": draw(st.booleans()), "label": draw(st.sampled_from(["L", "M"]))}
            if bool(fields) and draw(st.booleans()):
                more["when"] = {"field": f"./{fields[-1]['id']}", "answered": draw(st.booleans())}
            if kind in ("text", "long_text") and draw(st.booleans()):
                more["max_length"] = 1
            if kind in ("choice", "choices"):
                more["options"] = OPTIONS[: draw(st.integers(1, 3))]
            fields.append(ask(kind, field_id, **more))
        taken = {each["id"] for each in fields}
        free = [each for each in IDS if each not in taken]
        if bool(free) and draw(st.booleans()):
            fields[0]["was"] = [draw(st.sampled_from(free))]
        repeat = {"repeat": {"item": "person"}} if draw(st.booleans()) else {}
        sections.append(section(section_id, *fields, **repeat))
    return definition(*draw(st.permutations(sections))[: draw(st.integers(1, 2))])


@st.composite
def drafts(draw: st.DrawFn) -> Filled:
    """Draw a form with anything that may be stored in it: answers that fit, and invalid typed text."""
    form = draw(forms())
    parts = []
    for each in form.sections:
        for item_id in ("", "aaaaaaaa", "bbbbbbbb") if each.repeat else ("",):
            if draw(st.booleans()):
                state = draw(states(form, each.id)) if bool(item_id) is bool(each.repeat) else SectionState()
                parts.append(
                    Part(section_id=each.id, item_id=item_id, state=state, revision=1, is_confirmed=draw(st.booleans()))
                )
    return Filled(definition=form, parts=tuple(parts), today=TODAY)


@st.composite
def states(draw: st.DrawFn, form: FormDefinition, section_id: str) -> SectionState:
    found = form.section(section_id)
    assert found
    names = [f"{each.id}{suffix}" for each in found.fields for suffix in ("", "-day", "-month", "-year", "-line_1")]
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), STRINGS), max_size=12, unique_by=lambda pair: pair[0]))

    return page(form, section_id, posted=pairs).kept()


@settings(max_examples=150)
@given(drafts(), forms())
def test_migrating_never_fails_and_every_answer_fits_the_new_version(before: Filled, new: FormDefinition) -> None:
    result = move(before, compare(before.definition, new))
    for each in result.filled.parts:
        found = new.section(each.section_id)
        assert found
        assert bool(found.repeat) or not each.item_id
        for field_id, answer in each.state.answers.items():
            field = found.field(field_id)
            assert field
            assert answer_problem(field, answer, TODAY) is None
        for field_id in each.state.typed:
            assert found.field(field_id)
            assert field_id not in each.state.answers
        assert set(each.marks) <= {"", *(field.id for field in found.fields)}
    for found in new.sections:
        section_problems(found, result.filled.shown)
        assert isinstance(result.filled.statuses[found.id], Status)


@settings(max_examples=100)
@given(drafts())
def test_migrating_to_the_same_version_changes_nothing(before: Filled) -> None:
    again = compare(before.definition, before.definition)
    assert again.changes == ()
    result = move(before, again)
    assert result.touches == ()
    assert result.filled.parts == before.parts
