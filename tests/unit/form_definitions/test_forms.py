"""A section as a form: judged on what was posted, nothing typed lost, hidden answers kept aside."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from portal.form_definitions.definition import SectionState
from portal.form_definitions.forms import LEFT_OUT
from portal.form_definitions.rules import section_problems, shown
from portal.form_definitions.types.answers import InvalidAnswerError
from tests.unit.form_definitions.making import OPTIONS, TODAY, ask, definition, page, section

RENT = definition(
    section(
        "s",
        ask("yes_no", "rents", required=True),
        ask("money", "rent", when={"field": "./rents", "is": True}, required_when={"field": "./rents", "is": True}),
        ask("text", "why", when={"field": "./rent", "more_than": 1000}),
        ask("date", "born", max="today"),
    )
)


def test_fields_are_judged_in_order_on_the_values_before_them():
    form = page(RENT, posted=[("rents", "yes"), ("rent", ""), ("why", "")])
    assert not form.validate()
    assert form.errors == {"rent": "Label of rent: enter an amount of money, like 650 or 650.50"}
    assert page(RENT, posted=[("rents", "no"), ("rent", "x")]).validate()


def test_a_hidden_field_is_not_judged_and_what_was_posted_for_it_is_kept_aside():
    stored = SectionState(answers={"rents": True, "rent": "500.00", "why": "old"})
    form = page(RENT, posted=[("rents", "no"), ("rent", "6o0"), ("why", "new")], stored=stored)
    assert form.validate()
    assert form.kept() == SectionState(answers={"rents": False, "why": "new"}, typed={"rent": {"rent": ["6o0"]}})


HIDDEN: tuple[tuple[str, Any, list[tuple[str, str]], list[tuple[str, str]]], ...] = (
    ("text", "Old", [("q", "New")], [("q", "x" * 501)]),
    ("long_text", "Old", [("q", "Two\r\nlines")], [("q", "x" * 20_001)]),
    ("name", "Old", [("q", "Zoë")], [("q", "x" * 501)]),
    ("number", "3", [("q", "4")], [("q", "four")]),
    ("money", "3.00", [("q", "£4")], [("q", "4 quid")]),
    ("email", "a@b.example", [("q", "c@d.example")], [("q", "c@d")]),
    ("phone", "01632 960001", [("q", "01632 960002")], [("q", "none")]),
    ("date", "2000-01-01", [("q-day", "2"), ("q-month", "3"), ("q-year", "2001")], [("q-day", "2")]),
    ("address", {"line_1": "1 Road", "line_2": "", "town": "Ashmere", "postcode": "AS4 2LN"},
     [("q-line_1", "2 Road"), ("q-town", "Ashmere"), ("q-postcode", "AS4 2LN")], [("q-line_1", "2 Road")]),
    ("yes_no", True, [("q", "no")], [("q", "perhaps")]),
    ("choice", "a", [("q", "b")], [("q", "gone")]),
    ("choices", ["a"], [("q", "b")], [("q", "b"), ("q", "none")]),
    ("declaration", True, [("q", "yes")], [("q", "perhaps")]),
)  # fmt: skip


@pytest.mark.parametrize("when", ["./shows", "before.shows"], ids=["same page", "earlier section"])
@pytest.mark.parametrize(("kind", "old", "valid", "invalid"), HIDDEN, ids=[case[0] for case in HIDDEN])
class TestPostForAHiddenQuestion:
    """Whatever its type and whatever hides it, a question that does not show loses nothing and says nothing."""

    @staticmethod
    def page(kind: str, when: str, posted: list[tuple[str, str]], stored: SectionState) -> Any:
        asked = ask(kind, when={"field": when, "is": True})
        form = definition(section("before", ask("yes_no", "shows")), section("s", ask("yes_no", "shows"), asked))
        return page(form, posted=[("shows", "no"), *posted], stored=stored, answers={"before": {"shows": False}})

    def test_answer_is_kept_aside_in_place_of_the_old_one(self, kind, old, valid, invalid, when):
        form = self.page(kind, when, valid, SectionState(answers={"q": old}))
        assert form.validate()
        kept = form.kept()
        assert kept.answers["q"] == form.all_fields["q"].answer is not None
        assert not kept.typed

    def test_typed_text_that_is_no_answer_is_kept_aside_as_typed(self, kind, old, valid, invalid, when):
        form = self.page(kind, when, invalid, SectionState(answers={"q": old}))
        assert form.validate()
        kept = form.kept()
        assert [(name, value) for name, values in kept.typed["q"].items() for value in values] == invalid
        assert "q" not in kept.answers

    @pytest.mark.parametrize("blank", ["", " "], ids=["empty", "spaces"])
    def test_empty_post_leaves_what_is_kept(self, kind, old, valid, invalid, when, blank):
        nothing = [] if kind in ("choices", "choice", "yes_no", "declaration") else [(name, blank) for name, _ in valid]
        for stored in (SectionState(answers={"q": old}), SectionState(typed={"q": {"q": ["typed"]}})):
            kept = self.page(kind, when, nothing, stored).kept()
            assert (kept.answers.get("q"), kept.typed.get("q")) == (stored.answers.get("q"), stored.typed.get("q"))


def test_boxes_that_the_page_left_out_are_not_emptied_when_it_is_sent():
    form = definition(
        section("before", ask("yes_no", "shows")),
        section("s", ask("text", "q"), ask("choices", "kinds", when={"field": "before.shows", "is": True})),
    )
    stored = SectionState(answers={"kinds": ["a"]})
    served = page(form, answers={"before": {"shows": False}}, stored=stored)
    assert served.left_out == ["kinds"]
    posted = [("q", "x"), (LEFT_OUT, ",".join(served.left_out))]
    meanwhile = page(form, answers={"before": {"shows": True}}, stored=stored, posted=posted)
    assert meanwhile.kept().answers == {"q": "x", "kinds": ["a"]}
    assert meanwhile.left_out == []


def test_page_shown_again_holds_what_was_typed_into_a_question_that_it_cannot_show_any_more():
    form = page(CHOICE, answers={"before": {"rents": True}}, posted=[("pick", "a"), ("never", "typed")])
    [never] = [field for field in form if field.id == "never"]
    assert (never.value, never.show_when) == ("typed", "false")


def test_invalid_typed_text_is_kept_and_replaces_the_old_answer():
    stored = SectionState(answers={"rents": True, "rent": "500.00"})
    kept = page(
        RENT, posted=[("rents", "yes"), ("rent", "6o0"), ("born-day", "31"), ("born-month", "")], stored=stored
    ).kept()
    assert kept.answers == {"rents": True}
    assert kept.typed == {"rent": {"rent": ["6o0"]}, "born": {"born-day": ["31"]}}
    again = page(RENT, stored=kept)
    assert again.all_fields["rent"].value == "6o0"
    assert again.all_fields["born"].parts == {"day": "31", "month": "", "year": ""}


WRONG = {
    "text": [("x", "abcd")],
    "long_text": [("x", "a b c")],
    "name": [("x", "abcd")],
    "email": [("x", "a@b@c")],
    "phone": [("x", "0770o 900123")],
    "number": [("x", "101")],
    "money": [("x", "£")],
    "date": [("x-day", "31"), ("x-month", "2"), ("x-year", "")],
    "yes_no": [("x", "perhaps")],
    "choice": [("x", "z")],
    "choices": [("x", "a"), ("x", "none")],
    "address": [("x-line_1", "1 Road"), ("x-town", "")],
    "declaration": [("x", "perhaps")],
}
"""For each type something that is not a valid answer; texts have a limit of three letters or two words."""
LIMITS = {"text": {"max_length": 3}, "name": {"max_length": 3}, "long_text": {"max_words": 2}, "number": {"max": 100}}
UNANSWERED = [{"field": "./x", "answered": False}, {"not": {"field": "./x", "answered": True}}]


def mistyped_form(kind, when):
    return definition(
        section(
            "s",
            ask(kind, "x", **LIMITS.get(kind, {})),
            ask("text", "y", required_when=when),
            ask("text", "z", when=when),
        ),
        section("t", ask("text", "y", required_when=_elsewhere(when)), ask("text", "z", when=_elsewhere(when))),
    )


def _elsewhere(when):
    return json.loads(json.dumps(when).replace("./x", "s.x"))


@pytest.mark.parametrize("when", UNANSWERED, ids=["answered is false", "not answered"])
@pytest.mark.parametrize("kind", WRONG)
def test_one_mistake_is_one_error(kind, when):
    """What is typed wrongly is not unanswered: nothing else is asked for in its place."""
    form = mistyped_form(kind, when)
    shown_page = page(form, posted=WRONG[kind] + [("y", ""), ("z", "")])
    assert not shown_page.validate()
    assert list(shown_page.errors) == ["x"]
    assert not shown_page.is_shown("z")
    kept = shown_page.kept()
    again = page(form, stored=kept)
    assert not again.validate()
    assert list(again.errors) == ["x"]
    found = shown(form, {"s": kept.answers}, TODAY, typed={"s": {"": kept.typed}})
    assert [problem.field.id for problem in section_problems(form.section("s"), found, {"": kept.typed})] == ["x"]
    assert section_problems(form.section("t"), found) == ()
    assert [field.id for field in found.pages["t"][""].fields] == ["y"]
    later = page(form, "t", posted=[("y", ""), ("z", "")], answers={"s": kept.answers}, typed={"s": {"": kept.typed}})
    assert later.validate()
    assert not later.is_shown("z")
    assert found.answers == {"s": {}, "t": {}}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_typed_wrongly_shows_what_an_answer_shows(kind):
    form = mistyped_form(kind, {"field": "./x", "answered": True})
    shown_page = page(form, posted=WRONG[kind] + [("y", ""), ("z", "kept")])
    assert not shown_page.validate()
    assert list(shown_page.errors) == ["x", "y"]
    assert shown_page.kept().answers == {"z": "kept"}


@pytest.mark.parametrize("kind", WRONG)
def test_empty_question_is_unanswered(kind):
    form = mistyped_form(kind, UNANSWERED[0])
    shown_page = page(form, posted=[(name, "\u200b") for name, _ in WRONG[kind]] + [("y", ""), ("z", "kept")])
    assert not shown_page.validate()
    assert list(shown_page.errors) == ["y"]
    assert shown_page.kept().answers == {"z": "kept"}


def test_refused_file_is_not_an_unanswered_question():
    form = definition(
        section("s", ask("file", "f"), ask("text", "why", required_when={"field": "./f", "answered": False}))
    )
    shown_page = page(form, posted=[("why", "")])
    shown_page.refuse_file("f", InvalidAnswerError("empty", name="a.pdf"))
    assert not shown_page.validate()
    assert list(shown_page.errors) == ["f"]


def test_an_emptied_field_is_neither_answered_nor_typed():
    stored = SectionState(answers={"rents": True, "rent": "1.00"}, typed={"born": {"born-day": ["31"]}})
    kept = page(RENT, posted=[("rents", "yes"), ("rent", " "), ("born-day", "")], stored=stored).kept()
    assert (kept.answers, kept.typed) == ({"rents": True}, {})


def test_a_text_input_missing_from_the_page_keeps_its_stored_answer():
    stored = SectionState(answers={"rents": True, "rent": "1.00"})
    assert page(RENT, posted=[("rents", "yes")], stored=stored).kept().answers == {"rents": True, "rent": "1.00"}


def test_checkboxes_that_were_not_posted_are_empty():
    form = definition(section("s", ask("choices", "kinds"), ask("declaration", "agree")))
    stored = SectionState(answers={"kinds": ["a"], "agree": True})
    assert page(form, posted=[], stored=stored).kept().answers == {}


def test_autosave_reads_only_the_named_fields():
    stored = SectionState(answers={"rents": True, "rent": "1.00"})
    form = page(RENT, posted=[("rent", "2"), ("born-day", "9")], stored=stored, only={"rent"})
    assert form.kept() == SectionState(answers={"rents": True, "rent": "2.00"})


def test_saving_for_later_needs_no_valid_answers():
    assert page(RENT, posted=[("rents", "perhaps")]).kept().typed == {"rents": {"rents": ["perhaps"]}}


def test_a_stored_answer_that_is_no_longer_valid_is_refused():
    stored = SectionState(answers={"rents": False, "born": "2026-11-22"})
    form = page(RENT, posted=[("rents", "no")], stored=stored)
    assert not form.validate()
    assert form.errors == {"born": "“Label of born” must be today or in the past"}


def test_the_error_list_leads_to_the_first_wrong_input():
    form = definition(section("s", ask("date", "born"), ask("choice", "pick", required=True), ask("address", "home")))
    posted = [("born-day", "1"), ("born-month", "13"), ("born-year", "2000"), ("home-line_1", "1 Road")]
    shown = page(form, posted=posted)
    assert not shown.validate()
    assert [href for href, _ in shown.error_list()] == ["#born-month", "#pick", "#home-town"]
    assert shown.all_fields["home"].part_errors == {
        "town": "Label of home: enter the town or city",
        "postcode": "Label of home: enter the postcode",
    }
    assert shown.all_fields["born"].error_parts == ("month",)


@pytest.mark.parametrize(
    "name", ["meta", "data", "process", "errors", "validate", "populate_obj", "form_errors", "section", "kept", "from"]
)
def test_any_id_may_name_a_field(name):
    form = definition(section("s", ask("text", name, required=True)))
    shown = page(form, posted=[(name, "x")])
    assert shown.validate()
    assert shown.kept().answers == {name: "x"}
    assert [field.id for field in shown] == [name]


CHOICE = definition(
    section("before", ask("yes_no", "rents")),
    section(
        "s",
        ask("choice", "pick"),
        ask("text", "why_a", when={"field": "./pick", "is": "a"}),
        ask("text", "more_a", when={"field": "s.pick", "is": "a"}),
        ask("text", "why_b", when={"field": "./pick", "is": "b"}, required=True),
        ask("text", "both", when={"all": [{"field": "./pick", "is": "a"}, {"field": "before.rents", "is": True}]}),
        ask("text", "never", when={"field": "before.rents", "is": False}),
        ask("text", "late", when={"field": "./pick", "is": "a"}),
    ),
)


def test_a_field_revealed_by_an_option_is_inside_it_if_it_follows_directly():
    shown = page(CHOICE, answers={"before": {"rents": True}})
    top = {field.id: field for field in shown}
    assert list(top) == ["pick", "both", "late"]
    revealed = {option: [field.id for field in fields] for option, fields in top["pick"].reveals.items()}
    assert revealed == {"a": ["why_a", "more_a"], "b": ["why_b"]}


def test_a_revealed_field_is_still_judged():
    assert page(CHOICE, posted=[("pick", "b"), ("why_b", "")]).error_list() == []
    form = page(CHOICE, posted=[("pick", "b"), ("why_b", "")])
    assert not form.validate()
    assert form.error_list() == [("#why_b", "Label of why_b: enter an answer")]


def test_the_browser_gets_the_bounds_of_numbers_and_dates():
    form = definition(
        section("s", ask("money", "rent", max="5000"), ask("date", "born", min="1900-01-01", max="today"))
    )
    bounds = {field.id: field.bounds for field in page(form)}
    assert bounds == {"rent": {"data-max": "5000"}, "born": {"data-min": "1900-01-01", "data-max": "2026-11-21"}}


def test_the_browser_gets_the_conditions_that_other_sections_leave_open():
    top = {field.id: field for field in page(CHOICE, answers={"before": {"rents": True}})}
    assert json.loads(top["both"].show_when) == {"field": "pick", "type": "choice", "op": "is", "value": "a"}
    assert top["pick"].show_when is None


@pytest.mark.parametrize("answers", [{}, {"before": {"rents": True}}], ids=["cannot tell", "false"])
def test_a_field_that_no_value_of_the_page_can_show_is_left_out(answers):
    assert "never" not in [field.id for field in page(CHOICE, answers=answers)]


def test_hidden_answers_of_other_sections_decide_nothing():
    form = definition(
        section("a", ask("yes_no", "q"), ask("yes_no", "r", when={"field": "./q", "is": True})),
        section("s", ask("text", "x"), ask("text", "y", when={"field": "a.r", "is": True})),
    )
    assert len(list(page(form, answers={"a": {"q": False, "r": True}}))) == 1
    assert len(list(page(form, answers={"a": {"q": True, "r": True}}))) == 2


WHAT_TEMPLATES_READ = (
    *(
        "id",
        "type",
        "label",
        "hint",
        "error",
        "error_parts",
        "need",
        "required_when",
        "value",
        "values",
        "parts",
        "options",
    ),
    *("autocomplete", "inputmode", "spellcheck", "width", "prefix", "suffix", "max_words", "max_length", "rows"),
    *("show_when", "reveals", "bounds", "body_html", "part_errors"),
)
LOOKS = definition(
    section(
        "s",
        ask("note", "n", label="Read **this** <script>alert(1)</script> [x](javascript:y)"),
        ask("file", "f"),
        ask("lookup", "l"),
        ask("name", "me", hint="H"),
        ask("name", "landlord"),
        ask("money", "rent"),
        ask("choices", "kinds", options=OPTIONS),
    )
)


def test_every_field_has_what_its_template_needs():
    top: dict[str, Any] = {field.id: field for field in page(LOOKS, stored=SectionState(answers={"kinds": ["b"]}))}
    assert [(o.value, o.label, o.hint, o.checked, o.exclusive) for o in top["kinds"].options] == [
        ("a", "A", None, False, False),
        ("b", "B", None, True, False),
        ("none", "Nothing", None, False, True),
    ]
    assert (top["me"].autocomplete, top["landlord"].autocomplete) == ("name", None)
    assert (top["rent"].prefix, top["rent"].inputmode, top["me"].hint) == ("£", "decimal", "H")
    for field in top.values():
        assert not [name for name in WHAT_TEMPLATES_READ if not hasattr(field, name)]


def test_notes_are_safe():
    top = {field.id: str(field.body_html) for field in page(LOOKS)}
    assert "<strong>this</strong>" in top["n"]
    assert "<script" not in top["n"]
    assert 'href="javascript' not in top["n"]


def test_texts_use_the_requested_language_and_fall_back_to_the_first():
    form = definition(
        section("s", ask("text", "q", label={"en": "Name", "cy": "Enw"}), ask("text", "r", label="Only")),
        form={"languages": ["en", "cy"]},
    )
    assert [field.label.in_("cy") for field in form.sections[0].fields] == ["Enw", "Only"]


def test_a_page_of_fourteen_fields_takes_under_two_milliseconds():
    kinds = ("text", "date", "choice", "yes_no", "money", "address", "choices")
    when = {"any": [{"field": "./f0", "answered": True}, {"field": "./f1", "less_than": "today"}]}
    fields = [ask(kind, f"f{n}", when=when) if n > 1 else ask(kind, f"f{n}") for n, kind in enumerate(kinds * 2)]
    form = definition(section("s", *fields))
    page(form)
    assert min(cpu_seconds(lambda: [(f.parts, f.options, f.show_when) for f in page(form)]) for _ in range(20)) < 0.0015


def cpu_seconds(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


HERE, BEFORE = {"field": "./q", "is": True}, {"field": "before.q", "is": True}
NEEDS: dict[str, tuple[dict[str, Any], dict[str, Any], str | None, bool]] = {
    "required": ({"required": True}, {}, "required", False),
    "not required": ({}, {}, "optional", False),
    "an earlier answer requires it": ({"required_when": BEFORE}, {"before": {"q": True}}, "required", False),
    "an earlier answer does not": ({"required_when": BEFORE}, {"before": {"q": False}}, "optional", False),
    "an earlier answer is missing": ({"required_when": BEFORE}, {}, "optional", False),
    "this page requires it": ({"required_when": HERE}, {"s": {"q": True}}, "now_required", True),
    "this page does not": ({"required_when": HERE}, {"s": {"q": False}}, "now_optional", True),
    "this page does not say": ({"required_when": HERE}, {}, "now_optional", True),
    "either": ({"required_when": {"any": [BEFORE, HERE]}}, {"before": {"q": True}}, "required", False),
    "both": ({"required_when": {"all": [BEFORE, HERE]}}, {"before": {"q": True}}, "now_optional", True),
    "its author said so": ({"label": "Telephone (Optional)"}, {}, None, False),
}


@pytest.mark.parametrize(("keys", "answers", "need", "by_script"), NEEDS.values(), ids=NEEDS)
def test_question_knows_whether_an_answer_is_needed(
    keys: dict[str, Any], answers: dict[str, Any], need: str | None, by_script: bool
) -> None:
    form = definition(
        section("before", ask("yes_no", "q")),
        section("s", ask("yes_no", "q"), ask("text", "x", **keys)),
    )
    own = SectionState(answers=answers.get("s", {}))
    [_q, x] = list(page(form, answers=answers, stored=own))
    assert (x.need, x.required_when is not None) == (need, by_script)
