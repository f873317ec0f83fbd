"""A form beside the demo forms: borrowing tools, with a repeat, needs, conditions on one page and a stop."""

import re
from functools import cache
from typing import Any

from flask import Flask

from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.citizen import Citizen, Page, Values

FORM = """
format: 1
form:
  id: tool_loan
  title: Borrow a tool
  access: {access}
  allow_save: {allow_save}
  drafts: {{keep_days: 20, remind_days_before: [2]}}
  declaration: I bring everything back.
  customer: {{name: you.name, email: you.email}}
sections:
  - id: you
    title: About you
    fields:
      - {{id: name, type: name, label: Name, required: true, max_length: 40}}
      - {{id: email, type: email, label: E-mail}}
      - {{id: born, type: date, label: Born, required: true, max: today}}
      - {{id: news, type: yes_no, label: News, required: true}}
      - id: topic
        type: text
        label: Topic
        when: {{field: ./news, is: true}}
        required_when: {{field: ./news, is: true}}
      - id: days
        type: choices
        label: Days
        options:
          - {{value: sat, label: Saturday}}
          - {{value: sun, label: Sunday}}
          - {{value: never, label: Never, exclusive: true}}
    stop_when:
      - {{when: {{field: you.topic, is: weapons}}, title: We lend no weapons, body: Ask somewhere else.}}
  - id: tools
    title: Tools
    repeat: {{item: tool, min: 1, max: 3, label_from: what}}
    fields:
      - {{id: what, type: text, label: What, required: true, max_length: 20}}
      - {{id: power, type: yes_no, label: Power, required: true}}
      - id: volts
        type: number
        label: Volts
        max: 400
        when: {{field: ./power, is: true}}
        required_when: {{field: ./power, is: true}}
  - id: training
    title: Training
    when: {{some_item: tools, when: {{field: ./power, is: true}}}}
    needs: [you, tools]
    fields:
      - {{id: done, type: declaration, label: I had the training, required: true}}
  - id: remarks
    title: Remarks
    fields:
      - {{id: remark, type: long_text, label: Remark}}
"""
YOU = {"name": "Wilhelmina Quartermaine", "born__day": "3", "born__month": "4", "born__year": "1990", "news": "no"}
DRILL = {"what": "Drill", "power": "no"}
SAW = {"what": "Saw", "power": "yes", "volts": "230"}


def publish_loan(app: Flask, *, access: str = "anyone", allow_save: bool = True) -> None:
    publish_yaml(app, FORM.format(access=access, allow_save=str(allow_save).lower()))


def publish_yaml(app: Flask, text: str) -> None:
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        publish(db, definition_of(text), now=parts.clock.now())


@cache
def definition_of(text: str) -> FormDefinition:
    """Return a definition as it is read, once a process: nobody can change it."""
    return read_yaml(text)


def start(citizen: Citizen, slug: str = "tool-loan") -> str:
    """Press Start now; return the draft's address."""
    citizen.open(f"/forms/{slug}")
    return citizen.press("Start now").path


def begin(citizen: Citizen) -> str:
    """Start the form and answer its first section; return the draft's address."""
    draft = start(citizen)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU)
    return draft


def add(citizen: Citizen, draft: str, **values: Values) -> str:
    """Add a tool to the list; return its address."""
    citizen.open(f"{draft}/tools")
    address = citizen.press(citizen.page.add_button).path
    citizen.press("Continue", **values)
    return address


def fill(citizen: Citizen, draft: str, **you: Any) -> None:
    """Fill all sections with one hand tool, up to the check page."""
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **(YOU | you))
    add(citizen, draft, **DRILL)
    citizen.press("Continue")
    citizen.press("Continue", remark="Thanks")
    assert citizen.page.path == f"{draft}/check"


def filled(app: Flask, citizen: Citizen, **you: Any) -> str:
    """Publish, start and fill the form; return the draft's address."""
    publish_loan(app)
    draft = start(citizen)
    fill(citizen, draft, **you)
    return draft


def send(citizen: Citizen, **you: Any) -> str:
    """Start, fill and send; return the reference."""
    draft = start(citizen)
    fill(citizen, draft, **you)
    citizen.press("Send", declaration="yes")
    return draft.rpartition("/")[2]


def states(page: Page) -> dict[str, str]:
    """Return the status of each section on the task list, by its title."""
    row = r'(?:task-list__link"[^>]*|task__title")>([^<]+)<.*?task__status--([a-z_]+)'
    return dict(re.findall(row, page.text, re.DOTALL))
