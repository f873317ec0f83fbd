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
from tests.conftest import MovableClock
from tests.loan import fill, publish_loan, publish_yaml, send, start
from tests.people import add_person, sign_in
from tests.post import letters

PRESSES = 8


@pytest.fixture
def draft(app: Flask, citizen: Citizen) -> str:
    publish_loan(app)
    return start(citizen)


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
    other = Citizen(citizen.client.application)
    other.client = citizen.client
    other.open(f"{draft}/check")
    assert citizen.send("Send", declaration="yes").location == other.send("Send", declaration="yes").location
    assert count(database, Submission) == 1


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


class TestConfirmationMail:
    """To the account, else to the save address, else to the first answered e-mail field, else to nobody."""

    def test_mail_goes_to_the_account(self, app: Flask, citizen: Citizen) -> None:
        publish_loan(app)
        add_person(app)
        sign_in(citizen)
        reference = send(citizen, email="other@mail.example")
        (letter,) = letters(app)
        assert (letter.to, letter.subject) == ("ada@mail.example", f"We have received your form: {reference}")
        assert reference in letter.lines

    def test_mail_goes_to_the_save_address(self, app: Flask, citizen: Citizen, draft: str) -> None:
        citizen.open(f"{draft}/save")
        citizen.press("Send link", email="saved@mail.example")
        fill(citizen, draft, email="other@mail.example")
        citizen.press("Send", declaration="yes")
        found = [letter for letter in letters(app) if letter.subject.startswith("We have received")]
        assert [letter.to for letter in found] == ["saved@mail.example"]

    def test_mail_goes_to_the_first_answered_email_field(self, app: Flask, citizen: Citizen, draft: str) -> None:
        send(citizen, email="typed@mail.example")
        assert [letter.to for letter in letters(app)] == ["typed@mail.example"]

    def test_no_mail_is_sent_without_an_address(self, app: Flask, citizen: Citizen, draft: str) -> None:
        send(citizen)
        assert letters(app) == []

    def test_mail_never_goes_to_a_hidden_address(self, app: Flask, citizen: Citizen) -> None:
        publish_yaml(app, HIDDEN_ADDRESS)
        draft = start(citizen, "news")
        citizen.open(f"{draft}/one")
        citizen.press("Continue", wants="yes", first="hidden@mail.example", second="shown@mail.example")
        citizen.open(f"{draft}/one")
        citizen.press("Continue", wants="no")
        citizen.press("Send")
        assert [letter.to for letter in letters(app)] == ["shown@mail.example"]


HIDDEN_ADDRESS = """
format: 1
form: {id: news, title: News}
sections:
  - id: one
    title: One
    fields:
      - {id: wants, type: yes_no, label: Wants, required: true}
      - {id: first, type: email, label: First, when: {field: ./wants, is: true}}
      - {id: second, type: email, label: Second}
"""
