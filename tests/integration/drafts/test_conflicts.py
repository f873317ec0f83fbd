"""Two pages of one section: nothing is overwritten silently, and a page never conflicts with itself."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.citizen import Citizen
from tests.journeys import housing

pytestmark = pytest.mark.usefixtures("demo_forms")


@pytest.fixture
def rent(citizen: Citizen) -> str:
    """The address of a rent section that can be opened."""
    draft = housing.begin_with_home(citizen)
    return f"{draft}/rent"


@pytest.fixture
def other(app: Flask, citizen: Citizen, rent: str) -> Citizen:
    """Another tab of the same browser."""
    tab = Citizen(app)
    tab.client = citizen.client
    tab.open(rent)
    return tab


def autosave(citizen: Citizen, rent: str, sequence: int, **values: str) -> TestResponse:
    """Send what the page's script sends for changed fields."""
    ours = {name: citizen.page.value(name) for name in ("csrf_token", "_revision", "_page")}
    data = {**ours, **values, "_sequence": str(sequence), "_changed": ",".join(values), "_end": "1"}
    address = rent.replace("/rent", "/autosave/rent")
    return citizen.client.post(address, data=data, headers={"HX-Request": "true"})


def test_a_stale_save_changes_nothing_and_shows_both_values(citizen: Citizen, rent: str, other: Citizen) -> None:
    citizen.open(rent)
    citizen.press("Continue", **housing.RENT)
    page = other.press("Continue", **(housing.RENT | {"amount": "700"}))
    assert page.status == 409
    assert page.heading == "This section was changed in two places: choose what to keep"
    assert "1 answer differs." in page
    assert "£700.00" in page
    assert "£650.00" in page
    assert citizen.open(rent).value("amount") == "650.00"


def test_own_answer_can_be_kept_field_by_field(citizen: Citizen, rent: str, other: Citizen) -> None:
    citizen.open(rent)
    citizen.press("Continue", **housing.RENT)
    other.press("Continue", **(housing.RENT | {"amount": "700", "landlord": "Somebody Else"}))
    page = other.press("Save my choices", _keep_amount="mine", _keep_landlord="saved")
    assert page.path == rent
    assert page.value("amount") == "700.00"
    assert page.value("landlord") == "Calder Homes Ltd"


def test_saved_version_brings_the_answers_that_the_other_would_hide(
    citizen: Citizen, rent: str, other: Citizen
) -> None:
    citizen.open(rent)
    citizen.press("Continue", **(housing.RENT | {"in_arrears": "yes", "arrears": "1300"}))
    other.press("Continue", **(housing.RENT | {"amount": "700"}))
    page = other.press("Save my choices", _keep_amount="mine", _keep_in_arrears="saved")
    assert [page.value(name) for name in ("amount", "in_arrears", "arrears")] == ["700.00", "yes", "1300.00"]


@pytest.mark.parametrize(
    ("button", "amount"),
    [("Keep all of mine", "700.00"), ("Keep all saved at 14:02", "650.00")],
    ids=["mine", "saved"],
)
def test_one_button_keeps_one_version(citizen: Citizen, rent: str, other: Citizen, button: str, amount: str) -> None:
    citizen.open(rent)
    citizen.press("Continue", **housing.RENT)
    other.press("Continue", **(housing.RENT | {"amount": "700"}))
    assert other.press(button).value("amount") == amount


def test_difference_without_a_choice_is_asked_about_again(citizen: Citizen, rent: str, other: Citizen) -> None:
    citizen.open(rent)
    citizen.press("Continue", **housing.RENT)
    other.press("Continue", **(housing.RENT | {"amount": "700"}))
    page = other.press("Save my choices")
    assert page.status == 422
    assert "Choose which answer to keep for your rent" in page
    assert citizen.open(rent).value("amount") == "650.00"


def test_choice_overtaken_by_a_later_save_is_asked_again(citizen: Citizen, rent: str, other: Citizen) -> None:
    citizen.open(rent)
    citizen.press("Continue", **housing.RENT)
    other.press("Continue", **(housing.RENT | {"amount": "700"}))
    citizen.open(rent)
    citizen.press("Continue", **(housing.RENT | {"amount": "800"}))
    page = other.press("Keep all of mine")
    assert page.status == 409
    assert "£800.00" in page


def test_equal_values_do_not_conflict(citizen: Citizen, rent: str, other: Citizen) -> None:
    citizen.open(rent)
    citizen.press("Continue", **housing.RENT)
    assert other.press("Continue", **housing.RENT).status == 200


def test_invalid_answer_in_a_conflict_is_shown_as_typed(citizen: Citizen, rent: str, other: Citizen) -> None:
    citizen.open(rent)
    citizen.press("Continue", **housing.RENT)
    assert "6o0" in other.press("Continue", **(housing.RENT | {"amount": "6o0"}))


def test_page_follows_its_own_autosaves_even_if_responses_were_lost(citizen: Citizen, rent: str) -> None:
    citizen.open(rent)
    assert autosave(citizen, rent, 1, amount="1").status_code == 200
    assert autosave(citizen, rent, 2, amount="2").status_code == 200
    assert citizen.press("Continue", **(housing.RENT | {"_sequence": "3"})).status == 200


def test_save_overtaken_by_a_later_one_undoes_nothing(citizen: Citizen, rent: str) -> None:
    citizen.open(rent)
    autosave(citizen, rent, 2, amount="222")
    assert autosave(citizen, rent, 1, amount="111").status_code == 200
    assert citizen.open(rent).value("amount") == "222.00"


def test_a_stale_autosave_is_refused(citizen: Citizen, rent: str, other: Citizen) -> None:
    citizen.open(rent)
    citizen.press("Continue", **housing.RENT)
    assert autosave(other, rent, 1, amount="700").status_code == 409
    assert citizen.open(rent).value("amount") == "650.00"


def test_refused_page_can_be_corrected(citizen: Citizen, rent: str) -> None:
    citizen.open(rent)
    assert citizen.press("Continue", **(housing.RENT | {"amount": "6o0"})).status == 422
    assert citizen.press("Continue", amount="600").status == 200


def test_forged_page_numbers_cause_no_error(citizen: Citizen, rent: str) -> None:
    page = citizen.open(rent)
    assert re.fullmatch(r"[\w-]{16}", page.value("_page") or "")
    for name in ("_revision", "_sequence"):
        citizen.open(rent)
        assert citizen.press("Continue", **(housing.RENT | {name: "9" * 40})).status in (200, 409)
