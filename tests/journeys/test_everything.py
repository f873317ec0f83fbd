"""One form with every type of field, nested conditions, a repeat that looks at itself, and a chain of needs."""

from pathlib import Path

import pytest
from flask import Flask

from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.types.field_types import FIELD_TYPES
from tests.citizen import Citizen, File, Values
from tests.files import PDF
from tests.loan import publish_yaml, start, states
from tests.people import add_person, sign_in

pytestmark = pytest.mark.one_database
FORM = Path(__file__).with_name("everything.yaml").read_text()
PERSON: dict[str, Values] = {
    "full_name": "Siân O’Neill-Łuk <b>",
    "born__day": "29",
    "born__month": "February",
    "born__year": "1984",
    "licence": "yes",
    "since": "20.5",
    "phone": "+44 1632 960001",
    "code": "AB123",
}
OLD: dict[str, Values] = {
    "plate": "OLD 1",
    "made__day": "31",
    "made__month": "12",
    "made__year": "1999",
    "price": "£5,000.01",
    "colours": ["red", "blue"],
    "shade": "ruby",
    "kept_at__line_1": "1 Shed Row",
    "kept_at__town": "Ashmere",
    "kept_at__postcode": "AS1 1AA",
}
NEW: dict[str, Values] = {
    "plate": "NEW 1",
    "made__day": "1",
    "made__month": "1",
    "made__year": "2000",
    "colours": ["no"],
}


@pytest.fixture
def draft(app: Flask, citizen: Citizen) -> str:
    publish_yaml(app, FORM)
    return start(citizen, "everything-2026")


def test_the_form_holds_every_type_of_field() -> None:
    used = {field.type for section in read_yaml(FORM).sections for field in section.fields}
    assert used == set(FIELD_TYPES)


def add(citizen: Citizen, **values: Values) -> None:
    citizen.press(citizen.page.add_button)
    citizen.press("Continue", **values)


def test_form_can_be_filled_from_start_to_receipt(app: Flask, citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/person")
    assert "<strong>strong</strong>" in citizen.page.text
    assert citizen.press("Continue", **PERSON).path == f"{draft}/vehicles"
    add(citizen, **NEW)
    add(citizen, **OLD)
    assert citizen.press("Continue").path == f"{draft}/museum"
    assert citizen.press("Continue", willing="lend", story="one two three four five").path == f"{draft}/papers"
    assert citizen.press("Continue", where="In the drawer", scan=File("log book.pdf", PDF)).path == f"{draft}/agreement"
    assert citizen.press("Continue", agreed="yes").path == f"{draft}/check"
    citizen.press("Send", declaration="yes")
    reference = draft.rpartition("/")[2]
    assert citizen.page.path == f"/submissions/{reference}"
    add_person(app, "mina@mail.example", "staff")
    staff = Citizen(app)
    sign_in(staff, "mina@mail.example")
    for page in (citizen.page, staff.open(f"/hub/cases/{reference}")):
        for words in (
            "Siân O’Neill-Łuk <b>",
            "29 February 1984",
            "Yes",
            "20.5",
            "01632 960001",
            "AB123",
            "NEW 1",
            "No colour",
            "31 December 1999",
            "£5,000.01",
            "Red",
            "Blue",
            "ruby",
            "1 Shed Row",
            "AS1 1AA",
            "Yes, gladly",
            "one two three four five",
            "In the drawer",
            "log book.pdf",
        ):
            assert words in page
        assert "Send me news" not in page


def test_a_child_is_asked_nothing_about_driving(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/person")
    child = PERSON | {"born__year": "2012", "licence": "yes", "since": "5"}
    assert citizen.press("Continue", **child).path == f"{draft}/papers"
    assert states(citizen.open(draft)) == {
        "Person": "complete",
        "Vehicles": "not_needed",
        "Museum": "not_needed",
        "Papers": "not_started",
        "Agreement": "cannot_start",
    }
    assert "Years of driving" not in citizen.open(f"{draft}/check")


def test_person_turns_eighteen_on_their_birthday(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/person")
    grown = PERSON | {"born__day": "21", "born__month": "11", "born__year": "2008"}
    assert citizen.press("Continue", **grown).path == f"{draft}/vehicles"
    citizen.open(f"{draft}/person")
    assert citizen.press("Continue", born__day="22").path == f"{draft}/papers"


def test_a_chain_of_needs_opens_one_after_the_other(citizen: Citizen, draft: str) -> None:
    found = states(citizen.open(draft))
    assert found == {
        "Person": "not_started",
        "Vehicles": "cannot_start",
        "Museum": "cannot_start",
        "Papers": "not_started",
        "Agreement": "cannot_start",
    }
    citizen.open(f"{draft}/person")
    citizen.press("Continue", **PERSON)
    add(citizen, **OLD)
    citizen.press("Continue")
    assert states(citizen.open(draft))["Museum"] == "not_started"
    assert states(citizen.open(draft))["Papers"] == "cannot_start"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"born__day": "30"}, "“Born” must be a real date"),
        ({"born__day": "28", "born__year": "1899"}, "“Born” must be 1 January 1900 or later"),
        ({"born__year": ""}, "“Born” must include a year"),
        ({"licence": "perhaps"}, "Licence: choose yes or no"),
        ({"since": "many"}, "“Years of driving” must be a number"),
        ({"since": "81"}, "“Years of driving” must be 80 or less"),
        ({"phone": ""}, "Telephone: enter a telephone number"),
        ({"phone": "12"}, "Enter a telephone number in the right format"),
        ({"email": "a@b@c"}, "Enter an e-mail address in the right format"),
        ({"code": "ab123"}, "Two capitals, three digits"),
        ({"full_name": "  "}, "Full name: enter an answer"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_wrong_answer_shows_its_sentence_and_keeps_the_others(
    citizen: Citizen, draft: str, wrong: dict[str, Values], message: str
) -> None:
    citizen.open(f"{draft}/person")
    page = citizen.press("Continue", **(PERSON | wrong))
    assert page.status == 422
    assert message in page
    assert "There is a problem" in page
    citizen.open(f"{draft}/person")
    typed = {name.replace("__", "-"): value for name, value in (PERSON | wrong).items()}
    kept = {name: value for name, value in typed.items() if name not in ("licence", "since", "phone", "born-month")}
    assert [citizen.page.value(name) for name in kept] == [str(value).strip() for value in kept.values()]
    assert citizen.press("Continue", **({"email": ""} | PERSON)).path == f"{draft}/vehicles"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"colours": ["no", "red"], "shade": "x"}, "choose “No colour” alone"),
        ({"colours": ["red"], "shade": ""}, "Which red: enter an answer"),
        ({"colours": ["green"]}, "Colours: choose from the answers on the page"),
        ({"price": "5000.001"}, "must be an amount of money"),
        ({"kept_at__postcode": ""}, "Kept at: enter the postcode"),
        ({"kept_at__line_1": "", "kept_at__town": "", "kept_at__postcode": ""}, "Kept at: enter an address"),
        ({"plate": "NINE CHARS"}, "must be 8 characters or fewer"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_wrong_answer_in_an_item_shows_its_sentence(
    citizen: Citizen, draft: str, wrong: dict[str, Values], message: str
) -> None:
    citizen.open(f"{draft}/person")
    citizen.press("Continue", **PERSON)
    citizen.press("Add a vehicle")
    page = citizen.press("Continue", **(OLD | wrong))
    assert page.status == 422
    assert message in page


def test_section_goes_and_returns_with_the_last_old_vehicle(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/person")
    citizen.press("Continue", **PERSON)
    add(citizen, **NEW)
    add(citizen, **OLD)
    citizen.press("Continue")
    citizen.press("Continue", willing="keep")
    citizen.open(f"{draft}/vehicles")
    citizen.follow("Change OLD 1")
    citizen.press("Continue", made__year="2001")
    assert citizen.press("Continue").path == f"{draft}/papers"
    assert "I keep it" not in citizen.open(f"{draft}/check")
    citizen.open(f"{draft}/vehicles")
    citizen.follow("Change OLD 1")
    citizen.press("Continue", made__year="1999")
    assert citizen.press("Continue").path == f"{draft}/museum"
    assert "I keep it" in citizen.open(f"{draft}/check")


def test_stop_remains_until_its_cause_is_gone(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/person")
    citizen.press("Continue", **(PERSON | {"licence": "no"}))
    citizen.press("Continue", scan=File("log book.pdf", PDF))
    page = citizen.press("Continue", agreed="yes", news="yes")
    assert (page.status, page.path, page.heading) == (200, f"{draft}/agreement", "We need your mail address")
    citizen.open(f"{draft}/check")
    assert citizen.press("Send", declaration="yes").status == 422
    citizen.open(f"{draft}/person")
    citizen.press("Continue", email="sian@mail.example")
    citizen.open(f"{draft}/check")
    assert citizen.press("Send", declaration="yes").heading == "We have received your form"
