"""Before a form is started: what it will ask, a blank to print, and a rehearsal that stores nothing."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.db import Database
from portal.drafts.models import Draft, DraftPart
from portal.drafts.preview.views import STARTS
from portal.sessions.models import SessionRow
from portal.web.addresses import remote_network
from portal.web.limits import take_all
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.loan import publish_loan, publish_yaml

pytestmark = pytest.mark.one_database
ASKS = """
format: 1
form:
  id: asks
  title: Ask for a garden
  languages: [en, cy]
  expected_minutes: 25
  you_will_need: [Proof of address]
  allow_save: {allow_save}
conditions:
  has_dog: {{field: you.dog, is: true}}
sections:
  - id: you
    title: You
    fields:
      - {{id: name, type: name, label: Name, required: true}}
      - {{id: dog, type: yes_no, label: A dog}}
      - {{id: size, type: number, label: Its size, required: true, when: {{field: ./dog, is: true}}}}
      - {{id: photo, type: file, label: A photo of you}}
      - {{id: find, type: lookup, label: Find my home, integration: address_register, fills: {{./home: address}}}}
      - {{id: home, type: address, label: Home}}
    stop_when:
      - {{when: {{field: ./name, is: Nobody}}, title: We need somebody, body: Ask a friend.}}
  - id: dogs
    title: Your dogs
    when: {{condition: has_dog}}
    needs: [you]
    repeat: {{item: dog, min: 1, max: 3}}
    fields:
      - {{id: called, type: text, label: Called, required: true}}
  - id: rest
    title: The rest
    fields:
      - {{id: words, type: note, label: "Only **words**."}}
      - {{id: leash, type: declaration, label: I have a leash, required: true, when: {{condition: has_dog}}}}
      - {{id: plot, type: choice, label: Which plot, options: [{{value: a, label: Sunny}}, {{value: b, label: Shady}}]}}
"""


@pytest.fixture
def form(app: Flask) -> str:
    publish_yaml(app, ASKS.format(allow_save="true"))
    return "/forms/asks"


def test_start_page_links_to_what_will_be_asked(citizen: Citizen, form: str) -> None:
    citizen.open(form)
    page = citizen.follow("What we will ask, and what to have ready")
    assert (page.path, page.heading) == (f"{form}/prepare", "What we will ask")


def test_page_lists_every_question_and_its_condition(citizen: Citizen, form: str) -> None:
    page = citizen.open(f"{form}/prepare")
    for words in (
        "Ask for a garden asks 8 questions on 3 pages.",
        "You Name A dog (optional) Its size Only asked if “A dog” is yes.",
        "A photo of you (optional) (a file)",
        "Your dogs Only asked if “A dog” is yes. Asked for each dog. At least 1 is needed. Called",
        "I have a leash Only asked if “A dog” is yes.",
        "Which plot (optional) Sunny · Shady",
    ):
        assert words in page
    assert "Find my home" not in page


def test_papers_are_those_the_author_names_and_those_asked_for_as_files(citizen: Citizen, form: str) -> None:
    assert "What to have ready Proof of address A photo of you" in citizen.open(f"{form}/prepare")


def test_usual_time_is_shown_beside_the_length_of_a_session(app: Flask, citizen: Citizen, form: str) -> None:
    app.test_cli_runner().invoke(args=["settings", "set", "session_lifetime_minutes", "20"])
    page = citizen.open(f"{form}/prepare")
    assert "Most people needabout 25 minutes" in page.words
    assert "You have20 minutes at a time" in page.words
    assert "We save your answers as you type." in page


def test_page_of_a_form_that_cannot_be_saved_promises_no_saving(app: Flask, citizen: Citizen) -> None:
    publish_yaml(app, ASKS.format(allow_save="false"))
    page = citizen.open("/forms/asks/prepare")
    assert "if you are signed out before you send it, your answers are lost" in page
    assert "We save your answers" not in page


def test_blank_form_has_every_question_and_a_box_for_each_option(citizen: Citizen, form: str) -> None:
    page = citizen.open(f"{form}/blank")
    for words in ("Ask for a garden", "Proof of address", "Sunny", "Shady", "Only asked if “A dog” is yes.", "Called"):
        assert words in page


def test_page_in_welsh_states_conditions_without_english(citizen: Citizen, form: str) -> None:
    citizen.client.set_cookie("language", "cy")
    page = citizen.open(f"{form}/prepare")
    assert "is yes" not in page


def walk(citizen: Citizen, form: str) -> None:
    """Try every page of the rehearsal, to its end."""
    citizen.open(f"{form}/prepare")
    citizen.follow("Try the form first")
    citizen.press("Continue", name="Ada", dog="no", size="")
    citizen.press("Continue", called="Rex")
    citizen.press("Continue", leash="yes", plot="b")
    assert citizen.page.path == f"{form}/rehearsal"


def test_a_rehearsal_walks_through_every_page(citizen: Citizen, form: str) -> None:
    walk(citizen, form)
    assert "Nothing that you typed was stored, and nothing was sent." in citizen.page
    assert citizen.press("Start now").path.startswith("/drafts/")


def test_a_rehearsal_stores_nothing(citizen: Citizen, form: str, database: Database) -> None:
    walk(citizen, form)
    with database.reading() as db:
        counts = [db.scalar(select(func.count()).select_from(model)) for model in (Draft, DraftPart, SessionRow)]
    assert counts == [0, 0, 0]
    assert citizen.open(f"{form}/rehearsal/you").value("name") == ""


def test_a_rehearsal_shows_mistakes_as_the_form_does(citizen: Citizen, form: str) -> None:
    citizen.open(f"{form}/rehearsal/you")
    page = citizen.press("Continue", name="", dog="yes", size="large")
    assert (page.status, page.title[:6]) == (422, "Error:")
    assert "Name: enter an answer" in page
    assert page.value("size") == "large"


def test_rehearsal_shows_questions_that_depend_on_other_pages_and_says_when(citizen: Citizen, form: str) -> None:
    page = citizen.open(f"{form}/rehearsal/dogs")
    assert "Only asked if “A dog” is yes. Asked for each dog." in page
    page = citizen.open(f"{form}/rehearsal/rest")
    assert "Only asked if “A dog” is yes." in page
    assert page.value("leash") is None
    assert "leash" in {name for each in page.forms for name in each.names}


def test_a_rehearsal_takes_no_files_and_asks_no_register(citizen: Citizen, form: str) -> None:
    page = citizen.open(f"{form}/rehearsal/you")
    names = {name for each in page.forms for name in each.names}
    assert not {"photo", "_lookup"} & names
    assert "The form itself also has here: A photo of you Find my home" in page


def test_a_rehearsal_shows_where_the_form_would_end(citizen: Citizen, form: str) -> None:
    citizen.open(f"{form}/rehearsal/you")
    page = citizen.press("Continue", name="Nobody")
    assert (page.status, page.heading) == (200, "We need somebody")
    assert page.links["Answer differently"] == f"{form}/rehearsal/you"


def test_back_in_a_rehearsal_works_whatever_was_typed(citizen: Citizen, form: str) -> None:
    citizen.open(f"{form}/rehearsal/dogs")
    assert citizen.press("Back", called="x" * 600).path == f"{form}/rehearsal/you"
    assert citizen.press("Back").path == f"{form}/prepare"


@pytest.mark.parametrize("path", ["prepare", "blank", "rehearsal", "rehearsal/you", "rehearsal/nowhere"])
def test_unpublished_form_cannot_be_prepared(citizen: Citizen, path: str) -> None:
    assert citizen.open(f"/forms/nothing/{path}").status == 404


def test_a_rehearsal_can_be_tried_without_the_account_that_the_form_asks_for(app: Flask, citizen: Citizen) -> None:
    publish_loan(app, access="account")
    page = citizen.open("/forms/tool-loan/rehearsal/you")
    assert (page.status, page.heading) == (200, "About you")


def test_forms_begun_from_one_network_have_a_limit(app: Flask, clock: MovableClock) -> None:
    publish_yaml(app, ASKS.format(allow_save="true"))
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.7"}):
        assert take_all([(STARTS, remote_network())], now=clock.now(), number=STARTS.burst) is None
    for address, wait, status in (("192.0.2.7", 0, 429), ("192.0.2.8", 0, 303), ("192.0.2.7", 10, 303)):
        clock.advance(seconds=wait)
        citizen = Citizen(app, address)
        citizen.open("/forms/asks")
        assert citizen.send("Start now").status_code == status
