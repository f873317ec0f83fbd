"""Characters that nobody sees come along with pasted text: no form refuses a value for them, or takes them for one."""

import pytest
from flask import Flask

from tests.citizen import Citizen
from tests.loan import YOU, publish_loan, publish_yaml, send, start
from tests.people import PASSWORD, add_person, sign_in
from tests.post import letters

ODD = ["\u200b", "\ufeff", "\u2060", "\u202c", "\x07"]
ANY_ODD = pytest.mark.parametrize("odd", ODD, ids=ascii)


def spoilt(text: str, odd: str, space: str = "\u00a0") -> str:
    """Return a text as it may arrive from a mail or a PDF: unseen characters around and inside, other spaces."""
    return space + odd + text[:2] + odd + text[2:].replace(" ", space) + odd + space


@ANY_ODD
def test_signing_in_counts_what_is_seen(app: Flask, citizen: Citizen, odd: str) -> None:
    add_person(app)
    citizen.open("/account/sign-in")
    page = citizen.press(
        "Sign in", email=spoilt("ada@mail.example", odd), password=f"{odd}{PASSWORD[:4]}{odd}{PASSWORD[4:]}"
    )
    assert page.path == "/account"


DOORS = [("/account/sign-in", "Sign in"), ("/account/register", "Register"), ("/account/password", "Send me a link")]


@pytest.mark.parametrize(("address", "button"), DOORS)
def test_refused_address_comes_back_as_it_was_typed(citizen: Citizen, address: str, button: str) -> None:
    citizen.open(address)
    page = citizen.press(button, email=" \u200badaÎ mail.example ")
    assert page.status == 422
    assert page.value("email") == " \u200badaÎ mail.example "


def test_registered_address_is_the_one_that_is_seen(app: Flask, citizen: Citizen) -> None:
    citizen.open("/account/register")
    citizen.press("Register", email=spoilt("zoe@mail.example", "\u200b"), password=f"{PASSWORD}\u200b")
    (letter,) = letters(app)
    assert letter.to == "zoe@mail.example"
    citizen.open(letter.link)
    citizen.press("Confirm", password=PASSWORD)
    assert sign_in(Citizen(app), "zoe@mail.example").path == "/account"


MISSING = [
    ("/account/sign-in", "Sign in", "email", "Enter your e-mail address"),
    ("/account/register", "Register", "email", "Enter your e-mail address"),
    ("/resume", "Continue your form", "reference", "Enter your reference"),
    ("/resume", "Continue your form", "return_code", "Enter your return code"),
]


@pytest.mark.parametrize("nothing", ["\u200b", "\u00a0\u2060 ", "\u3164"], ids=ascii)
@pytest.mark.parametrize(("address", "button", "field", "sentence"), MISSING)
def test_field_in_which_nothing_is_seen_is_empty(
    citizen: Citizen, address: str, button: str, field: str, sentence: str, nothing: str
) -> None:
    citizen.open(address)
    page = citizen.press(button, **{field: nothing})
    assert page.status == 422
    assert sentence in page


def test_name_keeps_what_joins_its_letters_and_nothing_else_unseen(app: Flask, citizen: Citizen) -> None:
    add_person(app)
    sign_in(citizen)
    citizen.open("/account/name")
    citizen.press("Save name", name="\u202eمینا\u200cجان\u200b\u00a0")
    assert citizen.open("/account/name").value("name") == "مینا\u200cجان"


@ANY_ODD
def test_reference_and_return_code_may_come_with_unseen_characters(app: Flask, citizen: Citizen, odd: str) -> None:
    publish_loan(app)
    draft = start(citizen)
    code = citizen.open(draft).text.split('class="slip__value">')[2].partition("<")[0]
    other = Citizen(app)
    other.open("/resume")
    reference = draft.rpartition("/")[2]
    page = other.press("Continue your form", reference=spoilt(reference, odd), return_code=spoilt(code, odd))
    assert page.path.startswith(draft)


@ANY_ODD
def test_staff_find_what_they_see(app: Flask, citizen: Citizen, odd: str) -> None:
    publish_loan(app)
    reference = send(citizen, email="minnie@mail.example", name=f"Wilhel{odd}mina Quartermaine")
    staff = Citizen(app)
    add_person(app, "mina@mail.example", "administrator")
    sign_in(staff, "mina@mail.example")
    for sought in ("Wilhelmina", "minnie@mail.example"):
        staff.open("/hub")
        assert reference in staff.press("Show", find=spoilt(sought, odd)), sought
    staff.open("/hub")
    assert staff.press("Show", find=spoilt(reference, odd)).path == f"/hub/cases/{reference}"
    for sought in (reference, "minnie@mail.example"):
        staff.open("/hub/customers")
        assert reference in staff.press("Find", customer=spoilt(sought, odd)), sought
    staff.open("/hub/customers")
    assert "Enter a name, an e-mail address or a reference" in staff.press("Find", customer=odd)
    staff.open(f"/hub/cases/{reference}")
    assert staff.press("Add note", note=odd).status == 422


@ANY_ODD
def test_setting_is_the_number_that_is_seen(app: Flask, citizen: Citizen, odd: str) -> None:
    add_person(app, "mina@mail.example", "administrator")
    sign_in(citizen, "mina@mail.example")
    citizen.open("/admin/self/site-settings/general")
    citizen.press("Save settings", session_lifetime_minutes=spoilt("45", odd), site_name=f"Ash\u00a0mere{odd}")
    page = citizen.open("/admin/self/site-settings/general")
    assert page.value("session_lifetime_minutes") == "45"
    assert page.value("site_name") == "Ash\u00a0mere"


FORM = """
format: 1
form: {id: odd, title: Odd}
sections:
  - id: s
    title: S
    fields:
      - {id: who, type: name, label: Who, required: true}
      - {id: number, type: text, label: National Insurance number, pattern: '[A-Z]{2}( [0-9]{2}){3} [A-Z]'}
      - {id: mail, type: email, label: Mail}
      - {id: ring, type: phone, label: Ring}
      - {id: hours, type: number, label: Hours}
      - {id: rent, type: money, label: Rent}
      - {id: born, type: date, label: Born}
      - {id: home, type: address, label: Home}
"""
RIGHT = {
    "who": "Zofia",
    "number": "QQ 12 34 56 C",
    "mail": "zoe@mail.example",
    "ring": "07700 900123",
    "hours": "1 300",
    "rent": "£1 300.50",
    "born__day": "9",
    "born__month": "May",
    "born__year": "1988",
    "home__line_1": "1 Weir Lane",
    "home__town": "Ashmere",
    "home__postcode": "AS4 2LN",
}


@ANY_ODD
def test_answer_is_what_is_seen(app: Flask, citizen: Citizen, odd: str) -> None:
    publish_yaml(app, FORM)
    draft = start(citizen, "odd")
    citizen.open(f"{draft}/s")
    whole = ("who", "home__line_1", "home__town")  # texts, in which only the ends count
    typed = {name: f"{odd}{text}{odd}" if name in whole else spoilt(text, odd) for name, text in RIGHT.items()}
    assert citizen.send("Continue", **typed).status_code == 303
    page = citizen.open(f"{draft}/s")
    shown = {name: page.value(name.replace("__", "-")) for name in RIGHT}
    assert shown == RIGHT | {"hours": "1300", "rent": "1300.50", "born__month": "5"}


@pytest.mark.parametrize("nothing", [*ODD, "\u3164", "\u00a0"], ids=ascii)
def test_required_answer_of_which_nothing_is_seen_is_missing(app: Flask, citizen: Citizen, nothing: str) -> None:
    publish_loan(app)
    draft = start(citizen)
    citizen.open(f"{draft}/you")
    page = citizen.press("Continue", **(YOU | {"name": nothing}))
    assert page.status == 422
    assert page.title.startswith("Error:")
