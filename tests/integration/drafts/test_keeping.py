"""What is stored, for how long, and what is left after a draft is deleted, sent or expired."""

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from flask import Flask
from sqlalchemy import LargeBinary, String, select

from portal.commands.worker import Worker
from portal.db import Base, Database
from portal.drafts.models import Draft, DraftPart
from portal.resume.models import ResumeLink
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.loan import DRILL, YOU, add, fill, publish_loan, send, start
from tests.people import add_person, sign_in
from tests.post import letters

Parts = Callable[[str], dict[str, DraftPart]]
TYPED = ("Wilhelmina", "Quartermaine", "Sledgehammer", "nobody at all", "secret@mail.example")


def everything(database: Database) -> bytes:
    """Return all columns of all tables as one string of bytes."""
    heap = []
    with database.reading() as db:
        for table in Base.metadata.sorted_tables:
            columns = [column for column in table.columns if isinstance(column.type, LargeBinary | String)]
            for row in db.execute(select(*columns)) if columns else ():
                heap += [each if isinstance(each, bytes) else str(each).encode() for each in row]
    return b"\n".join(heap)


def test_no_typed_text_is_readable_in_the_database(
    app: Flask, citizen: Citizen, draft: str, database: Database, tmp_path: Path
) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **(YOU | {"email": "nobody at all"}))
    add(citizen, draft, what="Sledgehammer", power="no")
    citizen.open(f"{draft}/save")
    citizen.press("Send link", email="secret@mail.example")
    send(citizen)
    heap = everything(database) + b"".join(path.read_bytes() for path in tmp_path.glob("*.sqlite3*"))
    assert draft.rpartition("/")[2].encode() in heap
    assert [word for word in TYPED if word.encode() in heap] == []


def delete(citizen: Citizen, draft: str) -> None:
    citizen.open(draft)
    citizen.press("Delete this draft")
    citizen.press("Delete this draft")


def test_deleting_asks_first_and_can_be_cancelled(citizen: Citizen, draft: str, parts: Parts) -> None:
    add(citizen, draft, **DRILL)
    citizen.open(draft)
    page = citizen.press("Delete this draft")
    assert (page.status, page.heading) == (200, "Delete this draft?")
    assert len(parts(draft)) == 1
    assert citizen.follow("Keep it").path == draft


def test_deleted_draft_says_when_it_was_deleted_at_all_its_addresses(citizen: Citizen, draft: str) -> None:
    drill = add(citizen, draft, **DRILL)
    delete(citizen, draft)
    for address in (draft, f"{draft}/you", f"{draft}/tools", drill, f"{draft}/check", f"{draft}/save"):
        page = citizen.open(address)
        assert page.status == 410
        assert "It was deleted on 21 November 2026" in page


def test_a_deleted_draft_leaves_no_answer_and_no_address_behind(
    citizen: Citizen, draft: str, parts: Parts, row: Callable[[str], Draft], database: Database
) -> None:
    fill(citizen, draft)
    citizen.open(f"{draft}/save")
    citizen.press("Send link", email="secret@mail.example")
    delete(citizen, draft)
    assert parts(draft) == {}
    assert row(draft).save_address is None
    with database.reading() as db:
        assert db.scalars(select(ResumeLink.address)).all() == [b""]


def test_deleting_a_draft_leads_back_to_my_requests(app: Flask, citizen: Citizen) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    draft = start(citizen)
    add(citizen, draft, **DRILL)
    delete(citizen, draft)
    assert (citizen.page.path, citizen.page.heading) == ("/account", "My Requests")
    assert draft.rpartition("/")[2] not in citizen.page


@pytest.mark.parametrize("path", ["/you", "/check", ""])
def test_a_page_left_open_saves_nothing_into_a_deleted_draft(
    citizen: Citizen, draft: str, parts: Parts, path: str
) -> None:
    token = citizen.open(f"{draft}/you").value("csrf_token")
    delete(citizen, draft)
    data = {"csrf_token": token, "name": "Ghost", "declaration": "yes", "_end": "1"}
    assert citizen.client.post(draft + path, data=data).status_code == 410
    assert parts(draft) == {}


@pytest.mark.parametrize("path", ["", "/you", "/tools", "/tools/abcdefgh", "/check", "/save"])
def test_a_sent_drafts_pages_say_when_it_was_sent(citizen: Citizen, draft: str, path: str) -> None:
    fill(citizen, draft)
    citizen.press("Send", declaration="yes")
    page = citizen.open(draft + path)
    assert page.status == 200
    assert "already sent on 21 November 2026 at 14:02" in page
    assert page.links["See what we received"] == f"/submissions/{draft.rpartition('/')[2]}"


@pytest.mark.parametrize("path", ["/you", "/tools", "/save", ""])
def test_page_left_open_changes_nothing_in_a_sent_form(citizen: Citizen, draft: str, parts: Parts, path: str) -> None:
    token = citizen.open(f"{draft}/you").value("csrf_token")
    fill(citizen, draft)
    citizen.press("Send", declaration="yes")
    data = {"csrf_token": token, "name": "Ghost", "email": "a@mail.example", "_confirmed": "yes", "_end": "1"}
    answer = citizen.client.post(draft + path, data=data)
    assert answer.status_code == 200
    assert "already sent on" in answer.text
    assert parts(draft) == {}
    assert "Ghost" not in citizen.open(f"/submissions/{draft.rpartition('/')[2]}")


def test_the_last_day_moves_with_each_change(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    draft = start(citizen)
    assert "11 December 2026" in citizen.open(f"{draft}/save")
    clock.advance(days=3)
    sign_in(citizen)
    assert "11 December 2026" in citizen.open(f"{draft}/save")
    add(citizen, draft, **DRILL)
    assert "14 December 2026" in citizen.open(f"{draft}/save")


@pytest.mark.both_databases
def test_draft_is_swept_when_it_expires_and_not_a_second_sooner(
    app: Flask, citizen: Citizen, parts: Parts, clock: MovableClock
) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    draft = start(citizen)
    add(citizen, draft, **DRILL)
    clock.advance(days=19, hours=23, minutes=59)
    sign_in(citizen)
    assert citizen.open(draft).status == 200
    Worker(app.extensions["portal"]).work_once(Event())
    assert len(parts(draft)) == 1
    clock.advance(minutes=1)
    page = citizen.open(draft)
    assert page.status == 410
    clock.advance(minutes=1)
    Worker(app.extensions["portal"]).work_once(Event())
    assert parts(draft) == {}
    assert letters(app) == []
