"""The other two demo forms from their first page to the receipt."""

import pytest
from flask import Flask

from tests.citizen import Citizen
from tests.loan import start, states
from tests.people import add_person, sign_in
from tests.post import letters

pytestmark = pytest.mark.usefixtures("demo_forms")
PROBLEM = {"kind": "light", "where": "12 Weir Lane", "danger": "no"}


def test_parking_permit_for_two_vehicles_can_be_sent(app: Flask, citizen: Citizen) -> None:
    add_person(app)
    citizen.open("/forms/parking-permit")
    citizen.press("Start now")
    citizen.press("Sign in", email="ada@mail.example", password="correct horse battery")
    assert citizen.page.path == "/forms/parking-permit"
    draft = citizen.press("Start now").path
    assert citizen.follow("Continue").path == f"{draft}/you"
    address = {"address__line_1": "1 Weir Lane", "address__town": "Ashmere", "address__postcode": "AS4 2LN"}
    assert citizen.press("Continue", full_name="Ada Lovelace", **address).path == f"{draft}/vehicle"
    assert citizen.press("Continue").status == 422
    citizen.press("Add a vehicle")
    citizen.press("Continue", registration="AB12 CDE", fuel="electric")
    citizen.press("Add another vehicle")
    citizen.press("Continue", registration="OLD 1", fuel="diesel")
    assert "Enter the CO₂ emissions in g/km" in citizen.page
    citizen.press("Continue", co2="120")
    assert citizen.press("Continue").path == f"{draft}/start"
    yesterday = {"from__day": "20", "from__month": "11", "from__year": "2026"}
    assert "must be today or in the future" in citizen.press("Continue", **yesterday)
    assert citizen.press("Continue", from__day="21").path == f"{draft}/check"
    assert citizen.press("Send", declaration="yes").heading == "We have received your form"
    assert [letter.to for letter in letters(app)] == ["ada@mail.example"]


def test_problem_can_be_reported_without_a_name(app: Flask, citizen: Citizen) -> None:
    draft = start(citizen, "report-a-problem")
    citizen.open(f"{draft}/problem")
    assert citizen.press("Continue", **PROBLEM).path == f"{draft}/contact"
    assert citizen.press("Continue", wants_news="no").path == f"{draft}/check"
    assert citizen.press("Send").heading == "We have received your form"
    assert letters(app) == []


def test_problem_can_be_reported_with_an_address_for_news(app: Flask, citizen: Citizen) -> None:
    draft = start(citizen, "report-a-problem")
    citizen.open(f"{draft}/problem")
    citizen.press("Continue", **PROBLEM)
    citizen.press("Continue", wants_news="yes", email="zoe@home.example")
    citizen.press("Send")
    assert [letter.to for letter in letters(app)] == ["zoe@home.example"]


def test_danger_stops_the_problem_form(citizen: Citizen) -> None:
    draft = start(citizen, "report-a-problem")
    citizen.open(f"{draft}/problem")
    page = citizen.press("Continue", **(PROBLEM | {"danger": "yes"}))
    assert (page.status, page.path, page.heading) == (200, f"{draft}/problem", "Ring us now")
    citizen.follow("Change my answers")
    assert citizen.press("Continue", danger="no").path == f"{draft}/contact"


def test_sections_may_be_filled_in_any_order(app: Flask, citizen: Citizen) -> None:
    add_person(app)
    sign_in(citizen)
    draft = start(citizen, "parking-permit")
    citizen.follow("Start date")
    citizen.press("Continue", from__day="1", from__month="1", from__year="2027")
    assert citizen.page.path == f"{draft}/check"
    assert list(states(citizen.open(draft)).values()) == ["not_started", "not_started", "complete"]
