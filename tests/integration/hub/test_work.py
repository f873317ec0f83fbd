"""Working on a case: notes, status with a mail, assignee; a second change at once overwrites nothing unseen."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from portal.accounts.operations import disable_account
from portal.accounts.queries import person_by_key
from portal.audit import Actor
from portal.db import Database
from portal.submissions.definition import STATUSES
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.loan import fill, publish_loan, send, start
from tests.people import add_person, sign_in
from tests.post import letters

Audited = Callable[[str], list[str | None]]


@pytest.fixture
def case(reference: str) -> str:
    return f"/hub/cases/{reference}"


def history_of(page: Page) -> list[str]:
    """Return the history as shown, newest first."""
    return re.findall(r"<li><p><strong>([^<]+)</strong>", page.text)


def test_new_note_comes_first_in_the_history(staff: Citizen, case: str, reference: str, audited: Audited) -> None:
    staff.open(case)
    answer = staff.send("Add note", note="The landlord\r\nconfirms it.")
    assert (answer.status_code, answer.location) == (303, case)
    page = staff.open(case)
    assert history_of(page) == ["Note by you", "Sent"]
    assert "The landlord confirms it." in page
    assert audited("case_note_added") == [reference]


def test_note_with_nul_is_added_without_it(staff: Citizen, case: str) -> None:
    staff.open(case)
    assert staff.press("Add note", note="Rang \0back\0").status == 200
    assert "Rang back" in staff.page


@pytest.mark.parametrize("note", ["", "   \n ", "x" * 4001], ids=["nothing", "blanks", "too long"])
def test_empty_or_long_note_is_refused_and_kept_in_its_field(staff: Citizen, case: str, note: str) -> None:
    staff.open(case)
    page = staff.press("Add note", note=note)
    assert page.status == 422
    assert page.value("note") == note.strip()
    assert page.title.startswith("Error:")
    assert history_of(staff.open(case)) == ["Sent"]


def test_page_sent_twice_adds_one_note(staff: Citizen, case: str) -> None:
    staff.open(case)
    for _ in range(2):
        assert staff.send("Add note", note="Once").status_code == 303
    assert history_of(staff.open(case)) == ["Note by you", "Sent"]


def test_note_is_encrypted_and_never_shown_to_the_customer(
    staff: Citizen, citizen: Citizen, case: str, reference: str, database: Database
) -> None:
    staff.open(case)
    staff.press("Add note", note="Suspicious zebra")
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT sealed FROM case_events").all()
    assert rows
    assert b"zebra" not in bytes(rows[0][0])
    assert "zebra" not in citizen.open(f"/submissions/{reference}").text


@pytest.mark.parametrize("status", [name for name in STATUSES if name != "new"])
def test_new_status_is_saved_mailed_and_shown_to_the_customer(
    app: Flask, staff: Citizen, citizen: Citizen, case: str, reference: str, audited: Audited, status: str
) -> None:
    words = STATUSES[status]
    staff.open(case)
    assert staff.send("Save status", status=status).status_code == 303
    page = staff.open(case)
    assert page.value("status") == status
    assert history_of(page) == [str(words.staff_words), "Sent"]
    letter = letters(app)[-1]
    assert (letter.to, letter.subject) == ("minnie@mail.example", f"News about your form: {reference}")
    assert f"Its status is now: {words.words}" in letter.lines
    assert not {"Lathes", "Wilhelmina", "Quartermaine", "Drill"} & set(" ".join(letter.lines).split())
    assert str(words.words) in citizen.open(f"/submissions/{reference}")
    assert audited("case_status_changed") == [reference]


def test_the_same_status_again_changes_and_mails_nothing(app: Flask, staff: Citizen, case: str) -> None:
    before = len(letters(app))
    staff.open(case)
    assert staff.send("Save status", status="new").status_code == 303
    assert history_of(staff.open(case)) == ["Sent"]
    assert len(letters(app)) == before


def test_mail_goes_to_the_current_address_of_the_account(app: Flask, staff: Citizen) -> None:
    publish_loan(app)
    add_person(app)
    person = Citizen(app)
    sign_in(person)
    reference = send(person, email="elsewhere@mail.example")
    staff.open(f"/hub/cases/{reference}")
    staff.press("Save status", status="waiting")
    assert letters(app)[-1].to == "ada@mail.example"
    assert "Waiting for you" in person.open("/account")


def test_page_says_when_there_is_no_address_to_mail(app: Flask, staff: Citizen, citizen: Citizen) -> None:
    publish_loan(app)
    draft = start(citizen)
    fill(citizen, draft)
    citizen.press("Send", declaration="yes")
    page = staff.open(f"/hub/cases/{draft.rpartition('/')[2]}")
    assert "We have no e-mail address, so the customer is not told." in page
    assert staff.send("Save status", status="closed").status_code == 303
    assert [letter for letter in letters(app) if letter.subject.startswith("News")] == []


def test_assigning_shows_who_has_the_case(staff: Citizen, colleague: Citizen, case: str, audited: Audited) -> None:
    page = staff.open(case)
    (number,) = re.findall(r'<option value="(\d+)">farrow', page.text)
    answer = staff.send("Assign", assignee=number)
    assert (answer.status_code, answer.location) == (303, case)
    assert history_of(staff.open(case)) == ["Assigned to farrow@mail.example", "Sent"]
    assert history_of(colleague.open(case)) == ["Assigned to you", "Sent"]
    assert "By mina@mail.example" in colleague.page
    colleague.press("Assign", assignee="")
    assert history_of(staff.open(case))[0] == "Assigned to nobody"
    assert len(audited("case_assigned")) == 2


@pytest.mark.parametrize(
    ("control", "value"),
    [("status", "eaten"), ("status", ""), ("assignee", "999"), ("assignee", "x"), ("assignee", "-1")],
)
def test_unknown_status_or_assignee_is_refused(staff: Citizen, case: str, control: str, value: str) -> None:
    staff.open(case)
    page = staff.press({"status": "Save status", "assignee": "Assign"}[control], **{control: value})
    assert page.status == 422
    assert "Choose from the list" in page
    assert history_of(staff.open(case)) == ["Sent"]


def test_case_cannot_be_assigned_outside_the_hub(app: Flask, staff: Citizen, case: str) -> None:
    outside = add_person(app, "ada@mail.example", "citizen")
    staff.open(case)
    assert staff.press("Assign", assignee=str(outside.id)).status == 422


def test_second_change_of_a_status_overwrites_nothing_unseen(
    app: Flask, staff: Citizen, colleague: Citizen, case: str
) -> None:
    staff.open(case)
    colleague.open(case)
    colleague.press("Save status", status="decided")
    mails = len(letters(app))
    page = staff.press("Save status", status="waiting")
    assert page.status == 409
    assert "farrow@mail.example changed the status to “Decided”" in page
    assert page.value("status") == "waiting"
    assert history_of(page) == ["Decided", "Sent"]
    assert len(letters(app)) == mails
    assert staff.press("Save status").status == 200
    assert history_of(staff.page) == ["Waiting for customer", "Decided", "Sent"]


def test_two_people_who_choose_the_same_status_do_not_conflict(staff: Citizen, colleague: Citizen, case: str) -> None:
    staff.open(case)
    colleague.open(case)
    colleague.press("Save status", status="decided")
    assert staff.press("Save status", status="decided").status == 200
    assert history_of(staff.page) == ["Decided", "Sent"]


def test_change_of_another_sort_does_not_make_a_page_stale(staff: Citizen, colleague: Citizen, case: str) -> None:
    staff.open(case)
    colleague.open(case)
    colleague.press("Save status", status="looked_at")
    colleague.press("Add note", note="Mine")
    page = staff.press("Assign", assignee="")
    assert page.status == 200
    assert staff.press("Add note", note="Also").status == 200


def test_second_assignment_is_reported_as_a_conflict(staff: Citizen, colleague: Citizen, case: str) -> None:
    me = re.findall(r'<option value="(\d+)">You', staff.open(case).text)[0]
    other = re.findall(r'<option value="(\d+)">You', colleague.open(case).text)[0]
    colleague.press("Assign", assignee=other)
    page = staff.press("Assign", assignee=me)
    assert page.status == 409
    assert "farrow@mail.example assigned this case to somebody else" in page
    assert page.value("assignee") == me


def test_former_assignee_keeps_the_case_until_somebody_takes_it(
    app: Flask, database: Database, clock: MovableClock, staff: Citizen, colleague: Citizen, case: str
) -> None:
    me = re.findall(r'<option value="(\d+)">You', colleague.open(case).text)[0]
    colleague.press("Assign", assignee=me)
    with database.writing() as db:
        gone = person_by_key(db, "farrow@mail.example")
        assert gone
        disable_account(db, gone.id, by=Actor(), now=clock.now())
    page = staff.open(case)
    assert page.value("assignee") == me
    assert "Somebody who has left" in page
    assert staff.press("Assign", assignee="").status == 200


def test_every_view_of_a_case_is_recorded(staff: Citizen, case: str, reference: str, audited: Audited) -> None:
    for _ in range(2):
        staff.open(case)
    staff.client.get(f"{case}/receipt.pdf")
    assert audited("case_viewed") == [reference, reference]
    assert audited("receipt_viewed") == [reference]


def test_page_with_an_old_token_keeps_the_typed_note(staff: Citizen, case: str) -> None:
    staff.open(case)
    page = staff.press("Add note", note="Keep me", csrf_token="old")
    assert page.status == 409
    assert page.value("note") == "Keep me"
    assert history_of(page) == ["Sent"]
    assert staff.press("Add note").status == 200


@pytest.mark.parametrize("fields", [{}, {"note": "x", "status": "closed"}, {"other": "x"}])
def test_form_that_no_page_sends_is_a_bad_request(staff: Citizen, case: str, fields: dict[str, str]) -> None:
    token = staff.open(case).value("csrf_token") or ""
    answer = staff.client.post(case, data={"csrf_token": token, **fields, "_end": "1"})
    assert answer.status_code == 400


IDLE, GRACE = 21_600, 7_200


def test_note_on_an_open_page_is_accepted_in_grace(
    staff: Citizen, clock: MovableClock, case: str, audited: Audited
) -> None:
    staff.open(case)
    clock.advance(seconds=IDLE + GRACE - 1)
    page = staff.press("Add note", note="Just in time")
    assert (page.status, history_of(page)[0]) == (200, "Note by you")
    assert audited("accepted_in_grace") == [case]


def test_note_after_the_grace_is_kept_for_its_writer_only(
    staff: Citizen, colleague: Citizen, clock: MovableClock, case: str, audited: Audited
) -> None:
    staff.open(case)
    clock.advance(seconds=IDLE + GRACE)
    page = staff.press("Add note", note="Too late")
    assert page.status == 403
    assert "What you typed is kept for you, not sent, until 22:02 tomorrow" in page
    assert audited("case_note_added") == []
    sign_in(colleague, "farrow@mail.example")
    assert colleague.open(case).value("note") == ""
    sign_in(staff, "mina@mail.example")
    page = staff.open(case)
    assert page.value("note") == "Too late"
    assert "We kept what you typed. You have not sent it yet." in page
    staff.press("Add note")
    page = staff.open(case)
    assert history_of(page) == ["Note by you", "Sent"]
    assert page.value("note") == ""


def test_status_after_the_grace_is_not_changed(
    staff: Citizen, clock: MovableClock, case: str, audited: Audited
) -> None:
    staff.open(case)
    clock.advance(seconds=IDLE + GRACE)
    page = staff.press("Save status", status="closed")
    assert page.status == 403
    assert "kept for you" not in page
    assert audited("case_status_changed") == []
