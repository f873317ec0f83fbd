"""Saves that meet: what comes too late, twice, or after a later one undoes nothing that was acknowledged."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.journeys import housing

pytestmark = pytest.mark.usefixtures("demo_forms")
OURS = ("csrf_token", "_revision", "_page")


@pytest.fixture
def draft(citizen: Citizen) -> str:
    """A draft whose section about the rent can be opened."""
    address = housing.start(citizen)
    citizen.open(f"{address}/home")
    citizen.press("Continue", **housing.HOME)
    return address


@pytest.fixture
def rent(draft: str) -> str:
    return f"{draft}/rent"


def tab_of(app: Flask, citizen: Citizen, address: str) -> Citizen:
    """A further tab of the same browser."""
    tab = Citizen(app)
    tab.client = citizen.client
    tab.open(address)
    return tab


def autosave(tab: Citizen, number: int, **values: str) -> TestResponse:
    """What the script of a tab's page sends; the page then names the revision that it was told."""
    section = tab.page.path
    ours = {name: tab.page.value(name) for name in OURS}
    data = {**ours, **values, "_sequence": str(number), "_changed": ",".join(values), "_end": "1"}
    address = "/autosave/".join(section.rsplit("/", 1))
    return tab.client.post(address, data=data, headers={"HX-Request": "true"})


def revision_in(answer: TestResponse) -> str:
    return re.findall(r'data-revision="(\d+)"', answer.text)[0]


def come_back(app: Flask, slip: list[str]) -> Citizen:
    """A guest at another computer, with reference and return code."""
    elsewhere = Citizen(app)
    elsewhere.open("/resume")
    elsewhere.press("Continue your form", reference=slip[0], return_code=slip[1])
    return elsewhere


def slip_of(citizen: Citizen, draft: str) -> list[str]:
    return re.findall(r'slip__value">([^<]+)<', citizen.open(draft).text)


def test_an_equal_answer_does_not_make_an_old_page_new(app: Flask, citizen: Citizen, rent: str) -> None:
    """Its next save would undo what the other tab saved, and nobody would be asked."""
    old = tab_of(app, citizen, rent)
    new = tab_of(app, citizen, rent)
    autosave(new, 1, landlord="Calder Homes Ltd")
    told = autosave(old, 1, amount="")
    assert (told.status_code, revision_in(told)) == (200, "0")
    assert old.press("Continue", **(housing.RENT | {"landlord": "Somebody Else"})).status == 409


def test_a_continue_that_later_saves_of_its_page_overtook_asks_first(app: Flask, citizen: Citizen, rent: str) -> None:
    page = tab_of(app, citizen, rent)
    autosave(page, 5, amount="700")
    assert page.press("Continue", **(housing.RENT | {"_sequence": "4"})).status == 409
    assert citizen.open(rent).value("amount") == "700.00"


def test_what_a_guest_parked_stays_when_they_are_late_again(
    app: Flask, citizen: Citizen, clock: MovableClock, draft: str, rent: str
) -> None:
    slip = slip_of(citizen, draft)
    citizen.open(rent)
    clock.advance(minutes=31)
    citizen.press("Continue", **(housing.RENT | {"landlord": "Parked First"}))
    again = come_back(app, slip)
    again.open(rent)
    clock.advance(minutes=31)
    assert autosave(again, 1, amount="700").status_code == 401
    page = come_back(app, slip).open(rent)
    assert (page.value("landlord"), page.value("amount")) == ("Parked First", "700")


def test_two_late_pages_do_not_undo_what_one_of_them_saved_in_time(
    app: Flask, citizen: Citizen, clock: MovableClock, draft: str, rent: str
) -> None:
    slip = slip_of(citizen, draft)
    first, second = tab_of(app, citizen, rent), tab_of(app, citizen, rent)
    told = autosave(second, 1, landlord="Saved In Time")
    second.open(rent)
    clock.advance(minutes=31)
    first.press("Continue", **(housing.RENT | {"landlord": ""}))
    assert (told.status_code, autosave(second, 2, amount="700").status_code) == (200, 401)
    again = come_back(app, slip)
    again.open(rent)
    assert again.press("Continue").status == 409
    assert "Saved In Time" in again.page
