"""Continue, Back and the ways to save: where they lead, what they keep, and what they say."""

from collections.abc import Callable

import pytest

from portal.drafts.models import DraftPart
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.loan import DRILL, SAW, YOU, add, states

Parts = Callable[[str], dict[str, DraftPart]]
WRONG = YOU | {"born__month": "13", "email": "nobody at all"}


def test_continue_leads_to_the_next_section_and_after_the_last_to_the_check_page(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    answer = citizen.send("Continue", **YOU)
    assert (answer.status_code, answer.location) == (303, f"{draft}/tools")
    citizen.open(f"{draft}/remarks")
    answer = citizen.send("Continue")
    assert (answer.status_code, answer.location) == (303, f"{draft}/check")


def test_continue_skips_a_section_that_cannot_start_yet(citizen: Citizen, draft: str) -> None:
    add(citizen, draft, **SAW)
    citizen.press("Continue")
    assert citizen.page.path == f"{draft}/remarks"
    assert "Finish “About you” first" in citizen.open(draft)


def test_continue_also_leads_to_complete_sections(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/remarks")
    citizen.press("Continue", remark="Done")
    add(citizen, draft, **DRILL)
    citizen.press("Continue")
    assert citizen.page.path == f"{draft}/remarks"


def test_page_states_its_section_number_and_form(citizen: Citizen, draft: str) -> None:
    page = citizen.open(f"{draft}/tools")
    assert "Section 2 of 4" in page
    assert "Borrow a tool" in page
    assert page.heading == "Tools"


def test_invalid_continue_keeps_valid_answers_and_shows_typed_text_after_reload(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    page = citizen.press("Continue", **WRONG)
    assert (page.status, page.path) == (422, f"{draft}/you")
    assert page.title.startswith("Error:")
    assert "There is a problem" in page
    again = citizen.open(f"{draft}/you")
    assert again.status == 200
    assert not again.title.startswith("Error:")
    assert [again.value(name) for name in ("name", "born-day", "born-month", "born-year", "email", "news")] == [
        "Wilhelmina Quartermaine",
        "3",
        "13",
        "1990",
        "nobody at all",
        "no",
    ]
    assert states(citizen.open(draft))["About you"] == "in_progress"


def test_an_invalid_section_may_be_left_by_back_and_by_the_task_list(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/tools")
    citizen.press("Back")
    citizen.press("Continue", **WRONG)
    answer = citizen.send("Back")
    assert (answer.status_code, answer.location) == (303, draft)
    assert citizen.open(draft).status == 200


def test_back_keeps_valid_and_invalid_answers(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/remarks")
    answer = citizen.send("Back", remark="Half a sen")
    assert (answer.status_code, answer.location) == (303, f"{draft}/tools")
    assert "Half a sen" in citizen.open(f"{draft}/remarks").text


def test_back_from_an_empty_section_leaves_it_not_started(citizen: Citizen, draft: str, parts: Parts) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Back")
    assert parts(draft) == {}
    assert states(citizen.open(draft))["About you"] == "not_started"


def test_save_and_stay_signed_in_saves_extends_and_returns_to_the_page(
    citizen: Citizen, draft: str, clock: MovableClock
) -> None:
    citizen.open(f"{draft}/you")
    clock.advance(minutes=19)
    answer = citizen.send("Save and stay signed in", **WRONG)
    assert (answer.status_code, answer.location) == (303, f"{draft}/you")
    clock.advance(minutes=29)
    assert citizen.open(f"{draft}/you").value("born-month") == "13"


def test_save_and_come_back_later_saves_and_leads_to_the_save_page(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    answer = citizen.send("Save and come back later", **WRONG)
    assert (answer.status_code, answer.location) == (303, f"{draft}/save")
    assert citizen.open(f"{draft}/save").heading == "Your form is saved"
    assert citizen.open(f"{draft}/you").value("email") == "nobody at all"


@pytest.mark.parametrize("button", ["Continue", "Save and come back later", "Save and stay signed in", "Back"])
def test_a_list_has_the_same_buttons(citizen: Citizen, draft: str, button: str) -> None:
    add(citizen, draft, **DRILL)
    assert citizen.send(button).status_code == 303


def test_section_that_cannot_start_yet_leads_to_the_task_list(citizen: Citizen, draft: str) -> None:
    answer = citizen.client.get(f"{draft}/training")
    assert (answer.status_code, answer.location) == (302, draft)


def test_button_of_a_section_that_cannot_start_leads_to_the_task_list(citizen: Citizen, draft: str) -> None:
    token = citizen.open(f"{draft}/you").value("csrf_token")
    answer = citizen.client.post(f"{draft}/training", data={"csrf_token": token, "done": "yes", "_end": "1"})
    assert (answer.status_code, answer.location) == (303, draft)


def test_hidden_section_leads_to_the_task_list(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU)
    saw = add(citizen, draft, **SAW)
    citizen.press("Continue")
    assert citizen.page.path == f"{draft}/training"
    citizen.open(saw)
    citizen.press("Continue", power="no")
    assert citizen.client.get(f"{draft}/training").location == draft


@pytest.mark.parametrize(
    "path", ["nowhere", "you/abcdefgh", "tools/short", "tools/ABCDEFGH", "autosave", "autosave/you", "tools/abcdefgh/x"]
)
def test_unknown_address_in_a_draft_is_not_found(citizen: Citizen, draft: str, path: str) -> None:
    assert citizen.open(f"{draft}/{path}").status == 404


def test_task_list_links_to_open_sections_and_says_why_others_are_closed(citizen: Citizen, draft: str) -> None:
    page = citizen.open(draft)
    assert page.links["About you"] == f"{draft}/you"
    assert "Training" not in page.links
    assert "4 sections to fill in. Start with any of them. We save your answers as you type." in page


def test_truncated_body_changes_nothing(citizen: Citizen, draft: str, parts: Parts) -> None:
    token = citizen.open(f"{draft}/you").value("csrf_token")
    answer = citizen.client.post(f"{draft}/you", data={"csrf_token": token, "name": "X"})
    assert answer.status_code == 400
    assert parts(draft) == {}


def test_an_answer_sent_twice_is_refused(citizen: Citizen, draft: str, parts: Parts) -> None:
    token = citizen.open(f"{draft}/you").value("csrf_token")
    answer = citizen.client.post(f"{draft}/you", data={"csrf_token": token, "name": ["X", "Y"], "_end": "1"})
    assert answer.status_code == 400
    assert parts(draft) == {}


def test_form_with_a_foreign_token_comes_back_filled_in_and_unsaved(citizen: Citizen, draft: str, parts: Parts) -> None:
    answer = citizen.client.post(f"{draft}/you", data={"csrf_token": "forged", "name": "Typed", "_end": "1"})
    assert answer.status_code == 409
    assert 'value="Typed"' in answer.text
    assert parts(draft) == {}
