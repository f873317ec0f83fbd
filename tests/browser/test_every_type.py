"""One page with every type of field: by keyboard alone, without script, at 320 px, and without accessibility faults."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import FilePayload, Locator, Page, expect

from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.types.field_types import FIELD_TYPES
from tests.browser.conftest import Console
from tests.browser.inspection import WIDE, Inspector
from tests.browser.server import Server
from tests.browser.visitors import Enter, button, press
from tests.files import PDF
from tests.loan import publish_yaml

pytestmark = pytest.mark.browser
FORM = """
format: 1
form: {id: every_type, title: Every type of question, declaration: All of this is so.}
lists:
  colours:
    - {value: red, label: Red}
    - {value: blue, label: Blue, hint: As the sea}
    - {value: no, label: None, exclusive: true}
sections:
  - id: page
    title: Everything
    intro: "One page, **every** type."
    fields:
      - {id: word, type: text, label: A word, required: true, max_length: 9, hint: One is enough}
      - {id: story, type: long_text, label: A story, required: true, max_words: 20}
      - {id: person, type: name, label: A name, required: true}
      - {id: count, type: number, label: A number, required: true, min: 1}
      - {id: mail, type: email, label: An e-mail address, required: true}
      - {id: call, type: phone, label: A telephone number, required: true}
      - {id: sum, type: money, label: A sum, required: true}
      - {id: born, type: date, label: A date, required: true, max: today}
      - {id: really, type: yes_no, label: Really, required: true}
      - {id: why, type: text, label: Why, required: true, when: {field: ./really, is: true}}
      - {id: one, type: choice, label: One colour, options: colours, required: true}
      - {id: some, type: choices, label: Some colours, options: colours, required: true}
      - {id: postcode, type: text, label: A postcode}
      - id: find
        type: lookup
        label: Find it
        integration: address_register
        inputs: {postcode: ./postcode}
        fills: {./home: address}
      - {id: home, type: address, label: An address, required: true}
      - {id: proof, type: file, label: A file, required: true, files: {max: 1, max_mb: 1, types: [pdf]}}
      - {id: agreed, type: declaration, label: I agree, required: true}
      - {id: words, type: note, label: "Some *words*."}
"""
TYPED = {
    "word": "Łódź",
    "story": "Once upon a time",
    "person": "Zoë Łukasz",
    "count": "1,300",
    "mail": "zoe@mail.example",
    "call": "07700 900123",
    "sum": "650",
    "born-day": "9",
    "born-month": "5",
    "born-year": "1988",
    "why": "Because",
    "postcode": "AS4 2LN",
    "home-line_1": "18 Weir Lane",
    "home-line_2": "",
    "home-town": "Ashmere",
    "home-postcode": "AS4 2LN",
}
PAPER: FilePayload = {"name": "paper.pdf", "mimeType": "application/pdf", "buffer": PDF}
SENT = (
    "Łódź",
    "Once upon a time",
    "Zoë Łukasz",
    "1,300",
    "zoe@mail.example",
    "07700 900123",
    "£650.00",
    "9 May 1988",
    "Because",
    "Blue",
    "18 Weir Lane",
    "paper.pdf",
)
FOCUSED = """() => {
  const found = document.activeElement;
  return {
    kind: found.type || "", name: found.name || "", value: found.value || "",
    words: found.innerText || "", own: Boolean(found.closest("main form")),
  };
}"""
MOST_TABS = 60


@pytest.fixture
def form(app: Flask) -> None:
    publish_yaml(app, FORM)


def opened(page: Page) -> Page:
    """Open the page of a new draft, in a browser whose file dialogs the tests answer from the beginning."""
    page.on("filechooser", lambda _chooser: None)
    page.goto("/forms/every-type")
    button(page, "Start now").click()
    page.get_by_role("link", name="Everything", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything")
    return page


@pytest.fixture
def look(enter: Enter, console: Console, server: Server, form: None) -> Iterator[Inspector]:
    console.expects("status of 422")
    inspector = Inspector(opened(enter(viewport=WIDE, reduced_motion="reduce")), server)
    yield inspector
    assert inspector.faults == []


def test_the_page_has_every_type() -> None:
    assert {field.type for field in read_yaml(FORM).sections[0].fields} == set(FIELD_TYPES)


def test_the_page_passes_inspection_empty_refused_and_filled(look: Inspector) -> None:
    look.look("empty", is_main=True)
    press(look.page)
    expect(look.page.get_by_text("There is a problem")).to_be_visible()
    look.look("refused", is_main=True)
    fill_by_keyboard(look.page)
    look.look("check", is_main=True)


def fill_by_keyboard(page: Page) -> None:
    """Go from the top of the page to what Continue leads to, with only Tab, letters, arrows, Space and Enter."""
    page.locator("main h1").first.evaluate("heading => { heading.tabIndex = -1; heading.focus(); }")
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["own"] and found["words"] == "Continue":
            break
        answer(page, found)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your answers")


def answer(page: Page, found: dict[str, str]) -> None:
    """Answer the question whose control has the focus."""
    name, kind = found["name"], found["kind"]
    if name in TYPED:
        page.keyboard.press("Control+a")
        page.keyboard.type(TYPED[name])
    elif kind == "radio":
        # The first of a group has the focus; the arrow chooses the second, Space the first.
        page.keyboard.press("ArrowDown" if name == "one" else "Space")
    elif (name, found["value"]) in (("some", "red"), ("some", "blue"), ("agreed", "yes")):
        page.keyboard.press("Space")
    elif kind == "file" and not added(page).is_visible():
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Enter")
        chooser.value.set_files(PAPER)
        expect(added(page)).to_be_visible()


def added(page: Page) -> Locator:
    """Return the file among those that were added."""
    return page.locator("main").get_by_role("link", name="paper.pdf")


def is_sent(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("heading", level=1)).to_have_text("We have received your form")
    for words in SENT:
        expect(page.locator("main")).to_contain_text(words)


def test_the_page_can_be_filled_and_sent_by_keyboard_alone(enter: Enter, form: None) -> None:
    page = opened(enter(viewport=WIDE, reduced_motion="reduce"))
    fill_by_keyboard(page)
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    is_sent(page)


@pytest.mark.parametrize("width", [1280, 320], ids=["wide", "320 px"])
def test_the_page_can_be_filled_and_sent_without_script(enter: Enter, form: None, width: int) -> None:
    page = opened(enter(viewport={"width": width, "height": 800}, java_script_enabled=False))
    for name, value in TYPED.items():
        page.locator(f"main [name='{name}']").fill(value)
    for name, value in (("really", "yes"), ("one", "blue"), ("some", "red"), ("some", "blue"), ("agreed", "yes")):
        page.locator(f"main [name='{name}'][value='{value}']").check()
    page.locator("main [name=proof]").set_input_files(PAPER)
    press(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your answers")
    page.get_by_role("checkbox").check()
    press(page, "Send")
    is_sent(page)


NEEDED = """
format: 1
form: {id: needed, title: What is needed}
sections:
  - id: page
    title: What is needed
    fields:
      - {id: rents, type: yes_no, label: Do you rent?}
      - {id: rent, type: money, label: Rent, required_when: {field: ./rents, is: true}}
      - {id: landlord, type: address, label: Your landlord, required_when: {field: ./rents, is: true}}
      - {id: bills, type: choices, label: Bills, required_when: {field: ./rents, is: true},
         options: [{value: gas, label: Gas}, {value: water, label: Water}]}
"""


def needs(page: Page) -> tuple[list[str], list[str]]:
    """Return the questions that say "(optional)", and the inputs that require an answer."""
    marked = page.locator("[data-field]").filter(has=page.locator("[data-optional]:visible"))
    required = page.locator("[aria-required=true]")
    return (
        [str(each.get_attribute("data-field")) for each in marked.all()],
        [str(each.get_attribute("id")) for each in required.all()],
    )


RENTED = ["rent", "landlord-line_1", "landlord-town", "landlord-postcode", "bills", "bills-2"]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_optional_stands_beside_what_is_not_required_and_follows_the_answers(
    enter: Enter, console: Console, app: Flask, script: bool
) -> None:
    console.expects("status of 422")
    publish_yaml(app, NEEDED)
    page = enter(viewport=WIDE, java_script_enabled=script)
    page.goto("/forms/needed")
    button(page, "Start now").click()
    page.get_by_role("link", name="What is needed", exact=True).click()
    expect(page.get_by_role("group", name="Do you rent? (optional)", exact=True)).to_be_visible()
    assert needs(page) == (["rents", "rent", "landlord", "bills"] if script else ["rents"], [])
    page.get_by_label("Yes").check()
    assert needs(page) == (["rents"], RENTED if script else [])
    button(page, "Continue").click()
    assert needs(page) == (["rents"], RENTED)
    expect(page.get_by_role("group", name="Your landlord", exact=True)).to_be_visible()
    page.get_by_label("No", exact=True).check()
    assert needs(page) == (["rents", "rent", "landlord", "bills"], []) if script else (["rents"], RENTED)
