"""Questions show only if their condition is true, live and three-valued, as the server judges it."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.form_definitions.versions.operations import publish
from tests.browser.probe import SECTION
from tests.browser.server import Server
from tests.browser.visitors import button
from tests.unit.form_definitions import making
from tests.unit.form_definitions.making import ask

pytestmark = pytest.mark.browser


@pytest.fixture
def section(page: Page) -> Page:
    page.goto(SECTION)
    return page


def question(page: Page, field: str) -> Locator:
    return page.locator(f"[data-field={field}]")


def choose(page: Page, text: str) -> None:
    page.get_by_text(text, exact=True).click()


def test_a_question_shows_when_its_condition_becomes_true_and_hides_again(section: Page) -> None:
    expect(question(section, "owed")).to_be_hidden()
    choose(section, "Yes")
    expect(question(section, "owed")).to_be_visible()
    choose(section, "No")
    expect(question(section, "owed")).to_be_hidden()


def test_not_is_unknown_until_there_is_an_answer(section: Page) -> None:
    expect(question(section, "other")).to_be_hidden()
    choose(section, "No")
    expect(question(section, "other")).to_be_visible()


def test_a_hidden_question_counts_as_not_answered(section: Page) -> None:
    choose(section, "Yes")
    section.get_by_label("How much do you owe?").fill("100")
    expect(question(section, "helper")).to_be_visible()
    choose(section, "No")
    expect(question(section, "helper")).to_be_hidden()


@pytest.mark.parametrize(
    ("typed", "shows"),
    [("1000", False), ("1000.01", True), ("£1,200", True), ("900.00", False), ("1200 a month", False), ("", False)],
)
def test_amounts_are_compared_as_numbers(section: Page, typed: str, shows: bool) -> None:
    section.get_by_label("How much is your rent?").fill(typed)
    expect(question(section, "reason")).to_be_visible(visible=shows)


@pytest.mark.parametrize(
    ("day", "month", "year", "shows"),
    [
        ("21", "11", "1960", True),
        ("22", "11", "1960", False),
        ("4", "Medi", "1950", True),
        ("4", "sept.", "1950", True),
        ("31", "2", "1950", False),
        ("", "2", "1950", False),
    ],
)
def test_dates_are_compared_as_dates(section: Page, day: str, month: str, year: str, shows: bool) -> None:
    section.get_by_label("Day").fill(day)
    section.get_by_label("Month").fill(month)
    section.get_by_label("Year").fill(year)
    expect(question(section, "pension")).to_be_visible(visible=shows)


def test_includes_finds_one_of_several_choices(section: Page) -> None:
    choose(section, "A cat")
    expect(question(section, "kennel")).to_be_hidden()
    choose(section, "A dog")
    expect(question(section, "kennel")).to_be_visible()


COMPARED: dict[str, list[dict[str, Any]]] = {
    "word": [{"is": "red"}, {"is_not": "red"}, {"one_of": ["red", "blue"]}],
    "call": [],
    "count": [{"at_least": 50}, {"less_than": 50}, {"is_not": 7}, {"one_of": [7, 1300]}],
    "sum": [{"more_than": 1000}, {"at_most": 1000}, {"is_not": 650}],
    "born": [{"years_ago_at_least": 18}, {"more_than": "2008-11-21"}, {"is_not": "1988-05-09"}],
    "some": [{"includes": "a"}],
}
"""The comparisons by field; each stands also in a `not`, and `answered` is asked of every field."""
ASKED = [
    ask("text", "word"),
    ask("phone", "call"),
    ask("number", "count", min=1, max=2000),
    ask("money", "sum", max=5000),
    ask("date", "born", min="1900-01-01", max="today"),
    ask("choices", "some"),
]
NUMBERS = [
    *("1300", "1,300", "1 300", "1\u00a0300", "\u200b650", "6\u206050", "7", "0.5", "+60", "\u221260", "2001"),
    *("5000.01", "12 50", "3 4", "1 2345", "£60", "£ 1 300", "-£5", "60£", "6£0", "£", "-", "60.125", "60.1234567"),
    *("1e3", "0x40", "1,30", "٣", "\u200b", "a"),
]
DATES = [
    *("9/5/1988", "9/May/1988", "09/Mai./1988", "\u200b9/5\ufeff/1988", "31/2/2000", "1e1/1/2000", "0x9/5/1988"),
    *("9.0/5/1988", "9//1988", "//", "\u200b/\u2060/ ", "/May/", "9/5/88", "21/11/2026", "22/11/2026", "31/12/1899"),
    *("+9/5/1988", "9/13/1988"),
]
WORDS = [
    "red",
    " red ",
    "\u200bred\ufeff",
    "r\u200bed",
    "green",
    "\u200b",
    "\u2800",
    "\u00a0",
    "0770o 900123",
    "07700 900123",
]
TICKED = ["", "a", "b", "none", "a+b", "a+none"]
CASES = {"word": WORDS, "call": WORDS, "count": NUMBERS, "sum": NUMBERS, "born": DATES, "some": TICKED}
SET = """([name, values]) => {
  const inputs = [...document.querySelectorAll(`main [name="${name}"]`)];
  const picks = inputs[0].type === "checkbox";
  inputs.forEach((input) => {
    if (picks) input.checked = values.includes(input.value); else [input.value] = values;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}"""
SHOWN = """() => [...document.querySelectorAll("main [data-field]")]
  .filter((each) => !each.closest("[hidden]")).map((each) => each.dataset.field)"""


def dependents() -> list[dict[str, Any]]:
    """Return a question for each comparison of each field, and for its `not`."""
    found = []
    for source, comparisons in COMPARED.items():
        for number, comparison in enumerate([*comparisons, {"answered": True}, {"answered": False}]):
            when = {"field": f"./{source}", **comparison}
            found += [ask("text", f"{source}_{number}", when=when)]
            found += [ask("text", f"{source}_{number}_not", when={"not": when})]
    return found


def posted(field: str, typed: str) -> list[tuple[str, str]]:
    """Return what a browser posts for a field."""
    if field == "born":
        return [(f"born-{part}", text) for part, text in zip(("day", "month", "year"), typed.split("/"), strict=True)]
    return [(field, text) for text in typed.split("+")] if field == "some" and typed else [(field, typed)]


@pytest.mark.parametrize("field", CASES)
def test_script_shows_what_the_server_would_show(page: Page, server: Server, field: str) -> None:
    """An answer, something that is none, and nothing: three values, the same on both sides."""
    form = making.definition(making.section("s", *ASKED, *dependents()))
    with server.app.extensions["portal"].database.writing() as db:
        publish(db, form, now=server.app.extensions["portal"].clock.now())
    page.goto("/forms/f")
    button(page, "Start now").click()
    page.get_by_role("link", name="S", exact=True).click()
    expect(question(page, "word")).to_be_visible()
    page.wait_for_load_state()  # the script listens
    for typed in CASES[field]:
        pairs = posted(field, typed)
        for name in dict(pairs):
            page.evaluate(SET, [name, [value for key, value in pairs if key == name]])
        judged = making.page(form, posted=[pair for pair in pairs if pair != ("some", "")])
        expected = [each for each in judged.all_fields if judged.is_shown(each)]
        assert page.evaluate(SHOWN) == expected, ascii(typed)
