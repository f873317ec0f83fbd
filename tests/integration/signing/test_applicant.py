"""What an applicant meets of signers: before the form, before Send, after it, and in a corrected form."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.signing.definition import Choice, OutcomeKind, State
from portal.signing.models import Invitation
from portal.signing.operations import check_passed, decline, desk_at, sign
from portal.submissions.models import Submission
from tests.citizen import Citizen, File
from tests.conftest import MovableClock
from tests.files import PDF
from tests.loan import publish_yaml
from tests.people import add_person, sign_in
from tests.post import letters

FORM = """
format: 1
form:
  id: room
  title: Ask for a room
  customer: {name: you.name, email: you.email}
sections:
  - id: you
    title: About you
    fields:
      - {id: name, type: name, label: Name, required: true}
      - {id: email, type: email, label: E-mail}
      - {id: born, type: date, label: Date of birth, short: your date of birth}
      - {id: rents, type: yes_no, label: Do you rent?, required: true}
  - id: home
    title: Your home
    fields:
      - {id: landlord, type: name, label: Landlord}
      - {id: landlord_email, type: email, label: Landlord's e-mail, autocomplete: "off"}
      - {id: paper, type: file, label: Paper}
  - id: people
    title: People
    repeat: {item: person, min: 0, max: 3, label_from: name}
    fields:
      - {id: name, type: name, label: Name of the person, required: true}
  - id: reply
    title: Reply of the landlord
    fields:
      - {id: since, type: text, label: Since when?, required: true}
signers:
  - id: landlord
    role: Landlord
    when: {field: you.rents, is: true}
    name: home.landlord
    email: home.landlord_email
    check: CHECK
    shows: [home]
    asks: reply
    statement: I confirm.
    days: 20
"""
YOU = {"name": "Ada Lee", "email": "ada@mail.example", "rents": "yes"}
BORN = {"born__day": "9", "born__month": "5", "born__year": "1988"}
HOME = {"landlord": "Mr Hume", "landlord_email": "hume@mail.example"}


def publish(app: Flask, check: str = "{fact: you.born}") -> None:
    publish_yaml(app, FORM.replace("CHECK", check))


def fill(citizen: Citizen, *, you: dict[str, Any] | None = None, home: dict[str, Any] | None = None) -> str:
    """Fill the form up to its check page; return the draft's address."""
    citizen.open("/forms/room")
    draft = citizen.press("Start now").path
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **(YOU | BORN | (you or {})))
    citizen.press("Continue", **(HOME | (home or {})))
    citizen.press("Continue")
    assert citizen.page.path == f"{draft}/check"
    return draft


def send(citizen: Citizen, **more: Any) -> str:
    """Send the form; return the address of its page of signatures."""
    draft = fill(citizen, **more)
    citizen.press("Send")
    return f"/submissions/{draft.rpartition('/')[2]}/signers"


@pytest.fixture
def listed(app: Flask, citizen: Citizen) -> str:
    """The page of signatures of a sent form."""
    publish(app)
    return send(citizen)


def invitation(app: Flask) -> Invitation:
    with app.extensions["portal"].database.reading() as db:
        found: Invitation = db.scalars(select(Invitation).where(Invitation.is_current).order_by(Invitation.id)).all()[
            -1
        ]
        return found


def change(app: Flask, what: Callable[..., Any]) -> None:
    """Change the invitation, as its signer does."""
    parts = app.extensions["portal"]
    with app.test_request_context(), parts.database.writing() as db:
        desk = desk_at(db, now=parts.clock.now())
        what(desk, db.scalars(select(Invitation).where(Invitation.is_current)).one())


def signs(name: str = "Mr Hume") -> Callable[..., None]:
    def act(desk: Any, found: Invitation) -> None:
        check_passed(desk, found, "guest")
        sign(desk, found, typed_name=name, copy_hash=found.copy_hash.hex(), answers={"since": "May"})

    return act


def declines(reason: str) -> Callable[..., None]:
    def act(desk: Any, found: Invitation) -> None:
        check_passed(desk, found, "guest")
        decline(desk, found, kind=OutcomeKind.DECLINED, reason=reason, choice=Choice.WRONG)

    return act


# Before Send


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("{fact: you.born}", "they have to type your date of birth."),
        ("code", "they have to type a code that we e-mail to them."),
        ("account", "they have to sign in to an account that has their e-mail address."),
    ],
    ids=["fact", "code", "account"],
)
def test_start_page_and_check_page_say_who_will_sign_and_how_they_are_checked(
    app: Flask, citizen: Citizen, check: str, words: str
) -> None:
    publish(app, check)
    start = citizen.open("/forms/room")
    assert "Landlord. To open the form, " + words in start
    assert "Only asked if “Do you rent?” is yes." in start
    fill(citizen)
    assert f"Landlord: Mr Hume, hume@mail.example. To open the form, {words}" in citizen.page
    assert "They will read: Your home. They have 20 days to sign." in citizen.page


def test_nobody_is_announced_who_will_not_be_asked(app: Flask, citizen: Citizen) -> None:
    publish(app)
    fill(citizen, you={"rents": "no"}, home={"landlord": "", "landlord_email": ""})
    assert "Who will be asked to sign" not in citizen.page
    confirmation = citizen.press("Send")
    assert confirmation.heading == "We have received your form"
    assert "Signatures" not in confirmation
    assert citizen.open(f"{confirmation.path}/signers").status == 404


@pytest.mark.parametrize(
    ("you", "home", "sentence"),
    [
        ({}, {"landlord_email": ""}, "Enter the e-mail address of the signer (Landlord) in “Your home”"),
        ({}, {"landlord": ""}, "Enter the name of the signer (Landlord) in “Your home”"),
        (
            {"born__day": "", "born__month": "", "born__year": ""},
            {},
            "Enter your date of birth in “About you”: the signer (Landlord) has to type it to open the form",
        ),
    ],
    ids=["no address", "no name", "no fact"],
)
def test_send_is_refused_where_nobody_could_sign(
    app: Flask, citizen: Citizen, you: dict[str, str], home: dict[str, str], sentence: str
) -> None:
    publish(app)
    draft = fill(citizen, you=you, home=home)
    refused = citizen.press("Send")
    assert refused.status == 422
    assert refused.links[sentence].partition("?")[0] == f"{draft}/{'you' if you else 'home'}"
    assert letters(app) == []


def test_send_is_refused_where_the_code_would_come_to_the_applicant(app: Flask, citizen: Citizen) -> None:
    publish(app, "code")
    fill(citizen, home={"landlord_email": "ADA@mail.example"})
    refused = citizen.press("Send")
    assert refused.status == 422
    assert "in “Your home”: this one is yours, so our code would come to you" in refused


@pytest.mark.parametrize("check", ["{fact: you.born}", "account"], ids=["fact", "account"])
def test_a_shared_mailbox_is_allowed_where_something_else_is_checked(app: Flask, citizen: Citizen, check: str) -> None:
    publish(app, check)
    page = send(citizen, home={"landlord_email": "ada@mail.example"})
    assert citizen.page.heading == "We have received your form"
    assert "Asked, not signed yet" in citizen.open(page)
    assert invitation(app).shares_mailbox


def test_no_page_of_the_applicant_shows_the_section_of_a_signer(app: Flask, citizen: Citizen) -> None:
    publish(app)
    draft = fill(citizen)
    for address in ("", "/check"):
        assert "Reply of the landlord" not in citizen.open(f"{draft}{address}")
    assert citizen.open(f"{draft}/reply").status == 404
    for address in ("/forms/room/prepare", "/forms/room/blank"):
        assert "Reply of the landlord" not in citizen.open(address)
    assert citizen.open("/forms/room/rehearsal/reply").status == 404


# After Send


def test_send_asks_the_signer_in_its_transaction(app: Flask, citizen: Citizen, listed: str) -> None:
    assert "Landlord, Mr Hume: Asked, not signed yet" in citizen.page
    assert citizen.follow("See or change who is asked to sign").path == listed
    assert [letter.subject for letter in letters(app) if letter.to == "hume@mail.example"] == [
        "Please sign: Ask for a room"
    ]


def test_page_says_until_when_there_is_time_to_sign(citizen: Citizen, listed: str) -> None:
    shown = citizen.open(listed)
    assert "Landlord: Mr Hume" in shown
    assert "E-mail address: hume@mail.example" in shown
    assert "Time to sign until: 11 December 2026 at 14:02" in shown


def test_send_again_mails_the_same_link(app: Flask, citizen: Citizen, listed: str) -> None:
    citizen.open(listed)
    assert "We have sent the e-mail again." in citizen.press("Send again")
    first, second = (letter.link for letter in letters(app) if letter.to == "hume@mail.example")
    assert first == second


def test_sending_again_has_a_limit(app: Flask, citizen: Citizen, listed: str) -> None:
    citizen.open(listed)
    for _ in range(5):
        assert citizen.press("Send again").status == 200
    assert citizen.press("Send again").status == 429
    assert len([letter for letter in letters(app) if letter.to == "hume@mail.example"]) == 6


def test_another_address_gets_another_link_and_the_old_one_is_dead(app: Flask, citizen: Citizen, listed: str) -> None:
    old = invitation(app)
    citizen.open(listed)
    shown = citizen.press("Change address", email="h@work.example")
    assert "We have sent a new link to the new address." in shown
    assert "E-mail address: h@work.example" in shown
    assert "hume@mail.example" not in shown.text
    new = invitation(app)
    assert new.token_hash != old.token_hash
    with app.extensions["portal"].database.reading() as db:
        assert db.get_one(Invitation, old.id).state == State.WITHDRAWN
    (letter,) = (letter for letter in letters(app) if letter.to == "h@work.example")
    assert letter.subject == "Please sign: Ask for a room"


@pytest.mark.parametrize("typed", ["", "hume", "a@b.example, c@d.example"], ids=["empty", "no address", "two"])
def test_what_is_no_address_changes_nothing(app: Flask, citizen: Citizen, listed: str, typed: str) -> None:
    before = invitation(app)
    citizen.open(listed)
    refused = citizen.press("Change address", email=typed)
    assert (refused.status, refused.title[:6]) == (422, "Error:")
    assert refused.value("email") == (typed or "")
    assert invitation(app).token_hash == before.token_hash


def test_own_address_is_refused_where_a_code_is_the_check(app: Flask, citizen: Citizen) -> None:
    publish(app, "code")
    citizen.open(send(citizen))
    refused = citizen.press("Change address", email="Ada@Mail.example")
    assert refused.status == 422
    assert "this one is yours, so our code would come to you" in refused


def test_five_addresses_are_the_most(app: Flask, citizen: Citizen, listed: str, clock: MovableClock) -> None:
    citizen.open(listed)
    for number in range(4):
        assert citizen.press("Change address", email=f"h{number}@mail.example").status == 200
    refused = citizen.press("Change address", email="h5@mail.example")
    assert refused.status == 422
    assert "You have tried 5 addresses." in refused


def test_withdrawn_signer_is_asked_no_more(app: Flask, citizen: Citizen, listed: str) -> None:
    citizen.open(listed)
    shown = citizen.press("Withdraw")
    assert "Withdrawn. The link no longer works." in shown
    assert [form for form in shown.forms if form.action == listed] == []
    assert invitation(app).state == State.WITHDRAWN


def test_page_from_before_an_answer_changes_nothing(app: Flask, citizen: Citizen, listed: str) -> None:
    citizen.open(listed)
    change(app, signs())
    refused = citizen.press("Withdraw")
    assert refused.status == 409
    assert "Nothing was changed. This is how it is now." in refused
    assert "Signed Today at 14:02" in refused


def test_confirmation_and_my_requests_show_who_has_signed(app: Flask, citizen: Citizen) -> None:
    publish(app)
    add_person(app)
    sign_in(citizen)
    page = send(citizen)
    assert citizen.open("/account").links["0 of 1 has signed"] == page
    change(app, signs("Hume, D."))
    assert citizen.open("/account").links["1 of 1 has signed"] == page
    assert "Landlord, Mr Hume: Signed" in citizen.open(page.removesuffix("/signers"))
    assert "They signed as Hume, D." in citizen.open(page)


def test_what_is_wrong_is_told_and_a_corrected_form_begins_with_what_was_sent(app: Flask, citizen: Citizen) -> None:
    publish(app)
    draft = fill(citizen)
    citizen.open(f"{draft}/home")
    citizen.press("Continue", paper=File("paper.pdf", PDF))
    citizen.open(f"{draft}/people")
    citizen.press("Add a person")
    citizen.press("Continue", name="Joel")
    citizen.press("Continue")
    citizen.press("Send")
    page = f"/submissions/{draft.rpartition('/')[2]}/signers"
    change(app, declines("The rent is 650."))
    assert "The rent is 650." in citizen.open(page)
    again = citizen.press("Send a corrected form")
    assert again.path.startswith("/drafts/")
    assert again.path != draft
    check = citizen.open(f"{again.path}/check")
    for words in ("Ada Lee", "9 May 1988", "hume@mail.example", "paper.pdf", "Joel"):
        assert words in check
    citizen.open(page)
    assert citizen.press("Send a corrected form").path == again.path, "a second press made a second draft"


def test_corrected_form_withdraws_what_is_open_and_asks_anew(app: Flask, citizen: Citizen, listed: str) -> None:
    old = invitation(app)
    citizen.open(listed)
    draft = citizen.press("Send a corrected form").path
    with app.extensions["portal"].database.reading() as db:
        assert db.get_one(Invitation, old.id).state == State.INVITED, "only Send withdraws"
    citizen.open(f"{draft}/check")
    assert citizen.press("Send").heading == "We have received your form"
    with app.extensions["portal"].database.reading() as db:
        assert db.get_one(Invitation, old.id).state == State.WITHDRAWN
        new = db.scalars(select(Invitation).where(Invitation.id != old.id)).one()
        assert db.get_one(Submission, new.submission_id).reference == draft.rpartition("/")[2]


def test_file_of_a_corrected_form_is_a_copy_of_its_own(app: Flask, citizen: Citizen) -> None:
    publish(app)
    draft = fill(citizen)
    citizen.open(f"{draft}/home")
    citizen.press("Continue", paper=File("paper.pdf", PDF))
    citizen.open(f"{draft}/check")
    first = citizen.press("Send").links["paper.pdf"]
    citizen.open(f"/submissions/{draft.rpartition('/')[2]}/signers")
    corrected = citizen.press("Send a corrected form").path
    copy = citizen.open(f"{corrected}/check").links["paper.pdf"]
    assert copy != first
    for address in (first, copy):
        with citizen.get(address) as response:
            assert response.data == PDF


def test_signing_on_this_computer_ends_the_applicants_session_first(app: Flask, citizen: Citizen, listed: str) -> None:
    link = next(letter.link for letter in letters(app) if letter.to == "hume@mail.example")
    citizen.open(listed)
    response = citizen.send("Sign on this computer")
    assert (response.status_code, response.location) == (303, link)
    assert "Mr Hume" not in citizen.open(listed).text


def test_nobody_else_sees_or_changes_who_signs(app: Flask, citizen: Citizen, listed: str) -> None:
    stranger = Citizen(app)
    assert "Mr Hume" not in stranger.open(listed).text
    stranger.open("/forms/room")
    stranger.press("Start now")
    assert stranger.open(listed).status == 404
    token = stranger.open("/forms/room").value("csrf_token")
    fields = {"csrf_token": token, "signer": invitation(app).public_id, "_action": "withdraw", "_end": "1"}
    assert stranger.post(listed, fields).status_code == 404
    assert invitation(app).state == State.INVITED


def test_button_for_a_signer_of_another_form_finds_none(app: Flask, citizen: Citizen, listed: str) -> None:
    other = invitation(app).public_id
    second = send(citizen)
    token = citizen.open(second).value("csrf_token")
    fields = {"csrf_token": token, "signer": other, "_action": "withdraw", "_end": "1"}
    assert citizen.post(second, fields).status_code == 404
    assert citizen.post(second, fields | {"_action": "sign"}).status_code == 400


def test_new_version_says_how_many_signers_wait_and_changes_nothing_for_them(
    app: Flask, citizen: Citizen, listed: str
) -> None:
    before = invitation(app)
    publish_yaml(app, FORM.replace("CHECK", "code").replace("title: Ask for a room", "title: Rent a room"))
    administrator = Citizen(app)
    add_person(app, "priya@mail.example", role="administrator")
    sign_in(administrator, "priya@mail.example")
    sentence = "Waiting signers: 1. They sign what was sent, as it was then."
    assert sentence in administrator.open("/admin/self/forms/room")
    assert (invitation(app).copy_hash, invitation(app).check) == (before.copy_hash, "fact")
    change(app, signs())
    assert "Waiting signers" not in administrator.open("/admin/self/forms/room")
