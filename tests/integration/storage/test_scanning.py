"""Scanning by a scanner that speaks the true protocol: clean, infected, too large, silent, confused, away and back."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
from flask import Flask
from sqlalchemy import select

from portal.app import create_app
from portal.config import Configuration
from portal.db import Database
from portal.errors import ConfigurationError
from portal.storage.definition import Scan
from portal.storage.models import StoredFile
from portal.storage.scanner import ScannerAwayError, read_scanner, scan
from portal.storage.upkeep import FileKeeper
from tests.citizen import Citizen, File
from tests.conftest import MovableClock
from tests.files import EICAR, PDF
from tests.people import add_person, sign_in
from tests.scanner import ScannerServer, running_scanner, unused_address

Kept = Callable[[], list[Path]]
INFECTED = PDF + EICAR


@pytest.fixture
def scanner() -> Iterator[ScannerServer]:
    with running_scanner() as server:
        yield server


@pytest.fixture
def configuration(configuration: Configuration, scanner: ScannerServer) -> Configuration:
    return replace(configuration, clamav_url=scanner.url)


def keeper(app: Flask) -> FileKeeper:
    parts = app.extensions["portal"]
    return FileKeeper(parts.database, parts.configuration, parts.clock)


def scans(database: Database) -> list[str]:
    with database.reading() as db:
        return list(db.scalars(select(StoredFile.scan).order_by(StoredFile.id)))


def add(citizen: Citizen, draft: str, content: bytes) -> None:
    citizen.open(f"{draft}/papers")
    citizen.press("Back", story="My rent", proof=File("payslip.pdf", content))
    citizen.open(f"{draft}/papers")


def test_a_clean_file_is_sent_whole_to_the_scanner_and_kept(
    citizen: Citizen, draft: str, scanner: ScannerServer, database: Database
) -> None:
    content = PDF + bytes(300_000)
    add(citizen, draft, content)
    assert scanner.heard == [content]
    assert scans(database) == ["clean"]
    assert "canned" not in citizen.page.words.partition("payslip.pdf")[2]


def test_infected_file_is_refused_with_a_sentence_and_not_kept(
    citizen: Citizen, draft: str, kept: Kept, database: Database
) -> None:
    citizen.open(f"{draft}/papers")
    page = citizen.press("Continue", story="My rent", proof=File("payslip.pdf", INFECTED))
    assert page.status == 422
    assert "“payslip.pdf” has a virus and was not added: choose another file" in page
    assert (kept(), scans(database)) == ([], [])


@pytest.mark.parametrize("mood", ["confused", "silent"])
def test_scanner_with_a_useless_answer_counts_as_away(scanner: ScannerServer, mood: str) -> None:
    scanner.mood = mood
    began = monotonic()
    found = read_scanner(scanner.url)
    assert found is not None
    with pytest.raises(ScannerAwayError):
        scan(found, [PDF] * 10, deadline_s=0.5)
    assert monotonic() - began < 5


def test_deadline_covers_the_whole_conversation(scanner: ScannerServer) -> None:
    found = read_scanner(scanner.url)
    assert found is not None
    with pytest.raises(ScannerAwayError):
        scan(found, [PDF], deadline_s=-1)


def test_a_file_beyond_the_scanners_limit_is_kept_as_not_scanned(
    citizen: Citizen, draft: str, scanner: ScannerServer, database: Database
) -> None:
    scanner.stream_max = 1000
    add(citizen, draft, PDF + bytes(200_000))
    assert scans(database) == ["not_scanned"]
    assert "Not checked for viruses" in citizen.page


@pytest.fixture
def away(app: Flask) -> Callable[[str], None]:
    """Return a function that points the portal at another scanner."""

    def point(url: str) -> None:
        parts = app.extensions["portal"]
        parts.configuration = replace(parts.configuration, clamav_url=url)

    return point


def test_files_are_kept_while_the_scanner_is_away_and_scanned_on_its_return(
    app: Flask,
    citizen: Citizen,
    draft: str,
    scanner: ScannerServer,
    away: Callable[[str], None],
    database: Database,
    clock: MovableClock,
) -> None:
    away(unused_address())
    add(citizen, draft, PDF)
    assert "Not checked for viruses yet" in citizen.page
    keeper(app).keep()
    assert scans(database) == ["waiting"]
    away(scanner.url)
    keeper(app).keep()
    assert scans(database) == ["waiting"], "the file's next try is put off for a while"
    clock.advance(minutes=3)
    keeper(app).keep()
    assert scans(database) == ["clean"]
    assert scanner.heard == [PDF]


def test_virus_found_later_removes_the_file_and_stops_the_form_being_sent(
    app: Flask,
    citizen: Citizen,
    draft: str,
    scanner: ScannerServer,
    away: Callable[[str], None],
    kept: Kept,
) -> None:
    away(unused_address())
    add(citizen, draft, INFECTED)
    address = citizen.page.links["payslip.pdf"]
    citizen.press("Continue")
    citizen.press("Continue")
    away(scanner.url)
    keeper(app).keep()
    assert kept() == []
    assert citizen.client.get(address).status_code == 404
    citizen.open(f"{draft}/check")
    page = citizen.press("Send")
    assert page.status == 422
    assert "“payslip.pdf” had a virus and was deleted: remove it and choose another file" in page
    assert "Deleted because it had a virus" in citizen.open(f"{draft}/papers")
    assert citizen.press("Continue").status == 422
    citizen.press("Remove payslip.pdf")
    assert citizen.press("Continue", proof=File("good.pdf", PDF)).path == f"{draft}/people"
    citizen.open(f"{draft}/check")
    assert citizen.press("Send").heading == "We have received your form"


def test_virus_found_after_sending_is_reported_to_staff(
    app: Flask, citizen: Citizen, draft: str, scanner: ScannerServer, away: Callable[[str], None], kept: Kept
) -> None:
    away(unused_address())
    add(citizen, draft, INFECTED)
    citizen.press("Continue")
    citizen.press("Continue")
    citizen.open(f"{draft}/check")
    citizen.press("Send")
    away(scanner.url)
    keeper(app).keep()
    add_person(app, "mina@mail.example", "staff")
    staff = Citizen(app)
    sign_in(staff, "mina@mail.example")
    page = staff.open(f"/hub/cases/{draft.rpartition('/')[2]}")
    assert "Deleted because it had a virus" in page
    assert "payslip.pdf" not in page.links
    assert kept() == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:3310", "tcp://", "tcp://host:x", "tcp://host:1/path", "3310"])
def test_malformed_scanner_address_is_refused_at_start_up(configuration: Configuration, url: str) -> None:
    with pytest.raises(ConfigurationError, match="CLAMAV_URL"):
        create_app(replace(configuration, clamav_url=url))


def test_scanner_address_needs_no_port() -> None:
    assert read_scanner("tcp://scanner") is not None
    assert read_scanner("tcp://scanner").port == 3310
    assert read_scanner(None) is None


def test_results_of_a_scan_have_their_stored_names() -> None:
    assert [each.value for each in Scan] == ["clean", "not_scanned", "waiting", "infected"]
