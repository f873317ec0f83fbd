"""Files that arrive after the session ended: kept for a day for their person, and added only when asked."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.drafts.models import Draft, DraftGuest
from portal.drafts.operations import claim_drafts
from portal.storage.models import StoredFile
from portal.storage.operations import rekey_file
from portal.storage.upkeep import FileKeeper
from portal.submissions.operations import hand_over_held
from tests.citizen import Citizen, File
from tests.conftest import MovableClock
from tests.files import PDF
from tests.integration.resume.test_taking_back import once_it_has_read
from tests.integration.storage.conftest import publish_evidence
from tests.people import add_person, sign_in

Kept = Callable[[], list[Path]]
PAYSLIP = File("payslip.pdf", PDF)
ZOE = "zoe@mail.example"


@pytest.fixture
def draft(app: Flask, citizen: Citizen) -> str:
    """A draft of a person with an account."""
    publish_evidence(app)
    add_person(app, ZOE)
    sign_in(citizen, ZOE)
    citizen.open("/forms/evidence")
    return citizen.press("Start now").path


def keep_house(app: Flask) -> None:
    parts = app.extensions["portal"]
    FileKeeper(parts.database, parts.configuration, parts.clock).keep()


def late(citizen: Citizen, draft: str, clock: MovableClock, **values: File) -> None:
    citizen.open(f"{draft}/papers")
    clock.advance(minutes=40)
    page = citizen.press("Continue", story="Typed too late", **values)
    assert page.status == 403
    assert "We have not received your form" in page


def test_late_file_waits_for_its_person_and_is_added_by_continue(
    app: Flask, citizen: Citizen, draft: str, clock: MovableClock, kept: Kept
) -> None:
    late(citizen, draft, clock, proof=PAYSLIP)
    assert len(kept()) == 1
    sign_in(citizen, ZOE)
    page = citizen.open(f"{draft}/papers")
    assert page.value("story") == "Typed too late"
    assert "We kept what you typed. You have not sent it yet." in page
    assert "payslip.pdf 77 B Kept, not sent yet" in page
    assert "payslip.pdf" not in citizen.open(f"{draft}/check")
    citizen.open(f"{draft}/papers")
    assert citizen.press("Continue").path == f"{draft}/people"
    assert "payslip.pdf" in citizen.open(f"{draft}/check")
    clock.advance(hours=30)
    keep_house(app)
    assert len(kept()) == 1


def test_late_file_that_was_removed_can_be_brought_back(
    app: Flask, citizen: Citizen, draft: str, clock: MovableClock, kept: Kept
) -> None:
    late(citizen, draft, clock, proof=PAYSLIP)
    sign_in(citizen, ZOE)
    citizen.open(f"{draft}/papers")
    page = citizen.press("Remove payslip.pdf")
    assert "You removed payslip.pdf." in page
    assert "Kept, not sent yet" not in page
    clock.advance(hours=30)
    keep_house(app)
    assert len(kept()) == 1
    sign_in(citizen, ZOE)
    citizen.open(f"{draft}/papers")
    assert "payslip.pdf" in citizen.press("Undo").links


def test_late_file_is_deleted_after_a_day(
    app: Flask, citizen: Citizen, draft: str, clock: MovableClock, kept: Kept
) -> None:
    late(citizen, draft, clock, proof=PAYSLIP)
    clock.advance(hours=24, minutes=1)
    keep_house(app)
    assert kept() == []


def test_a_late_file_is_shown_to_nobody_else(app: Flask, citizen: Citizen, draft: str, clock: MovableClock) -> None:
    late(citizen, draft, clock, proof=PAYSLIP)
    add_person(app, "ben@mail.example")
    other = Citizen(app)
    sign_in(other, "ben@mail.example")
    assert other.client.get(f"{draft}/papers").status_code == 404


def test_text_typed_beside_a_file_is_kept_for_a_after_b_signed_in(
    app: Flask, citizen: Citizen, draft: str, kept: Kept
) -> None:
    page = citizen.open(f"{draft}/papers")
    add_person(app, "ben@mail.example")
    citizen.client.delete_cookie("session_customer")
    sign_in(citizen, "ben@mail.example")
    citizen.page = page
    refused = citizen.press("Continue", story="Typed by A", proof=File("large.pdf", PDF + bytes(2_000_000)))
    assert (refused.status, refused.heading) == (403, "This page was opened by someone else")
    assert kept() == []
    citizen.press("Sign out")
    sign_in(citizen, ZOE)
    assert citizen.open(f"{draft}/papers").value("story") == "Typed by A"


def test_a_late_file_of_another_person_is_not_offered_even_on_the_same_page(
    app: Flask, citizen: Citizen, draft: str, clock: MovableClock, database: Database
) -> None:
    late(citizen, draft, clock, proof=PAYSLIP)
    with database.writing() as db:
        file = db.scalars(select(StoredFile)).one()
        keyring = app.extensions["portal"].configuration.keyring
        rekey_file(db, file, work=file.work, place="person 999", keyring=keyring, until=file.delete_at)
    sign_in(citizen, ZOE)
    assert "payslip.pdf" not in citizen.open(f"{draft}/papers")


def test_late_words_and_files_of_a_person_go_with_the_forms_to_whoever_gets_these(
    app: Flask, citizen: Citizen, draft: str, clock: MovableClock, database: Database
) -> None:
    late(citizen, draft, clock, proof=PAYSLIP)
    ben = add_person(app, "ben@mail.example")
    with app.test_request_context(), database.writing() as db:
        (zoe,) = db.scalars(select(Draft.person_id))
        hand_over_held(db, zoe or 0, ben.id)
    other = Citizen(app)
    sign_in(other, "ben@mail.example")
    page = other.open(f"{draft}/papers")
    assert page.value("story") == "Typed too late"
    assert "payslip.pdf 77 B Kept, not sent yet" in page
    assert other.press("Continue").path == f"{draft}/people"
    assert "payslip.pdf" in other.open(f"{draft}/check")


def test_late_upload_by_script_is_also_kept(citizen: Citizen, draft: str, clock: MovableClock, kept: Kept) -> None:
    token = citizen.open(f"{draft}/papers").value("csrf_token") or ""
    clock.advance(minutes=40)
    data = {"csrf_token": token, "_page": "p", "_changed": "proof", "proof": (BytesIO(PDF), "late.pdf"), "_end": "1"}
    address = f"{draft}/autosave/papers/files"
    answer = citizen.client.post(address, data=data, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/session/ended")
    assert len(kept()) == 1
    sign_in(citizen, ZOE)
    assert "late.pdf 77 B Kept, not sent yet" in citizen.open(f"{draft}/papers")


@pytest.mark.parametrize("why", ["signed out", "forged"])
def test_late_file_without_a_valid_token_is_not_kept(
    citizen: Citizen, draft: str, clock: MovableClock, kept: Kept, why: str
) -> None:
    token = citizen.open(f"{draft}/papers").value("csrf_token") or ""
    if why == "signed out":
        citizen.press("Sign out")
    else:
        clock.advance(minutes=40)
        token = token[:-2] + "00"
    data = {"csrf_token": token, "proof": (BytesIO(PDF), "late.pdf"), "_end": "1"}
    assert citizen.client.post(f"{draft}/papers", data=data).status_code == 403
    assert kept() == []


def test_late_files_are_deleted_when_the_draft_is_sent_without_them(
    app: Flask, citizen: Citizen, draft: str, clock: MovableClock, kept: Kept
) -> None:
    citizen.open(f"{draft}/papers")
    citizen.press("Continue", story="x", proof=File("first.pdf", PDF))
    citizen.press("Continue")
    late(citizen, draft, clock, proof=PAYSLIP)
    assert len(kept()) == 2
    sign_in(citizen, ZOE)
    citizen.open(f"{draft}/check")
    assert citizen.press("Send").heading == "We have received your form"
    keep_house(app)
    assert len(kept()) == 1


def test_file_that_arrives_while_its_form_is_added_to_an_account_is_kept_for_it(
    app: Flask, citizen: Citizen, database: Database
) -> None:
    publish_evidence(app)
    person = add_person(app, ZOE)
    citizen.open("/forms/evidence")
    papers = f"{citizen.press('Start now').path}/papers"
    citizen.open(papers)
    with database.reading() as db:
        guest_id = db.scalars(select(DraftGuest.guest_id)).one()

    def claim() -> None:
        with database.writing() as db:
            claim_drafts(db, guest_id, person.id)

    with once_it_has_read(database, "FROM draft_guests", claim):
        assert citizen.press("Continue", story="Typed too late", proof=PAYSLIP).status == 403
    owner = Citizen(app)
    sign_in(owner, ZOE)
    assert "Typed too late" in owner.open(papers).text
    with database.reading() as db:
        assert len(db.scalars(select(StoredFile)).all()) == 1
