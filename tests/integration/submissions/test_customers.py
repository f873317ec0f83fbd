"""Whose form it is: whom the portal writes to about it, what it says of that beforehand, and whom staff see."""

import re

import pytest
from flask import Flask

from portal.db import Database
from portal.submissions.customers import CUSTOMER_PLACE, customer_of
from portal.submissions.models import Case
from portal.submissions.queries import submission_by_reference
from tests.citizen import Citizen
from tests.loan import publish_yaml, start
from tests.people import add_person, sign_in
from tests.post import letters

FEARED, OWN, SAVED, ACCOUNT = "feared@mail.example", "own@mail.example", "saved@mail.example", "ada@mail.example"
ORDER = """
format: 1
form: {{id: protection, title: Ask for protection{customer}}}
sections:
  - id: feared
    title: Who you fear
    fields:
      - {{id: name, type: name, label: Their name, required: true}}
      - {{id: email, type: email, label: Their e-mail address}}
  - id: you
    title: About you
    fields:
      - {{id: first, type: text, label: First name, required: true}}
      - {{id: last, type: name, label: Last name, required: true}}
      - {{id: safe, type: yes_no, label: Is it safe to write to you?, required: true}}
      - {{id: email, type: email, label: Your e-mail address, when: {{field: ./safe, is: true}}}}
"""
OURS = ", customer: {name: [you.first, you.last], email: you.email}"
NEVER = "We will not e-mail you a confirmation."


def publish(app: Flask, customer: str = OURS) -> None:
    publish_yaml(app, ORDER.format(customer=customer))


def begin(app: Flask, citizen: Citizen, *, customer: str = OURS) -> str:
    publish(app, customer)
    return start(citizen, "protection")


def fill(citizen: Citizen, draft: str, *, email: str | None = None) -> None:
    """Fill the form up to the check page; without an address of their own it is not safe to write to them."""
    citizen.open(f"{draft}/feared")
    citizen.press("Continue", name="Guy Fear", email=FEARED)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", first="Anna", last="Marsh", safe="yes" if email else "no", email=email or "")
    citizen.open(f"{draft}/check")


def save(app: Flask, citizen: Citizen, draft: str, *, proves: bool) -> None:
    """Have a link e-mailed, and prove the address with the code that comes with it."""
    citizen.open(f"{draft}/save")
    citizen.press("Send link", email=SAVED)
    (code,) = (line for line in letters(app)[-1].lines if re.fullmatch(r"[A-Z2-9]{5}", line))
    if proves:
        citizen.press("Confirm the address", code=code)


def told(app: Flask, subject: str) -> list[str]:
    return [letter.to for letter in letters(app) if letter.subject.startswith(subject)]


CASES = [
    pytest.param({"account": True, "email": OWN}, ACCOUNT, id="the account"),
    pytest.param({"saves": True, "proves": True, "email": OWN}, SAVED, id="the proved save address"),
    pytest.param({"saves": True, "email": OWN}, OWN, id="the named field where the save address is not proved"),
    pytest.param({"email": OWN}, OWN, id="the named field"),
    pytest.param({"saves": True}, None, id="nobody where the save address is not proved"),
    pytest.param({}, None, id="nobody where the named field is not answered"),
    pytest.param({"email": OWN, "customer": ""}, None, id="nobody where the form names no field"),
    pytest.param({"email": OWN, "customer": ", customer: {name: you.last}"}, None, id="nobody where it names a name"),
    pytest.param({"account": True, "customer": ""}, ACCOUNT, id="the account where the form names no field"),
    pytest.param({"saves": True, "proves": True, "customer": ""}, SAVED, id="the proved one where it names no field"),
]


@pytest.mark.parametrize(("case", "address"), CASES)
def test_every_mail_about_a_sent_form_goes_where_the_check_page_said(
    app: Flask, citizen: Citizen, case: dict[str, object], address: str | None
) -> None:
    add_person(app)
    add_person(app, "mina@mail.example", "staff")
    if case.get("account"):
        sign_in(citizen)
    draft = begin(app, citizen, customer=str(case.get("customer", OURS)))
    if case.get("saves"):
        save(app, citizen, draft, proves=bool(case.get("proves")))
    fill(citizen, draft, email=case.get("email"))  # type: ignore[arg-type]
    assert (f"We will e-mail a confirmation to {address}." in citizen.page) is bool(address and not case.get("account"))
    assert (f"to the address of your account, {address}." in citizen.page) is bool(case.get("account"))
    assert (NEVER in citizen.page) is (address is None)
    page = citizen.press("Send")
    assert (f"We have e-mailed a confirmation to {address}." in page) is bool(address)
    assert ("We have not sent you an e-mail." in page) is (address is None)
    staff = Citizen(app)
    sign_in(staff, "mina@mail.example")
    staff.open(f"/hub/cases/{draft.rpartition('/')[2]}")
    staff.press("Save status", status="waiting")
    assert told(app, "We have received your form") == [address] * bool(address)
    assert told(app, "News about your form") == [address] * bool(address)
    assert FEARED not in {letter.to for letter in letters(app)}


def test_hidden_address_is_nobodys(app: Flask, citizen: Citizen) -> None:
    draft = begin(app, citizen)
    fill(citizen, draft, email=OWN)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", safe="no")
    assert NEVER in citizen.open(f"{draft}/check")
    citizen.press("Send")
    assert letters(app) == []


def test_check_page_without_an_address_says_how_to_keep_the_reference_and_where_to_give_one(
    app: Flask, citizen: Citizen
) -> None:
    draft = begin(app, citizen)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", first="Anna", last="Marsh", safe="yes")
    page = citizen.open(f"{draft}/check")
    assert f"Your reference is {draft.rpartition('/')[2]}. Write it down" in page
    asked = page.links["Enter your e-mail address to get a confirmation"]
    assert asked.partition("?")[0] == f"{draft}/you"
    citizen.open(asked)
    assert f"We will e-mail a confirmation to {OWN}." in citizen.press("Continue", email=OWN)


def test_guest_whose_form_asks_for_no_address_is_led_to_proving_one(app: Flask, citizen: Citizen) -> None:
    draft = begin(app, citizen, customer="")
    page = citizen.open(f"{draft}/check")
    assert page.links["Confirm your e-mail address to get a confirmation"] == f"{draft}/save"


@pytest.mark.parametrize(
    ("customer", "name", "found"),
    [
        pytest.param(OURS, "Anna Marsh", ["anna", "marsh anna", OWN], id="names both"),
        pytest.param(", customer: {email: you.email}", OWN, [OWN], id="names an address"),
        pytest.param("", "Guy Fear", ["fear"], id="does not say: the first name"),
    ],
)
def test_staff_see_and_find_whose_form_it_is_and_nobody_by_another_address(
    app: Flask, citizen: Citizen, customer: str, name: str, found: list[str]
) -> None:
    draft = begin(app, citizen, customer=customer)
    fill(citizen, draft, email=OWN)
    citizen.press("Send")
    add_person(app, "mina@mail.example", "staff")
    staff = Citizen(app)
    sign_in(staff, "mina@mail.example")
    case = f"/hub/cases/{draft.rpartition('/')[2]}"
    assert staff.open(case).heading == name
    staff.open("/hub")
    assert name in staff.page
    words = ["anna", "marsh anna", "fear", OWN, FEARED]
    assert [each for each in words if finds(staff, each, case)] == found
    staff.open("/hub/customers")
    assert case not in staff.press("Find", customer=FEARED).text


def finds(staff: Citizen, words: str, case: str) -> bool:
    staff.open("/hub")
    return case in staff.press("Show", find=words).text


def test_case_of_an_earlier_release_keeps_its_name_and_mails_nobody_whom_it_mentions(
    app: Flask, citizen: Citizen, database: Database
) -> None:
    draft = begin(app, citizen)
    fill(citizen, draft, email=OWN)
    citizen.press("Send")
    reference, keyring = draft.rpartition("/")[2], app.extensions["portal"].configuration.keyring
    with database.writing() as db:
        sent = submission_by_reference(db, reference)
        assert sent
        case = db.get_one(Case, sent.id)
        old = f'["Guy Fear", ["{FEARED}"]]'.encode()
        case.customer = keyring.seal(old, subject=f"submission:{reference}", place=CUSTOMER_PLACE)
        found = customer_of(keyring, reference, case)
    assert (found.name, found.email) == ("Guy Fear", None)
