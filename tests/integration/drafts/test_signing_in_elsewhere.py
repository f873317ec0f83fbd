"""A page goes on after its own person has signed in, or in again, in another tab: no words need to be sent twice."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.citizen import Citizen, Page
from tests.integration.drafts.test_after_closing import tab_of
from tests.integration.drafts.test_late_order import autosave, come_back, slip_of
from tests.loan import publish_loan, start
from tests.people import add_person, sign_in


@pytest.fixture
def draft(app: Flask, citizen: Citizen) -> str:
    publish_loan(app)
    add_person(app)
    return start(citizen)


def take_token(tab: Citizen, answer: TestResponse) -> None:
    """Do what the script does with the answer: put the new form token into the page."""
    (token,) = re.findall(r'data-form-token="([^"]+)"', answer.text)
    for form in tab.page.forms:
        for control in form.controls:
            control.value = token if control.name == "csrf_token" else control.value


def sign_in_and_claim(citizen: Citizen) -> None:
    sign_in(citizen)
    assert citizen.page.heading == "Add this form to your account?"
    citizen.press("Yes")


@pytest.mark.both_databases
def test_a_guests_page_gets_the_token_of_the_account_and_saves_at_once(citizen: Citizen, draft: str) -> None:
    tab = tab_of(citizen, f"{draft}/remarks")
    sign_in_and_claim(citizen)
    answer = autosave(tab, 1, remark="Typed as a guest")
    assert answer.status_code == 409
    assert "You signed in in another tab. What you type here is still saved." in Page("", answer)
    assert "saved somewhere else" not in answer.text
    take_token(tab, answer)
    assert autosave(tab, 1, remark="Typed as a guest").status_code == 200
    assert citizen.open(f"{draft}/remarks").value("remark") == "Typed as a guest"
    assert tab.send("Continue", remark="Typed as a guest").status_code == 303


def test_a_persons_page_from_an_earlier_sign_in_goes_on_without_a_word(citizen: Citizen, draft: str) -> None:
    sign_in_and_claim(citizen)
    tab = tab_of(citizen, f"{draft}/remarks")
    citizen.open("/account")
    citizen.press("Sign out")
    sign_in(citizen)
    answer = autosave(tab, 1, remark="Typed before")
    assert (answer.status_code, Page("", answer).words) == (409, "")
    take_token(tab, answer)
    assert autosave(tab, 2, remark="Typed before").status_code == 200


def test_words_of_a_guest_whose_form_is_not_claimed_are_kept_and_it_says_so(citizen: Citizen, draft: str) -> None:
    slip = slip_of(citizen, draft)
    tab = tab_of(citizen, f"{draft}/remarks")
    sign_in(citizen)
    citizen.press("No")
    answer = autosave(tab, 1, remark="Typed as a guest")
    assert answer.status_code == 403
    assert "What you type here is kept for a day, but it is not in your form yet." in Page("", answer)
    assert "data-form-token" not in answer.text
    page = come_back(citizen.app, slip).open(f"{draft}/remarks")
    assert "We kept what you typed. You have not sent it yet." in page
    assert page.value("remark") == "Typed as a guest"


@pytest.mark.parametrize("token", ["", "forged", "1.0123456789abcdef" + "0" * 64])
def test_a_page_that_proves_no_session_gets_no_token(citizen: Citizen, draft: str, token: str) -> None:
    tab = tab_of(citizen, f"{draft}/remarks")
    sign_in_and_claim(citizen)
    form, _ = tab.page.form_with("Continue")
    next(each for each in form.controls if each.name == "csrf_token").value = token
    answer = autosave(tab, 1, remark="Forged", csrf_token=token)
    assert answer.status_code == 409
    assert "data-form-token" not in answer.text


def test_another_persons_page_gets_no_token(app: Flask, citizen: Citizen, draft: str) -> None:
    sign_in_and_claim(citizen)
    tab = tab_of(citizen, f"{draft}/remarks")
    citizen.open("/account")
    citizen.press("Sign out")
    add_person(app, "grace@mail.example")
    sign_in(citizen, "grace@mail.example")
    answer = autosave(tab, 1, remark="Not Grace's")
    assert answer.status_code == 403
    assert "data-form-token" not in answer.text


def test_a_page_learns_whether_it_is_up_to_date(citizen: Citizen, draft: str) -> None:
    tab = tab_of(citizen, f"{draft}/remarks")
    asked = autosave(tab, 1)
    assert 'data-latest="0"' in asked.text
    autosave(tab_of(citizen, f"{draft}/remarks"), 1, remark="Elsewhere")
    assert 'data-latest="1"' in autosave(tab, 2).text
    assert autosave(tab, 3, remark="Here").status_code == 409
