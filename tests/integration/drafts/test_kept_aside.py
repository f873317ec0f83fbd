"""What is sent for a question that does not show is kept aside, whichever way it is sent, and is never sent on."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.citizen import Citizen, File
from tests.conftest import MovableClock, Prepared
from tests.files import PDF
from tests.loan import publish_yaml, start
from tests.people import add_person, sign_in

FORM = """
format: 1
form: {id: visit, title: Ask for a visit}
sections:
  - id: place
    title: The place
    fields:
      - {id: kind, type: choice, label: What is it?, options: [{value: house, label: House}, {value: none, label: None}]}
      - {id: street, type: text, label: Street, required: true, when: {field: ./kind, is: house}}
      - {id: since, type: date, label: Since, required: true, when: {field: ./kind, is: house}}
      - id: days
        type: choices
        label: Days
        when: {field: ./kind, is: house}
        options: [{value: mon, label: Monday}, {value: tue, label: Tuesday}]
      - {id: postcode, type: text, label: Postcode, when: {field: ./kind, is: house}}
      - {id: find, type: lookup, label: Find home, integration: address_register, inputs: {postcode: ./postcode}, fills: {./home: address}}
      - {id: home, type: address, label: Home, when: {field: ./kind, is: house}}
      - {id: plan, type: file, label: Plan, files: {max: 2, max_mb: 1, types: [pdf]}, when: {field: ./kind, is: house}}
    stop_when: [{when: {field: place.street, is: Moon}, title: We do not go there}]
  - id: pets
    title: Pets
    repeat: {item: pet, min: 0, max: 3, label_from: name}
    fields:
      - {id: name, type: text, label: Name, required: true}
      - {id: bites, type: yes_no, label: Does it bite?}
      - {id: whom, type: text, label: Whom, required: true, when: {field: ./bites, is: true}}
  - id: heating
    title: Heating
    when: {field: place.kind, is: house}
    fields:
      - {id: boiler, type: text, label: Boiler}
      - {id: age, type: number, label: Age of it}
  - id: end
    title: The end
    fields: [{id: remark, type: text, label: Remark}]
"""  # noqa: E501
TYPED = {
    "kind": "none",
    "street": "12 Long Lane",
    "since-day": "31",
    "since-month": "2",
    "since-year": "2020",
    "postcode": "AS4 2LN",
    "home-line_1": "2 Weir Lane",
}
BOXES = {"days": ["mon", "tue"]}
MAIL = "zoe@mail.example"
Send = Callable[[Citizen, str, dict[str, Any]], None]


@pytest.fixture
def draft(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    def walk() -> str:
        publish_yaml(app, FORM)
        add_person(app, MAIL)
        sign_in(citizen, MAIL)
        return start(citizen, "visit")

    return prepared(walk, citizen)


def press(button: str) -> Send:
    def send(citizen: Citizen, page: str, values: dict[str, Any]) -> None:
        citizen.open(page)
        citizen.press(button, **values)

    return send


def autosave(citizen: Citizen, page: str, values: dict[str, Any]) -> None:
    served = citizen.open(page)
    hidden = {name: served.value(name) or "" for name in ("csrf_token", "_revision", "_page", "_sequence")}
    changed = ",".join(sorted({name.partition("-")[0] for name in values}))
    place = page.split("/", 3)[3]
    address = page.removesuffix(f"/{place}") + f"/autosave/{place}"
    data = {**hidden, **values, "_changed": changed, "_end": "1"}
    answer = citizen.client.post(address, data=data, headers={"HX-Request": "true"})
    assert (answer.status_code, "Saved" in answer.text) == (200, True)


def too_late(citizen: Citizen, page: str, values: dict[str, Any]) -> None:
    citizen.open(page)
    clock: MovableClock = citizen.app.extensions["portal"].clock
    clock.advance(minutes=31)
    assert citizen.press("Continue", **values).status == 403
    sign_in(citizen, MAIL)
    citizen.open(page)
    citizen.press("Continue")


def look_up(citizen: Citizen, page: str, values: dict[str, Any]) -> None:
    citizen.open(page)
    citizen.press("Find home", **values)
    assert citizen.page.value("street") == values["street"]
    citizen.press("Continue")


def over_a_conflict(citizen: Citizen, page: str, values: dict[str, Any]) -> None:
    tab = citizen.open(page)
    for kind in ("none", "house"):
        citizen.open(page)
        citizen.press("Save and come back later", kind=kind)
    citizen.page = tab
    assert citizen.press("Continue", **values).status == 409
    citizen.press("Keep all of mine")


def switch_language(citizen: Citizen, page: str, values: dict[str, Any]) -> None:
    citizen.open(page)
    citizen.press("Cymraeg", **values)
    citizen.press("English")


WAYS = {
    "continue": press("Continue"),
    "back": press("Back"),
    "save": press("Save and come back later"),
    "stay": press("Save and stay signed in"),
    "autosave": autosave,
    "late": too_late,
    "look-up": look_up,
    "conflict": over_a_conflict,
    "language": switch_language,
}


def values_of(page: Any) -> dict[str, Any]:
    """Return what the page holds of the hidden questions."""
    return {name: page.value(name) for name in TYPED if name != "kind"}


@pytest.mark.both_databases
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_values_for_hidden_questions_are_kept_and_come_back(citizen: Citizen, draft: str, way: Send) -> None:
    way(citizen, f"{draft}/place", TYPED | BOXES)
    page = citizen.open(f"{draft}/place")
    assert values_of(page) == {name: value for name, value in TYPED.items() if name != "kind"}
    chosen = [each.value for form in page.forms for each in form.controls if each.name == "days"]
    assert chosen == BOXES["days"]
    citizen.press("Save and come back later", kind="house")
    assert values_of(citizen.open(f"{draft}/place"))["street"] == "12 Long Lane"


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_empty_inputs_of_hidden_questions_leave_what_is_kept(citizen: Citizen, draft: str, way: Send) -> None:
    citizen.open(f"{draft}/place")
    citizen.press("Save and come back later", **(TYPED | BOXES | {"kind": "house"}))
    emptied = dict.fromkeys(TYPED, "") | {"kind": "none", "days": []}
    if way is look_up:
        citizen.open(f"{draft}/place")
        citizen.press("Find home", **emptied)
        citizen.press("Continue")
    else:
        way(citizen, f"{draft}/place", emptied)
    page = citizen.open(f"{draft}/place")
    assert values_of(page) == {name: value for name, value in TYPED.items() if name != "kind"}


def test_what_is_kept_aside_decides_nothing_and_is_never_sent(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/place")
    page = citizen.press("Continue", **(TYPED | {"street": "Moon"}))
    assert page.path == f"{draft}/pets"
    citizen.press("Continue")
    citizen.press("Continue", remark="Thanks")
    page = citizen.open(f"{draft}/check")
    assert not [words for words in ("Moon", "Street", "31", "2 Weir Lane", "Boiler") if words in page]
    citizen.press("Send")
    assert citizen.page.heading == "We have received your form"
    assert not [words for words in ("Moon", "2 Weir Lane") if words in citizen.page]


def test_item_of_a_list_keeps_its_hidden_values_apart_from_the_others(citizen: Citizen, draft: str) -> None:
    addresses = []
    for name in ("Rex", "Tom"):
        citizen.open(f"{draft}/pets")
        add = next(each.text for form in citizen.page.forms for each in form.buttons if each.value == "add")
        addresses.append(citizen.press(add).path)
        citizen.press("Continue", name=name, bites="no", whom=f"Bitten by {name}")
        assert citizen.page.path == f"{draft}/pets"
    for address, name in zip(addresses, ("Rex", "Tom"), strict=True):
        assert citizen.open(address).value("whom") == f"Bitten by {name}"
    assert "Bitten" not in citizen.open(f"{draft}/check")


@pytest.mark.parametrize("button", ["Continue", "Back", "Save and come back later", "Save and stay signed in"])
def test_page_of_a_section_that_has_hidden_meanwhile_is_kept(citizen: Citizen, draft: str, button: str) -> None:
    citizen.open(f"{draft}/place")
    citizen.press("Save and come back later", kind="house")
    tab = citizen.open(f"{draft}/heating")
    citizen.open(f"{draft}/place")
    citizen.press("Save and come back later", kind="none")
    citizen.page = tab
    citizen.press(button, boiler="A grey one", age="old")
    assert "We keep your answers but will not send them" in citizen.open(draft)
    assert "grey" not in citizen.open(f"{draft}/check")
    citizen.open(f"{draft}/place")
    citizen.press("Save and come back later", kind="house")
    page = citizen.open(f"{draft}/heating")
    assert (page.value("boiler"), page.value("age")) == ("A grey one", "old")


def test_file_for_a_hidden_question_is_kept_aside(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/place")
    citizen.press("Continue", kind="none", plan=File("plan.pdf", PDF))
    assert "plan.pdf" in citizen.open(f"{draft}/place")
    assert "plan.pdf" not in citizen.open(f"{draft}/check")


def test_refused_file_for_a_hidden_question_is_said_to_be_refused(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/place")
    page = citizen.press("Continue", kind="none", plan=File("plan.exe", b"MZ"))
    assert page.status == 422
    assert "plan.exe" in page
    assert citizen.press("Continue").path == f"{draft}/pets"
