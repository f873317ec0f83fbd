"""Saves that overlap: one that comes late, twice or after a later one undoes nothing that was confirmed."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.journeys import housing

pytestmark = pytest.mark.usefixtures("demo_forms")
OURS = ("csrf_token", "_revision", "_page", "_parked")


@pytest.fixture
def draft(citizen: Citizen) -> str:
    """A draft whose section about the rent can be opened."""
    address = housing.begin_with_home(citizen)
    return address


@pytest.fixture
def rent(draft: str) -> str:
    return f"{draft}/rent"


def tab_of(app: Flask, citizen: Citizen, address: str) -> Citizen:
    """Open another tab of the same browser."""
    tab = Citizen(app)
    tab.client = citizen.client
    tab.open(address)
    return tab


def autosave(tab: Citizen, number: int, **values: str) -> TestResponse:
    """Send what the script of a tab's page sends; the page then has the revision that it was told."""
    section = tab.page.path
    ours = {name: value for name in OURS if (value := tab.page.value(name)) is not None}
    data = {**ours, **values, "_sequence": str(number), "_changed": ",".join(values), "_end": "1"}
    address = "/autosave/".join(section.rsplit("/", 1))
    return tab.client.post(address, data=data, headers={"HX-Request": "true"})


def revision_in(answer: TestResponse) -> str:
    return re.findall(r'data-revision="(\d+)"', answer.text)[0]


def come_back(app: Flask, slip: list[str]) -> Citizen:
    """Come back as the guest at another computer, with reference and return code."""
    elsewhere = Citizen(app)
    elsewhere.open("/resume")
    elsewhere.press("Continue your form", reference=slip[0], return_code=slip[1])
    return elsewhere


def slip_of(citizen: Citizen, draft: str) -> list[str]:
    return re.findall(r'slip__value">([^<]+)<', citizen.open(draft).text)


def test_an_equal_answer_does_not_make_an_old_page_new(app: Flask, citizen: Citizen, rent: str) -> None:
    """Otherwise its next save would undo what the other tab saved, without asking."""
    old = tab_of(app, citizen, rent)
    new = tab_of(app, citizen, rent)
    autosave(new, 1, landlord="Calder Homes Ltd")
    told = autosave(old, 1, amount="")
    assert (told.status_code, revision_in(told)) == (200, "0")
    assert old.press("Continue", **(housing.RENT | {"landlord": "Somebody Else"})).status == 409


def test_continue_overtaken_by_later_saves_of_its_page_asks_first(app: Flask, citizen: Citizen, rent: str) -> None:
    page = tab_of(app, citizen, rent)
    autosave(page, 5, amount="700")
    assert page.press("Continue", **(housing.RENT | {"_sequence": "4"})).status == 409
    assert citizen.open(rent).value("amount") == "700.00"


def test_parked_values_of_a_guest_survive_a_second_late_page(
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


def test_two_late_pages_do_not_undo_an_earlier_save_in_time(
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
    assert again.open(rent).value("amount") == "700"
    again.press("Continue", **(housing.RENT | {"landlord": "Saved In Time", "amount": "700"}))
    assert (again.page.path, again.page.value("landlord")) == (rent, "")
    assert again.press("Continue").status == 409
    assert "Saved In Time" in again.page


def late_tabs(app: Flask, citizen: Citizen, clock: MovableClock, rent: str, *landlords: str) -> None:
    """Send tabs of one section after the end, each with another landlord."""
    tabs = [tab_of(app, citizen, rent) for _ in landlords]
    clock.advance(minutes=31)
    for tab, landlord in zip(tabs, landlords, strict=True):
        assert "Kept for you" in tab.press("Continue", **(housing.RENT | {"landlord": landlord}))
        clock.advance(seconds=1)


def test_each_late_tab_of_a_section_is_kept_and_shown_in_turn(
    app: Flask, citizen: Citizen, clock: MovableClock, draft: str, rent: str
) -> None:
    slip = slip_of(citizen, draft)
    late_tabs(app, citizen, clock, rent, "First Landlord", "Second Landlord")
    again = come_back(app, slip)
    assert again.open(rent).value("landlord") == "Second Landlord"
    assert again.press("Continue").path == rent
    assert "We kept what you typed. You have not sent it yet." in again.page
    assert again.page.value("landlord") == "First Landlord"
    assert again.press("Continue").status == 409
    assert {"First Landlord", "Second Landlord"} <= set(re.findall(r"\w+ Landlord", again.page.text))
    again.press("Keep all of mine")
    assert again.open(rent).value("landlord") == "First Landlord"
    assert "We kept what you typed" not in again.page


def test_late_tabs_with_equal_values_are_shown_once(
    app: Flask, citizen: Citizen, clock: MovableClock, draft: str, rent: str
) -> None:
    slip = slip_of(citizen, draft)
    late_tabs(app, citizen, clock, rent, "One Landlord", "One Landlord")
    again = come_back(app, slip)
    again.open(rent)
    assert again.press("Continue").path != rent
    assert "We kept what you typed" not in again.open(rent)


def test_autosaved_value_is_no_longer_parked(
    app: Flask, citizen: Citizen, clock: MovableClock, draft: str, rent: str
) -> None:
    slip = slip_of(citizen, draft)
    late_tabs(app, citizen, clock, rent, "Typed Too Late")
    again = come_back(app, slip)
    again.open(rent)
    assert autosave(again, 1, landlord="Typed In Time").status_code == 200
    page = again.open(rent)
    assert (page.value("landlord"), page.value("amount")) == ("Typed In Time", housing.RENT["amount"])
    assert "We kept what you typed" in page
    assert again.press("Continue").path != rent
    assert again.open(rent).value("landlord") == "Typed In Time"


def test_unchanged_fields_of_a_late_page_are_not_shown_once_the_rest_is_saved(
    app: Flask, citizen: Citizen, clock: MovableClock, draft: str, rent: str
) -> None:
    slip = slip_of(citizen, draft)
    citizen.open(rent)
    citizen.press("Continue", **housing.RENT)
    late_tabs(app, citizen, clock, rent, "Typed Too Late")
    again = come_back(app, slip)
    again.open(rent)
    assert autosave(again, 1, landlord="Typed In Time").status_code == 200
    other = tab_of(app, again, rent)
    assert "We kept what you typed" not in other.page
    assert autosave(other, 1, amount="801").status_code == 200
    page = again.open(rent)
    assert (page.value("landlord"), page.value("amount")) == ("Typed In Time", "801.00")
    assert "We kept what you typed" not in page


def test_autosave_of_an_equal_value_counts_too(app: Flask, citizen: Citizen, rent: str) -> None:
    """Otherwise an earlier save that arrives late would bring back what was undone."""
    page = tab_of(app, citizen, rent)
    autosave(page, 1, landlord="Calder")
    autosave(page, 3, landlord="Calder")
    autosave(page, 2, landlord="Undone")
    assert citizen.open(rent).value("landlord") == "Calder"
