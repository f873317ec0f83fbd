"""Questions show only if their condition is true, live and three-valued, as the server judges it."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.probe import SECTION

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
