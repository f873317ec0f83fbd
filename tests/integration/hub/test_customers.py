"""Customers: found by address or reference; a draft's progress, never its answers; a form begun for somebody."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from portal.db import Database
from portal.outbox.models import Delivery
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.loan import YOU, fill, publish_loan, publish_yaml, send, start
from tests.people import add_person, sign_in
from tests.post import letters

Audited = Callable[[str], list[str | None]]
ALLOWED = """
format: 1
form:
  id: members_only
  title: Members only
  access: account
sections: [{id: one, title: One, fields: [{id: what, type: text, label: What}]}]
"""
UNSAVED = ALLOWED.replace("members_only", "at_once").replace("access: account", "allow_save: false")


def find(staff: Citizen, sought: str) -> Page:
    staff.open("/hub/customers")
    return staff.press("Find", customer=sought)


def begin(staff: Citizen, email: str = "gwen@mail.example", form: str = "tool_loan", name: str = "") -> Page:
    staff.open("/hub/customers")
    return staff.press("Start and send the link", email=email, form=form, name=name)


@pytest.fixture
def draft(app: Flask, citizen: Citizen) -> str:
    """Fill a guest's draft with answers that staff may not see; return its reference."""
    publish_loan(app)
    address = start(citizen)
    citizen.open(f"{address}/you")
    citizen.press("Continue", name="Secret Zebra", born__day="3", born__month="4", born__year="1990", news="no")
    return address.rpartition("/")[2]


def test_customer_is_found_by_e_mail_address_which_no_url_contains(
    staff: Citizen, reference: str, audited: Audited
) -> None:
    page = find(staff, "Minnie@mail.example")
    assert page.path == "/hub/customers"
    assert "minnie" not in page.address.lower()
    assert page.links[reference] == f"/hub/cases/{reference}"
    assert audited("customers_searched") == [None]
    assert audited("customer_viewed") == [reference]


def test_customer_is_found_by_a_reference_with_all_requests(staff: Citizen, citizen: Citizen, reference: str) -> None:
    second = send(citizen, email="minnie@mail.example")
    page = find(staff, reference.lower())
    assert {reference, second} <= set(page.links)


@pytest.mark.both_databases
@pytest.mark.parametrize("sought", ["quartermaine", "Wilhelmina Quartermaine"])
def test_customer_is_found_by_name_whatever_became_of_the_form_and_no_url_contains_it(
    staff: Citizen, reference: str, audited: Audited, sought: str
) -> None:
    staff.open(f"/hub/cases/{reference}")
    staff.press("Save status", status="completed")
    page = find(staff, sought)
    assert page.path == "/hub"
    assert page.links[reference] == f"/hub/cases/{reference}"
    assert "quartermaine" not in page.address.lower()
    assert audited("customers_searched") == [None]


def test_account_shows_sent_forms_and_drafts(app: Flask, staff: Citizen, audited: Audited) -> None:
    publish_loan(app)
    ada = add_person(app)
    person = Citizen(app)
    sign_in(person)
    sent = send(person, name="Ada Byron")
    open_draft = start(person).rpartition("/")[2]
    page = find(staff, "ada@mail.example")
    assert "Has an account." in page
    assert page.links[sent] == f"/hub/cases/{sent}"
    assert page.links[open_draft] == f"/hub/drafts/{open_draft}"
    assert audited("customer_viewed") == [f"person {ada.id}"]


@pytest.mark.parametrize("sought", ["", "nobody", "Quartermain", "TL-2222-2222", "a@b@c", "-", "\u200d."])
def test_unknown_customer_is_reported_beside_the_field(staff: Citizen, reference: str, sought: str) -> None:
    page = find(staff, sought)
    assert page.status == 422
    assert page.title.startswith("Error:")
    assert page.value("customer") == (sought or None) or not sought


def test_an_address_without_requests_says_so(staff: Citizen, reference: str) -> None:
    assert "We found nothing for this address." in find(staff, "new@mail.example")


@pytest.mark.parametrize("find_value", ["x", "%00", "A" * 400, "ü"])
def test_a_forged_address_shows_nobody(staff: Citizen, reference: str, find_value: str) -> None:
    page = staff.open(f"/hub/customers?find={find_value}")
    assert page.status == 200
    assert "Has an account." not in page


def test_draft_shows_its_progress_and_none_of_its_answers(
    staff: Citizen, citizen: Citizen, draft: str, audited: Audited, clock: MovableClock
) -> None:
    clock.advance(minutes=5)
    page = find(staff, draft)
    assert page.path == f"/hub/drafts/{draft}"
    for words in (
        "Borrow a tool",
        "Not sent yet",
        "Today at 14:02",
        "Kept until",
        "No link to this form was e-mailed.",
    ):
        assert words in page
    for words in ("Zebra", "April 1990", "About you"):
        assert words not in page.text
    assert audited("draft_viewed") == [draft]
    assert staff.client.get(f"/drafts/{draft}").status_code == 404


def test_page_says_whether_the_link_is_waiting_sent_or_returned(
    app: Flask, staff: Citizen, citizen: Citizen, draft: str, database: Database, clock: MovableClock
) -> None:
    citizen.open(f"/drafts/{draft}/save")
    citizen.press("Send link", email="zoe@mail.example")
    assert "Waiting to be sent" in staff.open(f"/hub/drafts/{draft}")
    letters(app)
    assert "Waiting to be sent" not in staff.open(f"/hub/drafts/{draft}")
    assert "zoe@mail.example" not in staff.page.text
    with database.writing() as db:
        db.execute(update(Delivery).values(sent_at=None, failed_at=clock.now()))
    assert "Could not be delivered" in staff.open(f"/hub/drafts/{draft}")
    with database.writing() as db:
        db.execute(update(Delivery).values(failed_at=None, attempts=3))
    assert "Not delivered yet, tried 3 times" in staff.open(f"/hub/drafts/{draft}")


@pytest.mark.parametrize(("after", "state"), [("sent", "Sent"), ("deleted", "Deleted"), ("expired", "Expired")])
def test_finished_draft_says_how_it_ended(
    app: Flask, staff: Citizen, citizen: Citizen, draft: str, clock: MovableClock, after: str, state: str
) -> None:
    if after == "sent":
        fill(citizen, f"/drafts/{draft}")
        citizen.press("Send", declaration="yes")
    elif after == "deleted":
        citizen.open(f"/drafts/{draft}")
        citizen.client.post(
            f"/drafts/{draft}", data={"csrf_token": citizen.page.value("csrf_token") or "", "_confirmed": "yes"}
        )
    else:
        clock.advance(days=21)
        sign_in(staff, "mina@mail.example")
    assert f"State {state}" in staff.open(f"/hub/drafts/{draft}").words.replace("State", "State ")


@pytest.mark.parametrize("given", ["form", "save page", "account", None])
def test_staff_send_a_link_again_to_the_address_of_the_draft_and_to_no_other(
    app: Flask, staff: Citizen, citizen: Citizen, audited: Audited, given: str | None
) -> None:
    publish_loan(app)
    if given == "account":
        add_person(app, "rosa@mail.example")
        sign_in(citizen, "rosa@mail.example")
    draft = start(citizen)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU, email="rosa@mail.example" if given == "form" else "")
    if given == "save page":
        citizen.open(f"{draft}/save")
        citizen.press("Send link", email="rosa@mail.example")
    before, reference = len(letters(app)), draft.rpartition("/")[2]
    page = staff.open(f"/hub/drafts/{reference}")
    assert "rosa@" not in page.text
    assert ("r•••@mail.example" in page) is (given is not None)
    token = {"csrf_token": page.value("csrf_token"), "email": "mallory@mail.example", "address": "mallory@mail.example"}
    answer = staff.post(f"/hub/drafts/{reference}", token)
    assert answer.status_code == (303 if given else 200)
    assert [letter.to for letter in letters(app)[before:]] == (["rosa@mail.example"] if given else [])
    assert audited("link_sent_again") == ([reference] if given else [])
    if given:
        assert "The link is on its way to r•••@mail.example." in staff.open(answer.location)


def test_staff_send_no_more_links_than_a_mailbox_can_bear(app: Flask, staff: Citizen, citizen: Citizen) -> None:
    publish_loan(app)
    draft = start(citizen)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU, email="rosa@mail.example")
    staff.open(f"/hub/drafts/{draft.rpartition('/')[2]}")
    statuses = [staff.press("Send a link").status, *(staff.press("Send the link again").status for _ in range(10))]
    assert statuses == [200] * 10 + [429]


@pytest.mark.parametrize("after", ["sent", "deleted"])
def test_staff_send_no_link_to_a_finished_draft(
    app: Flask, staff: Citizen, citizen: Citizen, draft: str, after: str
) -> None:
    if after == "sent":
        fill(citizen, f"/drafts/{draft}", email="rosa@mail.example")
        citizen.press("Send", declaration="yes")
    else:
        citizen.open(f"/drafts/{draft}")
        citizen.press("Delete this draft")
        citizen.press("Delete this draft")
    before = len(letters(app))
    page = staff.open(f"/hub/drafts/{draft}")
    assert not [button for form in page.forms for button in form.buttons if "link" in button.text]
    staff.post(f"/hub/drafts/{draft}", {"csrf_token": page.value("csrf_token")})
    assert len(letters(app)) == before


def test_an_unknown_draft_is_not_found(staff: Citizen, draft: str) -> None:
    assert staff.open("/hub/drafts/TL-2222-2222").status == 404


def test_a_form_begun_for_a_guest_reaches_them_by_link_and_both_are_recorded(
    app: Flask, staff: Citizen, citizen: Citizen, audited: Audited
) -> None:
    publish_loan(app)
    page = begin(staff, name="Gwen Pritchard")
    reference = page.path.rpartition("/")[2]
    for words in ("mina@mail.example", "Gwen Pritchard, gwen@mail.example", "Nothing is filled in yet", "Not sent yet"):
        assert words in page
    (letter,) = letters(app)
    assert (letter.to, letter.subject) == ("gwen@mail.example", "Continue your form: Borrow a tool")
    assert "mina@mail.example of Ashmere Council has started the form “Borrow a tool” for you." in letter.lines
    assert audited("draft_begun_for_customer") == [reference]
    citizen.open(letter.link)
    citizen.press("Continue your form")
    citizen.press("Continue", code=letters(app)[-1].code)
    assert "mina@mail.example of Ashmere Council started this form for you." in citizen.open(f"/drafts/{reference}")
    fill(citizen, f"/drafts/{reference}")
    assert "started this form for you" in citizen.press("Send", declaration="yes")
    assert "Started for the customer by mina@mail.example" in staff.open(f"/hub/cases/{reference}")


def test_form_begun_for_an_account_belongs_to_the_account(app: Flask, staff: Citizen) -> None:
    publish_yaml(app, ALLOWED)
    add_person(app)
    reference = begin(staff, email="Ada@mail.example", form="members_only").path.rpartition("/")[2]
    person = Citizen(app)
    sign_in(person)
    person.open(letters(app)[-1].link)
    assert person.press("Continue your form").path.startswith(f"/drafts/{reference}")


def test_staff_who_begin_a_form_for_somebody_cannot_open_it(app: Flask, staff: Citizen) -> None:
    publish_loan(app)
    reference = begin(staff).path.rpartition("/")[2]
    assert staff.client.get(f"/drafts/{reference}").status_code == 404


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"email": "x"}, "Enter an e-mail address in the right format"),
        ({"form": ""}, "Choose a form"),
        ({"form": "nothing"}, "Choose a form from the list"),
        ({"form": "at_once"}, "Choose a form from the list"),
        ({"form": "members_only"}, "This form needs an account. Nobody has one with this e-mail address"),
        ({"name": "x" * 201}, "Write at most 200 characters"),
    ],
)
def test_a_form_that_cannot_be_handed_over_is_not_begun(
    app: Flask, staff: Citizen, audited: Audited, values: dict[str, str], fault: str
) -> None:
    publish_loan(app)
    for definition in (ALLOWED, UNSAVED):
        publish_yaml(app, definition)
    page = begin(staff, **values)
    assert page.status == 422
    assert fault in page
    assert page.value("email") == values.get("email", "gwen@mail.example")
    assert (audited("draft_begun_for_customer"), letters(app)) == ([], [])


@pytest.mark.parametrize("path", ["/hub/customers", "/hub/drafts/TL-2222-2222"])
@pytest.mark.parametrize("role", ["citizen", "field", "designer"])
def test_other_roles_find_no_customers(app: Flask, path: str, role: str) -> None:
    add_person(app, "other@mail.example", role)
    browser = Citizen(app)
    sign_in(browser, "other@mail.example")
    assert browser.open(path).status == 404
