"""Where the mailed link lands: what it shows, who passes the check, and what a program that presses buttons can do."""

import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.sessions.models import SessionRow
from portal.signing.models import Invitation, Outcome, SigningEvent
from portal.signing.operations import withdraw
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.people import add_person, sign_in
from tests.post import letters
from tests.signatures import (
    BORN,
    WRONG_BORN,
    at_desk,
    come_to_sign,
    link_to,
    mailed,
    pass_check,
    sent_form,
    state_of,
    stored,
)

WRONG = "This is not what the form says. Check it and try again."
INVITED_AT = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


def sessions(database: Database) -> list[SessionRow]:
    with database.reading() as db:
        return list(db.scalars(select(SessionRow).where(SessionRow.kind == "signing").order_by(SessionRow.id)))


def events(database: Database) -> list[str]:
    with database.reading() as db:
        return list(db.scalars(select(SigningEvent.name).order_by(SigningEvent.number)))


def has_outcome(database: Database) -> bool:
    with database.reading() as db:
        return db.scalars(select(Outcome)).first() is not None


def rows(database: Database) -> list[object]:
    """What opening a link could change: invitations, sessions and events."""
    with database.reading() as db:
        invitations = db.execute(select(*Invitation.__table__.c).order_by(Invitation.id)).all()
    return [invitations, [row.id for row in sessions(database)], events(database)]


def subjects(app: Flask, to: str = "zoe@mail.example") -> list[str]:
    return [letter.subject for letter in letters(app) if letter.to == to]


@pytest.mark.both_databases
def test_opening_the_link_writes_nothing_and_names_nobody(
    app: Flask, signer: Citizen, link: str, reference: str, database: Database
) -> None:
    before = rows(database)
    for method in (signer.client.head, signer.client.get, signer.client.get):
        answer = method(link)
        assert answer.status_code == 200
        assert answer.headers["Referrer-Policy"] == "strict-origin"
        assert answer.headers["Cache-Control"] == "no-store"
    page = signer.open(link)
    assert page.heading == "A form from Ashmere Council"
    assert page.value("reference") == reference
    assert "Last day to sign" in page
    assert "this question under “About you”. Enter the same answer." in page
    for word in ("Zoë", "Calder", "calder@", "Weir", "1988", "Rent a flat"):
        assert word not in page.text
    assert rows(database) == before


@pytest.mark.parametrize(
    "pasted", ["<{}>", "({})", " {}", "{}.", "{}%0A", "{}%20", "{}>)", "{}/", "{}?utm=mail"], ids=str
)
def test_a_link_that_was_pasted_badly_works(signer: Citizen, link: str, pasted: str) -> None:
    token = link.removeprefix("/sign/")
    assert signer.get(f"/sign/{pasted.format(token)}").status_code == 200


def test_a_link_that_a_mail_program_broke_works(signer: Citizen, link: str) -> None:
    assert signer.get(f"{link[:20]}%0D%0A%20{link[20:]}").status_code == 200


def test_an_unknown_token_is_not_found(signer: Citizen, reference: str) -> None:
    page = signer.open(f"/sign/{'x' * 43}")
    assert (page.status, page.heading) == (404, "This link does not work")
    assert signer.get("/sign/quit").status_code == 404


@pytest.mark.parametrize(
    "fact", [WRONG_BORN, dict.fromkeys(BORN, ""), BORN | {"fact__month": "13"}], ids=["wrong", "blank", "no-date"]
)
def test_a_wrong_and_a_blank_fact_get_the_same_words(
    app: Flask, signer: Citizen, link: str, reference: str, fact: dict[str, str]
) -> None:
    page = pass_check(signer, link, **fact)
    assert page.status == 422
    assert WRONG in page
    assert page.title.startswith("Error: ")
    assert state_of(app, reference) == "invited"


@pytest.mark.parametrize("typed", ["lodz", " ŁÓDŹ ", "Łódź", "Lód-ź"])
def test_a_fact_fits_without_accents_capitals_and_spaces(
    app: Flask, signer: Citizen, reference: str, typed: str
) -> None:
    assert pass_check(signer, link_to(app, reference, "agent"), fact=typed).path == "/sign"


@pytest.mark.both_databases
def test_five_tries_then_one_in_three_minutes_and_nothing_is_destroyed(
    app: Flask, signer: Citizen, link: str, clock: MovableClock
) -> None:
    for _ in range(5):
        assert pass_check(signer, link, **WRONG_BORN).status == 422
    page = pass_check(signer, link)
    assert page.status == 429
    assert "Too many tries. You can try again at 14:05." in page
    assert page.headers["Retry-After"] == "180"
    clock.advance(minutes=3)
    assert pass_check(signer, link).path == "/sign"


def test_a_blank_fact_uses_up_no_try(signer: Citizen, link: str) -> None:
    for _ in range(8):
        assert pass_check(signer, link, **dict.fromkeys(BORN, "")).status == 422
    assert pass_check(signer, link).path == "/sign"


def test_whoever_asked_is_told_once_a_day_of_tries_that_are_used_up(
    app: Flask, signer: Citizen, link: str, clock: MovableClock
) -> None:
    before = len(subjects(app))
    for _ in range(7):
        pass_check(signer, link, **WRONG_BORN)
    assert len(subjects(app)) == before + 1
    clock.advance(minutes=20)
    for _ in range(7):
        pass_check(signer, link, **WRONG_BORN)
    assert len(subjects(app)) == before + 1
    clock.advance(hours=24)
    for _ in range(7):
        pass_check(signer, link, **WRONG_BORN)
    assert len(subjects(app)) == before + 2


@pytest.mark.both_databases
def test_the_check_opens_a_session_of_15_minutes_and_leaves_the_address_bar(
    app: Flask, signer: Citizen, link: str, database: Database, reference: str
) -> None:
    page = pass_check(signer, link)
    assert page.address == "/sign"
    (session,) = sessions(database)
    assert (session.expires_at - session.started_at).total_seconds() == 15 * 60
    assert session.person_id is None
    assert state_of(app, reference) == "checked"
    assert "This form stays open until 14:17" in page
    assert "Zoë Łukasz asks you to sign this form." in page


@pytest.mark.both_databases
def test_two_checks_at_once_are_one_session_and_one_event(
    app: Flask, signer: Citizen, link: str, database: Database, clock: MovableClock
) -> None:
    signer.open(link)
    other = Citizen(app)
    cookie = signer.client.get_cookie("visitor")
    assert cookie is not None
    other.client.set_cookie("visitor", cookie.value)
    other.open(link)
    first = signer.send("Continue", **BORN)
    clock.advance(seconds=0.2)
    second = other.send("Continue", **BORN)
    assert (first.status_code, first.location) == (second.status_code, second.location) == (303, "/sign")
    assert len(sessions(database)) == 1
    assert events(database).count("checked") == 1
    tokens = [each.client.get_cookie("session_signing") for each in (signer, other)]
    assert len({each.value for each in tokens if each}) == 1
    assert "18 Weir Lane" in other.open("/sign")


def test_half_a_minute_later_the_same_browser_gets_a_session_of_its_own(
    app: Flask, signer: Citizen, link: str, database: Database, clock: MovableClock
) -> None:
    pass_check(signer, link)
    signer.client.delete_cookie("session_signing")
    clock.advance(seconds=31)
    pass_check(signer, link)
    assert [row.end_reason for row in sessions(database)] == ["replaced", None]


def test_another_browser_checks_again_and_both_go_on(
    app: Flask, signer: Citizen, link: str, another_signer: Citizen, database: Database
) -> None:
    pass_check(signer, link)
    assert another_signer.open(link).heading == "A form from Ashmere Council"
    assert pass_check(another_signer, link).path == "/sign"
    assert signer.open("/sign").status == 200
    assert [row.end_reason for row in sessions(database)] == [None, None]


def test_coming_back_within_the_session_needs_no_new_check_and_leads_to_the_kept_page(
    signer: Citizen, link: str
) -> None:
    pass_check(signer, link)
    assert signer.open(link).path == "/sign"
    signer.press("Continue")
    assert signer.open(link).path == "/sign/questions"


def end_as(app: Flask, reference: str, state: str, clock: MovableClock, signer: Citizen, link: str) -> None:
    if state in ("signed", "declined"):
        come_to_sign(signer, link)
        if state == "signed":
            signer.press("Sign", name="Calder Homes", consent="yes")
        else:
            signer.open("/sign/decline")
            signer.press("Tell them", choice="refuse", reason="No.")
    elif state == "withdrawn":
        with at_desk(app) as desk:
            withdraw(desk, stored(desk, reference))
    else:
        clock.advance(days=31)


@pytest.mark.parametrize(
    ("state", "heading"),
    [
        ("signed", "You have signed this form"),
        ("declined", "You told us that you will not sign this form"),
        ("withdrawn", "You are no longer asked to sign this form"),
        ("expired", "The time to sign is over"),
    ],
)
def test_a_link_that_is_over_has_a_text_for_each_reason(
    app: Flask,
    signer: Citizen,
    another_signer: Citizen,
    link: str,
    reference: str,
    clock: MovableClock,
    state: str,
    heading: str,
) -> None:
    end_as(app, reference, state, clock, signer, link)
    page = another_signer.open(link)
    assert (page.status, page.heading) == (410, heading)
    assert ("Ask for a new link" in page) is (state == "expired")
    for word in ("Zoë", "Calder", "Weir", "Rent a flat"):
        assert word not in page.text


def test_whoever_asks_for_a_new_link_is_answered_and_the_applicant_mailed_once_a_day(
    app: Flask, signer: Citizen, link: str, clock: MovableClock
) -> None:
    clock.advance(days=31)
    before = len(subjects(app))
    for _ in range(3):
        signer.open(link)
        assert signer.press("Ask for a new link").heading == "We have asked for a new link"
    assert len(subjects(app)) == before + 1


def test_a_check_that_comes_after_the_end_passes_no_more(
    app: Flask, signer: Citizen, link: str, clock: MovableClock, database: Database
) -> None:
    signer.open(link)
    clock.advance(days=31)
    assert signer.press("Continue", **BORN).heading == "The time to sign is over"
    assert sessions(database) == []


@pytest.mark.parametrize("typed", ["", "XXXX", "yes"])
def test_this_is_not_for_me_wants_the_end_of_the_reference(
    app: Flask, signer: Citizen, link: str, reference: str, typed: str
) -> None:
    signer.open(link)
    page = signer.press("This is not for me", last_four=typed)
    assert (page.status, state_of(app, reference)) == (422, "invited")
    assert "Enter the last four characters of the reference" in page


@pytest.mark.both_databases
def test_this_is_not_for_me_is_an_outcome_that_the_applicant_is_told_of(
    app: Flask, signer: Citizen, link: str, reference: str
) -> None:
    before = len(subjects(app))
    signer.open(link)
    page = signer.press("This is not for me", last_four=reference[-4:].lower())
    assert (page.status, page.heading) == (410, "You told us that this is not for you")
    assert state_of(app, reference) == "not_me"
    assert len(subjects(app)) == before + 1
    assert signer.open(link).status == 410


@pytest.mark.both_databases
def test_a_scanner_that_presses_every_button_leaves_no_outcome_and_the_person_signs(
    app: Flask, signer: Citizen, link: str, database: Database, clock: MovableClock
) -> None:
    scanner = Citizen(app, "203.0.113.9")
    scanner.client.head(link)
    scanner.get(link)
    page = scanner.open(link)
    for form in page.forms:
        for button in form.buttons:
            if form.action and form.action.startswith("/sign"):
                scanner.open(link)
                scanner.press(button.text)
    assert not has_outcome(database)
    assert sessions(database) == []
    clock.advance(minutes=4)
    come_to_sign(signer, link)
    assert signer.press("Sign", name="Calder Homes", consent="yes").path == "/sign/done"


# A mailed code, and an account


@pytest.fixture
def by_code(app: Flask, citizen: Citizen) -> str:
    return link_to(app, sent_form(app, citizen, "code"))


@pytest.mark.both_databases
def test_a_code_is_mailed_to_the_invited_address_and_opens_the_form(app: Flask, signer: Citizen, by_code: str) -> None:
    page = signer.open(by_code)
    assert "calder@mail.example" not in page.text
    signer.press("Send me a code")
    letter = letters(app)[-1]
    assert letter.to == "calder@mail.example"
    assert signer.press("Continue", code=letter.code).path == "/sign"


def test_a_scanner_that_has_a_code_sent_costs_the_person_nothing(app: Flask, signer: Citizen, by_code: str) -> None:
    scanner = Citizen(app)
    scanner.open(by_code)
    scanner.press("Send me a code")
    mails = len(letters(app))
    signer.open(by_code)
    signer.press("Send a new code")
    assert len(letters(app)) == mails
    assert signer.press("Continue", code=letters(app)[-1].code).path == "/sign"


@pytest.mark.parametrize(
    ("typed", "words"), [("", "The code must be 6 numbers"), ("12", "The code must be 6 numbers"), (None, "is wrong")]
)
def test_a_wrong_code_is_refused(app: Flask, signer: Citizen, by_code: str, typed: str | None, words: str) -> None:
    signer.open(by_code)
    signer.press("Send me a code")
    right = letters(app)[-1].code
    page = signer.press("Continue", code=typed if typed is not None else str((int(right) + 1) % 10**6).zfill(6))
    assert page.status == 422
    assert words in page


def test_a_code_works_for_ten_minutes(app: Flask, signer: Citizen, by_code: str, clock: MovableClock) -> None:
    signer.open(by_code)
    signer.press("Send me a code")
    code = letters(app)[-1].code
    clock.advance(minutes=10)
    assert "This code no longer works. Ask for a new one." in signer.press("Continue", code=code)
    assert "Send me a code" in signer.open(by_code)


@pytest.mark.both_databases
def test_an_account_of_the_invited_address_opens_the_form(app: Flask, signer: Citizen, citizen: Citizen) -> None:
    link = link_to(app, sent_form(app, citizen, "account"))
    add_person(app, "calder@mail.example")
    letters(app)  # from here on the link is known as a mailed one, which no other address may hold
    signer.open(link)
    page = signer.press("Continue")
    assert page.address == "/account/sign-in?next=%2Fsign%2Fback"
    assert signer.press("Sign in", email="calder@mail.example", password="correct horse battery").path == link
    assert signer.press("Continue").path == "/sign"


@pytest.mark.parametrize("cookie", [None, "", "x", "ü", "QUJD"])
def test_without_its_cookie_the_way_back_leads_to_reference_and_code(signer: Citizen, cookie: str | None) -> None:
    if cookie is not None:
        signer.client.set_cookie("signing_link", cookie)
    assert signer.open("/sign/back").heading == "Sign a form that someone else sent"


def test_an_account_of_another_address_opens_nothing(app: Flask, signer: Citizen, citizen: Citizen) -> None:
    link = link_to(app, sent_form(app, citizen, "account"))
    add_person(app)
    sign_in(signer)
    signer.open(link)
    page = signer.press("Continue")
    assert page.status == 422
    assert "You are signed in with another one." in page


# By hand


@pytest.mark.both_databases
def test_reference_and_code_typed_by_hand_lead_to_the_same_page(
    app: Flask, signer: Citizen, reference: str, link: str
) -> None:
    code = mailed(app, reference).code
    assert signer.open("/sign").heading == "Sign a form that someone else sent"
    page = signer.press("Continue", reference=reference.replace("-", " ").lower(), mail_code=f" {code.lower()} ")
    assert page.path == link
    assert page.heading == "A form from Ashmere Council"


@pytest.mark.parametrize("reference_typed", [None, "RE-2222-3333", ""])
def test_a_wrong_code_and_an_unknown_reference_get_the_same_words(
    signer: Citizen, reference: str, reference_typed: str | None
) -> None:
    signer.open("/sign")
    typed = reference if reference_typed is None else reference_typed
    page = signer.press("Continue", reference=typed, mail_code="BBBBBBBB")
    assert page.status == 422
    assert "The reference or the code is wrong. Check the e-mail" in page


def test_typing_by_hand_is_slowed_down_with_a_clock_time(signer: Citizen, reference: str) -> None:
    signer.open("/sign")
    for _ in range(5):
        assert signer.press("Continue", reference=reference, mail_code="BBBBBBBB").status == 422
    page = signer.press("Continue", reference=reference, mail_code="BBBBBBBB")
    assert page.status == 429
    assert "You can try again at 14:05." in page


# One computer


@pytest.mark.both_databases
def test_where_somebody_signs_already_neither_is_named_and_handing_over_asks_the_check(
    app: Flask, signer: Citizen, link: str, reference: str, database: Database
) -> None:
    pass_check(signer, link)
    signer.press("Continue")
    other = link_to(app, reference, "agent")
    page = signer.open(other)
    assert "Someone else is signing on this computer. Finish or hand over?" in page
    for word in ("Calder", "Ann Agent", "Zoë", "Weir", "Guest", reference):
        assert word not in page
    assert page.links["Finish"] == "/sign"
    page = signer.press("Hand over")
    assert "The form of the person before you has been closed." in page
    assert [row.end_reason for row in sessions(database)] == ["replaced"]
    assert signer.press("Continue", fact="Lodz").path == "/sign"
    assert "Ann Agent" in page or state_of(app, reference, "agent") == "checked"


def test_whoever_was_handed_over_comes_back_to_their_page(
    app: Flask, signer: Citizen, link: str, reference: str
) -> None:
    pass_check(signer, link)
    signer.press("Continue")
    signer.open(link_to(app, reference, "agent"))
    signer.press("Hand over")
    assert pass_check(signer, link).path == "/sign/questions"


def test_a_check_that_is_sent_where_somebody_else_signs_opens_nothing(
    app: Flask, signer: Citizen, link: str, reference: str, database: Database
) -> None:
    tab = signer.tab()
    tab.open(link_to(app, reference, "agent"))
    pass_check(signer, link)
    page = tab.press("Continue", fact="Lodz")
    assert "Someone else is signing on this computer." in page
    assert state_of(app, reference, "agent") == "invited"


def test_the_session_of_a_customer_is_another_one(app: Flask, signer: Citizen, link: str) -> None:
    add_person(app)
    sign_in(signer)
    assert pass_check(signer, link).path == "/sign"
    signer.press("Quit")
    assert signer.open("/account").status == 200


@pytest.mark.parametrize("language", ["cy"])
def test_the_page_speaks_the_language_of_the_invitation(
    app: Flask, signer: Citizen, link: str, reference: str, language: str
) -> None:
    with at_desk(app) as desk:
        stored(desk, reference).language = language
    assert re.search(r'<html lang="cy">', signer.open(link).text)
