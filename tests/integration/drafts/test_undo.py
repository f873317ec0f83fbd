"""Remove can be undone until the form is sent: items with all that they hold, and files."""

from collections.abc import Callable
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import select

from portal.commands.worker import Worker
from portal.db import Database
from portal.drafts.models import DraftPart
from portal.storage.models import StoredFile
from tests.citizen import Citizen, File
from tests.conftest import MovableClock, Prepared
from tests.files import PDF
from tests.loan import publish_yaml, start
from tests.people import add_person, sign_in

FORM = """
format: 1
form: {{id: trip, title: Plan a trip}}
sections:
  - id: people
    title: People
    repeat: {{item: person, min: 0, max: 3, label_from: name}}
    fields:
      - {{id: name, type: text, label: {label}, required: true}}
      - {{id: drives, type: yes_no, label: Drives}}
      - {{id: licence, type: text, label: Licence, required: true, when: {{field: ./drives, is: true}}}}
      - {{id: born, type: date, label: Born}}
      - {{id: card, type: file, label: Card, files: {{max: 1, max_mb: 1, types: [pdf]}}}}
  - id: car
    title: The car
    when: {{some_item: people, when: {{field: ./drives, is: true}}}}
    fields: [{{id: plate, type: text, label: Plate}}]
  - id: papers
    title: Papers
    fields:
      - {{id: story, type: text, label: Story}}
      - {{id: proof, type: file, label: Proof, files: {{max: 2, max_mb: 1, types: [pdf]}}}}
"""
MAIL = "zoe@mail.example"
ZOFIA = {
    "name": "Zofia",
    "drives": "yes",
    "licence": "WZ 1",
    "born__day": "31",
    "born__month": "2",
    "born__year": "",
}
CARD = File("card.pdf", PDF)
Parts = Callable[[str], dict[str, DraftPart]]


@pytest.fixture
def draft(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    """A draft whose list holds Rex, Zofia and Tom."""

    def walk() -> str:
        publish_yaml(app, FORM.format(label="Name"))
        add_person(app, MAIL)
        sign_in(citizen, MAIL)
        draft = start(citizen, "trip")
        for person in ({"name": "Rex"}, ZOFIA | {"card": CARD}, {"name": "Tom"}):
            citizen.open(f"{draft}/people")
            citizen.press(citizen.page.add_button)
            citizen.press("Save and come back later", **person)
        return draft

    return prepared(walk, citizen)


@pytest.fixture
def zofia(citizen: Citizen, draft: str) -> str:
    """The address of Zofia, who was removed."""
    address = citizen.open(f"{draft}/people").links["Change Zofia"]
    citizen.press("Remove Zofia")
    return address


def names(citizen: Citizen, draft: str) -> list[str]:
    return [
        link.removeprefix("Change ") for link in citizen.open(f"{draft}/people").links if link.startswith("Change ")
    ]


def test_removing_an_item_says_so_and_puts_the_focus_on_undo(citizen: Citizen, zofia: str) -> None:
    page = citizen.page
    assert "You removed Zofia. Undo" in page
    [button] = [each for each in page.elements if each.tag == "button" and each.get("name") == "_undo"]
    assert button.inside("div")
    assert "autofocus" in button.attributes
    assert button.get("aria-describedby") in {each.get("id") for each in page.elements}


def test_undo_puts_the_item_back_with_everything_it_held(citizen: Citizen, draft: str, zofia: str) -> None:
    assert names(citizen, draft) == ["Rex", "Tom"]
    answer = citizen.send("Undo")
    assert (answer.status_code, answer.location) == (303, f"{draft}/people#item-{zofia.rpartition('/')[2]}")
    assert names(citizen, draft) == ["Rex", "Zofia", "Tom"]
    assert "You removed" not in citizen.page
    page = citizen.open(zofia)
    assert {name: page.value(name.replace("__", "-")) for name in ZOFIA} == ZOFIA
    assert citizen.client.get(page.links["card.pdf"], buffered=True).data == PDF


def test_removal_can_be_undone_after_other_changes_and_in_another_session(
    app: Flask, citizen: Citizen, draft: str, zofia: str, clock: MovableClock
) -> None:
    citizen.open(f"{draft}/papers")
    citizen.press("Save and come back later", story="Something else")
    clock.advance(days=3)
    other = Citizen(app)
    sign_in(other, MAIL)
    page = other.open(f"{draft}/people")
    assert "You removed Zofia. Undo" in page
    assert not [each for each in page.elements if "autofocus" in each.attributes]
    other.press("Undo")
    assert names(other, draft) == ["Rex", "Zofia", "Tom"]


def test_several_removals_are_undone_one_by_one_the_latest_first(citizen: Citizen, draft: str, zofia: str) -> None:
    citizen.open(f"{draft}/people")
    page = citizen.press("Remove Rex")
    assert page.words.index("You removed Rex.") < page.words.index("You removed Zofia.")
    citizen.press("Undo")
    assert names(citizen, draft) == ["Rex", "Tom"]
    citizen.press("Undo")
    assert names(citizen, draft) == ["Rex", "Zofia", "Tom"]


def test_removed_item_decides_nothing_and_is_never_sent(
    citizen: Citizen, draft: str, zofia: str, parts: Parts, database: Database
) -> None:
    assert citizen.client.get(f"{draft}/car").status_code == 302
    assert "2 added" in citizen.open(draft)
    citizen.open(f"{draft}/people")
    citizen.press("Continue")
    assert citizen.page.path == f"{draft}/papers"
    citizen.press("Continue")
    assert "Zofia" not in citizen.page
    citizen.press("Send")
    assert citizen.page.heading == "We have received your form"
    assert "Zofia" not in citizen.page
    assert parts(draft) == {}
    with database.reading() as db:
        assert [row.sealed for row in db.scalars(select(StoredFile))] == [b""]


@pytest.mark.parametrize("way", ["deleted", "expired"])
def test_removed_item_is_deleted_with_its_draft(
    app: Flask,
    citizen: Citizen,
    draft: str,
    zofia: str,
    parts: Parts,
    clock: MovableClock,
    database: Database,
    way: str,
) -> None:
    if way == "deleted":
        citizen.open(draft)
        citizen.press("Delete this draft")
        citizen.press("Delete this draft")
    else:
        clock.advance(days=31)
        Worker(app.extensions["portal"]).work_once(Event())
    assert parts(draft) == {}
    with database.reading() as db:
        assert [row.sealed for row in db.scalars(select(StoredFile))] in ([b""], [])


def test_undo_is_refused_while_the_list_is_full(citizen: Citizen, draft: str, zofia: str) -> None:
    citizen.press("Add another person")
    citizen.press("Continue", name="Ann")
    page = citizen.press("Undo")
    assert page.status == 422
    assert "You cannot add any more." in page
    citizen.press("Remove Ann")
    citizen.press("Undo")
    citizen.page = page
    assert names(citizen, draft) == ["Rex", "Tom", "Ann"]


def test_undo_pressed_twice_or_for_an_unknown_item_changes_nothing(citizen: Citizen, draft: str, zofia: str) -> None:
    page = citizen.page
    for _ in range(2):
        citizen.page = page
        assert citizen.send("Undo").status_code == 303
    token = citizen.open(f"{draft}/people").value("csrf_token")
    answer = citizen.post(f"{draft}/people", {"csrf_token": token, "_undo": "nobodyxx", "_end": "1"})
    assert answer.status_code == 303
    assert names(citizen, draft) == ["Rex", "Zofia", "Tom"]


def test_undo_after_the_end_or_with_a_stale_token_changes_nothing(
    citizen: Citizen, draft: str, zofia: str, clock: MovableClock
) -> None:
    form = {"_undo": zofia.rpartition("/")[2], "csrf_token": "f" * 80, "_end": "1"}
    assert citizen.post(f"{draft}/people", form).status_code == 409
    citizen.open(f"{draft}/people")
    clock.advance(minutes=31)
    assert citizen.press("Undo").status == 403
    sign_in(citizen, MAIL)
    assert names(citizen, draft) == ["Rex", "Tom"]


def test_page_of_a_removed_item_that_is_still_open_loses_nothing(citizen: Citizen, draft: str) -> None:
    address = citizen.open(f"{draft}/people").links["Change Zofia"]
    tab = citizen.open(address)
    citizen.open(f"{draft}/people")
    citizen.press("Remove Zofia")
    citizen.page = tab
    assert citizen.press("Continue", name="Zofia the second", born__day="1").status == 409
    citizen.press("Keep all of mine")
    assert names(citizen, draft) == ["Rex", "Tom", "Zofia the second"]
    citizen.press("Undo")
    assert citizen.page.status == 422, "the list is full"
    citizen.press("Remove Rex")
    citizen.page = citizen.open(f"{draft}/people")
    form, _ = citizen.page.form_with("Undo")
    undone = next(each for each in form.buttons if each.name == "_undo" and each.value != form.buttons[0].value)
    citizen.post(
        f"{draft}/people", {"csrf_token": citizen.page.value("csrf_token"), "_undo": undone.value, "_end": "1"}
    )
    assert names(citizen, draft) == ["Zofia", "Tom", "Zofia the second"]
    page = citizen.open(citizen.page.links["Change Zofia"])
    assert {name: page.value(name.replace("__", "-")) for name in ZOFIA} == ZOFIA
    assert citizen.client.get(page.links["card.pdf"], buffered=True).data == PDF


def test_item_that_was_removed_moves_to_a_new_version_with_its_draft(
    app: Flask, citizen: Citizen, draft: str, zofia: str
) -> None:
    renamed = FORM.format(label="Full name").replace("id: name,", "id: full_name, was: [name],")
    publish_yaml(app, renamed.replace("label_from: name", "label_from: full_name"))
    citizen.open(draft)
    citizen.press("Use the new form")
    citizen.open(f"{draft}/people")
    assert "You removed Zofia. Undo" in citizen.page
    citizen.press("Undo")
    page = citizen.open(zofia)
    assert (page.value("full_name"), page.value("licence"), page.value("born-day")) == ("Zofia", "WZ 1", "31")
    assert "card.pdf" in page.links


class TestFiles:
    """A file that was removed comes back with Undo, by the plain form and by the script's requests."""

    @pytest.fixture
    def papers(self, citizen: Citizen, draft: str) -> str:
        citizen.open(f"{draft}/papers")
        citizen.press("Save and come back later", story="Old", proof=[File("a.pdf", PDF), File("b.pdf", PDF)])
        citizen.open(f"{draft}/papers")
        return f"{draft}/papers"

    def test_undo_brings_a_file_back_and_saves_what_was_typed(self, citizen: Citizen, papers: str) -> None:
        page = citizen.press("Remove a.pdf", story="Typed before Remove")
        assert "You removed a.pdf. Undo" in page
        assert "a.pdf" not in page.links
        assert page.value("story") == "Typed before Remove"
        answer = citizen.send("Undo", story="Typed before Undo")
        assert (answer.status_code, answer.location) == (303, f"{papers}#proof")
        page = citizen.open(papers)
        assert page.value("story") == "Typed before Undo"
        assert citizen.client.get(page.links["a.pdf"], buffered=True).data == PDF
        assert "You removed" not in page

    def test_script_removes_a_file_and_brings_it_back(self, citizen: Citizen, draft: str, papers: str) -> None:
        for button, has_it in (("Remove a.pdf", False), ("Undo", True)):
            form, pressed = citizen.open(papers).form_with(button)
            hidden = {each.name: each.value for each in form.controls if each.name.startswith(("_", "csrf"))}
            data = hidden | {"_changed": "proof", str(pressed.name): pressed.value, "_end": "1"}
            answer = citizen.post(f"{draft}/autosave/papers/files", data, headers={"HX-Request": "true"})
            assert answer.status_code == 200
            assert ("a.pdf</a>" in answer.text) is has_it
            assert ("You removed a.pdf." in answer.text) is not has_it
        assert {"a.pdf", "b.pdf"} <= set(citizen.open(papers).links)

    def test_undo_without_room_says_so_and_keeps_the_file_aside(self, citizen: Citizen, papers: str) -> None:
        citizen.press("Remove a.pdf")
        citizen.press("Save and come back later", proof=File("c.pdf", PDF))
        citizen.open(papers)
        page = citizen.press("Undo", story="Typed")
        assert page.status == 422
        assert "“a.pdf” was not added: you can add only 2" in page
        assert page.value("story") == "Typed"
        citizen.press("Remove c.pdf")
        assert "You removed a.pdf. Undo" in citizen.page

    def test_file_of_an_item_comes_back_to_that_item(self, citizen: Citizen, draft: str) -> None:
        address = citizen.open(f"{draft}/people").links["Change Zofia"]
        citizen.open(address)
        citizen.press("Remove card.pdf")
        assert "You removed" not in citizen.open(citizen.open(f"{draft}/people").links["Change Tom"])
        citizen.open(address)
        assert "card.pdf" in citizen.press("Undo").links

    def test_remove_over_answers_of_another_page_shows_the_conflict(self, citizen: Citizen, papers: str) -> None:
        tab = citizen.page
        citizen.open(papers)
        citizen.press("Save and come back later", story="Theirs")
        citizen.page = tab
        page = citizen.press("Remove a.pdf", story="Mine")
        assert page.status == 409
        assert "Theirs" in page
        assert citizen.open(papers).value("story") == "Theirs"
        assert "You removed a.pdf." in citizen.page

    def test_file_of_another_draft_cannot_be_brought_back(self, citizen: Citizen, draft: str, papers: str) -> None:
        citizen.press("Remove a.pdf")
        _, pressed = citizen.page.form_with("Undo")
        other = start(citizen, "trip")
        token = citizen.open(f"{other}/papers").value("csrf_token")
        citizen.post(f"{other}/papers", {"csrf_token": token, "_undo_file": pressed.value, "_end": "1"})
        assert "a.pdf" not in citizen.open(f"{other}/papers")
        assert "You removed a.pdf. Undo" in citizen.open(papers)
