"""A new version of a form while drafts are open: they stay, move or ask their people, and nothing typed is lost."""

import re
from typing import Any

import pytest
from flask import Flask

from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.loan import publish_yaml, start, states
from tests.people import add_person, sign_in

FORM = """
format: 1
form: {{id: club, title: Join the club, drafts: {{on_new_version: {policy}}}}}
sections:
  - id: you
    title: About you
    fields:
      - {{id: name, type: name, label: Name, required: true}}
      - {{id: pet, type: text, label: Pet}}
{you}
  - id: rest
    title: The rest
    fields:
      - {{id: remark, type: text, label: Remark}}
{rest}
"""
RENAMED = FORM.replace("id: name, type: name, label: Name", "id: full_name, type: name, label: Name, was: [name]")
NEW = "      - {{id: age, type: number, label: Age, required: true}}"
WORDED = FORM.replace("label: Pet", "label: Animal")
WITHOUT_PET = FORM.replace("      - {{id: pet, type: text, label: Pet}}\n", "")
GATED = FORM.replace(
    "      - {{id: pet, type: text, label: Pet}}\n",
    """      - {{id: has_pet, type: yes_no, label: Any pet}}
      - {{id: pet, type: text, label: Pet, when: {{field: you.has_pet, is: true}}}}
""",
)
RETYPED = FORM.replace("id: pet, type: text", "id: pet, type: yes_no")


def publish(app: Flask, text: str = FORM, policy: str = "ask", **more: str) -> None:
    publish_yaml(app, text.format(policy=policy, you=more.get("you", "").format(), rest=more.get("rest", "").format()))


@pytest.fixture
def begun(app: Flask, citizen: Citizen) -> str:
    """A draft of the first version with both answers of its first section."""
    publish(app)
    draft = start(citizen, "club")
    citizen.open(f"{draft}/you")
    citizen.press("Continue", name="Ada", pet="Cat")
    return draft


class TestKeep:
    def test_the_draft_stays_on_its_version(self, app: Flask, citizen: Citizen, begun: str) -> None:
        publish(app, WORDED, "keep", you=NEW)
        assert "has changed" not in citizen.open(begun)
        assert "Pet" in citizen.open(f"{begun}/you")
        assert citizen.press("Continue").path == f"{begun}/rest"

    def test_a_new_draft_takes_the_new_version(self, app: Flask, citizen: Citizen, begun: str) -> None:
        publish(app, WORDED, "keep")
        assert "Animal" in citizen.open(f"{start(citizen, 'club')}/you")


class TestAsk:
    @pytest.mark.parametrize(
        ("text", "you", "says"),
        [
            pytest.param(WORDED, "", "Animal The wording has changed: check your answer.", id="wording"),
            pytest.param(FORM, NEW, "Age This is new, or needed now: it must be answered.", id="new required"),
            pytest.param(RETYPED, "", "Pet The question takes other answers now: answer again.", id="type"),
            pytest.param(
                WITHOUT_PET,
                "",
                "Pet This is no longer asked: your answer will not be sent. You answered: Cat",
                id="removed",
            ),
            pytest.param(
                GATED,
                "",
                "Pet Your answer is kept. You may be asked again after you answer “Any pet”. You answered: Cat",
                id="asked after another question",
            ),
            pytest.param(RENAMED, "", "None of your answers change.", id="renamed"),
        ],
    )
    def test_the_task_list_says_what_changed(
        self, app: Flask, citizen: Citizen, begun: str, text: str, you: str, says: str
    ) -> None:
        publish(app, text, you=you)
        page = citizen.open(begun)
        assert "This form has changed since you started" in page
        assert says in page

    def test_kept_answer_comes_back_after_the_question_that_it_waits_for(
        self, app: Flask, citizen: Citizen, begun: str
    ) -> None:
        publish(app, GATED)
        citizen.open(begun)
        citizen.press("Use the new form")
        citizen.open(f"{begun}/you")
        assert citizen.press("Continue", has_pet="yes").path == f"{begun}/rest"
        assert "Cat" in citizen.open(f"{begun}/check")

    def test_draft_keeps_the_old_version_until_somebody_decides(self, app: Flask, citizen: Citizen, begun: str) -> None:
        publish(app, WORDED, you=NEW)
        citizen.open(f"{begun}/you")
        assert citizen.press("Continue", pet="Dog").path == f"{begun}/rest"
        citizen.press("Continue")
        assert "See what has changed, and choose" in citizen.page
        assert citizen.press("Send").heading == "We have received your form"
        assert "Pet" in citizen.page
        assert "Animal" not in citizen.page

    def test_new_version_keeps_the_answers_and_marks_what_changed(
        self, app: Flask, citizen: Citizen, begun: str
    ) -> None:
        publish(app, WORDED, you=NEW)
        citizen.open(begun)
        page = citizen.press("Use the new form")
        assert states(page) == {"About you": "check_again", "The rest": "not_started"}
        assert "This form has changed since you started" not in page
        page = citizen.open(f"{begun}/you")
        assert (page.value("name"), page.value("pet")) == ("Ada", "Cat")
        assert "Animal The wording has changed: check your answer." in page
        assert "Age This is new, or needed now: it must be answered." in page

    def test_continue_clears_the_marks_of_its_section(self, app: Flask, citizen: Citizen, begun: str) -> None:
        publish(app, WORDED)
        citizen.open(begun)
        citizen.press("Use the new form")
        citizen.open(f"{begun}/check")
        assert "Check again" in citizen.page
        assert "Check “About you” again: the form has changed" in citizen.press("Send").links
        citizen.open(f"{begun}/you")
        citizen.press("Continue")
        assert states(citizen.open(begun))["About you"] == "complete"
        assert "Check again" not in citizen.open(f"{begun}/check")

    def test_continue_with_a_mistake_clears_no_mark(self, app: Flask, citizen: Citizen, begun: str) -> None:
        publish(app, you=NEW)
        citizen.open(begun)
        citizen.press("Use the new form")
        citizen.open(f"{begun}/you")
        assert citizen.press("Continue").status == 422
        assert states(citizen.open(begun))["About you"] == "check_again"

    def test_keeping_the_old_version_stops_the_question_until_the_next_version(
        self, app: Flask, citizen: Citizen, begun: str
    ) -> None:
        publish(app, WORDED)
        citizen.open(begun)
        assert citizen.press("Keep the form as it was").path == f"{begun}/rest"
        assert "has changed" not in citizen.open(begun)
        assert "Pet" in citizen.open(f"{begun}/you")
        publish(app, WITHOUT_PET)
        assert "This form has changed since you started" in citizen.open(begun)

    def test_decision_about_an_outdated_version_shows_the_newest(
        self, app: Flask, citizen: Citizen, begun: str
    ) -> None:
        publish(app, WORDED)
        citizen.open(begun)
        publish(app, WITHOUT_PET)
        page = citizen.press("Use the new form")
        assert "your answer will not be sent" in page
        assert "Pet" in citizen.open(f"{begun}/you")

    def test_draft_without_answers_moves_to_the_new_version(self, app: Flask, citizen: Citizen) -> None:
        publish(app)
        draft = start(citizen, "club")
        publish(app, WORDED)
        assert "has changed" not in citizen.open(draft)
        assert "Animal" in citizen.open(f"{draft}/you")
        citizen.press("Continue", name="Ada", pet="Cat")
        citizen.press("Continue")
        citizen.press("Send")
        assert "Animal" in citizen.page

    def test_person_who_comes_back_is_asked_first(
        self, app: Flask, citizen: Citizen, begun: str, clock: MovableClock
    ) -> None:
        code = re.search(r"[0-9A-Z]{4} [0-9A-Z]{4}", citizen.open(begun).text)
        assert code
        publish(app, WORDED)
        other = Citizen(app)
        other.open("/resume")
        page = other.press("Continue your form", reference=begun.rpartition("/")[2], return_code=code[0])
        assert page.path == begun
        assert "Animal The wording has changed: check your answer." in page


class TestMove:
    def test_answers_move_when_the_draft_is_next_opened(self, app: Flask, citizen: Citizen, begun: str) -> None:
        publish(app, RENAMED, "move", you=NEW)
        assert states(citizen.open(begun))["About you"] == "check_again"
        page = citizen.open(f"{begun}/you")
        assert page.value("full_name") == "Ada"
        assert citizen.press("Continue", age="40").path == f"{begun}/rest"
        citizen.press("Continue")
        citizen.press("Send")
        assert "Ada" in citizen.page
        assert "40" in citizen.page

    def test_opening_a_page_stores_nothing(self, app: Flask, citizen: Citizen, begun: str) -> None:
        publish(app, RENAMED, "move")
        citizen.open(f"{begun}/you")
        publish(app, FORM, "keep")
        citizen.open(f"{begun}/you")
        assert citizen.page.value("name") == "Ada"

    def test_form_with_a_wrong_token_moves_nothing(self, app: Flask, citizen: Citizen, begun: str) -> None:
        citizen.open(f"{begun}/you")
        publish(app, RENAMED, "move")
        assert citizen.press("Continue", csrf_token="forged").status == 409
        publish(app, FORM, "keep")
        assert citizen.open(f"{begun}/you").value("name") == "Ada"

    def test_a_field_renamed_twice_keeps_its_answer(self, app: Flask, citizen: Citizen, begun: str) -> None:
        publish(app, RENAMED, "keep")
        publish(app, RENAMED.replace("full_name", "called").replace("[name]", "[full_name]"), "move")
        assert citizen.open(f"{begun}/you").value("called") == "Ada"

    def test_open_page_of_a_changed_section_comes_back_filled_in(
        self, app: Flask, citizen: Citizen, begun: str
    ) -> None:
        citizen.open(f"{begun}/you")
        publish(app, RENAMED, "move", you=NEW)
        page = citizen.press("Continue", name="Ada Lovelace", pet="Dog")
        assert page.status == 409
        assert "This form has changed since you opened the page." in page
        assert (page.value("full_name"), page.value("pet")) == ("Ada Lovelace", "Dog")
        assert citizen.press("Continue", age="36").path == f"{begun}/rest"
        assert citizen.open(f"{begun}/you").value("full_name") == "Ada Lovelace"

    def test_open_page_of_an_unchanged_section_still_works(self, app: Flask, citizen: Citizen, begun: str) -> None:
        citizen.open(f"{begun}/rest")
        publish(app, WORDED, "move")
        assert citizen.press("Continue", remark="Hello").path == f"{begun}/check"

    def test_stale_page_of_another_tab_shows_both_answers(self, app: Flask, citizen: Citizen, begun: str) -> None:
        other = Citizen(app)
        other.client = citizen.client
        other.open(f"{begun}/you")
        publish(app, WORDED, "move")
        citizen.open(f"{begun}/you")
        citizen.press("Continue", pet="Dog")
        page = other.press("Continue", pet="Fish")
        assert page.status == 409
        assert page.value("pet") == "Fish"
        page = other.press("Continue")
        assert page.status == 409
        assert "Dog" in page
        assert "Fish" in page

    def test_open_page_keeps_autosaving_until_it_is_sent(self, app: Flask, citizen: Citizen, begun: str) -> None:
        page = citizen.open(f"{begun}/you")
        publish(app, RENAMED, "move")
        assert autosave(citizen, page, begun, name="Adele").status_code == 200
        citizen.open(f"{begun}/rest")
        citizen.press("Continue")
        assert autosave(citizen, page, begun, name="Adelheid").status_code == 409
        assert citizen.open(f"{begun}/you").value("full_name") == "Adele"

    def test_page_of_a_removed_section_leads_to_the_task_list(self, app: Flask, citizen: Citizen, begun: str) -> None:
        citizen.open(f"{begun}/rest")
        publish_yaml(app, FORM.partition("  - id: rest")[0].format(policy="move", you=""))
        assert citizen.send("Continue", remark="x").headers["Location"] == begun
        assert citizen.open(f"{begun}/rest").path == begun
        assert citizen.open(f"{begun}/never").status == 404

    def test_the_check_page_is_shown_again_before_anything_is_sent(
        self, app: Flask, citizen: Citizen, begun: str
    ) -> None:
        citizen.open(f"{begun}/rest")
        citizen.press("Continue")
        publish(app, WITHOUT_PET, "move")
        page = citizen.press("Send")
        assert page.status == 409
        assert "Your form was not sent yet" in page
        assert "Cat" not in page
        assert citizen.press("Send").heading == "We have received your form"


def autosave(citizen: Citizen, page: Page, draft: str, **values: Any) -> Any:
    """Send what the script of an open page sends by itself."""
    names = {name: page.value(name) or "" for name in ("csrf_token", "_revision", "_page", "_version")}
    data = {**names, "_sequence": "1", **values, "_changed": ",".join(values), "_end": "1"}
    return citizen.client.post(f"{draft}/autosave/you", data=data, headers={"HX-Request": "true"})


REPEATED = """
format: 1
form: {{id: crew, title: A crew, drafts: {{on_new_version: move}}}}
sections:
  - id: crew
    title: The crew
    repeat: {{item: sailor, label_from: name}}
    fields:
      - {{id: name, type: name, label: Name, required: true}}
      {more}
"""


def test_changed_item_is_marked_in_its_list_until_continue(app: Flask, citizen: Citizen) -> None:
    publish_yaml(app, REPEATED.format(more=""))
    draft = start(citizen, "crew")
    citizen.open(f"{draft}/crew")
    citizen.press("Add a sailor")
    citizen.press("Continue", name="Ada")
    citizen.press("Continue")
    publish_yaml(app, REPEATED.format(more="- {id: rank, type: text, label: Rank}"))
    assert states(citizen.open(draft)) == {"The crew": "check_again"}
    assert "Ada Check again" in citizen.open(f"{draft}/crew")
    citizen.press("Continue")
    assert states(citizen.open(draft)) == {"The crew": "complete"}


def test_late_answer_is_kept_under_the_new_name_of_its_field(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    add_person(app)
    sign_in(citizen)
    publish(app)
    draft = start(citizen, "club")
    citizen.open(f"{draft}/you")
    citizen.press("Continue", name="Ada")
    citizen.open(f"{draft}/you")
    clock.advance(minutes=31)
    assert citizen.press("Continue", name="Ada Lovelace").status == 403
    publish(app, RENAMED, "move")
    sign_in(citizen)
    page = citizen.open(f"{draft}/you")
    assert page.value("full_name") == "Ada Lovelace"
    assert "You have not sent it yet" in page


def test_sent_form_always_reads_as_it_was_sent(app: Flask, citizen: Citizen, begun: str) -> None:
    citizen.open(f"{begun}/rest")
    citizen.press("Continue")
    citizen.press("Send")
    reference = begun.rpartition("/")[2]
    publish(app, RENAMED, "move", you=NEW)
    publish(app, WITHOUT_PET, "move")
    page = citizen.open(f"/submissions/{reference}")
    assert "Pet" in page
    assert "Cat" in page
    assert "version" not in page.words
