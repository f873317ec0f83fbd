"""The check page: every answer, the way back to each, and what keeps the form from being sent."""

import pytest
from flask import Flask

from tests.citizen import Citizen
from tests.conftest import Prepared
from tests.loan import DRILL, SAW, YOU, add, fill, publish_loan, publish_yaml, start

pytestmark = pytest.mark.one_database
NO_DECLARATION = """
format: 1
form: {id: poll, title: A poll}
sections:
  - {id: one, title: One, fields: [{id: q, type: text, label: Q}]}
"""


@pytest.fixture
def draft(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    def walk() -> str:
        publish_loan(app)
        return start(citizen)

    return prepared(walk, citizen)


def test_check_page_shows_every_answer_as_people_read_it(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft, news="yes", topic="Lathes", days=["sun", "sat"])
    page = citizen.open(f"{draft}/check")
    for words in ("Wilhelmina Quartermaine", "3 April 1990", "Lathes", "Saturday", "Sunday", "Drill", "Thanks"):
        assert words in page
    assert "Not answered" in page


def test_send_names_each_section_that_is_not_complete_and_the_declaration(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU)
    citizen.open(f"{draft}/check")
    page = citizen.press("Send")
    assert (page.status, page.path) == (422, f"{draft}/check")
    assert page.title.startswith("Error:")
    assert page.links["Finish “Tools”"].startswith(f"{draft}/tools")
    assert page.links["Finish “Remarks”"].startswith(f"{draft}/remarks")
    assert page.links["Tick the box to confirm the declaration"] == "#declaration"
    assert "Finish “About you”" not in page.links
    assert "Finish “Training”" not in page.links


def test_section_that_cannot_start_yet_is_named_too(citizen: Citizen, draft: str) -> None:
    add(citizen, draft, **SAW)
    citizen.open(f"{draft}/check")
    assert citizen.press("Send", declaration="yes").links["Finish “Training”"] == draft


def test_a_tick_is_kept_where_something_else_is_missing(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/check")
    assert citizen.press("Send", declaration="yes").value("declaration") == "yes"


def test_complete_form_without_the_tick_is_not_sent(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    page = citizen.press("Send")
    assert page.status == 422
    assert "There is a problem" in page
    assert citizen.press("Send", declaration="yes").heading == "We have received your form"


@pytest.mark.parametrize("value", ["no", "on", "YES", ""])
def test_only_yes_counts_as_a_tick(citizen: Citizen, draft: str, value: str) -> None:
    fill(citizen, draft)
    assert citizen.press("Send", declaration=value).status == 422


def test_a_form_without_declaration_has_no_box_and_is_sent_without(app: Flask, citizen: Citizen) -> None:
    publish_yaml(app, NO_DECLARATION)
    draft = start(citizen, "poll")
    citizen.open(f"{draft}/one")
    citizen.press("Continue")
    form, _ = citizen.page.form_with("Send")
    assert "declaration" not in form.names
    assert citizen.press("Send").heading == "We have received your form"


def test_every_change_link_names_its_question_and_person_and_leads_to_an_input(citizen: Citizen, draft: str) -> None:
    add(citizen, draft, what="Saw", power="no")
    add(citizen, draft, **DRILL)
    fill(citizen, draft)
    page = citizen.page
    changes = [each for each in page.elements if each.tag == "a" and each.text.startswith("Change ")]
    assert {"Change What for Drill", "Change What for Drill (2)", "Change Power for Saw", "Change Born"} <= {
        each.text for each in changes
    }
    assert len({each.text for each in changes}) == len(changes)
    for link in changes:
        place, _, question = link.get("href").partition("#")
        if question or not place.partition("?")[0].endswith("/tools"):
            found = [each for each in citizen.open(place).elements if each.get("id") == question]
            assert [each.tag for each in found] in (["input"], ["textarea"]), link


def test_change_link_returns_to_the_check_page(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    citizen.follow("Change Name")
    assert citizen.page.path == f"{draft}/you"
    assert citizen.press("Continue", name="Ada").path == f"{draft}/check"
    assert "Ada" in citizen.page


def test_change_link_returns_to_the_check_page_even_after_a_mistake(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    citizen.follow("Change Name")
    assert citizen.press("Continue", name="").status == 422
    assert citizen.press("Continue", name="Ada").path == f"{draft}/check"


def test_change_of_an_item_returns_by_way_of_its_list(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    citizen.follow("Change What for Drill")
    assert citizen.page.value("what") == "Drill"
    assert citizen.press("Continue", what="Hammer").path == f"{draft}/tools"
    assert citizen.press("Continue").path == f"{draft}/check"
    assert "Hammer" in citizen.page


def test_change_that_needs_more_answers_leads_to_them_first(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    add(citizen, draft, **SAW)
    citizen.open(f"{draft}/tools?from=check")
    assert citizen.press("Continue").path == f"{draft}/training"


def test_empty_repeat_can_be_changed_from_the_check_page(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/check")
    assert citizen.follow("Change Tools").path == f"{draft}/tools"


def test_declaration_with_both_yes_and_no_is_refused(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    assert citizen.send("Send", declaration=["yes", "no"]).status_code == 400
    assert citizen.press("Send", declaration="yes").heading == "We have received your form"


def test_a_forged_token_sends_nothing(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    data = {"csrf_token": "forged", "declaration": "yes", "_end": "1"}
    answer = citizen.client.post(f"{draft}/check", data=data)
    assert answer.status_code == 409
    assert "Your form was not sent yet" in answer.text
    assert DRILL["what"] in answer.text
