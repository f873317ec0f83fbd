"""A guest has a way back from every way out, and whoever comes next at that computer learns nothing from it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.drafts.models import Draft
from portal.resume import ways_back
from portal.resume.coming_back import opening_throttle
from portal.resume.models import ResumeLink
from portal.sessions.models import SessionRow
from portal.web.addresses import remote_network
from portal.web.limits import take_all
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.resume.conftest import Saved
from tests.loan import FORM, YOU, begin, publish_loan, publish_yaml, start
from tests.people import add_person, sign_in
from tests.post import letters
from tests.statements import heard

ADDRESS = "rosa@mail.example"
MASKED = "r•••@mail.example"
OFFER = f"E-mail a link to {MASKED}"
HALF = {"name": "Rosa Quartermaine", "email": ADDRESS, "born__day": "3", "born__month": "4", "born__year": "1990"}
"""A first section in which a question is still open: whoever comes back lands there."""
MOST_PRESSES = 4
_FORM = FORM.format(access="anyone", allow_save="true")
UNNAMED = _FORM.replace("  customer: {name: you.name, email: you.email}\n", "")
NAMES_NO_ADDRESS = _FORM.replace(", email: you.email}", "}")
NAMES_ANOTHER = _FORM.replace("email: you.email}", "email: you.own}").replace(
    "- {id: born", "- {id: own, type: email, label: Your own}\n      - {id: born"
)


class Guest:
    """A guest without script who counts the buttons and links that they press to come back."""

    def __init__(self, app: Flask, *, is_shared: bool, **typed: str) -> None:
        self.app, self.browser, self.presses = app, Citizen(app), 0
        self.browser.open("/forms/tool-loan")
        shared = {"shared": "yes"} if is_shared else {}
        self.draft = self.browser.press("Start now", **shared).path
        self.code = self.browser.page.text.split('class="slip__value">')[2].partition("<")[0]
        self.reference = self.draft.rpartition("/")[2]
        self.browser.open(f"{self.draft}/you")
        if typed:
            self.browser.press("Continue", **typed)

    @property
    def page(self) -> Page:
        return self.browser.page

    def press(self, button: str, **typed: str) -> Page:
        self.presses += 1
        return self.browser.press(button, **typed)

    def open_letter(self, browser: Citizen | None = None) -> Page:
        """Open the link of the last e-mail, and go on to the form; what is pressed in a mail program does not count."""
        self.browser = browser or self.browser
        self.browser.open(next(letter for letter in reversed(letters(self.app)) if "Continue" in letter.subject).link)
        page = self.press("Continue your form")
        return self.press("Continue", code=letters(self.app)[-1].code) if page.path == "/resume/code" else page


def sign_out(guest: Guest, clock: MovableClock) -> None:
    guest.browser.press("Sign out")
    guest.press("Send link")


def save_and_sign_out(guest: Guest, clock: MovableClock) -> None:
    guest.browser.press("Save and come back later")
    guest.browser.press("Sign out")
    guest.press("Send link")


def save_page(guest: Guest, clock: MovableClock) -> None:
    guest.browser.press("Save and come back later")
    guest.press("Send link")


def hand_over(guest: Guest, clock: MovableClock) -> None:
    guest.browser.open("/resume")
    guest.browser.press("Hand over")


def idle_end(guest: Guest, clock: MovableClock) -> None:
    clock.advance(minutes=31)
    guest.browser.open(guest.draft)
    guest.press(OFFER)


def late_submit(guest: Guest, clock: MovableClock) -> None:
    clock.advance(minutes=31)
    assert guest.browser.press("Continue").status == 403
    guest.press(OFFER)


def sign_out_after_the_end(guest: Guest, clock: MovableClock) -> None:
    clock.advance(minutes=31)
    guest.browser.press("Sign out")
    guest.press(OFFER)


def closed_browser(guest: Guest, clock: MovableClock) -> None:
    guest.browser.client.delete_cookie("session_customer")
    guest.browser.open("/")
    guest.presses += 1
    guest.browser.follow("Continue a saved form")
    guest.press("Send link", email=ADDRESS.upper())


WAYS_OUT = (
    sign_out,
    save_and_sign_out,
    save_page,
    hand_over,
    idle_end,
    late_submit,
    sign_out_after_the_end,
    closed_browser,
)
every_way_out = pytest.mark.parametrize("leave", WAYS_OUT, ids=lambda way: way.__name__)
own_or_shared = pytest.mark.parametrize("is_shared", [False, True], ids=["own", "shared"])


@every_way_out
@own_or_shared
@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "other-device"])
def test_guest_who_answered_an_address_is_back_at_their_answers_with_four_presses(
    app: Flask, clock: MovableClock, leave: Callable[[Guest, MovableClock], None], *, is_shared: bool, elsewhere: bool
) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=is_shared, **HALF)
    leave(guest, clock)
    page = guest.open_letter(Citizen(app) if elsewhere else None)
    assert page.path == f"{guest.draft}/you"
    assert {name: page.value(name.replace("__", "-")) for name in HALF} == HALF
    assert guest.presses <= MOST_PRESSES
    assert {letter.to for letter in letters(app)} == {ADDRESS}


@every_way_out
@own_or_shared
def test_next_person_at_the_computer_sees_no_address_reference_or_code(
    app: Flask, clock: MovableClock, leave: Callable[[Guest, MovableClock], None], *, is_shared: bool
) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=is_shared, **HALF)
    browser = guest.browser
    leave(guest, clock)
    if leave is save_page:
        clock.advance(minutes=31)
    seen = [browser.page] if leave is not save_page else []
    seen += [
        browser.open(address) for address in ("/session/ended", "/session/ended?reason=signed_out", "/resume", "/")
    ]
    seen += [browser.open(guest.draft), browser.open(f"{guest.draft}/you"), browser.open("/forms/tool-loan")]
    shown = {secret for page in seen for secret in (ADDRESS, guest.code) if secret in page.text}
    assert shown == set()
    assert not [page.address for page in seen if guest.reference in page.words]
    assert "Sign in and continue" not in seen[0].links


@own_or_shared
def test_guest_who_signs_out_reads_reference_and_code_once(app: Flask, *, is_shared: bool) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=is_shared, name="Rosa Quartermaine")
    page = guest.browser.press("Sign out")
    assert (page.path, page.heading) == ("/session/ended", "You have signed out")
    assert guest.reference in page
    assert guest.code in page
    assert page.value("email") == ""
    again = guest.browser.open("/session/ended?reason=signed_out&guest=saved")
    assert again.heading == "You have signed out"
    assert guest.code not in again.text
    assert guest.browser.open(guest.draft).path == "/account/sign-in"


@own_or_shared
def test_guest_sees_reference_and_code_before_anything_is_asked(app: Flask, *, is_shared: bool) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=is_shared)
    page = guest.browser.open(guest.draft)
    assert page.text.index(guest.code) < page.text.index("govuk-task-list__item")
    for address in (f"{guest.draft}/you", f"{guest.draft}/tools", f"{guest.draft}/check"):
        assert guest.code in guest.browser.open(address), address
        assert "How to come back later" in guest.page.links, address
        assert guest.code in guest.page.text.partition("<dialog")[2], address


def test_guest_who_answered_nothing_signs_out_without_a_word_of_answers(app: Flask) -> None:
    publish_loan(app)
    page = Guest(app, is_shared=False).browser.press("Sign out")
    assert page.heading == "You have signed out"
    assert "saved" not in page
    assert "Sign in and continue" not in page.links


def test_guest_of_a_form_that_is_not_saved_is_promised_no_way_back(app: Flask, clock: MovableClock) -> None:
    publish_loan(app, allow_save=False)
    citizen = Citizen(app)
    draft = start(citizen)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **HALF)
    form = citizen.page
    page = citizen.press("Sign out")
    assert "Send link" not in [button.text for each in page.forms for button in each.buttons]
    assert "Your answers are saved" not in page
    citizen.page = form
    assert MASKED not in citizen.press("Continue")


@pytest.mark.parametrize("leave", [sign_out, idle_end], ids=lambda way: way.__name__)
def test_pressing_twice_mails_one_link(
    app: Flask, clock: MovableClock, leave: Callable[[Guest, MovableClock], None]
) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=False, **HALF)
    if leave is sign_out:
        page, button = guest.browser.press("Sign out"), "Send link"
    else:
        clock.advance(minutes=31)
        page, button = guest.browser.open(guest.draft), OFFER
    guest.browser.press(button)
    guest.browser.page = page
    guest.browser.press(button)
    assert len(letters(app)) == 1
    assert leave is sign_out or f"We have sent a link to {MASKED}." in guest.page


def test_link_after_the_end_is_mailed_from_the_browser_of_the_session_alone(app: Flask, clock: MovableClock) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=False, **HALF)
    clock.advance(minutes=31)
    stranger = Citizen(app)
    stranger.open("/session/ended")
    assert MASKED not in stranger.page
    stranger.page = guest.browser.open(guest.draft)
    stranger.press(OFFER)
    assert letters(app) == []


@pytest.mark.parametrize(("hours", "is_offered"), [(23.9, True), (24.6, False)])
def test_link_is_offered_as_long_as_the_end_is_explained(
    app: Flask, clock: MovableClock, hours: float, *, is_offered: bool
) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=False, **HALF)
    clock.advance(minutes=31)
    offered = guest.browser.open(guest.draft)
    clock.advance(hours=hours - 0.1)
    assert (MASKED in guest.browser.open("/session/ended")) is is_offered
    guest.browser.page = offered
    guest.browser.press(OFFER)
    assert bool(letters(app)) is is_offered


def test_page_of_sign_out_left_open_mails_nothing_ten_minutes_later(app: Flask, clock: MovableClock) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=False, **HALF)
    guest.browser.press("Sign out")
    clock.advance(minutes=10)
    page = guest.browser.press("Send link")
    assert guest.code not in page.text
    assert letters(app) == []


@pytest.mark.parametrize("proof", ["", "x", "AAAA", "ö"])
def test_forged_proof_mails_nothing(app: Flask, citizen: Citizen, proof: str) -> None:
    publish_loan(app)
    answer = citizen.post("/resume/link", {"_proof": proof, "email": ADDRESS})
    assert answer.status_code == 403
    assert letters(app) == []


def test_address_typed_wrongly_after_sign_out_is_asked_again_beside_the_slip(app: Flask) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=True, **HALF)
    guest.browser.press("Sign out")
    page = guest.browser.press("Send link", email="rosa@")
    assert (page.status, page.value("email")) == (422, "rosa@")
    assert guest.code in page
    assert guest.browser.press("Send link", email="rosa@other.example").path == "/session/ended"
    assert [letter.to for letter in letters(app)] == ["rosa@other.example"]


@pytest.mark.parametrize(
    "form", [UNNAMED, NAMES_NO_ADDRESS, NAMES_ANOTHER], ids=["unnamed", "names-none", "names-another"]
)
def test_address_that_may_be_somebody_elses_is_never_offered(
    app: Flask, citizen: Citizen, clock: MovableClock, form: str
) -> None:
    publish_yaml(app, form)
    draft = start(citizen)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU, email=ADDRESS)
    clock.advance(minutes=31)
    assert "mail.example" not in citizen.open(draft)
    assert citizen.page.links["Continue your form"] == "/resume"


def test_address_that_was_proved_on_the_save_page_comes_before_the_one_in_the_form(
    app: Flask, clock: MovableClock
) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=False, **HALF)
    guest.browser.press("Save and come back later")
    assert guest.page.value("email") == ADDRESS
    guest.browser.press("Send link", email="zoe@post.example")
    (letter,) = letters(app)
    proof = next(line for line in letter.lines if re.fullmatch("[0-9A-Z]{5}", line))
    guest.browser.press("Confirm the address", code=proof)
    clock.advance(minutes=31)
    assert "E-mail a link to z•••@post.example" in guest.browser.open(guest.draft)


def test_address_that_came_too_late_is_offered_as_well(app: Flask, clock: MovableClock) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=False)
    clock.advance(minutes=31)
    assert guest.browser.press("Continue", **HALF).status == 403
    guest.press(OFFER)
    assert guest.open_letter().value("name") == HALF["name"]


def test_guest_with_two_forms_is_mailed_a_link_to_each(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    publish_loan(app)
    for _ in range(2):
        draft = begin(citizen)
        citizen.open(f"{draft}/you")
        citizen.press("Continue", **YOU, email=ADDRESS)
    clock.advance(minutes=31)
    citizen.open(draft)
    citizen.press(OFFER)
    assert [letter.to for letter in letters(app)] == [ADDRESS, ADDRESS]


@pytest.mark.parametrize("answer", ["Yes", "No"])
def test_guests_form_that_a_person_signing_in_does_not_take_sends_its_link_home(app: Flask, answer: str) -> None:
    publish_loan(app)
    add_person(app)
    guest = Guest(app, is_shared=False, **HALF)
    sign_in(guest.browser)
    assert guest.page.heading == "Add this form to your account?"
    before = len(letters(app))
    guest.browser.press(answer)
    links = [letter for letter in letters(app)[before:] if letter.subject.startswith("Continue your form")]
    assert [letter.to for letter in links] == ([ADDRESS] if answer == "No" else [])


def test_handing_over_mails_no_second_link(app: Flask) -> None:
    publish_loan(app)
    guest = Guest(app, is_shared=False, **HALF)
    hand_over(guest, MovableClock())
    guest.open_letter()
    hand_over(guest, MovableClock())
    assert len(letters(app)) == 1 or letters(app)[-1].subject != letters(app)[0].subject


@pytest.mark.parametrize("typed", [ADDRESS, f" {ADDRESS.upper()} "])
def test_lost_links_go_to_every_open_form_with_that_address(
    app: Flask, citizen: Citizen, clock: MovableClock, typed: str
) -> None:
    publish_loan(app)
    guests = [Guest(app, is_shared=False, **HALF) for _ in range(3)]
    Guest(app, is_shared=False, **(HALF | {"email": "other@mail.example"}))
    guests[0].browser.open(guests[0].draft)
    guests[0].browser.press("Delete this draft")
    guests[0].browser.press("Delete this draft")
    changed = guests[1].browser
    changed.open(f"{guests[1].draft}/you")
    changed.press("Continue", email="new@mail.example")
    citizen.open("/resume")
    assert citizen.press("Send link", email=typed).status == 200
    (letter,) = letters(app)
    assert letter.to.lower() == ADDRESS
    assert f"Your reference is {guests[2].reference}." in letter.lines
    assert citizen.open(letter.link).heading == "Continue your form"
    assert citizen.press("Continue your form").path == "/resume/code"


@pytest.mark.parametrize("has_drafts", [False, True])
def test_address_that_nobody_answered_gets_the_same_page_and_no_mail(
    app: Flask, citizen: Citizen, *, has_drafts: bool
) -> None:
    publish_loan(app)
    known = Guest(app, is_shared=False, **HALF) if has_drafts else None
    citizen.open("/resume")
    answer = citizen.send("Send link", email="nobody@mail.example")
    assert (answer.status_code, answer.location) == (303, "/resume?asked=1")
    assert letters(app) == []
    if known:
        same = Citizen(app)
        same.open("/resume")
        other = same.send("Send link", email=ADDRESS)
        assert (other.status_code, other.location, other.text) == (answer.status_code, answer.location, answer.text)
        assert sorted(name for name, _ in other.headers) == sorted(name for name, _ in answer.headers)


def test_an_address_that_nobody_answered_costs_the_statements_of_one_that_somebody_did(
    app: Flask, database: Database
) -> None:
    publish_loan(app)
    Guest(app, is_shared=False, **HALF)
    Guest(app, is_shared=False)  # a newer form without an address, with which there would be less to do
    asked: dict[str, list[str]] = {}
    for number, email in enumerate(("first@mail.example", ADDRESS, "nobody@mail.example")):
        citizen = Citizen(app, f"192.0.2.{number}")
        citizen.open("/resume")
        with heard(database) as statements:
            citizen.send("Send link", email=email)
        asked[email] = statements.asked
    assert asked[ADDRESS] == asked["nobody@mail.example"]


def test_address_of_a_persons_own_draft_or_a_sent_form_gets_no_link(app: Flask, citizen: Citizen) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    draft = start(citizen)
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **HALF)
    before = len(letters(app))
    other = Citizen(app)
    other.open("/resume")
    other.press("Send link", email=ADDRESS)
    assert len(letters(app)) == before


@pytest.mark.parametrize("typed", ["", "rosa@", "a@b.example, c@d.example"])
def test_lost_links_ask_for_exactly_one_address(app: Flask, citizen: Citizen, typed: str) -> None:
    publish_loan(app)
    citizen.open("/resume")
    page = citizen.press("Send link", email=typed)
    assert (page.status, page.value("email") or "") == (422, typed)
    assert letters(app) == []


def test_asking_for_lost_links_again_and_again_mails_no_more_of_them_and_refuses_nobody(app: Flask) -> None:
    publish_loan(app)
    Guest(app, is_shared=False, **HALF)
    statuses = []
    for network in range(5):
        citizen = Citizen(app, f"192.0.2.{network}")
        citizen.open("/resume")
        statuses.append(citizen.press("Send link", email=ADDRESS).status)
    assert statuses == [200] * 5
    assert len(letters(app)) == 3


def test_right_codes_to_many_forms_from_one_network_have_a_limit(
    app: Flask, guests: Saved, sessions: Callable[[], list[SessionRow]], clock: MovableClock
) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.7"}):
        network = [each for each in opening_throttle(Draft(id=0)) if each[1] == remote_network()]
        assert take_all(network, now=clock.now(), number=999) is None
    before, statuses = len(sessions()), []
    for address in ("192.0.2.7", "192.0.2.7", "198.51.100.7"):
        other = Citizen(app, address)
        other.open("/resume")
        answer = other.send("Continue your form", reference=guests.reference, return_code=guests.code)
        statuses.append(answer.status_code)
    assert (statuses, len(sessions())) == ([303, 429, 303], before + 2)


def test_many_forms_that_name_a_strangers_address_fill_no_mailbox(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch, clock: MovableClock
) -> None:
    """Once the tries are used up, a link goes only to a form whose guest has proved the address.

    A network has one more try, for forms to which none was mailed lately.
    """
    monkeypatch.setattr(ways_back, "MOST_LOST", 1)
    publish_loan(app)
    for _ in range(5):
        Guest(app, is_shared=False, **HALF)

    def ask() -> int:
        citizen = Citizen(app)
        citizen.open("/resume")
        assert citizen.press("Send link", email=ADDRESS).status == 200
        return len(letters(app))

    assert [ask() for _ in range(5)] == [1, 2, 3, 4, 4]
    with database.writing() as db:
        first = db.scalars(select(ResumeLink).order_by(ResumeLink.id)).first()
        assert first
        first.issued_at, first.proved_at = clock.now() - timedelta(days=2), clock.now()
        draft_id = first.draft_id
    assert [ask() for _ in range(2)] == [5, 5]
    with database.reading() as db:
        assert db.scalars(select(ResumeLink.draft_id).order_by(ResumeLink.id)).all()[-1] == draft_id


def test_right_codes_open_a_few_dozen_sessions_and_then_one_a_minute(
    app: Flask, guests: Saved, sessions: Callable[[], list[SessionRow]], clock: MovableClock
) -> None:
    before, answers = len(sessions()), []
    for _ in range(35):
        other = Citizen(app)
        other.open("/resume")
        answers.append(other.send("Continue your form", reference=guests.reference, return_code=guests.code))
    assert [answer.status_code for answer in answers] == [303] * 30 + [429] * 5
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert len(sessions()) == before + 30
    clock.advance(minutes=1)
    other.open("/resume")
    assert other.send("Continue your form", reference=guests.reference, return_code=guests.code).status_code == 303
