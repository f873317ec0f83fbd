"""Send: exactly once however often it is pressed, and then a confirmation for its sender only."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from portal.db import Database
from portal.outbox.models import Delivery
from portal.submissions.models import Submission
from tests.citizen import Citizen
from tests.conftest import MovableClock, Prepared
from tests.loan import fill, publish_loan, send, start
from tests.people import add_person, sign_in

PRESSES = 8


@pytest.fixture
def draft(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    def walk() -> str:
        publish_loan(app)
        return start(citizen)

    return prepared(walk, citizen)


def count(database: Database, model: type) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(model)) or 0


def test_send_leads_to_a_confirmation_with_the_same_reference(citizen: Citizen, draft: str) -> None:
    fill(citizen, draft)
    answer = citizen.send("Send", declaration="yes")
    reference = draft.rpartition("/")[2]
    assert (answer.status_code, answer.location) == (303, f"/submissions/{reference}")
    page = citizen.open(answer.location)
    assert (page.status, page.heading) == (200, "We have received your form")
    assert reference in page


def test_the_same_page_replayed_leads_to_the_same_confirmation(
    citizen: Citizen, draft: str, database: Database, clock: MovableClock
) -> None:
    fill(citizen, draft, email="ada@mail.example")
    first = citizen.send("Send", declaration="yes")
    clock.advance(minutes=5)
    again = citizen.send("Send", declaration="yes")
    assert (again.status_code, again.location) == (303, first.location)
    assert (count(database, Submission), count(database, Delivery)) == (1, 1)


def test_two_check_pages_of_one_draft_send_it_once(citizen: Citizen, draft: str, database: Database) -> None:
    fill(citizen, draft)
    other = citizen.tab()
    other.open(f"{draft}/check")
    assert citizen.send("Send", declaration="yes").location == other.send("Send", declaration="yes").location
    assert count(database, Submission) == 1


@pytest.mark.both_databases
def test_many_presses_at_once_make_one_submission_and_one_mail(
    app: Flask, citizen: Citizen, draft: str, database: Database
) -> None:
    fill(citizen, draft, email="ada@mail.example")
    form, _ = citizen.page.form_with("Send")
    data = {each.name: each.value for each in form.controls} | {"declaration": "yes"}
    cookie = citizen.client.get_cookie("session_customer")
    assert cookie
    together = Barrier(PRESSES)

    def press(_number: int) -> tuple[int, str | None]:
        browser = app.test_client()
        browser.set_cookie("session_customer", cookie.value)
        together.wait()
        answer = browser.post(f"{draft}/check", data=data)
        return answer.status_code, answer.location

    with ThreadPoolExecutor(PRESSES) as pool:
        answers = set(pool.map(press, range(PRESSES)))
    assert answers == {(303, f"/submissions/{draft.rpartition('/')[2]}")}
    assert (count(database, Submission), count(database, Delivery)) == (1, 1)


def test_key_from_the_page_of_another_draft_blocks_nothing(citizen: Citizen, draft: str, database: Database) -> None:
    fill(citizen, draft)
    key = citizen.page.value("_key") or ""
    citizen.press("Send", declaration="yes")
    other = start(citizen)
    fill(citizen, other)
    assert citizen.send("Send", declaration="yes", _key=key).status_code == 303
    assert count(database, Submission) == 2


@pytest.mark.parametrize("column", ["draft_id", "idempotency_key", "reference"])
def test_database_refuses_a_second_submission(citizen: Citizen, draft: str, database: Database, column: str) -> None:
    send(citizen)
    with database.reading() as db:
        row = dict(db.execute(select(Submission.__table__)).mappings().one())
    fresh = row | {"draft_id": 1, "idempotency_key": "another", "reference": "TL-0000-0000"}
    values = {name: value for name, value in (fresh | {column: row[column]}).items() if name != "id"}
    with pytest.raises(IntegrityError), database.writing() as db:
        db.execute(insert(Submission).values(**values))


def test_confirmation_is_for_its_sender_only(app: Flask, citizen: Citizen, draft: str) -> None:
    reference = send(citizen)
    assert Citizen(app).client.get(f"/submissions/{reference}").status_code == 302
    add_person(app)
    stranger = Citizen(app)
    sign_in(stranger)
    assert stranger.open(f"/submissions/{reference}").status == 404
    assert citizen.open("/submissions/TL-2222-2222").status == 404


def test_unsent_draft_has_no_confirmation(citizen: Citizen, draft: str) -> None:
    assert citizen.open(draft.replace("drafts", "submissions")).status == 404


def test_form_sent_by_a_person_is_in_my_requests(app: Flask, citizen: Citizen) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    reference = send(citizen)
    page = citizen.open("/account")
    assert page.links["Borrow a tool"] == f"/submissions/{reference}"
    assert "Not sent yet" not in page


def test_form_sent_by_a_guest_and_then_claimed_is_in_my_requests(app: Flask, citizen: Citizen, draft: str) -> None:
    reference = send(citizen)
    add_person(app)
    sign_in(citizen)
    assert citizen.press("Yes").path == "/account"
    assert citizen.page.links["Borrow a tool"] == f"/submissions/{reference}"
    assert citizen.follow("Borrow a tool").status == 200
