"""The hub: what was sent, for staff alone, as it was sent."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal.drafts.models import Draft
from portal.submissions.models import Submission
from tests.citizen import Citizen
from tests.loan import FORM, SAW, add, fill, publish_loan, publish_yaml, send, start
from tests.people import add_person, sign_in


@pytest.fixture
def reference(app: Flask, citizen: Citizen) -> str:
    publish_loan(app)
    return send(citizen, news="yes", topic="Lathes")


@pytest.fixture
def staff(app: Flask) -> Citizen:
    add_person(app, "mina@mail.example", "staff")
    browser = Citizen(app)
    assert sign_in(browser, "mina@mail.example").path == "/hub"
    return browser


def test_the_work_list_names_what_was_sent_and_leads_to_it(staff: Citizen, reference: str) -> None:
    page = staff.open("/hub")
    assert "Borrow a tool" in page
    assert staff.follow(reference).path == f"/hub/cases/{reference}"


def test_the_newest_stands_first_and_drafts_do_not_stand_there(
    citizen: Citizen, staff: Citizen, reference: str
) -> None:
    second, unsent = send(citizen), start(citizen).rpartition("/")[2]
    words = staff.open("/hub").words
    assert words.index(second) < words.index(reference)
    assert unsent not in words


def test_a_case_shows_the_answers_as_they_were_sent(staff: Citizen, reference: str) -> None:
    page = staff.open(f"/hub/cases/{reference}")
    assert "Sent 21 November 2026 at 14:02" in page
    for words in ("Wilhelmina Quartermaine", "3 April 1990", "Lathes", "Drill", "Thanks"):
        assert words in page


def test_a_case_keeps_the_words_of_the_version_it_was_sent_in(app: Flask, staff: Citizen, reference: str) -> None:
    changed = FORM.format(access="anyone", allow_save="true").replace("label: Topic", "label: Renamed")
    publish_yaml(app, changed)
    page = staff.open(f"/hub/cases/{reference}")
    assert "Topic" in page
    assert "Renamed" not in page


def test_each_item_of_a_repeat_is_shown_under_its_name(citizen: Citizen, staff: Citizen, reference: str) -> None:
    draft = start(citizen)
    fill(citizen, draft)
    add(citizen, draft, **SAW)
    citizen.open(f"{draft}/training")
    citizen.press("Continue", done="yes")
    citizen.open(f"{draft}/check")
    citizen.press("Send", declaration="yes")
    words = staff.open(f"/hub/cases/{draft.rpartition('/')[2]}").words
    assert words.index("Drill") < words.index("Saw") < words.index("230")


@pytest.mark.parametrize("role", ["citizen", "field", "administrator", "designer"])
def test_other_roles_find_nothing(app: Flask, reference: str, role: str) -> None:
    add_person(app, "other@mail.example", role)
    browser = Citizen(app)
    sign_in(browser, "other@mail.example")
    assert browser.open("/hub").status == 404
    assert browser.open(f"/hub/cases/{reference}").status == 404


def test_guests_and_strangers_are_asked_to_sign_in(app: Flask, citizen: Citizen, reference: str) -> None:
    for browser in (citizen, Citizen(app)):
        answer = browser.client.get(f"/hub/cases/{reference}")
        assert answer.status_code == 302
        assert answer.location.startswith("/account/sign-in?next=%2Fhub%2Fcases%2F")


@pytest.mark.parametrize("path", ["/hub/cases/TL-2222-2222", "/hub/cases/%00", "/hub/cases/" + "x" * 300])
def test_an_unknown_case_is_not_found(staff: Citizen, reference: str, path: str) -> None:
    assert staff.open(path).status == 404


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 30, ""])
def test_a_forged_page_number_is_no_failure(staff: Citizen, reference: str, before: str) -> None:
    assert staff.open(f"/hub?before={before}").status == 200


def copy_case(app: Flask, copies: int) -> None:
    """Cases beside the only one, each later than the one before."""
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        sent, old = db.scalars(select(Submission)).one(), db.scalars(select(Draft)).one()
        times = {"started_at": old.started_at, "changed_at": old.changed_at, "expires_at": old.expires_at}
        for number in range(copies):
            name = f"TL-0000-{number:04}"
            draft = Draft(reference=name, version=old.version, **times)
            db.add(draft)
            db.flush()
            later = sent.sent_at + timedelta(seconds=number)
            values = {"version": old.version, "sealed": sent.sealed, "sent_at": later}
            db.add(Submission(reference=name, draft_id=draft.id, idempotency_key=name, **values))


def test_a_long_list_has_pages_and_shows_each_case_once(app: Flask, staff: Citizen, reference: str) -> None:
    copy_case(app, 60)
    pages = [staff.open("/hub"), staff.follow("Next")]
    seen = [link for page in pages for link in page.links.values() if link.startswith("/hub/cases/")]
    assert len(seen) == len(set(seen)) == 61
    assert "Next" not in pages[1].links
