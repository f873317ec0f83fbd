"""The landlord's way through the demo form: from the tenant's address of them to the signature, without script."""

import pytest
from flask import Flask

from tests.citizen import Citizen
from tests.journeys import housing
from tests.people import add_person, sign_in
from tests.post import Letter, letters

pytestmark = pytest.mark.usefixtures("demo_forms")
LANDLORD = "office@calder.example"
BORN = {"fact__day": "9", "fact__month": "5", "fact__year": "1988"}
STATEMENT = {"since__day": "1", "since__month": "March", "since__year": "2021", "owed": "0", "ending": "no"}


@pytest.fixture
def sent(citizen: Citizen) -> str:
    """The address of a housing form that its landlord is asked to sign."""
    draft = housing.start(citizen)
    housing.fill(citizen, draft, landlord_email=LANDLORD)
    citizen.press("Send", declaration="yes")
    return citizen.page.path


def to_landlord(app: Flask) -> list[Letter]:
    return [letter for letter in letters(app) if letter.to == LANDLORD]


def test_the_landlord_of_the_demo_form_reads_answers_and_signs(app: Flask, citizen: Citizen, sent: str) -> None:
    (letter,) = to_landlord(app)
    assert letter.subject == "Please sign: Apply for housing support"
    landlord = Citizen(app)
    landlord.open(letter.link)
    page = landlord.press("Continue", **BORN)
    assert page.path == "/sign"
    for words in ("Flat 6, 18 Weir Lane", "£650.00"):  # home and rent, and nothing of income or household
        assert words in page
    for words in ("QQ 12 34 56 C", "£1,420.00", "Joel", "The rent went up."):
        assert words not in page
    assert landlord.press("Continue").path == "/sign/questions"
    assert landlord.press("Continue", **STATEMENT).path == "/sign/confirm"
    assert landlord.press("Sign", name="Calder Homes Ltd", consent="yes").path == "/sign/done"
    assert "Landlord: Calder Homes Ltd Signed" in citizen.open(f"{sent}/signers")
    add_person(app, "tom@council.example", role="staff")
    tom = Citizen(app)
    sign_in(tom, "tom@council.example")
    case = tom.open(sent.replace("/submissions/", "/hub/cases/"))
    for words in ("Landlord: Calder Homes Ltd Signed", "When did the tenancy begin? 1 March 2021", "£0.00"):
        assert words in case


def test_a_tenant_who_gives_no_address_of_the_landlord_sends_without_a_signature(app: Flask, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    assert "Who will be asked to sign" not in citizen.page
    assert citizen.press("Send", declaration="yes").heading == "We have received your form"
    assert "Signatures" not in citizen.page
    assert to_landlord(app) == []


def test_landlord_signs_on_the_tenants_computer(app: Flask, citizen: Citizen, sent: str) -> None:
    citizen.open(f"{sent}/signers")
    landing = citizen.press("Sign on this computer")
    assert landing.path.startswith("/sign/")
    assert "Zoë" not in landing
    assert citizen.press("Continue", **BORN).path == "/sign"
    assert "£1,420.00" not in citizen.open(sent)
