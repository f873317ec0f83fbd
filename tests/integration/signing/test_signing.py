"""Reading, answering and signing: each page of a signer, what it keeps, and what comes too late."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select

from portal.db import Database
from portal.sessions.models import ParkedValues, SessionRow
from portal.signing.models import Outcome, SigningDraft, SigningEvent
from portal.signing.operations import extend, withdraw
from portal.signing.sealing import open_said
from tests.citizen import Citizen, Page
from tests.conftest import START, MovableClock
from tests.post import letters
from tests.signatures import ANSWERS, at_desk, come_to_sign, link_to, pass_check, state_of, stored

NAME = "Calder Homes"


def outcomes(database: Database) -> list[Outcome]:
    with database.reading() as db:
        return list(db.scalars(select(Outcome)))


def session_of(database: Database) -> SessionRow:
    with database.reading() as db:
        query = select(SessionRow).where(SessionRow.kind == "signing").order_by(SessionRow.id.desc())
        return db.scalars(query.limit(1)).one()


def said(app: Flask, reference: str, signer: str = "landlord") -> Any:
    with at_desk(app) as desk:
        invitation = stored(desk, reference, signer)
        outcome = desk.db.scalars(select(Outcome).where(Outcome.invitation_id == invitation.id)).one()
        return open_said(desk.keyring, reference, invitation, outcome)


def sign(signer: Citizen, name: str = NAME, consent: str = "yes") -> Page:
    return signer.press("Sign", name=name, consent=consent)


@pytest.mark.both_databases
def test_a_landlord_reads_answers_signs_and_has_a_copy(
    app: Flask, signer: Citizen, link: str, reference: str, database: Database
) -> None:
    page = pass_check(signer, link)
    assert page.path == "/sign"
    assert "18 Weir Lane" in page
    assert "I confirm that this is true." in page
    assert signer.press("Continue").path == "/sign/questions"
    page = signer.press("Continue", **ANSWERS)
    assert page.path == "/sign/confirm"
    assert "Since when do they rent 2019" in page
    page = sign(signer)
    assert (page.path, page.heading) == ("/sign/done", "You have signed this form")
    assert state_of(app, reference) == "signed"
    assert [outcome.kind for outcome in outcomes(database)] == ["signed"]
    found = said(app, reference)
    assert (found.name, dict(found.answers)) == (NAME, {"since": "2019", "arrears": False})
    with database.reading() as db:
        assert db.scalars(select(SigningDraft)).first() is None


def test_a_signer_reads_only_the_sections_that_are_for_them(signer: Citizen, link: str) -> None:
    page = pass_check(signer, link)
    for word in ("1988", "Łódź", "zoe@mail.example", "Since when do they rent"):
        assert word not in page


def test_a_signer_who_is_asked_nothing_goes_on_to_the_signature(app: Flask, signer: Citizen, reference: str) -> None:
    pass_check(signer, link_to(app, reference, "agent"), fact="Łódź")
    assert signer.press("Continue").path == "/sign/confirm"
    assert signer.open("/sign/questions").path == "/sign/confirm"
    assert sign(signer, "Ann Agent").path == "/sign/done"


def test_the_copy_can_be_fetched_for_a_day_also_with_the_link(
    app: Flask, signer: Citizen, another_signer: Citizen, link: str, clock: MovableClock
) -> None:
    come_to_sign(signer, link)
    sign(signer)
    copy = signer.get("/sign/done/copy.pdf").data
    words = " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(copy)).pages).split())
    assert "I confirm that this is true." in words
    clock.advance(hours=23, minutes=59)
    assert another_signer.open(link).status == 410
    page = pass_check(another_signer, link)
    assert page.path == "/sign/done"
    assert another_signer.get("/sign/done/copy.pdf").mimetype == "application/pdf"
    clock.advance(minutes=1)
    assert another_signer.get("/sign/done/copy.pdf").status_code == 404
    assert "Continue" not in [button.text for form in signer.open(link).forms for button in form.buttons]


# What keeps somebody from signing


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": "", "consent": "yes"}, "Type your name"),
        ({"name": "C", "consent": "yes"}, "Your name must be between 2 and 200 characters"),
        ({"name": "C" * 201, "consent": "yes"}, "Your name must be between 2 and 200 characters"),
        ({"name": NAME, "consent": []}, "Tick the box to confirm that you want to sign"),
        ({"name": NAME, "consent": "no"}, "Tick the box to confirm that you want to sign"),
    ],
    ids=["no-name", "short", "long", "no-consent", "other-consent"],
)
def test_without_name_or_consent_nobody_signs(
    signer: Citizen, link: str, database: Database, typed: dict[str, Any], words: str
) -> None:
    come_to_sign(signer, link)
    page = signer.press("Sign", **typed)
    assert page.status == 422
    assert words in page
    assert page.value("name") == typed["name"]
    assert outcomes(database) == []
    assert sign(signer).path == "/sign/done"


@pytest.mark.parametrize("length", [2, 200])
def test_names_of_two_and_of_two_hundred_characters_sign(signer: Citizen, link: str, length: int) -> None:
    come_to_sign(signer, link)
    assert sign(signer, "C" * length).path == "/sign/done"


@pytest.mark.both_databases
def test_a_page_that_showed_something_else_is_shown_again_as_it_is_now(
    signer: Citizen, link: str, database: Database
) -> None:
    come_to_sign(signer, link)
    tab = signer.tab()
    tab.open("/sign/questions")
    tab.press("Continue", since="2021", arrears="no")
    page = sign(signer)
    assert page.status == 409
    assert "You have not signed yet. Read it as it is now and press Sign again." in page
    assert "Since when do they rent 2021" in page
    assert page.value("name") == NAME
    assert page.value("consent") is None
    assert outcomes(database) == []
    assert sign(signer).path == "/sign/done"


def test_a_page_without_the_hash_of_what_it_showed_signs_nothing(
    signer: Citizen, link: str, database: Database
) -> None:
    page = come_to_sign(signer, link)
    fields = {"csrf_token": page.value("csrf_token"), "name": NAME, "consent": "yes", "_end": "1"}
    assert signer.post("/sign/confirm", fields | {"_copy": "0" * 64}).status_code == 409
    assert signer.post("/sign/confirm", fields).status_code == 409
    assert outcomes(database) == []


def test_questions_that_are_not_answered_come_before_the_signature(signer: Citizen, link: str) -> None:
    pass_check(signer, link)
    signer.press("Continue")
    page = signer.press("Continue", since="2019", arrears="yes")
    assert page.status == 422
    assert signer.open("/sign/confirm").path == "/sign/questions"


def test_a_form_that_was_cut_short_signs_nothing(signer: Citizen, link: str, database: Database) -> None:
    page = come_to_sign(signer, link)
    fields = {"csrf_token": page.value("csrf_token"), "name": NAME, "consent": "yes", "_copy": page.value("_copy")}
    assert signer.post("/sign/confirm", fields).status_code == 400
    assert outcomes(database) == []


@pytest.mark.both_databases
def test_signing_twice_is_one_outcome_and_leads_to_the_same_page(
    app: Flask, signer: Citizen, link: str, database: Database
) -> None:
    come_to_sign(signer, link)
    tab = signer.tab()
    tab.page = signer.page
    sign(signer)
    mails = len(letters(app))
    answer = tab.send("Sign", name="Somebody else", consent="yes")
    assert (answer.status_code, answer.location) == (303, "/sign/done")
    assert len(outcomes(database)) == 1
    assert len(letters(app)) == mails
    for page in ("/sign", "/sign/questions", "/sign/confirm", "/sign/decline"):
        assert signer.open(page).path == "/sign/done"


@pytest.mark.both_databases
def test_twenty_parallel_signs_from_two_browsers_are_one_outcome_and_one_set_of_mails(
    app: Flask, signer: Citizen, another_signer: Citizen, link: str, database: Database
) -> None:
    come_to_sign(signer, link)
    pass_check(another_signer, link)
    another_signer.open("/sign/confirm")
    start = threading.Barrier(20)

    def press(citizen: Citizen) -> tuple[int, str | None]:
        tab = Citizen(app)
        cookie = citizen.client.get_cookie("session_signing")
        assert cookie is not None
        tab.client.set_cookie("session_signing", cookie.value)
        tab.page = citizen.page
        start.wait(timeout=60)
        answer = tab.send("Sign", name=NAME, consent="yes")
        return answer.status_code, answer.location

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(press, [signer, another_signer] * 10))
    assert set(answers) == {(303, "/sign/done")}
    assert len(outcomes(database)) == 1
    with database.reading() as db:
        assert list(db.scalars(select(SigningEvent.name))).count("signed") == 1
    assert [letter.to for letter in letters(app)].count("calder@mail.example") == 2


# Not signing


@pytest.mark.parametrize("choice", ["wrong", "refuse"])
def test_who_does_not_sign_says_why_and_the_applicant_is_told(
    app: Flask, signer: Citizen, link: str, reference: str, choice: str
) -> None:
    pass_check(signer, link)
    before = [letter.to for letter in letters(app)].count("zoe@mail.example")
    signer.follow("I cannot sign this")
    page = signer.press("Tell them", choice=choice, reason="The street is another one.")
    assert page.path == "/sign/done"
    assert state_of(app, reference) == "declined"
    found = said(app, reference)
    assert (found.choice, found.reason) == (choice, "The street is another one.")
    assert [letter.to for letter in letters(app)].count("zoe@mail.example") == before + 1
    assert "another one" not in " ".join(" ".join(letter.lines) for letter in letters(app))


def test_coming_back_later_ends_the_session_and_nothing_else(
    app: Flask, signer: Citizen, link: str, reference: str
) -> None:
    pass_check(signer, link)
    signer.open("/sign/decline")
    page = signer.press("Tell them", choice="later")
    assert page.heading == "You have closed the form"
    assert state_of(app, reference) == "checked"
    assert pass_check(signer, link).path == "/sign"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"reason": "Because."}, "Choose what you would like to do"),
        ({"choice": "wrong", "reason": " "}, "Say what is wrong"),
        ({"choice": "refuse", "reason": "x" * 2001}, "This must be 2,000 characters or fewer"),
    ],
    ids=["no-choice", "no-reason", "too-long"],
)
def test_what_is_missing_is_said_and_what_was_typed_stays(
    app: Flask, signer: Citizen, link: str, reference: str, typed: dict[str, str], words: str
) -> None:
    pass_check(signer, link)
    signer.open("/sign/decline")
    page = signer.press("Tell them", **typed)
    assert page.status == 422
    assert words in page
    assert page.value("reason") == typed["reason"].strip() or typed["reason"] in page.text
    assert state_of(app, reference) == "checked"


def test_a_decline_after_a_signature_is_refused(app: Flask, signer: Citizen, link: str, reference: str) -> None:
    come_to_sign(signer, link)
    tab = signer.tab()
    tab.open("/sign/decline")
    sign(signer)
    page = tab.press("Tell them", choice="refuse", reason="No.")
    assert page.status == 409
    assert "A signature cannot be taken back here." in page
    assert state_of(app, reference) == "signed"


def test_a_page_of_an_invitation_that_was_withdrawn_says_so(
    app: Flask, signer: Citizen, link: str, reference: str
) -> None:
    come_to_sign(signer, link)
    with at_desk(app) as desk:
        withdraw(desk, stored(desk, reference))
    page = sign(signer)
    assert (page.status, page.heading) == (410, "You are no longer asked to sign this form")


@pytest.mark.both_databases
def test_whoever_gets_more_time_in_the_middle_of_signing_signs_without_another_check(
    app: Flask, signer: Citizen, link: str, reference: str, clock: MovableClock
) -> None:
    clock.advance(days=29, hours=23, minutes=55)
    come_to_sign(signer, link)
    clock.advance(minutes=6)
    assert sign(signer).heading == "The time to sign is over"
    with at_desk(app) as desk:
        extend(desk, stored(desk, reference), 10)
    signer.open("/sign/confirm")
    assert sign(signer).path == "/sign/done"
    assert state_of(app, reference) == "signed"


# What is kept


@pytest.mark.both_databases
def test_the_page_is_kept_through_quitting_and_another_browser(
    signer: Citizen, another_signer: Citizen, link: str
) -> None:
    come_to_sign(signer, link)
    page = signer.press("Quit")
    assert page.heading == "You have closed the form"
    assert signer.client.get_cookie("session_signing") is None
    assert pass_check(another_signer, link).path == "/sign/confirm"


def autosave(signer: Citizen, page: Page, address: str, changed: str, **values: str) -> int:
    names = ("csrf_token", "_revision", "_page", "_sequence")
    ours = {name: page.value(name) or "" for name in names}
    fields = {**ours, **values, "_changed": changed, "_end": "1"}
    return signer.post(address, fields, headers={"HX-Request": "true"}).status_code


@pytest.mark.both_databases
def test_questions_save_themselves_sealed_and_are_there_after_the_end(
    app: Flask, signer: Citizen, another_signer: Citizen, link: str, database: Database, clock: MovableClock
) -> None:
    pass_check(signer, link)
    page = signer.press("Continue")
    assert autosave(signer, page, "/sign/questions/autosave", "since", since="Since the flood") == 200
    with database.reading() as db:
        assert b"flood" not in db.scalars(select(SigningDraft.sealed)).one()
    clock.advance(minutes=16)
    page = pass_check(another_signer, link)
    assert (page.path, page.value("since")) == ("/sign/questions", "Since the flood")


def test_the_name_saves_itself(signer: Citizen, link: str) -> None:
    page = come_to_sign(signer, link)
    assert autosave(signer, page, "/sign/confirm/autosave", "name", name="Calder") == 200
    assert signer.open("/sign/confirm").value("name") == "Calder"


def test_saving_by_itself_gives_no_more_time(
    signer: Citizen, link: str, database: Database, clock: MovableClock
) -> None:
    pass_check(signer, link)
    page = signer.press("Continue")
    clock.advance(minutes=12)
    assert autosave(signer, page, "/sign/questions/autosave", "since", since="2019") == 200
    assert session_of(database).expires_at == START + timedelta(minutes=15)


def test_a_page_of_questions_that_another_tab_has_overtaken_is_not_saved_over_it(signer: Citizen, link: str) -> None:
    pass_check(signer, link)
    old = signer.press("Continue")
    tab = signer.tab()
    tab.open("/sign/questions")
    tab.press("Continue", **ANSWERS)
    assert autosave(signer, old, "/sign/questions/autosave", "since", since="1999") == 409
    page = signer.press("Continue", since="1999", arrears="no")
    assert page.status == 409
    assert page.value("since") == "1999"
    assert signer.press("Continue").path == "/sign/confirm"


def test_only_the_script_saves_by_itself(signer: Citizen, link: str) -> None:
    page = come_to_sign(signer, link)
    token = page.value("csrf_token")
    for address in ("/sign/questions/autosave", "/sign/confirm/autosave"):
        assert signer.post(address, {"csrf_token": token, "_end": "1"}).status_code == 404


# The clock


@pytest.mark.both_databases
@pytest.mark.parametrize(("seconds", "minutes"), [(8 * 60, 15), (10 * 60, 15), (10 * 60 + 1, 25)])
def test_a_request_renews_in_the_last_third(
    signer: Citizen, link: str, database: Database, clock: MovableClock, seconds: int, minutes: int
) -> None:
    pass_check(signer, link)
    clock.advance(seconds=seconds)
    signer.open("/sign")
    wanted = START + timedelta(minutes=minutes) + timedelta(seconds=seconds % 60)
    assert session_of(database).expires_at == wanted


def test_the_warning_comes_two_minutes_before_the_end_and_staying_gives_the_full_time(
    signer: Citizen, link: str, database: Database, clock: MovableClock
) -> None:
    pass_check(signer, link)
    clock.advance(minutes=12, seconds=59)
    assert 'data-state="active"' in signer.get("/session/poll?kind=signing").text
    clock.advance(seconds=1)
    assert 'data-state="warning"' in signer.get("/session/poll?kind=signing").text
    clock.advance(minutes=1, seconds=59)
    assert signer.press("Stay signed in").path == "/sign"
    assert session_of(database).expires_at == START + timedelta(minutes=29, seconds=59)


def test_staying_signed_in_leads_back_to_the_same_page(signer: Citizen, link: str) -> None:
    come_to_sign(signer, link)
    sign(signer)
    token = signer.page.value("csrf_token") or ""
    for page in ("/sign", "/sign/decline", "/sign/done"):
        answer = signer.post("/session/extend?kind=signing", {"csrf_token": token, "next": page})
        assert answer.location == page


@pytest.mark.both_databases
def test_a_signature_that_arrives_in_the_last_second_counts(
    app: Flask, signer: Citizen, link: str, reference: str, clock: MovableClock
) -> None:
    come_to_sign(signer, link)
    clock.advance(minutes=14, seconds=59)
    assert sign(signer).path == "/sign/done"
    assert state_of(app, reference) == "signed"


@pytest.mark.both_databases
def test_a_signature_at_the_deadline_is_not_received_and_is_in_its_place_after_the_next_check(
    app: Flask, signer: Citizen, link: str, reference: str, clock: MovableClock, database: Database
) -> None:
    come_to_sign(signer, link)
    clock.advance(minutes=15)
    page = sign(signer)
    assert (page.status, page.heading) == (403, "We have not received your signature")
    assert "Your time to sign ended at 14:17." in page
    assert NAME not in page.text
    assert outcomes(database) == []
    page = signer.follow("Check again and continue")
    assert page.heading == "A form from Ashmere Council"
    page = pass_check(signer, page.path)
    assert page.path == "/sign/confirm"
    assert page.value("name") == NAME
    assert "We kept what you typed. You have not signed yet." in page
    assert page.value("consent") is None
    assert signer.press("Sign", consent="yes").path == "/sign/done"
    assert len(outcomes(database)) == 1
    with database.reading() as db:
        assert db.scalars(select(ParkedValues)).first() is None


@pytest.mark.both_databases
def test_answers_that_came_too_late_are_in_their_place_after_the_next_check(
    signer: Citizen, another_signer: Citizen, link: str, clock: MovableClock
) -> None:
    pass_check(signer, link)
    signer.press("Continue")
    clock.advance(minutes=15)
    page = signer.press("Continue", **ANSWERS)
    assert (page.status, page.heading) == (403, "We have not received your signature")
    page = pass_check(another_signer, link)
    assert (page.path, page.value("since"), page.value("arrears")) == ("/sign/questions", "2019", "no")
    assert "We kept what you typed. You have not sent it yet." in page
    assert another_signer.press("Continue").path == "/sign/confirm"
    assert "We kept what you typed" not in another_signer.open("/sign/questions")


def test_after_quitting_nothing_that_comes_is_kept(signer: Citizen, link: str, database: Database) -> None:
    come_to_sign(signer, link)
    tab = signer.tab()
    tab.page = signer.page
    signer.press("Quit")
    page = sign(tab)
    assert page.status == 403
    with database.reading() as db:
        assert db.scalars(select(ParkedValues)).first() is None


def test_the_end_is_explained_and_the_link_leads_back(signer: Citizen, link: str, clock: MovableClock) -> None:
    pass_check(signer, link)
    clock.advance(minutes=15)
    page = signer.open("/session/ended?kind=signing")
    assert page.heading == "Your time to sign ended at 14:17"
    assert "What you typed is saved." in page
    assert signer.open("/sign/questions").heading == "Your time to sign ended at 14:17"
    assert "Your time to sign ended at 14:17." in signer.open("/sign")
    assert pass_check(signer, link).path == "/sign"


# Two people


@pytest.mark.both_databases
def test_a_page_of_one_signer_in_the_session_of_another_shows_and_stores_nothing(
    app: Flask, signer: Citizen, link: str, reference: str, database: Database
) -> None:
    come_to_sign(signer, link)
    old = signer.tab()
    old.page = signer.page
    other = link_to(app, reference, "agent")
    signer.open(other)
    signer.press("Hand over")
    pass_check(signer, other, fact="Łódź")
    signer.press("Continue")
    page = sign(old)
    assert (page.status, page.heading) == (403, "This page was opened by someone else")
    for word in (NAME, "Weir", "2019", "Ann"):
        assert word not in page
    assert outcomes(database) == []
    assert signer.open("/sign/confirm").value("name") == ""
    assert sign(signer, "Ann Agent").path == "/sign/done"
    assert state_of(app, reference) == "checked"
    signer.press("Quit")
    page = pass_check(signer, link)
    assert (page.path, page.value("name")) == ("/sign/confirm", NAME)


def test_a_session_reads_nothing_of_another_invitation(app: Flask, signer: Citizen, reference: str, link: str) -> None:
    pass_check(signer, link_to(app, reference, "agent"), fact="Łódź")
    page = signer.open("/sign/questions")
    assert "Since when do they rent" not in page
    assert signer.get("/sign/files/abc").status_code == 404


@pytest.mark.parametrize("page", ["/sign/questions", "/sign/confirm", "/sign/decline", "/sign/done"])
def test_without_a_session_every_page_leads_to_reference_and_code(signer: Citizen, reference: str, page: str) -> None:
    assert signer.open(page).heading == "Sign a form that someone else sent"


def test_a_session_of_a_guest_without_an_invitation_reads_nothing(signer: Citizen, reference: str) -> None:
    signer.hold("signing", guest_id="nobody")
    for page in ("/sign", "/sign/questions", "/sign/confirm", "/sign/decline", "/sign/done", "/sign/done/copy.pdf"):
        assert signer.get(page).status_code == 410
