"""A guest who signs in: add this form to your account?"""

import pytest
from flask import Flask

from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.resume.conftest import Saved
from tests.people import add_person, sign_in
from tests.post import letters


@pytest.fixture
def tab(citizen: Citizen, guests: Saved) -> Page:
    """A page of the form that stays open in the guest's browser."""
    return citizen.open(f"{guests.address}/remarks")


@pytest.fixture
def asked(app: Flask, citizen: Citizen, guests: Saved, tab: Page) -> Citizen:
    """The guest's browser, signed in and asked."""
    add_person(app)
    page = sign_in(citizen)
    assert (page.path, page.heading) == ("/account/claim", "Add this form to your account?")
    return citizen


def test_before_an_answer_the_form_still_opens(asked: Citizen, guests: Saved) -> None:
    assert asked.open(f"{guests.address}/tools").status == 200


def test_yes_adds_it_to_the_account(app: Flask, asked: Citizen, guests: Saved) -> None:
    assert asked.press("Yes").path == "/account"
    assert asked.page.links["Continue"] == guests.address
    elsewhere = Citizen(app)
    sign_in(elsewhere)
    assert elsewhere.open(f"{guests.address}/you").status == 200


def test_after_yes_what_another_tab_of_the_form_sends_comes_back_filled_in(
    asked: Citizen, guests: Saved, tab: Page
) -> None:
    asked.press("Yes")
    asked.page = tab
    page = asked.press("Continue", remark="Typed before I signed in")
    assert (page.status, page.value("remark")) == (409, "Typed before I signed in")
    assert asked.press("Continue").status == 200
    assert asked.open(f"{guests.address}/remarks").value("remark") == "Typed before I signed in"


def test_after_no_what_another_tab_of_the_form_sends_is_not_shown_but_waits_for_the_guest(
    asked: Citizen, other: Citizen, guests: Saved, tab: Page
) -> None:
    asked.press("No")
    asked.page = tab
    page = asked.press("Continue", remark="Typed before I signed in")
    assert page.status == 403
    assert "Typed before I signed in" not in page.text
    other.open("/resume")
    page = other.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert (page.path, page.value("remark")) == (f"{guests.address}/remarks", "Typed before I signed in")


def test_a_guest_who_came_back_goes_on_with_the_tab_that_was_left_open(
    citizen: Citizen, guests: Saved, clock: MovableClock
) -> None:
    tab = citizen.open(f"{guests.address}/remarks")
    clock.advance(minutes=31)
    citizen.open("/resume")
    citizen.press("Continue your form", reference=guests.reference, return_code=guests.code)
    citizen.page = tab
    page = citizen.press("Continue", remark="Typed before the end")
    assert (page.status, page.value("remark")) == (409, "Typed before the end")


def test_after_yes_its_link_asks_for_the_account_and_the_return_code_opens_nothing(
    asked: Citizen, other: Citizen, guests: Saved
) -> None:
    asked.press("Yes")
    other.open(guests.link)
    assert other.send("Continue your form").location.startswith("/account/sign-in")
    other.open("/resume")
    page = other.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert page.status == 422


def test_a_code_mailed_before_opens_nothing_to_a_guest_afterwards(
    app: Flask, asked: Citizen, other: Citizen, guests: Saved
) -> None:
    other.open(guests.link)
    other.press("Continue your form")
    code = letters(app)[-1].code
    asked.press("Yes")
    assert other.press("Continue", code=code).path == "/account/sign-in"


def test_no_leaves_it_to_whoever_has_link_or_code(asked: Citizen, other: Citizen, guests: Saved) -> None:
    assert asked.press("No").path == "/account"
    assert guests.reference not in asked.page
    assert asked.open(guests.address).status == 404
    other.open("/resume")
    page = other.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert page.path == f"{guests.address}/tools"


def test_the_return_code_is_not_shown_to_an_account(asked: Citizen, guests: Saved) -> None:
    asked.press("Yes")
    assert "Return code" not in asked.open(guests.address)


def test_somebody_who_holds_no_form_is_not_asked(app: Flask) -> None:
    add_person(app)
    assert sign_in(Citizen(app)).path == "/account"
