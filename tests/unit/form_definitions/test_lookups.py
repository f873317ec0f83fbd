"""Look-ups of a form: what they send, what a result fills in, and what publishing says about them."""

from typing import Any

import pytest

from portal.form_definitions.lookups import doubts, filled_inputs, input_text
from tests.unit.form_definitions.making import ask, definition, document, faults, field, page, section

S = "sections[0].fields"
REGISTER = {"register": (("postcode",), {"address": "address", "town": "text"})}
WHERE = {"line_1": "1 Weir Lane", "line_2": "", "town": "Ashmere", "postcode": "AS4 2LN"}


def looked_up(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return section("s", *fields, ask("lookup", "find", **more))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("AS4 2LN", "AS4 2LN"), (True, "yes"), (False, "no"), (None, ""), (WHERE, "1 Weir Lane, Ashmere, AS4 2LN")],
)
def test_a_look_up_sends_an_answer_as_one_text(answer: Any, expected: str) -> None:
    assert input_text(answer) == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("address", WHERE, {part: [text] for part, text in WHERE.items()}),
        ("address", {"town": "Ashmere"}, {"line_1": [""], "line_2": [""], "town": ["Ashmere"], "postcode": [""]}),
        ("address", "1 Weir Lane", {"line_1": ["1 Weir Lane"], "line_2": [""], "town": [""], "postcode": [""]}),
        ("text", WHERE, {"": ["1 Weir Lane, Ashmere, AS4 2LN"]}),
        ("name", "Ada", {"": ["Ada"]}),
        ("date", "1990-05-03", {"day": ["3"], "month": ["5"], "year": ["1990"]}),
        ("date", "soon", {"day": [""], "month": [""], "year": [""]}),
        ("choice", "a", {"": ["a"]}),
        ("choice", "NOTHING", {"": ["none"]}),
        ("choice", "green", {"": ["green"]}),
        ("yes_no", "yes", {"": ["yes"]}),
    ],
)
def test_a_value_fills_the_inputs_of_its_field(kind: str, value: Any, expected: dict[str, list[str]]) -> None:
    assert filled_inputs(field(kind), value) == expected


def test_a_page_returns_the_typed_text_of_shown_fields_valid_or_not() -> None:
    form = definition(
        section(
            "s",
            ask("yes_no", "more"),
            ask("number", "many"),
            ask("text", "hidden", when={"field": "./more", "is": True}),
        )
    )
    shown = page(form, posted=[("more", "no"), ("many", "1,300.50"), ("hidden", "x")])
    assert [shown.typed_text(name) for name in ("more", "many", "hidden", "gone")] == ["no", "1300.5", "", ""]
    assert page(form, posted=[("many", " lots ")]).typed_text("many") == "lots"


FAULTS = [
    ("input unknown", looked_up(inputs={"p": "./gone"}), f"{S}[0].inputs.p"),
    ("input after it", section("s", ask("lookup", "find", inputs={"p": "./q"}), ask("text")), f"{S}[0].inputs.p"),
    ("input of several", looked_up(ask("choices"), inputs={"p": "./q"}), f"{S}[1].inputs.p"),
    ("input without answer", looked_up(ask("note"), inputs={"p": "./q"}), f"{S}[1].inputs.p"),
    ("fills unknown", looked_up(fills={"./gone": "address"}), f"{S}[0].fills../gone"),
    ("fills a declaration", looked_up(ask("declaration"), fills={"./q": "x"}), f"{S}[1].fills../q"),
    ("fills a file", looked_up(ask("file"), fills={"./q": "x"}), f"{S}[1].fills../q"),
    ("fills twice", looked_up(ask("text"), fills={"./q": "x", "s.q": "y"}), f"{S}[1].fills.s.q"),
]


@pytest.mark.parametrize(("content", "path"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_a_faulty_look_up_is_refused_with_its_path(content: dict[str, Any], path: str) -> None:
    assert list(faults(document(content))) == [path]


DOUBTS = [
    ("unknown integration", {"integration": "gone"}, [f"{S}[2].integration"]),
    ("input that it needs", {"fills": {"./home": "address"}}, [f"{S}[2].inputs"]),
    ("input that it does not know", {"inputs": {"postcode": "./q", "house": "./q"}}, [f"{S}[2].inputs.house"]),
    ("output that it does not offer", {"inputs": {"postcode": "./q"}, "fills": {"./q": "x"}}, [f"{S}[2].fills../q"]),
    ("sound", {"inputs": {"postcode": "./q"}, "fills": {"./home": "address", "./q": "town"}}, []),
]


@pytest.mark.parametrize(("lookup", "paths"), [case[1:] for case in DOUBTS], ids=[case[0] for case in DOUBTS])
def test_a_look_up_that_this_installation_cannot_run_is_a_doubt_and_not_a_fault(
    lookup: dict[str, Any], paths: list[str]
) -> None:
    form = definition(looked_up(ask("text"), ask("address", "home"), **lookup))
    assert [doubt.path for doubt in doubts(form, REGISTER)] == paths


def test_an_address_does_not_fit_a_number() -> None:
    form = definition(looked_up(ask("number"), inputs={"postcode": "./q"}, fills={"./q": "address"}))
    assert [doubt.path for doubt in doubts(form, REGISTER)] == [f"{S}[1].fills../q"]
