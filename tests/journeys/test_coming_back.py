"""Leaving and coming back: a person, and a guest in another browser."""

import pytest
from flask import Flask

from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.journeys import housing
from tests.people import add_person, sign_in
from tests.post import letters

pytestmark = pytest.mark.usefixtures("demo_forms")


def begin(citizen: Citizen) -> str:
    draft = housing.begin(citizen)
    citizen.press("Save and come back later", **(housing.HOME | {"address__postcode": ""}))
    return draft


def finish(citizen: Citizen, draft: str) -> None:
    """Fill in the form from the half-done section to the confirmation."""
    assert citizen.page.path == f"{draft}/home"
    assert "We kept what you typed. You have not sent it yet." in citizen.page
    assert citizen.page.value("address-line_1") == housing.HOME["address__line_1"]
    citizen.press("Continue", address__postcode="AS4 2LN")
    citizen.press("Continue", **housing.RENT)
    citizen.press("Continue")
    citizen.press("Continue", **housing.INCOME)
    citizen.press("Continue", **housing.NEEDS)
    citizen.press("Continue")
    citizen.press("Continue", share="yes")
    for words in ("Zoë Łukasz", "9 May 1988", "Flat 6, 18 Weir Lane", "£650.00", "Calder Homes Ltd"):
        assert words in citizen.page
    assert citizen.press("Send", declaration="yes").heading == "We have received your form"


def test_a_guest_leaves_and_finishes_by_link_in_another_browser(
    app: Flask, citizen: Citizen, clock: MovableClock
) -> None:
    draft = begin(citizen)
    citizen.press("Send link", email="zoe@home.example")
    citizen.press("Sign out")
    clock.advance(days=3)
    elsewhere = Citizen(app)
    elsewhere.open(letters(app)[-1].link)
    elsewhere.press("Continue your form")
    elsewhere.press("Continue", code=letters(app)[-1].code)
    finish(elsewhere, draft)
    assert letters(app)[-1].to == "zoe@home.example"
    assert citizen.open(letters(app)[0].link).status == 410


def test_a_person_leaves_and_finishes_from_my_requests(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    add_person(app)
    sign_in(citizen)
    draft = begin(citizen)
    citizen.press("Sign out")
    clock.advance(days=3)
    elsewhere = Citizen(app)
    sign_in(elsewhere)
    assert elsewhere.follow("Continue").path == draft
    elsewhere.follow("Continue")
    finish(elsewhere, draft)
    assert letters(app)[-1].to == "ada@mail.example"
    assert elsewhere.follow("My Requests").links["Apply for housing support"].endswith(draft.rpartition("/")[2])


def test_a_person_leaves_and_finishes_by_link(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    add_person(app)
    sign_in(citizen)
    draft = begin(citizen)
    clock.advance(hours=5)
    elsewhere = Citizen(app)
    elsewhere.open(letters(app)[-1].link)
    elsewhere.press("Continue your form")
    assert elsewhere.page.path == "/account/sign-in"
    elsewhere.press("Sign in", email="ada@mail.example", password="correct horse battery")
    finish(elsewhere, draft)
