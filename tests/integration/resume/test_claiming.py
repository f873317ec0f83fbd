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


def test_form_still_opens_before_an_answer(asked: Citizen, guests: Saved) -> None:
    assert asked.open(f"{guests.address}/tools").status == 200


def test_yes_adds_the_form_to_the_account(app: Flask, asked: Citizen, guests: Saved) -> None:
    assert asked.press("Yes").path == "/account"
    assert asked.page.links["Continue"] == guests.address
    elsewhere = Citizen(app)
    sign_in(elsewhere)
    assert elsewhere.open(f"{guests.address}/you").status == 200


def test_page_of_another_tab_sent_after_yes_comes_back_filled_in(asked: Citizen, guests: Saved, tab: Page) -> None:
    asked.press("Yes")
    asked.page = tab
    page = asked.press("Continue", remark="Typed before I signed in")
    assert (page.status, page.value("remark")) == (409, "Typed before I signed in")
    assert asked.press("Continue").status == 200
    assert asked.open(f"{guests.address}/remarks").value("remark") == "Typed before I signed in"


def test_page_of_another_tab_sent_after_no_is_kept_for_the_guest(
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


def test_guest_who_came_back_can_still_use_the_open_tab(citizen: Citizen, guests: Saved, clock: MovableClock) -> None:
    tab = citizen.open(f"{guests.address}/remarks")
    clock.advance(minutes=31)
    citizen.open("/resume")
    citizen.press("Continue your form", reference=guests.reference, return_code=guests.code)
    citizen.page = tab
    page = citizen.press("Continue", remark="Typed before the end")
    assert (page.status, page.value("remark")) == (409, "Typed before the end")


def test_link_after_yes_asks_for_the_account_and_return_code_fails(
    asked: Citizen, other: Citizen, guests: Saved
) -> None:
    asked.press("Yes")
    other.open(guests.link)
    assert other.send("Continue your form").location.startswith("/account/sign-in")
    other.open("/resume")
    page = other.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert page.status == 422


def test_code_mailed_before_the_claim_opens_nothing_for_a_guest(
    app: Flask, asked: Citizen, other: Citizen, guests: Saved
) -> None:
    other.open(guests.link)
    other.press("Continue your form")
    code = letters(app)[-1].code
    asked.press("Yes")
    assert other.press("Continue", code=code).path == "/account/sign-in"


def test_no_leaves_the_form_to_whoever_has_link_or_code(asked: Citizen, other: Citizen, guests: Saved) -> None:
    assert asked.press("No").path == "/account"
    assert guests.reference not in asked.page
    assert asked.open(guests.address).status == 404
    other.open("/resume")
    page = other.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert page.path == f"{guests.address}/tools"


def test_the_return_code_is_not_shown_to_an_account(asked: Citizen, guests: Saved) -> None:
    asked.press("Yes")
    assert "Return code" not in asked.open(guests.address)


def test_person_without_a_guest_form_is_not_asked(app: Flask) -> None:
    add_person(app)
    assert sign_in(Citizen(app)).path == "/account"
