"""Files of messages that may not be sent: too large, infected, or not judged by the scanner."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from portal.config import Configuration
from portal.db import Database
from portal.storage.definition import Scan
from portal.storage.models import StoredFile
from tests.citizen import Citizen, File
from tests.files import EICAR, PDF
from tests.integration.messages.test_sending import numbers
from tests.scanner import ScannerServer, running_scanner

LARGE = PDF + bytes(10_000_001)


@pytest.fixture
def scanner() -> Iterator[ScannerServer]:
    with running_scanner() as server:
        yield server


@pytest.fixture
def configuration(configuration: Configuration, scanner: ScannerServer) -> Configuration:
    return replace(configuration, clamav_url=scanner.url)


@pytest.mark.parametrize(
    ("content", "mood", "words"),
    [
        (LARGE, "well", "“letter.pdf” was not added: it must be 10 MB or smaller"),
        (PDF + EICAR, "well", "“letter.pdf” has a virus and was not added: choose another file"),
        (PDF + b"x", "confused", "“letter.pdf” was not added: we cannot check it for viruses now."),
    ],
    ids=["large", "infected", "away"],
)
def test_file_that_may_not_be_sent_is_named_and_the_rest_is_kept(
    app: Flask,
    ada: Citizen,
    thread: str,
    scanner: ScannerServer,
    database: Database,
    content: bytes,
    mood: str,
    words: str,
) -> None:
    ada.open(thread)
    ada.press("Save and come back later", text="Here it is", files=File("rent.pdf", PDF))
    ada.open(thread)
    scanner.mood = mood
    page = ada.press("Send", files=File("letter.pdf", content))
    assert page.status == 422
    assert words in page
    assert "rent.pdf" in page.links
    assert page.value("text") == "Here it is"
    assert numbers(database) == 1
    page = ada.press("Send without it")
    assert page.status == 200
    assert "rent.pdf" in page.links
    assert "letter.pdf" not in page.links


def test_file_in_which_a_virus_is_found_later_is_not_sent(
    ada: Citizen, thread: str, scanner: ScannerServer, database: Database
) -> None:
    ada.open(thread)
    ada.press("Save and come back later", text="Here it is", files=File("rent.pdf", PDF))
    with database.writing() as db:
        db.query(StoredFile).update({"scan": Scan.INFECTED.value, "sealed": b""})
    ada.open(thread)
    page = ada.press("Send")
    assert page.status == 422
    assert "had a virus and was deleted" in page
    ada.press("Remove A file")
    assert ada.press("Send").status == 200
    assert numbers(database) == 2
