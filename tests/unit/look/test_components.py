"""Our macros produce the markup of govuk-frontend, with every label, hint and error linked to its control."""

import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import ChainableUndefined, Environment, PackageLoader, PrefixLoader
from markupsafe import Markup

from portal.sessions.activity import SessionClock
from tests.unit.look.rendering import TEMPLATES, Element, elements, environment, render, visible

KEPT = ("id", "name", "type", "value", "for", "href", "role", "aria-describedby", "checked", "selected", "rows",
        "autocomplete", "inputmode", "spellcheck")  # fmt: skip
HINT, ERROR = "Without bills", "Enter how much"


def option(value: str, label: str, **more: Any) -> SimpleNamespace:
    usual = {"value": value, "label": label, "hint": None, "checked": False, "exclusive": False}
    return SimpleNamespace(**usual | more)


RED, BLUE = option("red", "Red", hint="Like blood"), option("blue", "Blue", checked=True)
ITEMS: list[dict[str, Any]] = [
    {"value": "red", "text": "Red", "hint": {"text": "Like blood"}},
    {"value": "blue", "text": "Blue", "checked": True},
]
CHOICES = [{"value": "red", "text": "Red"}, {"value": "blue", "text": "Blue"}]
LABEL, LEGEND = {"text": "Rent?"}, {"legend": {"text": "Rent?"}}


def oracle(component: str, macro: str, parameters: dict[str, Any]) -> str:
    """Return the same component as govuk-frontend-jinja draws it."""
    env = Environment(
        loader=PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
        undefined=ChainableUndefined,
        autoescape=True,
    )
    source = f'{{% from "govuk_frontend_jinja/components/{component}/macro.html" import {macro} %}}{{{{ {macro}(p) }}}}'
    return env.from_string(source).render(p=parameters)


def essence(html: str) -> list[tuple[str, set[str], dict[str, str]]]:
    """Return what assistive technology, script and style rely on: tags, govuk classes, linking attributes."""
    essential = (
        (
            element.tag,
            {name for name in element.classes if name.startswith("govuk-")},
            {name: value for name, value in element.attributes.items() if name in KEPT},
        )
        for element in visible(html)
    )
    return [part for part in essential if part[1] or part[2] or part[0] in ("fieldset", "legend", "li")]


def _both(**more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a hint and an error, as our macros and as theirs take them."""
    return {"hint": HINT, "error": ERROR} | more, {"hint": {"text": HINT}, "errorMessage": {"text": ERROR}}


OURS, THEIRS = _both()
DATE_ITEMS = [
    {
        "name": name,
        "label": name.capitalize(),
        "classes": f"govuk-input--width-{size} govuk-input--error",
        "attributes": {"aria-describedby": "rent-error"},
    }
    for name, size in (("day", 2), ("month", 2), ("year", 4))
]

CASES: list[tuple[str, str, dict[str, Any], str, str, dict[str, Any]]] = [
    ("input", "text_input", {"name": "rent", "label": "Rent?"},
     "input", "govukInput", {"name": "rent", "label": LABEL}),
    ("input with all", "text_input",
     {"name": "rent", "label": "Rent?", "value": "6<0", "prefix": "£", "suffix": "a month", "inputmode": "decimal",
      "autocomplete": "off", "spellcheck": False, **OURS},
     "input", "govukInput",
     {"name": "rent", "label": LABEL, "value": "6<0", "prefix": {"text": "£"}, "suffix": {"text": "a month"},
      "inputmode": "decimal", "autocomplete": "off", "spellcheck": False, **THEIRS}),
    ("input as heading", "text_input", {"name": "rent", "label": "Rent?", "label_is_heading": True},
     "input", "govukInput",
     {"name": "rent", "label": {"text": "Rent?", "isPageHeading": True, "classes": "govuk-label--l"}}),
    ("textarea", "textarea", {"name": "rent", "label": "Rent?", "value": "a\nb", "rows": 4, **OURS},
     "textarea", "govukTextarea", {"name": "rent", "label": LABEL, "value": "a\nb", "rows": 4, **THEIRS}),
    ("date", "date_input", {"name": "rent", "label": "Rent?", **OURS},
     "date-input", "govukDateInput",
     {"id": "rent", "namePrefix": "rent", "fieldset": LEGEND, "items": DATE_ITEMS, **THEIRS}),
    ("radios", "radios", {"name": "rent", "label": "Rent?", "options": [RED, BLUE], **OURS},
     "radios", "govukRadios", {"name": "rent", "fieldset": LEGEND, "items": ITEMS, **THEIRS}),
    ("inline radios", "radios", {"name": "rent", "label": "Rent?", "options": [RED, BLUE], "inline": True},
     "radios", "govukRadios", {"name": "rent", "fieldset": LEGEND, "items": ITEMS, "classes": "govuk-radios--inline"}),
    ("checkboxes", "checkboxes", {"name": "rent", "label": "Rent?", "options": [RED, BLUE], **OURS},
     "checkboxes", "govukCheckboxes", {"name": "rent", "fieldset": LEGEND, "items": ITEMS, **THEIRS}),
    ("select", "select", {"name": "rent", "label": "Rent?", "options": [RED, BLUE], "value": "blue", **OURS},
     "select", "govukSelect",
     {"name": "rent", "label": LABEL, "value": "blue", "items": CHOICES, **THEIRS}),
    ("error summary", "error_summary",
     {"errors": [("#rent", "Enter how much"), ("#often", "Choose")], "note": "Saved."},
     "error-summary", "govukErrorSummary",
     {"titleText": "There is a problem",
      "errorList": [{"href": "#rent", "text": "Enter how much"}, {"href": "#often", "text": "Choose"}]}),
    ("button", "button", {"text": "Continue"}, "button", "govukButton", {"text": "Continue", "type": "submit"}),
    ("secondary button", "button",
     {"text": "Save", "kind": "secondary", "name": "_action", "value": "save", "id": "b"},
     "button", "govukButton",
     {"text": "Save", "type": "submit", "classes": "govuk-button--secondary", "name": "_action", "value": "save",
      "id": "b"}),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "arguments", "theirs", "macro", "parameters"),
                         [pytest.param(*case[1:], id=case[0]) for case in CASES])  # fmt: skip
def test_a_component_has_the_markup_of_govuk_frontend(
    ours: str, arguments: dict[str, Any], theirs: str, macro: str, parameters: dict[str, Any]
) -> None:
    assert essence(render(ours, **arguments)) == essence(oracle(theirs, macro, parameters))


def test_a_revealed_question_follows_its_option_as_in_govuk_frontend() -> None:
    reveals = {"red": Markup('<p id="one">How red?</p>'), "blue": Markup('<p id="two">How blue?</p>')}
    items = [item | {"conditional": {"html": reveals[str(item["value"])]}} for item in ITEMS]
    ours = render("radios", name="rent", label="Rent?", options=[RED, BLUE], reveals=reveals)
    assert essence(ours) == essence(
        oracle("radios", "govukRadios", {"name": "rent", "fieldset": LEGEND, "items": items})
    )


BLANK = ("hint", "error", "autocomplete", "inputmode", "spellcheck", "width", "prefix", "suffix", "max_words",
         "max_length", "rows", "show_when")  # fmt: skip


def field(kind: str, **more: Any) -> SimpleNamespace:
    """Return a question as the form engine hands it to the templates."""
    blank: dict[str, Any] = dict.fromkeys(BLANK)
    parts = dict.fromkeys(("day", "month", "year", "line_1", "line_2", "town", "postcode"), "")
    usual = {"id": "rent", "type": kind, "label": "Rent?", "error_parts": (), "value": "",
             "need": "required", "required_when": None, "part_errors": {},
             "values": [], "parts": parts, "options": [RED, BLUE], "reveals": {}, "bounds": {}, "body_html": "Later",
             "outcome": None, "files": (), "removed": (),
             "limits_text": "Up to 3", "accept": ".pdf", "many": True, "most": 3, "largest": 9}  # fmt: skip
    return SimpleNamespace(**blank | usual | more)


TYPES = ["text", "name", "email", "phone", "number", "money", "long_text", "date", "address", "yes_no", "choice",
         "choices", "declaration", "file"]  # fmt: skip
SHOWN_ONLY = ["note"]
NOT_NEEDED = {"rent-line_2"}
"""An address never needs its second line."""


def _ids(page: list[Element]) -> list[str]:
    return [element.attributes["id"] for element in page if "id" in element.attributes]


def _named_by(control: Element, page: list[Element]) -> list[str]:
    return [element.text for element in page if element.attributes.get("for") == control.attributes["id"]]


def _controls(page: list[Element]) -> list[Element]:
    return [element for element in page if element.tag in ("input", "textarea", "select")]


@pytest.mark.parametrize("error", [None, ERROR], ids=["right", "wrong"])
@pytest.mark.parametrize("kind", TYPES)
def test_every_control_has_one_label_and_every_reference_a_target(kind: str, error: str | None) -> None:
    page = elements(render("form_field", field=field(kind, hint=HINT, error=error, max_words=100)))
    assert _controls(page)
    assert all(len(_named_by(control, page)) == 1 for control in _controls(page))
    assert len(_ids(page)) == len(set(_ids(page)))
    described = " ".join(element.attributes.get("aria-describedby", "") for element in page).split()
    assert set(described) <= set(_ids(page))
    assert {"rent-hint"} | ({"rent-error"} if error else set()) <= set(described)


@pytest.mark.parametrize(
    ("need", "mark", "states"),
    [
        ("required", None, {"true"}),
        ("optional", True, set()),
        ("now_required", False, {"true"}),
        ("now_optional", False, {"false"}),
        (None, None, set()),
    ],
)
@pytest.mark.parametrize("kind", TYPES)
def test_question_says_whether_an_answer_is_needed(
    kind: str, need: str | None, mark: bool | None, states: set[str]
) -> None:
    page = elements(render("form_field", field=field(kind, need=need)))
    marks = [element for element in page if "data-optional" in element.attributes]
    assert [("hidden" not in each.attributes, each.text) for each in marks] == [(mark, "(optional)")][
        : mark is not None
    ]
    assert all(each.inside("legend") or each.inside("label") for each in marks)
    controls = [control for control in _controls(page) if control.attributes["id"] not in NOT_NEEDED]
    assert {control.attributes.get("aria-required") for control in controls} == (states or {None})
    rest = [control for control in _controls(page) if control.attributes["id"] in NOT_NEEDED]
    assert not any("aria-required" in control.attributes for control in rest)


WRONG = [
    ("date", (), {}, {"rent-day": "rent-error", "rent-month": "rent-error", "rent-year": "rent-error"}),
    ("date", ("day", "year"), {}, {"rent-day": "rent-error", "rent-year": "rent-error"}),
    ("address", (), {}, dict.fromkeys(("rent-line_1", "rent-town", "rent-postcode"), "rent-error")),
    ("address", ("town",), {"town": ERROR}, {"rent-town": "rent-error"}),
    ("address", ("line_1", "town"), {"line_1": ERROR, "town": "Enter the town"},
     {"rent-line_1": "rent-error", "rent-town": "rent-town-error"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "parts", "errors", "described"), WRONG)
def test_each_wrong_line_is_marked_edged_and_described(
    kind: str, parts: tuple[str, ...], errors: dict[str, str], described: dict[str, str]
) -> None:
    page = elements(render("form_field", field=field(kind, error=ERROR, error_parts=parts, part_errors=errors)))
    wrong = [control for control in _controls(page) if control.attributes.get("aria-invalid") == "true"]
    assert {control.attributes["id"]: control.attributes["aria-describedby"] for control in wrong} == described
    edged = [control.attributes["id"] for control in _controls(page) if "govuk-input--error" in control.classes]
    assert edged == list(described)
    assert set(described.values()) <= set(_ids(page))


@pytest.mark.parametrize("kind", SHOWN_ONLY)
def test_a_question_without_a_control_shows_its_text(kind: str) -> None:
    page = elements(render("form_field", field=field(kind)))
    assert not _controls(page)
    assert "Later" in page[0].text


MANY, FEW = [RED, BLUE] * 4, [RED, BLUE]


@pytest.mark.parametrize(("options", "tag"), [(FEW, "input"), (MANY, "select")], ids=["few", "many"])
def test_look_up_results_appear_below_their_button_with_a_button_to_use_one(options: Any, tag: str) -> None:
    outcome = SimpleNamespace(sentence="2 results", options=options, use="Use this")
    page = elements(render("form_field", field=field("lookup", hint=HINT, outcome=outcome)))
    buttons = [element.attributes for element in page if element.tag == "button"]
    assert [(each["name"], each["value"]) for each in buttons] == [("_lookup", "rent"), ("_fill", "rent")]
    assert buttons[0]["aria-describedby"] == "rent-hint"
    assert {control.tag for control in _controls(page)} == {tag}
    assert {control.attributes["name"] for control in _controls(page)} == {"_found-rent"}
    (region,) = (element for element in page if "aria-live" in element.attributes)
    assert region.attributes["id"] == buttons[0]["hx-target"].removeprefix("#") == "rent-found"


@pytest.mark.parametrize("kind", [*TYPES, *SHOWN_ONLY, "lookup"])
def test_a_condition_reaches_the_script_unchanged(kind: str) -> None:
    condition = '{"field": "a", "is": "<b>\\"x\\""}'
    [wrapper, *_] = elements(render("form_field", field=field(kind, show_when=condition)))
    assert wrapper.attributes["data-show-when"] == condition
    assert wrapper.attributes["data-field"] == "rent"


@pytest.mark.parametrize("kind", ["yes_no", "choice", "choices"])
def test_an_option_reveals_the_questions_that_depend_on_it(kind: str) -> None:
    owed = field("money", id="owe", label="How much?", show_when='{"field": "rent"}')
    page = elements(render("form_field", field=field(kind, reveals={"blue": [owed]})))
    [owe] = [element for element in page if element.attributes.get("id") == "owe"]
    assert any(parent.attributes.get("id") == "conditional-rent-2" for parent in owe.parents)


@pytest.mark.parametrize(
    ("component", "arguments"),
    [
        ("text_input", {"name": "a", "label": "A", "value": "<b>"}),
        ("textarea", {"name": "a", "label": "A", "value": "<b>"}),
        ("radios", {"name": "a", "label": "A", "options": [option("<b>", "<b>", hint="<b>")]}),
        ("error_summary", {"errors": [("#a", "<b>")]}),
        ("notice", {"kind": "info", "text": "<b>"}),
        ("slip", {"reference": "<b>", "return_code": "<b>", "address": "<b>", "last_day": "<b>"}),
        ("facts", {"rows": [("<b>", "<b>")]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_typed_text_never_becomes_markup(component: str, arguments: dict[str, Any]) -> None:
    assert "<b>" not in render(component, **arguments)


def test_a_password_is_never_written_back() -> None:
    assert "secret" not in render("text_input", name="password", label="Password", type="password", value="secret")


def test_a_text_area_keeps_a_leading_line_break() -> None:
    assert ">\n\nfirst</textarea>" in render("textarea", name="a", label="A", value="\nfirst")


def test_only_the_wrong_part_of_a_date_is_marked() -> None:
    page = elements(render("date_input", name="born", label="Born", error=ERROR, error_parts=("month",)))
    assert [part.attributes["id"] for part in page if "aria-invalid" in part.attributes] == ["born-month"]


def test_an_exclusive_option_is_marked_for_the_script() -> None:
    page = elements(render("checkboxes", name="a", label="A", options=[RED, option("none", "None", exclusive=True)]))
    assert [box.attributes["value"] for box in _controls(page) if "data-exclusive" in box.attributes] == ["none"]


@pytest.mark.parametrize("errors", [1, 2])
def test_the_error_summary_says_that_there_is_a_problem(errors: int) -> None:
    page = elements(render("error_summary", errors=[("#a", "Wrong")] * errors))
    assert [element.text for element in page if element.tag == "h2"] == ["There is a problem"]


def task(status: str, href: str | None) -> SimpleNamespace:
    return SimpleNamespace(number=3, title="Your rent", href=href, reason="Why", status=status, status_text="Word")


STATUSES = [("complete", "/x"), ("in_progress", "/x"), ("not_started", "/x"), ("check_again", "/x"),
            ("cannot_start", None), ("not_needed", None)]  # fmt: skip


@pytest.mark.parametrize(("status", "href"), STATUSES)
def test_a_section_shows_its_status_and_is_a_link_if_it_can_be_opened(status: str, href: str | None) -> None:
    page = elements(render("task_list", rows=[task(status, href)]))
    assert [element.text for element in page if element.attributes.get("id") == "task-1-status"] == ["Word"]
    assert [element.text for element in page if element.tag == "a"] == (["Your rent"] if href else [])


CLOCK = SessionClock(
    kind="customer",
    state="active",
    remaining=600,
    next=480,
    until="14:47",
    stay_until="15:30",
    can_extend=True,
    answers_lost=False,
)


def _shown_text(page: list[Element]) -> str:
    return " ".join(element.text for element in page if element.tag == "p" and "hidden" not in element.attributes)


def warning(**more: Any) -> list[Element]:
    source = '{% from "components/warning_dialog.html" import warning_dialog with context %}{{ warning_dialog(clock) }}'
    context: dict[str, Any] = {"clock": replace(CLOCK, **more)}
    token: Callable[..., str] = lambda kind=None: "token"  # noqa: E731
    return elements(environment().from_string(source).render(csrf_token=token, **context))


def _buttons(page: list[Element]) -> list[str]:
    """Return the buttons that are shown."""
    shown = (element for element in page if not any("hidden" in around.attributes for around in element.parents))
    return [element.text for element in shown if element.tag == "button"]


@pytest.mark.parametrize(
    ("clock", "sentence", "buttons"),
    [
        pytest.param({}, "Your answers are saved.", ["Stay signed in", "Save and sign out"], id="saved"),
        pytest.param({"answers_lost": True}, "Your answers will be lost.", ["Stay signed in", "Sign out"], id="lost"),
        pytest.param({"can_extend": False}, "cannot have more time", ["Save and sign out"], id="at the absolute limit"),
    ],
)
def test_the_warning_promises_only_what_is_true(clock: dict[str, Any], sentence: str, buttons: list[str]) -> None:
    page = warning(**clock)
    assert sentence in _shown_text(page)
    assert _buttons(page) == buttons


def test_the_warning_is_named_by_its_heading_which_can_take_the_focus() -> None:
    dialog, *inside = warning()
    [heading] = [element for element in inside if element.attributes.get("id") == dialog.attributes["aria-labelledby"]]
    assert heading.text == "You will be signed out in 2 minutes."
    assert heading.attributes["tabindex"] == "-1"


def test_no_template_has_an_inline_style_or_handler() -> None:
    loader = environment().loader
    assert loader
    for name in (name for name in loader.list_templates() if not name.startswith("mail/")):
        source, *_ = loader.get_source(environment(), name)
        assert " style=" not in source, name
        assert " onclick" not in source, name
        assert "hx-on" not in source, name


def named_in(source: str) -> set[str]:
    """Return the icons that a template asks for by their names."""
    asked = r'\bicon\("([a-z-]+)"|icon="([a-z-]+)"|pill\("[a-z]+", (?:_\((?:[^()]|\([^()]*\))*\)), "([a-z-]+)"'
    return {name for found in re.findall(asked, source) for name in found if name}


def test_every_icon_that_a_page_asks_for_is_drawn() -> None:
    drawn = set(environment().get_template("components/icon.html").module.ICONS)  # type: ignore[attr-defined]
    asked = {name for path in TEMPLATES.rglob("*.html") for name in named_in(path.read_text())}
    assert asked >= {"padlock", "tick-circle", "clock", "swap", "printer"}
    assert asked <= drawn
