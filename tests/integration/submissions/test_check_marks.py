"""The check page read again: what is new, what changed, where an item is added, and what Send would leave out."""

import re

import pytest
from flask import Flask

from tests.citizen import Citizen, Page
from tests.conftest import MovableClock, Prepared
from tests.loan import SAW, YOU, fill, filled, publish_loan, start
from tests.people import add_person, sign_in


@pytest.fixture
def draft(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    return prepared(lambda: filled(app, citizen), citizen)


def marks(page: Page) -> dict[str, str]:
    """Return the mark beside each question that has one."""
    row = r'govuk-summary-list__key">([^<]+)<span class="row-mark row-mark--([a-z_]+)'
    return dict(re.findall(row, page.text))


def test_check_page_marks_nothing_on_the_first_and_an_unchanged_second_visit(citizen: Citizen, draft: str) -> None:
    assert marks(citizen.page) == {}
    assert marks(citizen.open(f"{draft}/check")) == {}


def test_a_changed_answer_is_marked_until_the_next_change(citizen: Citizen, draft: str) -> None:
    citizen.follow("Change Name")
    assert marks(citizen.press("Continue", name="Ada")) == {"Name": "changed"}
    citizen.follow("Change Remark")
    assert marks(citizen.press("Continue", remark="Bye")) == {"Remark": "changed"}


def test_added_answer_is_marked_new(citizen: Citizen, draft: str) -> None:
    citizen.follow("Change News")
    assert marks(citizen.press("Continue", news="yes", topic="Lathes")) == {"News": "changed", "Topic": "new"}


def test_autosaved_change_is_marked_too(citizen: Citizen, draft: str) -> None:
    citizen.follow("Change Name")
    names = {name: citizen.page.value(name) or "" for name in ("csrf_token", "_revision", "_page", "_version")}
    for number, typed in enumerate(("Ad", "Ada"), start=1):
        data = names | {"name": typed, "_changed": "name", "_sequence": str(number), "_end": "1"}
        saved = citizen.client.post(f"{draft}/autosave/you", data=data, headers={"HX-Request": "true"})
        assert saved.status_code == 200
    assert marks(citizen.press("Continue", name="Ada")) == {"Name": "changed"}


def test_reverted_change_is_still_marked(citizen: Citizen, draft: str) -> None:
    citizen.follow("Change Name")
    citizen.press("Continue", name="")
    assert marks(citizen.press("Continue", name=YOU["name"])) == {"Name": "changed"}


def test_added_item_is_marked_new_and_leads_back(citizen: Citizen, draft: str) -> None:
    citizen.follow("Add another tool")
    assert citizen.page.path.startswith(f"{draft}/tools/")
    assert citizen.press("Continue", what="Hammer", power="no").path == f"{draft}/tools"
    page = citizen.press("Continue")
    assert page.path == f"{draft}/check"
    assert re.findall(r"row-mark--new", page.text) == ["row-mark--new"] * 2
    assert "Hammer" in page


def test_full_list_offers_no_further_item(citizen: Citizen, draft: str) -> None:
    for what in ("Hammer", "Rasp"):
        citizen.open(f"{draft}/check")
        citizen.follow("Add another tool")
        citizen.press("Continue", what=what, power="no")
    assert "Add another tool" not in citizen.open(f"{draft}/check").links


def test_change_leads_through_newly_needed_sections_and_back(citizen: Citizen, draft: str) -> None:
    citizen.follow("Add another tool")
    citizen.press("Continue", **SAW)
    assert citizen.press("Continue").path == f"{draft}/training"
    page = citizen.press("Continue", done="yes")
    assert page.path == f"{draft}/check"
    assert marks(page)["I had the training"] == "new"


def test_change_does_not_lead_through_sections_that_were_unfinished_anyway(app: Flask, citizen: Citizen) -> None:
    publish_loan(app)
    draft = start(citizen)
    citizen.open(f"{draft}/check")
    citizen.follow("Change Remark")
    assert citizen.press("Continue", remark="Hello").path == f"{draft}/check"


def test_change_of_an_item_in_its_list_keeps_the_way_back(citizen: Citizen, draft: str) -> None:
    citizen.follow("Change Tools")
    citizen.follow("Change Drill")
    citizen.press("Continue", what="Hammer")
    assert citizen.press("Continue").path == f"{draft}/check"


@pytest.mark.parametrize("place", ["Change Name", "Change Tools"])
def test_back_also_leads_to_the_check_page(citizen: Citizen, draft: str, place: str) -> None:
    citizen.follow(place)
    assert citizen.press("Back").path == f"{draft}/check"


@pytest.mark.parametrize("seen", ["99999999999999999999", "-5", "x", ""])
def test_forged_number_of_edits_is_harmless(citizen: Citizen, draft: str, seen: str) -> None:
    citizen.open(f"{draft}/you?from=check&seen={seen}")
    assert citizen.press("Continue", name="Ada").path == f"{draft}/check"


def test_check_page_names_late_answers_that_would_be_left_out(
    app: Flask, citizen: Citizen, clock: MovableClock
) -> None:
    add_person(app)
    sign_in(citizen)
    publish_loan(app)
    draft = start(citizen)
    fill(citizen, draft)
    citizen.open(f"{draft}/remarks")
    clock.advance(minutes=31)
    citizen.press("Continue", remark="One more thing")
    sign_in(citizen)
    page = citizen.open(f"{draft}/check")
    assert "Some of what you typed is not in these answers." in page
    assert "One more thing" not in page
    page = citizen.follow("Remarks")
    assert page.value("remark") == "One more thing"
    page = citizen.press("Continue")
    assert page.path == f"{draft}/check"
    assert "One more thing" in page
    assert "Some of what you typed" not in page
