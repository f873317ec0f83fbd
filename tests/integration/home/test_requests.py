"""My Requests: empty, with one of each, and with many, a page at a time."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import Database
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.loan import FORM, YOU, publish_loan, publish_yaml, send, start
from tests.people import add_person, sign_in
from tests.statements import heard


@pytest.fixture
def ada(app: Flask, citizen: Citizen) -> Citizen:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    return citizen


def begin(citizen: Citizen) -> str:
    draft = start(citizen)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU)
    return draft.rpartition("/")[2]


def references(text: str) -> list[str]:
    """Return the references on the page in their order."""
    return list(dict.fromkeys(re.findall(r"TL-[0-9A-Z]{4}-[0-9A-Z]{4}(?=<)", text)))


def test_person_without_requests_is_shown_where_to_begin(ada: Citizen) -> None:
    assert "You have not started or sent a form yet." in ada.open("/account")
    assert ada.follow("Choose a form").path == "/"


def test_draft_shows_its_progress_last_change_and_deletion_date(ada: Citizen, clock: MovableClock) -> None:
    begin(ada)
    clock.advance(days=13)
    sign_in(ada)
    page = ada.open("/account")
    for words in ("sections complete", "Last change: 21 November 2026 at 14:02", "We delete it on 11 December 2026"):
        assert words in page


def test_drafts_are_paged_with_the_last_changed_first(ada: Citizen, clock: MovableClock) -> None:
    begun: list[str] = []
    for _ in range(12):
        begun.insert(0, begin(ada))
        clock.advance(seconds=1)
    assert references(ada.open("/account").text) == begun[:10]
    page = ada.follow("Older drafts")
    assert references(page.text) == begun[10:]
    assert "Older drafts" not in page.links
    assert ada.follow("Newest forms").path == "/account"


def test_drafts_changed_at_one_instant_are_each_shown_once(ada: Citizen) -> None:
    begun = [begin(ada) for _ in range(12)]
    first = references(ada.open("/account").text)
    assert sorted(first + references(ada.follow("Older drafts").text)) == sorted(begun)


def test_sent_forms_are_paged(ada: Citizen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.home.views.SENT", 2)
    sent = [send(ada) for _ in range(3)]
    assert references(ada.open("/account").text) == sent[:0:-1]
    assert references(ada.follow("Forms that you sent earlier").text) == sent[:1]


@pytest.mark.parametrize("key", ["drafts_before", "sent_before"])
@pytest.mark.parametrize("value", ["", "nobody", "TL-2222-2222", "'--", "x" * 3000])
def test_forged_page_key_is_harmless(ada: Citizen, key: str, value: str) -> None:
    begin(ada)
    assert ada.client.get("/account", query_string={key: value}).status_code == 200


def test_drafts_of_other_people_are_never_listed(app: Flask, ada: Citizen) -> None:
    reference = begin(ada)
    add_person(app, "bea@mail.example")
    bea = Citizen(app)
    sign_in(bea, "bea@mail.example")
    client: FlaskClient = bea.client
    assert reference not in client.get("/account").text
    assert references(client.get(f"/account?drafts_before={reference}").text) == []


def test_page_takes_six_statements_however_many_cards_in_however_many_versions(
    app: Flask, ada: Citizen, database: Database
) -> None:
    for version in (1, 2, 3):
        publish_yaml(app, FORM.format(access="anyone", allow_save="true").replace("Remark}", f"Remark {version}}}"))
        for _ in range(3):
            begin(ada)
    send(ada)
    ada.open("/account")
    with heard(database) as statements:
        page = ada.open("/account")
    assert len(references(page.text)) == 10
    assert len(statements.asked) <= 6, "\n\n".join(statements.asked)
