"""A form that asks for files, and what is in storage."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from portal.config import Configuration
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.citizen import Citizen
from tests.conftest import Prepared

FORM = """
format: 1
form:
  id: evidence
  title: Send us your papers
sections:
  - id: papers
    title: Your papers
    fields:
      - {id: story, type: text, label: What is this about?, required: true}
      - {id: proof, type: file, label: Proof, required: true, files: {max: 3, max_mb: 1, types: [pdf, jpg, png, docx]}}
      - {id: notes, type: file, label: Notes, files: {max: 2, max_mb: 2, types: [txt, csv, odt, gif, heic]}}
      - {id: why, type: text, label: Why these notes?, when: {field: ./notes, answered: true}}
  - id: people
    title: People
    repeat: {item: person, min: 0, max: 5, label_from: name}
    fields:
      - {id: name, type: name, label: Name, required: true}
      - {id: card, type: file, label: Card, files: {max: 1, max_mb: 1, types: [pdf]}}
"""


def publish_evidence(app: Flask) -> None:
    """Publish the form."""
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        publish(db, read_yaml(FORM), now=parts.clock.now())


@pytest.fixture
def draft(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    """The address of a draft that this browser's guest has just started."""

    def walk() -> str:
        publish_evidence(app)
        citizen.open("/forms/evidence")
        return citizen.press("Start now").path

    return prepared(walk, citizen)


@pytest.fixture
def kept(configuration: Configuration) -> Callable[[], list[Path]]:
    """Return a function that lists every file in storage, finished or not."""

    def find() -> list[Path]:
        return sorted(path for path in configuration.storage_dir.rglob("*") if path.is_file())

    return find
