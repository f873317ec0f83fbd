"""One case: its answers as they were sent, and who may open it."""

import pytest
from flask import Flask

from tests.citizen import Citizen
from tests.loan import FORM, SAW, add, fill, publish_yaml, start
from tests.people import add_person, sign_in


def test_a_case_shows_the_answers_as_they_were_sent(staff: Citizen, reference: str) -> None:
    page = staff.open(f"/hub/cases/{reference}")
    assert "Sent 21 November 2026 at 14:02" in page
    for words in ("Wilhelmina Quartermaine", "3 April 1990", "Lathes", "Drill", "Thanks"):
        assert words in page


def test_case_keeps_the_words_of_its_own_version(app: Flask, staff: Citizen, reference: str) -> None:
    changed = FORM.format(access="anyone", allow_save="true").replace("label: Topic", "label: Renamed")
    publish_yaml(app, changed)
    page = staff.open(f"/hub/cases/{reference}")
    assert "Topic" in page
    assert "Renamed" not in page


def test_each_item_of_a_repeat_is_shown_under_its_name(citizen: Citizen, staff: Citizen, reference: str) -> None:
    draft = start(citizen)
    fill(citizen, draft)
    add(citizen, draft, **SAW)
    citizen.open(f"{draft}/training")
    citizen.press("Continue", done="yes")
    citizen.open(f"{draft}/check")
    citizen.press("Send", declaration="yes")
    words = staff.open(f"/hub/cases/{draft.rpartition('/')[2]}").words
    assert words.index("Drill") < words.index("Saw") < words.index("230")


@pytest.mark.parametrize("role", ["citizen", "field", "designer"])
def test_other_roles_cannot_open_a_case(app: Flask, reference: str, role: str) -> None:
    add_person(app, "other@mail.example", role)
    browser = Citizen(app)
    sign_in(browser, "other@mail.example")
    assert browser.open("/hub").status == 404
    assert browser.open(f"/hub/cases/{reference}").status == 404


def test_guests_and_strangers_are_asked_to_sign_in(app: Flask, citizen: Citizen, reference: str) -> None:
    for browser in (citizen, Citizen(app)):
        answer = browser.client.get(f"/hub/cases/{reference}")
        assert answer.status_code == 302
        assert answer.location.startswith("/account/sign-in?next=%2Fhub%2Fcases%2F")


@pytest.mark.parametrize("path", ["/hub/cases/TL-2222-2222", "/hub/cases/%00", "/hub/cases/" + "x" * 300])
def test_an_unknown_case_is_not_found(staff: Citizen, reference: str, path: str) -> None:
    assert staff.open(path).status == 404
