"""Other people's data: drafts, items and sent forms, with every role and with another person's page."""

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.drafts.models import Draft, DraftPart
from tests.citizen import Citizen
from tests.journeys import housing
from tests.people import add_person, sign_in
from tests.post import letters


def _all_of_it(database: Database) -> list[object]:
    with database.reading() as db:
        drafts = db.execute(
            select(Draft.reference, Draft.changed_at, Draft.sent_at, Draft.deleted_at).order_by(Draft.id)
        )
        parts = db.execute(select(DraftPart.section_id, DraftPart.revision, DraftPart.sealed).order_by(DraftPart.id))
        return [*drafts.all(), *parts.all()]


def _item(citizen: Citizen, draft: str) -> str:
    return next(link for text, link in citizen.open(f"{draft}/household").links.items() if text.startswith("Change"))


@pytest.mark.parametrize("role", [None, "citizen", "field", "staff", "administrator", "designer"])
def test_nobody_else_sees_or_changes_a_draft(
    app: Flask, citizen: Citizen, victim: str, database: Database, role: str | None
) -> None:
    item = _item(citizen, victim)
    thief = Citizen(app)
    if role:
        add_person(app, role=role)
        sign_in(thief)
    if role in (None, "citizen", "field"):
        housing.start(thief)
    token = thief.page.value("csrf_token") or ""
    before = _all_of_it(database)
    pages = [victim, f"{victim}/about_you", item, f"{victim}/save", f"{victim}/check", victim.lower(), f"{victim}/"]
    for page in [*pages, victim.replace("drafts", "submissions"), victim.replace("drafts", "hub/cases")]:
        answer = thief.client.get(page)
        assert answer.status_code in (404, 302), page
        assert "Łukasz" not in answer.text
    data = {
        "csrf_token": token,
        "full_name": "Mallory",
        "declaration": "yes",
        "_confirmed": "yes",
        "_end": "1",
        "_changed": "full_name",
        "email": "m@evil.example",
    }
    addresses = [victim, f"{victim}/about_you", item, f"{victim}/household", f"{victim}/save", f"{victim}/check"]
    autosaves = [f"{victim}/autosave/about_you", item.replace("/household", "/autosave/household")]
    for address in addresses + autosaves:
        headers = {"HX-Request": "true"} if "autosave" in address else {}
        status = thief.client.post(address, data=data, headers=headers).status_code
        assert status in (401, 403, 404), address
    assert _all_of_it(database) == before
    assert not letters(app)


def test_page_of_the_former_person_in_this_browser_is_refused(
    app: Flask, citizen: Citizen, victim: str, database: Database
) -> None:
    """A's page is sent after B signed in: nothing is shown to B or stored for B."""
    add_person(app)
    page = citizen.open(f"{victim}/about_you")
    citizen.press("Sign out")
    sign_in(citizen)
    before = _all_of_it(database)
    citizen.page = page
    answer = citizen.send("Continue", full_name="Typed by A")
    assert answer.status_code == 403
    assert "Typed by A" not in answer.text
    assert _all_of_it(database) == before


def test_sent_form_is_shown_only_to_its_sender_and_staff(app: Flask, citizen: Citizen, victim: str) -> None:
    citizen.open(f"{victim}/check")
    address = citizen.press("Send", declaration="yes").path
    for role in ("citizen", "field", "designer"):
        add_person(app, f"{role}@mail.example", role)
        other = Citizen(app)
        sign_in(other, f"{role}@mail.example")
        for page in (address, address.replace("submissions", "hub/cases")):
            assert other.client.get(page).status_code == 404, (role, page)
    assert Citizen(app).client.get(address).status_code == 302


def test_strangers_cannot_tell_a_draft_that_exists_from_one_that_does_not(app: Flask, victim: str) -> None:
    stranger = Citizen(app)
    known, unknown = (stranger.client.get(address) for address in (victim, "/drafts/HS-2222-2222"))
    assert known.status_code == unknown.status_code
    thief = Citizen(app)
    housing.start(thief)
    theirs, missing = (thief.open(address) for address in (victim, "/drafts/HS-2222-2222"))
    assert (theirs.status, theirs.words) == (missing.status, missing.words)


def test_stranger_cannot_use_up_the_mails_of_a_draft(app: Flask, citizen: Citizen, victim: str) -> None:
    thief = Citizen(app)
    housing.start(thief)
    token = thief.page.value("csrf_token")
    for _ in range(15):
        answer = thief.client.post(f"{victim}/save", data={"csrf_token": token, "email": "m@evil.example"})
        assert answer.status_code == 404
    citizen.open(f"{victim}/save")
    assert citizen.send("Send link", email="zoe@mail.example").status_code == 303
