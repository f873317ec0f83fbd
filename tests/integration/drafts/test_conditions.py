"""Questions that depend on others of the same page, exclusive options, and the stop."""

from collections.abc import Callable

import pytest

from portal.drafts.models import DraftPart
from tests.citizen import Citizen
from tests.loan import DRILL, SAW, YOU, add, fill

pytestmark = pytest.mark.one_database
Parts = Callable[[str], dict[str, DraftPart]]
NEWS = YOU | {"news": "yes", "topic": "Lathes"}


def test_every_question_is_on_the_page_shown_or_hidden(citizen: Citizen, draft: str) -> None:
    form, _ = citizen.open(f"{draft}/you").form_with("Continue")
    assert {"name", "email", "born-day", "news", "topic", "days"} <= form.names


def test_value_sent_for_a_hidden_question_is_kept_aside_and_decides_nothing(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **(YOU | {"topic": "weapons"}))
    assert citizen.page.path == f"{draft}/tools"
    assert citizen.open(f"{draft}/you").value("topic") == "weapons"
    assert "Topic" not in citizen.open(f"{draft}/check")


def test_question_shown_by_the_sent_answers_is_required(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    page = citizen.press("Continue", **(YOU | {"news": "yes"}))
    assert page.status == 422
    assert "Topic: enter an answer" in page


def test_hidden_answer_is_kept_aside_and_comes_back(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **NEWS)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", news="no")
    assert "Lathes" not in citizen.open(f"{draft}/check")
    citizen.open(f"{draft}/you")
    assert citizen.page.value("topic") == "Lathes"
    citizen.press("Continue", news="yes")
    assert "Lathes" in citizen.open(f"{draft}/check")


def test_an_answer_kept_aside_is_never_sent(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **NEWS)
    fill(citizen, draft, news="no")
    citizen.press("Send", declaration="yes")
    assert citizen.page.heading == "We have received your form"
    assert "Lathes" not in citizen.page


def test_condition_in_an_item_depends_on_that_item(citizen: Citizen, draft: str) -> None:
    add(citizen, draft, **DRILL)
    citizen.press("Add another tool")
    page = citizen.press("Continue", what="Saw", power="yes")
    assert page.status == 422
    assert "Volts: enter a number" in page


def test_section_shown_by_an_item_goes_with_the_item(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU)
    add(citizen, draft, **DRILL)
    add(citizen, draft, **SAW)
    assert citizen.press("Continue").path == f"{draft}/training"
    citizen.press("Continue", done="yes")
    citizen.open(f"{draft}/tools")
    citizen.press("Remove Saw")
    assert "I had the training" not in citizen.open(f"{draft}/check")
    assert "Not needed" in citizen.open(draft)


def test_exclusive_option_is_refused_with_others_and_both_stay_ticked(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    page = citizen.press("Continue", **(YOU | {"days": ["sat", "never"]}))
    assert page.status == 422
    assert "Days: choose “Never” alone, or only other answers" in page
    form, _ = citizen.open(f"{draft}/you").form_with("Continue")
    assert [each.value for each in form.controls if each.name == "days"] == ["sat", "never"]


def test_stop_is_shown_at_the_address_of_its_section_and_answers_are_saved(
    citizen: Citizen, draft: str, parts: Parts
) -> None:
    citizen.open(f"{draft}/you")
    page = citizen.press("Continue", **(NEWS | {"topic": "weapons"}))
    assert (page.status, page.path, page.heading) == (200, f"{draft}/you", "We lend no weapons")
    assert "Ask somewhere else." in page
    assert "you" in parts(draft)
    assert citizen.open(f"{draft}/you").value("topic") == "weapons"


def test_stop_is_shown_before_other_mistakes_on_the_page(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    page = citizen.press("Continue", **(NEWS | {"topic": "weapons", "name": ""}))
    assert (page.status, page.path, page.heading) == (200, f"{draft}/you", "We lend no weapons")
    citizen.open(f"{draft}/you")
    assert citizen.press("Continue", topic="gardens").status == 422


def test_a_stopped_form_is_not_sent(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    citizen.open(f"{draft}/you?from=check")
    citizen.press("Continue", **(NEWS | {"topic": "weapons"}))
    citizen.open(f"{draft}/check")
    page = citizen.press("Send", declaration="yes")
    assert page.status == 422
    assert page.links["We lend no weapons"].startswith(f"{draft}/you")
    assert citizen.client.get(f"/submissions/{draft.rpartition('/')[2]}").status_code == 404
