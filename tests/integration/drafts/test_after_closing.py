"""A tab types on after its form was sent or deleted: its words were not received; it says so and shows them."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.citizen import Citizen, File, Page
from tests.conftest import MovableClock
from tests.files import PDF
from tests.integration.drafts.test_late_order import autosave
from tests.integration.integrations.conftest import FORM as ALLOTMENT
from tests.integration.storage.conftest import publish_evidence
from tests.loan import filled, publish_yaml, start

NOT_RECEIVED = "We have not received what you typed after that."
TYPED = "and one more thing"


@pytest.fixture
def draft(app: Flask, citizen: Citizen) -> str:
    return filled(app, citizen)


def tab_of(citizen: Citizen, address: str) -> Citizen:
    """Open another tab of the same browser."""
    tab = citizen.tab()
    tab.open(address)
    return tab


def send(citizen: Citizen, draft: str, _clock: MovableClock) -> None:
    citizen.open(f"{draft}/check")
    citizen.press("Send", declaration="yes")
    assert citizen.page.heading == "We have received your form"


def delete(citizen: Citizen, draft: str, _clock: MovableClock) -> None:
    citizen.open(draft)
    citizen.press("Delete this draft")
    citizen.press("Delete this draft")


Close = Callable[[Citizen, str, MovableClock], None]
CLOSED = {
    "sent": (send, 200, "You have already sent this form", "You sent this form on 21 November 2026 at 14:02."),
    "deleted": (delete, 410, "This form is no longer here", "This form was deleted on 21 November 2026."),
}
closed = pytest.mark.parametrize(("close", "status", "heading", "sentence"), CLOSED.values(), ids=CLOSED)


@closed
@pytest.mark.parametrize("button", ["Continue", "Back", "Save and come back later"])
def test_words_that_come_after_the_end_are_shown_as_not_received(
    citizen: Citizen,
    draft: str,
    clock: MovableClock,
    close: Close,
    status: int,
    heading: str,
    sentence: str,
    button: str,
) -> None:
    tab = tab_of(citizen, f"{draft}/remarks")
    close(citizen, draft, clock)
    page = tab.press(button, remark=TYPED)
    assert (page.status, page.heading) == (status, heading)
    assert NOT_RECEIVED in page
    assert TYPED in page


@closed
def test_every_kind_of_answer_is_shown_valid_or_not(
    citizen: Citizen, draft: str, clock: MovableClock, close: Close, status: int, heading: str, sentence: str
) -> None:
    tab = tab_of(citizen, f"{draft}/you")
    close(citizen, draft, clock)
    typed = {"name": "Mina", "email": "mina@", "born__day": "31", "born__month": "2", "news": "yes", "topic": "Glue"}
    page = tab.press("Continue", **typed, days=["sat", "sun"])
    for words in ("Mina", "mina@", "31", "Yes", "Glue", "Saturday", "Sunday"):
        assert words in page


def test_only_what_was_not_sent_is_shown(citizen: Citizen, draft: str, clock: MovableClock) -> None:
    tab = tab_of(citizen, f"{draft}/you")
    send(citizen, draft, clock)
    page = tab.press("Continue", name="Mina")
    assert "Mina" in page
    assert "3 April 1990" not in page


def test_a_page_that_says_what_was_sent_is_told_nothing_of_lost_words(
    citizen: Citizen, draft: str, clock: MovableClock
) -> None:
    tab = tab_of(citizen, f"{draft}/remarks")
    send(citizen, draft, clock)
    assert autosave(tab, 1, remark="Thanks").status_code == 200
    page = tab.press("Continue")
    assert (page.status, page.heading) == (200, "You have already sent this form")
    assert NOT_RECEIVED not in page


@closed
def test_an_item_shows_its_words_too(
    citizen: Citizen, draft: str, clock: MovableClock, close: Close, status: int, heading: str, sentence: str
) -> None:
    citizen.open(f"{draft}/tools")
    tab = tab_of(citizen, citizen.page.links["Change Drill"])
    new = tab_of(citizen, f"{draft}/tools")
    new.press("Add another tool")
    close(citizen, draft, clock)
    assert "Plane" in tab.press("Continue", what="Plane")
    assert "A very long name of a tool" in new.press("Continue", what="A very long name of a tool")


@closed
def test_a_page_that_saves_itself_is_told_what_became_of_its_form(
    citizen: Citizen, draft: str, clock: MovableClock, close: Close, status: int, heading: str, sentence: str
) -> None:
    tab = tab_of(citizen, f"{draft}/remarks")
    close(citizen, draft, clock)
    answer = autosave(tab, 1, remark=TYPED)
    assert answer.status_code == 409
    page = Page("", answer)
    assert sentence in page
    assert "We have not received what you typed here since. Press Continue to see it." in page


def test_words_of_a_forged_page_are_not_shown(citizen: Citizen, draft: str, clock: MovableClock) -> None:
    send(citizen, draft, clock)
    answer = citizen.post(f"{draft}/remarks", {"csrf_token": "forged", "remark": TYPED, "_end": "1"})
    assert TYPED not in answer.text


def test_files_that_come_after_the_end_are_named(app: Flask, citizen: Citizen) -> None:
    publish_evidence(app)
    draft = start(citizen, "evidence")
    paper = File("letter.pdf", PDF * 40_000)
    tab = tab_of(citizen, f"{draft}/papers")
    citizen.open(draft)
    citizen.press("Delete this draft")
    citizen.press("Delete this draft")
    page = tab.press("Continue", story="My rent", proof=paper)
    assert (page.status, NOT_RECEIVED in page, "letter.pdf" in page, "My rent" in page) == (410, True, True, True)
    upload = {"csrf_token": citizen.page.value("csrf_token"), "_end": "1"}
    answer = citizen.post(f"{draft}/autosave/papers/files", upload, headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert answer.text.endswith("Files cannot be added or removed any more.")
    assert "<" not in answer.text


def test_a_look_up_leaves_the_page_and_its_words_where_they_are(app: Flask, citizen: Citizen) -> None:
    publish_yaml(app, ALLOTMENT)
    draft = start(citizen, "allotment")
    tab = tab_of(citizen, f"{draft}/you")
    citizen.open(draft)
    citizen.press("Delete this draft")
    citizen.press("Delete this draft")
    form, _ = tab.page.form_with("Find address")
    data = {each.name: each.value for each in form.controls} | {"_lookup": "find", "postcode": "AS4 2LN"}
    answer = tab.post(f"{draft}/you", data, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers.get("HX-Redirect")) == (200, None)
    assert "This form was deleted on" in answer.text
    assert "AS4 2LN" in tab.press("Continue", postcode="AS4 2LN")
