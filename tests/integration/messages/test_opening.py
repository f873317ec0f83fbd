"""Opening messages: when one press is enough, when the password is asked, and what the pages after the end say."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from flask import Flask
from pyotp import TOTP
from sqlalchemy import select, update

from portal.accounts.models import Person
from portal.accounts.second_factors import NewCodes, new_secret, switch_on
from portal.audit import Actor, AuditEvent
from portal.db import Database
from portal.sessions.models import SessionRow
from portal.sessions.operations import end_session
from portal.sessions.rules import EndReason
from portal.site_settings.operations import change_settings
from tests.citizen import Citizen, File, Page
from tests.conftest import MovableClock
from tests.files import PDF
from tests.people import PASSWORD, add_person, sign_in
from tests.statements import heard
from tests.threads import begin, guest_of

UNLOCK = "/messages/unlock"
ENDED = "/session/ended?kind=messages"
CAFE = "203.0.113.9"


@pytest.fixture
def ada(app: Flask, citizen: Citizen) -> Citizen:
    """A citizen who is signed in; her messages have not been opened."""
    add_person(app)
    sign_in(citizen)
    return citizen


@pytest.fixture
def sessions(database: Database) -> Callable[..., list[SessionRow]]:
    """Return a function that reads the sessions of messages, the oldest first; on demand those that have not ended."""

    def read(*, only_open: bool = False) -> list[SessionRow]:
        query = select(SessionRow).where(SessionRow.kind == "messages").order_by(SessionRow.id)
        with database.reading() as db:
            return list(db.scalars(query.where(SessionRow.ended_at.is_(None)) if only_open else query))

    return read


Sessions = Callable[..., list[SessionRow]]


def set_value(database: Database, clock: MovableClock, **values: int | str) -> None:
    with database.writing() as db:
        change_settings(db, values, by=Actor(), now=clock.now())


def end_newest(database: Database, clock: MovableClock, reason: EndReason) -> None:
    with database.writing() as db:
        newest = db.scalars(select(SessionRow).where(SessionRow.kind == "messages").order_by(SessionRow.id.desc()))
        end_session(db, newest.first().id, reason, now=clock.now())


def keep_signed_in(ada: Citizen, clock: MovableClock, *, minutes: int) -> None:
    """Let time pass, in which Ada uses the rest of the portal."""
    for _ in range(minutes // 25):
        clock.advance(minutes=25)
        assert ada.get("/account").status_code == 200
    clock.advance(minutes=minutes % 25)


@pytest.mark.both_databases
def test_one_press_in_the_header_opens_messages_after_signing_in(
    ada: Citizen, sessions: Sessions, clock: MovableClock
) -> None:
    ada.open("/account")
    answer = ada.send("Messages")
    assert (answer.status_code, answer.location) == (303, "/messages")
    (row,) = sessions()
    assert (row.kind, row.authenticated_at, row.guest_id) == ("messages", clock.now(), None)
    assert ada.open("/messages").status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_page_opens_nothing(ada: Citizen, sessions: Sessions, method: str) -> None:
    for _ in range(2):
        assert ada.client.open(f"{UNLOCK}?next=/messages/new", method=method).status_code == 200
    assert sessions() == []


def test_page_that_opens_messages_leads_to_the_wanted_page(ada: Citizen) -> None:
    page = ada.open("/messages/new")
    assert (page.path, page.title, page.heading) == (
        UNLOCK,
        "Open your messages – Ashmere Council",
        "Open your messages",
    )
    assert page.value("password") is None
    assert ada.press("Open messages").path == "/messages/new"


@pytest.mark.parametrize(
    "wanted",
    [
        *("", "/", "/account", "//evil.example/messages", "https://evil.example/messages/x", "/messagesx", UNLOCK),
        *("/messages/../account", "/messages\\x", f"{UNLOCK}?next=/messages/unlock"),
    ],
)
def test_opening_leads_to_no_page_but_one_of_messages(ada: Citizen, wanted: str) -> None:
    ada.open(f"{UNLOCK}?next={quote(wanted, safe='')}")
    assert ada.send("Open messages", next=wanted).location == "/messages"
    assert ada.get(f"{UNLOCK}?next={quote(wanted, safe='')}").location == "/messages"


def test_open_messages_are_not_opened_again(ada: Citizen, sessions: Sessions) -> None:
    ada.open(UNLOCK)
    other = ada.tab()
    other.open(UNLOCK)
    ada.press("Open messages")
    assert other.send("Open messages").location == "/messages"
    assert ada.get(f"{UNLOCK}?next=/messages/new").location == "/messages/new"
    assert len(sessions()) == 1


@pytest.mark.both_databases
def test_two_presses_at_once_leave_one_live_session(app: Flask, ada: Citizen, sessions: Sessions) -> None:
    """The second press comes from the browser as it was before the first was answered."""
    ada.open(UNLOCK)
    before = Citizen(app)
    before.page = ada.page
    before.client.set_cookie("session_customer", ada.client.get_cookie("session_customer").value)
    assert (ada.send("Open messages").status_code, before.send("Open messages").status_code) == (303, 303)
    assert len(sessions(only_open=True)) == 1
    assert [row.end_reason for row in sessions()] == ["replaced", None]


@pytest.mark.parametrize(
    ("reason", "asks"),
    [
        (EndReason.NETWORK, True),
        (EndReason.STAFF, True),
        (EndReason.ENDED_BY_OWNER, False),
        (EndReason.REPLACED, False),
        (EndReason.SIGNED_OUT_ELSEWHERE, False),
    ],
)
def test_end_of_messages_decides_whether_the_password_is_asked(
    ada: Citizen, database: Database, clock: MovableClock, reason: EndReason, asks: bool
) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    clock.advance(minutes=1)
    end_newest(database, clock, reason)
    assert (ada.open(UNLOCK).value("password") is not None) is asks


@pytest.mark.both_databases
def test_password_opens_messages_that_were_closed_by_idleness(
    ada: Citizen, sessions: Sessions, clock: MovableClock
) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    keep_signed_in(ada, clock, minutes=70)
    page = ada.open(f"{UNLOCK}?next=/messages/new")
    assert "Your messages were closed at 15:02 because you had not used them for 60 minutes." in page
    assert "Forgotten your password?" in page.links
    answer = ada.send("Open messages", password="wrong password")
    assert answer.status_code == 422
    assert 'id="password-error"' in answer.text
    assert "The password is wrong" in answer.text
    assert ada.press("Open messages", password="").status == 422
    assert len(sessions()) == 1
    assert ada.press("Open messages", password=PASSWORD).path == "/messages/new"
    assert sessions()[-1].authenticated_at == clock.now()


def test_browser_that_forgets_its_messages_is_asked_for_the_password_all_the_same(
    ada: Citizen, clock: MovableClock
) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    ada.client.delete_cookie("session_messages")
    assert ada.open(UNLOCK).value("password") is None
    keep_signed_in(ada, clock, minutes=70)
    assert ada.open(UNLOCK).value("password") == ""
    assert "Your messages were closed at 15:02 because you had not used them for 60 minutes." in ada.page
    assert ada.send("Open messages", password="").status_code == 422


def test_somebody_elses_code_is_no_way_round_the_password(app: Flask, ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    keep_signed_in(ada, clock, minutes=70)
    reference = begin(app)
    ada.hold("messages", guest_id=guest_of(app, reference))
    assert ada.open(f"/messages/{reference}").status == 200
    assert ada.open(UNLOCK).value("password") == ""


def test_messages_that_outlive_a_sign_in_belong_to_the_next_one(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    clock.advance(minutes=35)
    ada.open("/messages")
    sign_in(ada)
    keep_signed_in(ada, clock, minutes=70)
    ada.client.delete_cookie("session_messages")
    assert ada.open(UNLOCK).value("password") == ""


@pytest.mark.parametrize(("rule", "asks"), [("log", False), ("password", True), ("end", True)])
def test_network_of_messages_counts_without_their_cookie(
    ada: Citizen, database: Database, clock: MovableClock, rule: str, asks: bool
) -> None:
    set_value(database, clock, messages_network_rule=rule)
    ada.open(UNLOCK)
    ada.press("Open messages")
    ada.client.delete_cookie("session_messages")
    ada.client.environ_base["REMOTE_ADDR"] = CAFE
    assert (ada.open(UNLOCK).value("password") is not None) is asks


def test_press_in_the_header_leads_to_the_password_where_it_is_needed(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    keep_signed_in(ada, clock, minutes=70)
    ada.open("/account")
    assert ada.send("Messages").location == f"{UNLOCK}?next=%2Fmessages"
    assert ada.press("Messages").value("password") == ""


def test_signing_in_again_is_proof_enough_after_an_end(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    clock.advance(minutes=70)
    page = sign_in(ada, address=f"/account/sign-in?next={quote(f'{UNLOCK}?next=/messages/new', safe='')}")
    assert (page.path, page.value("password")) == (UNLOCK, None)
    assert ada.press("Open messages").path == "/messages/new"


def test_sign_in_leads_back_to_a_page_of_messages(app: Flask, ada: Citizen) -> None:
    other = Citizen(app)
    assert sign_in(other, address="/account/sign-in?next=/messages/new").address == f"{UNLOCK}?next=%2Fmessages%2Fnew"
    assert ada.open("/account/sign-in?next=/messages/new").path == UNLOCK


def test_session_that_a_link_opened_proves_nobody(ada: Citizen, database: Database) -> None:
    with database.writing() as db:
        db.execute(update(SessionRow).values(authenticated_at=None))
    assert "We ask for your password again to make sure that it is you." in ada.open(UNLOCK)
    assert ada.press("Open messages", password=PASSWORD).path == "/messages"


def test_person_with_a_second_factor_enters_a_code_as_well(
    app: Flask, ada: Citizen, database: Database, clock: MovableClock, sessions: Sessions
) -> None:
    secret, keyring = new_secret(), app.extensions["portal"].configuration.keyring
    codes = NewCodes(plain=("AAAAA-AAAAA",), salt=bytes(16), hashes=(bytes(32),))
    close_by_idleness(ada, clock)
    with app.test_request_context(), database.writing() as db:
        person = db.scalars(select(Person)).one()
        switch_on(db, person, secret, 0, codes, keyring=keyring, by=Actor(), now=clock.now())
    ada.open(UNLOCK)
    answer = ada.send("Open messages", password=PASSWORD, code="000000")
    assert answer.status_code == 422
    assert 'id="code-error"' in answer.text
    assert len(sessions()) == 1
    assert ada.press("Open messages", password=PASSWORD, code=TOTP(secret).at(clock.now())).path == "/messages"


def test_wrong_passwords_are_recorded_and_limited(ada: Citizen, database: Database) -> None:
    with database.writing() as db:
        db.execute(update(SessionRow).values(authenticated_at=None))
    ada.open(UNLOCK)
    answers = [ada.send("Open messages", password="wrong password").status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]
    assert ada.send("Open messages", password=PASSWORD).status_code == 429
    with database.reading() as db:
        recorded = db.scalars(select(AuditEvent).where(AuditEvent.action == "password_again_failed")).all()
    assert len(recorded) == 10


def test_form_token_of_another_session_opens_nothing(ada: Citizen, sessions: Sessions) -> None:
    ada.open(UNLOCK)
    form, _button = ada.page.form_with("Open messages")
    next(control for control in form.controls if control.name == "csrf_token").value = "f" * 80
    answer = ada.send("Open messages")
    assert answer.status_code == 409
    assert "Open your messages" in answer.text
    assert sessions() == []


def test_messages_on_a_shared_computer_have_its_shorter_time(
    app: Flask, citizen: Citizen, sessions: Sessions, clock: MovableClock
) -> None:
    add_person(app)
    citizen.open("/account/sign-in")
    citizen.press("Sign in", email="ada@mail.example", password=PASSWORD, shared="1")
    citizen.press("Messages")
    (row,) = sessions()
    assert (row.is_shared, row.idle_timeout_s) == (True, 600)
    clock.advance(minutes=9)
    citizen.get("/account")
    clock.advance(minutes=1)
    page = citizen.open("/messages")
    assert page.heading == "Your messages were closed at 14:12"
    assert "for 10 minutes" in page


def test_another_network_asks_for_the_password_and_opens_messages_there(
    ada: Citizen, database: Database, sessions: Sessions, clock: MovableClock
) -> None:
    set_value(database, clock, messages_network_rule="password")
    ada.open(UNLOCK)
    ada.press("Open messages")
    ada.client.environ_base["REMOTE_ADDR"] = CAFE
    page = ada.open("/messages/new")
    assert "Your internet connection changed, so we ask for your password again." in page
    assert ada.press("Open messages", password=PASSWORD).path == "/messages/new"
    assert [row.end_reason for row in sessions()] == ["replaced", None]
    assert sessions()[-1].network == CAFE


def test_person_who_was_closed_out_meanwhile_opens_nothing(
    ada: Citizen, database: Database, sessions: Sessions, clock: MovableClock
) -> None:
    ada.open(UNLOCK)
    with database.writing() as db:
        db.execute(update(Person).values(disabled_at=clock.now()))
    assert ada.send("Open messages").status_code == 403
    assert sessions() == []


# After the end


def close_by_idleness(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    keep_signed_in(ada, clock, minutes=70)


def test_page_after_the_end_says_why_and_leads_back(ada: Citizen, clock: MovableClock) -> None:
    close_by_idleness(ada, clock)
    page = ada.open("/messages/new")
    assert (page.status, page.address, page.heading) == (200, ENDED, "Your messages were closed at 15:02")
    why = "You had not used them for 60 minutes, so we closed them to keep them private."
    assert f"{why} You are still signed in to the rest of the portal." in page
    assert page.links["Why were my messages closed?"] == "/help/sessions#messages"
    assert "ada@mail.example" in page
    assert "Signed in until" in page
    assert ada.follow("Open messages").path == UNLOCK
    assert ada.page.value("password") == ""


def test_page_after_the_end_shows_what_is_kept(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    ada.open("/messages/new")
    ada.press("Save and come back later", subject="My rent", text="I wanted to ask", topic="Housing")
    keep_signed_in(ada, clock, minutes=70)
    page = ada.open("/messages")
    facts = [element.text for element in page.elements if element.tag in ("dt", "dd")]
    assert facts == ["About", "A new message", "Kept for you", "Your message", "Last saved", "Today at 14:02"]
    assert page.links["Open messages"] == f"{UNLOCK}?next=%2Fmessages%2Fnew"


def test_page_after_the_end_names_nothing_on_a_shared_computer(
    app: Flask, citizen: Citizen, clock: MovableClock
) -> None:
    add_person(app)
    citizen.open("/account/sign-in")
    citizen.press("Sign in", email="ada@mail.example", password=PASSWORD, shared="1")
    citizen.press("Messages")
    citizen.open("/messages/new")
    citizen.press("Save and come back later", subject="My rent", text="I wanted to ask", topic="Housing")
    clock.advance(minutes=11)
    page = citizen.open("/messages")
    assert page.heading == "Your messages were closed at 14:12"
    assert "Kept for you" not in page
    assert page.links["Open messages"] == "/account/sign-in?next=%2Fmessages%2Funlock"
    assert "ada@mail.example" not in page


def test_page_after_both_have_ended_leads_to_sign_in_and_back(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    clock.advance(minutes=70)
    page = ada.open("/messages")
    assert "still signed in" not in page
    assert page.links["Open messages"] == "/account/sign-in?next=%2Fmessages%2Funlock"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            EndReason.NETWORK,
            "Your internet connection changed, so we closed your messages to keep them private. Your draft is saved.",
        ),
        (EndReason.STAFF, "Our staff closed them."),
        (EndReason.SIGNED_OUT_ELSEWHERE, "You signed in somewhere else."),
        (EndReason.PASSWORD_CHANGED, "Your password was changed."),
        (EndReason.REPLACED, "You opened them again in this browser."),
        (EndReason.ENDED_BY_OWNER, "You closed them from another device or browser."),
        (EndReason.ABSOLUTE_LIMIT, "They had been open for as long as we allow."),
    ],
)
def test_each_reason_for_the_end_of_messages_has_its_own_words(
    ada: Citizen, database: Database, clock: MovableClock, reason: EndReason, words: str
) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    end_newest(database, clock, reason)
    assert words in ada.open("/messages")


def test_guest_is_sent_back_to_the_e_mail(citizen: Citizen, clock: MovableClock) -> None:
    citizen.hold("messages", guest_id="letters")
    clock.advance(minutes=61)
    page = citizen.open("/messages")
    assert "Open the link in our e-mail again." in page
    assert "Open messages" not in page.links


def test_page_after_the_end_says_nothing_of_somebody_elses_messages(
    app: Flask, ada: Citizen, clock: MovableClock
) -> None:
    close_by_idleness(ada, clock)
    ada.hold("customer", person_id=add_person(app, "eve@mail.example").id)
    page = ada.open(ENDED)
    assert page.heading == "Your messages are closed"
    assert "15:02" not in page
    assert ada.open(UNLOCK).heading == "Open your messages"
    assert "15:02" not in ada.page


@pytest.mark.both_databases
def test_message_after_the_end_is_not_sent_and_the_password_leads_back_to_it(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    keep_signed_in(ada, clock, minutes=25)
    ada.open("/messages/new")
    keep_signed_in(ada, clock, minutes=61)
    page = ada.press("Send", topic="Housing", subject="My rent", text="The last word")
    assert (page.status, page.heading) == (403, "We have not sent your message.")
    assert "We have not sent your message. Your messages were closed at 15:27." in page
    assert "Your message is safe. Enter your password, then check and send it." in page
    assert ada.press("Open messages", password=PASSWORD).path == "/messages/new"
    assert ada.page.value("text") == "The last word"


def test_new_message_reads_nothing_that_others_sent_too_late(ada: Citizen, database: Database) -> None:
    """The page that begins a thread has one address for everybody."""
    ada.open(UNLOCK)
    ada.press("Open messages")
    with heard(database) as statements:
        ada.open("/messages/new")
    (late,) = [each for each in statements.reads if "FROM parked_values" in each]
    assert "parked_values.person_id = " in late


def test_files_of_a_late_message_are_counted(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    ada.open("/messages/new")
    ada.press("Save and come back later", topic="Housing", subject="My rent", files=File("one.pdf", PDF))
    ada.open("/messages/new")
    keep_signed_in(ada, clock, minutes=61)
    page = ada.press("Send", text="The last word", files=File("two.pdf", PDF))
    assert page.status == 403
    assert "Your message and 2 files are safe. Enter your password, then check and send them." in page


def test_message_after_the_end_of_both_leads_to_sign_in(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    ada.open("/messages/new")
    clock.advance(minutes=61)
    page = ada.press("Send", topic="Housing", subject="My rent", text="The last word")
    assert page.status == 403
    assert "Your message is safe. Sign in, then check and send it." in page
    assert page.links["Open messages"] == f"/account/sign-in?next={quote(f'{UNLOCK}?next=%2Fmessages%2Fnew', safe='')}"


# The header


def test_messages_stand_in_the_header_of_customers_alone(app: Flask, ada: Citizen, citizen: Citizen) -> None:
    ada.open("/account")
    assert ada.page.form_with("Messages")[0].action == UNLOCK
    ada.press("Messages")
    assert ada.page.links["Messages"] == "/messages"
    ada.open("/account")
    assert ada.page.form_with("Messages")[0].action == UNLOCK
    add_person(app, "sam@mail.example", "staff")
    staff, guest = Citizen(app), Citizen(app)
    sign_in(staff, "sam@mail.example")
    guest.hold("customer", guest_id="guest")
    for other in (staff, guest, Citizen(app)):
        assert "Messages" not in Page("/", other.get("/"))


def test_messages_page_shows_until_when_they_stay_open(ada: Citizen) -> None:
    ada.open(UNLOCK)
    page = ada.press("Open messages")
    assert "Messages stay open until 15:02" in page
    assert "Your messages will be closed in 2 minutes." in page
    assert "What you have written is saved." in page
    assert "Signed in until" not in page
    page.form_with("Stay signed in")
    assert page.form_with("Sign out")[0].action == "/account/sign-out?kind=messages"


def test_language_chosen_among_messages_is_that_of_the_portal(ada: Citizen, clock: MovableClock) -> None:
    ada.open(UNLOCK)
    ada.press("Open messages")
    ada.press("Cymraeg")
    ada.client.delete_cookie("language")
    assert ada.open("/account").text.startswith('<!doctype html>\n<html lang="cy">')
    keep_signed_in(ada, clock, minutes=70)
    page = ada.open("/messages")
    assert page.heading == "Caewyd eich negeseuon am 15:02"
    assert ada.follow("Agor negeseuon").heading == "Agor eich negeseuon"
