"""One mistake is one error: what is typed wrongly is not unanswered, on its page, on later ones and in items."""

import pytest
from flask import Flask

from tests.citizen import Citizen
from tests.loan import publish_yaml, start, states

pytestmark = pytest.mark.one_database
FORM = """
format: 1
form: {id: ring_us, title: Ring us}
conditions: {no_mobile: {not: {field: you.mobile, answered: true}}}
sections:
  - id: you
    title: You
    fields:
      - {id: mobile, type: phone, label: Mobile}
      - {id: home, type: phone, label: Home telephone, required_when: {field: ./mobile, answered: false}}
      - id: letters
        type: address
        label: Letters to
        when: {field: ./mobile, answered: false}
        required_when: {condition: no_mobile}
      - {id: rent, type: money, label: Rent}
      - {id: why, type: text, label: Why, required_when: {not: {field: ./rent, more_than: 100}}}
  - id: later
    title: Later
    fields:
      - {id: word, type: text, label: A word}
      - {id: when, type: text, label: When may we come, required_when: {condition: no_mobile}}
  - id: nobody
    title: Nobody
    when: {condition: no_mobile}
    fields:
      - {id: friend, type: text, label: A friend, required: true}
  - id: people
    title: People
    repeat: {item: person, min: 0, max: 3}
    fields:
      - {id: born, type: date, label: Born}
      - {id: age, type: number, label: Age, required_when: {field: ./born, answered: false}}
"""


@pytest.fixture
def draft(app: Flask, citizen: Citizen) -> str:
    publish_yaml(app, FORM)
    return start(citizen, "ring-us")


def errors(citizen: Citizen) -> list[str]:
    """Return the questions that the error summary names, by their ids."""
    led_to = [href.removeprefix("#") for href in citizen.page.links.values() if href.startswith("#")]
    return [name for name in led_to if not name.startswith("main")]


@pytest.mark.parametrize("typed", ["0770o 900123", "12", "+", "see letter", "07700 900123 or 020 7946 0018"])
def test_wrong_telephone_number_asks_for_nothing_in_its_place(citizen: Citizen, draft: str, typed: str) -> None:
    citizen.open(f"{draft}/you")
    assert citizen.press("Continue", mobile=typed).status == 422
    assert errors(citizen) == ["mobile"]
    assert citizen.page.value("mobile") == typed
    assert citizen.press("Continue").status == 422
    assert errors(citizen) == ["mobile"]


def test_no_telephone_number_asks_for_the_other_ways(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    assert citizen.press("Continue", mobile="\u200b").status == 422
    assert errors(citizen) == ["home", "letters-line_1"]


@pytest.mark.parametrize("typed", ["£", "12 50", "a lot"])
def test_wrong_amount_is_neither_more_nor_not_more(citizen: Citizen, draft: str, typed: str) -> None:
    citizen.open(f"{draft}/you")
    assert citizen.press("Continue", mobile="07700 900123", rent=typed).status == 422
    assert errors(citizen) == ["rent"]
    assert citizen.page.value("rent") == typed


def test_later_pages_ask_for_nothing_in_place_of_a_mistake(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Continue", mobile="0770o 900123")
    citizen.open(f"{draft}/later")
    assert citizen.press("Continue", word="yes").path == f"{draft}/people"
    shown = states(citizen.open(draft))
    assert (shown["You"], shown["Later"], shown["Nobody"]) == ("in_progress", "complete", "not_needed")
    citizen.open(f"{draft}/you")
    citizen.press("Continue", mobile="", home="020 7946 0018", letters__line_1="1 Road", letters__town="Ashmere")
    shown = states(citizen.open(draft))
    assert (shown["Later"], shown["Nobody"]) == ("in_progress", "not_started")


def test_mistake_in_an_item_is_one_error(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/people")
    citizen.press("Add a person")
    assert citizen.press("Continue", born__day="31", born__month="2", born__year="2000").status == 422
    assert errors(citizen) == ["born-day"]


def test_other_answers_are_said_to_be_saved_only_where_there_are_some(citizen: Citizen, draft: str) -> None:
    saved = "Your other answers on this page are saved."
    citizen.open(f"{draft}/you")
    assert saved not in citizen.press("Continue")
    assert saved not in citizen.press("Continue", rent="much")
    assert saved in citizen.press("Continue", rent="0")
