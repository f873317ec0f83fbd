"""Mailed links: opening one changes nothing, it needs proof, and it lasts as long as the draft."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from portal.db import Database
from portal.drafts.models import Draft
from portal.sessions.models import SessionRow
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.drafts.test_keeping import everything
from tests.integration.resume.conftest import Saved
from tests.loan import YOU, fill, publish_loan, start
from tests.people import add_person, sign_in
from tests.post import letters

Sessions = Callable[[], list[SessionRow]]


def test_a_signed_in_person_is_mailed_a_link_at_each_save(app: Flask, citizen: Citizen, adas: Saved) -> None:
    (letter,) = letters(app)
    assert (letter.to, letter.subject) == ("ada@mail.example", "Continue your form: Borrow a tool")
    assert letter.link.startswith("/resume/")
    citizen.open(f"{adas.address}/you")
    citizen.press("Save and come back later")
    assert citizen.page.heading == "Your form is saved"
    assert len(letters(app)) == 2


def test_a_guest_is_asked_for_an_address_and_mailed_the_link_there(app: Flask, guests: Saved) -> None:
    (letter,) = letters(app)
    assert (letter.to, letter.subject) == ("zoe@mail.example", "Continue your form: Borrow a tool")
    assert any(guests.reference in line for line in letter.lines)


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@mail.example, b@mail.example", "a@mail.example\r\nBcc: b@mail.example"]
)
def test_anything_but_one_address_is_refused_beside_its_input(
    app: Flask, citizen: Citizen, guests: Saved, email: str
) -> None:
    citizen.open(f"{guests.address}/save")
    page = citizen.press("Send link", email=email)
    assert page.status == 422
    assert page.title.startswith("Error:")
    assert len(letters(app)) == 1


def test_session_continues_after_saving(citizen: Citizen, guests: Saved) -> None:
    assert citizen.open(f"{guests.address}/tools").status == 200


def test_welsh_link_is_answered_in_a_browser_that_has_begun_another_form(
    guests: Saved, other: Citizen, database: Database
) -> None:
    with database.writing() as db:
        db.execute(update(Draft).values(language="cy"))
    start(other)
    token = other.page.value("csrf_token")
    answer = other.post(guests.link, {"csrf_token": token, "_end": "1"})
    assert (answer.status_code, answer.location) == (303, "/resume/code")


def test_only_a_hash_of_the_token_is_stored(guests: Saved, database: Database) -> None:
    assert guests.link.rpartition("/")[2].encode() not in everything(database)


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_a_link_changes_nothing_however_often(
    app: Flask, guests: Saved, other: Citizen, database: Database, method: str
) -> None:
    before = everything(database)
    answers = [getattr(other.client, method)(guests.link) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert everything(database) == before
    assert len(letters(app)) == 1
    assert "session_customer" not in str(answers[0].headers.getlist("Set-Cookie"))


def test_the_landing_shows_nothing_of_the_person_or_the_draft(guests: Saved, other: Citizen) -> None:
    page = other.open(guests.link)
    assert page.heading == "Continue your form"
    for word in ("Wilhelmina", "zoe", guests.reference, "Borrow"):
        assert word not in page.text


@pytest.mark.parametrize("rubbish", ["{}%20", "%3C{}%3E", "({})", "{}.", "%20{}%0D%0A", "{}%3E,", "%22{}%22", "[{}]"])
def test_link_pasted_with_extra_text_still_works(guests: Saved, other: Citizen, rubbish: str) -> None:
    token = guests.link.removeprefix("/resume/")
    broken = f"{token[:20]}%0A{token[20:]}"
    for pasted in (rubbish.format(token), rubbish.format(broken)):
        assert other.open(f"/resume/{pasted}").heading == "Continue your form"


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "%F0%9F%94%A8", "a/b/c", "A" * 3000])
def test_unknown_link_is_not_found_and_reveals_nothing(guests: Saved, other: Citizen, token: str) -> None:
    assert other.open(f"/resume/{token}").status == 404
    assert other.client.post(f"/resume/{token}").status_code in (403, 404)


def test_the_signed_in_owner_goes_straight_to_the_first_unfinished_section(citizen: Citizen, adas: Saved) -> None:
    citizen.open(adas.link)
    answer = citizen.send("Continue your form")
    assert (answer.status_code, answer.location) == (303, f"{adas.address}/tools")
    assert citizen.open(f"{adas.address}/you").value("name") == YOU["name"]


def test_link_of_a_complete_draft_leads_to_the_check_page(citizen: Citizen, adas: Saved) -> None:
    fill(citizen, adas.address)
    citizen.open(adas.link)
    assert citizen.send("Continue your form").location == f"{adas.address}/check"


def test_signed_out_owner_signs_in_first_and_then_reaches_the_draft(other: Citizen, adas: Saved) -> None:
    other.open(adas.link)
    answer = other.send("Continue your form")
    assert answer.status_code == 303
    assert answer.location.startswith("/account/sign-in?next=")
    assert sign_in(other, address=answer.location).path == f"{adas.address}/tools"


def test_another_signed_in_person_sees_nothing_of_the_draft(app: Flask, other: Citizen, adas: Saved) -> None:
    add_person(app, "bea@mail.example")
    sign_in(other, "bea@mail.example")
    other.open(adas.link)
    page = other.press("Continue your form")
    assert page.status == 403
    assert page.heading == "Someone else is using this computer"
    for word in ("ada", "Ada", "Wilhelmina", adas.reference):
        assert word not in page.words
    assert adas.reference not in page.text
    assert other.open("/account").status == 200


def test_saving_again_keeps_older_links_working(app: Flask, citizen: Citizen, other: Citizen, guests: Saved) -> None:
    citizen.open(f"{guests.address}/save")
    citizen.press("Send link", email="zoe@mail.example")
    newer = letters(app)[-1].link
    assert newer != guests.link
    assert {other.open(link).status for link in (guests.link, newer)} == {200}


def test_redeeming_a_link_replaces_the_token_of_a_session_that_goes_on_with_the_full_time(
    citizen: Citizen, adas: Saved, clock: MovableClock, sessions: Sessions
) -> None:
    (before,) = sessions()
    clock.advance(minutes=15)
    citizen.open(adas.link)
    citizen.press("Continue your form")
    here, old = sessions()
    assert (old.end_reason, old.ended_at, old.token_hash) == ("replaced", clock.now(), before.token_hash)
    assert (here.expires_at - clock.now()).total_seconds() == 30 * 60
    inherited = ("id", "person_id", "absolute_end_at", "authenticated_at", "network", "sole_slot")
    assert [getattr(here, name) for name in inherited] == [getattr(before, name) for name in inherited]


def test_other_tabs_of_the_same_person_keep_working(citizen: Citizen, other: Citizen, adas: Saved) -> None:
    other.client = citizen.client
    other.open(f"{adas.address}/remarks")
    citizen.open(adas.link)
    citizen.press("Continue your form")
    assert other.press("Continue", remark="From the other tab").path == f"{adas.address}/check"


def test_redeeming_a_guests_link_keeps_a_persons_other_tabs(app: Flask, other: Citizen, guests: Saved) -> None:
    add_person(app)
    sign_in(other)
    own = start(other)
    tab = other.tab()
    tab.open(f"{own}/remarks")
    other.open(guests.link)
    other.press("Continue your form")
    assert other.press("Continue", code=letters(app)[-1].code).path == f"{guests.address}/save/claim"
    assert other.press("No").path == f"{guests.address}/tools"
    assert tab.press("Continue", remark="Mine").path == f"{own}/check"


def test_page_says_what_was_kept_until_something_changes(citizen: Citizen, adas: Saved, clock: MovableClock) -> None:
    words = "We kept what you typed. You have not sent it yet."
    assert words not in citizen.open(f"{adas.address}/tools")
    clock.advance(minutes=5)
    citizen.open(adas.link)
    assert words in citizen.press("Continue your form")
    citizen.open(f"{adas.address}/remarks")
    citizen.press("Continue", remark="More")
    assert words not in citizen.page


@pytest.mark.parametrize(
    ("place", "is_said"),
    [
        pytest.param("", True, id="task list"),
        pytest.param("/you", True, id="section with answers"),
        pytest.param("/tools", True, id="where to go on"),
        pytest.param("/tools/abcdefgh", False, id="new item"),
        pytest.param("/remarks", False, id="section without answers"),
        pytest.param("/check", True, id="check page"),
    ],
)
def test_only_pages_with_something_kept_say_that_it_was_kept(
    other: Citizen, adas: Saved, clock: MovableClock, place: str, is_said: bool
) -> None:
    clock.advance(minutes=5)
    sign_in(other)
    page = other.open(adas.address + place)
    assert page.words.count("We kept what you typed. You have not sent it yet.") == is_said


def test_nobody_is_told_that_something_was_kept_where_nothing_was_typed(
    app: Flask, citizen: Citizen, other: Citizen, clock: MovableClock
) -> None:
    publish_loan(app)
    add_person(app)
    sign_in(citizen)
    draft = start(citizen)
    citizen.open(f"{draft}/remarks")
    citizen.press("Continue")
    clock.advance(minutes=5)
    sign_in(other)
    assert not [place for place in ("", "/you", "/remarks", "/check") if "We kept" in other.open(draft + place)]


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_link_of_a_sent_form_says_so(citizen: Citizen, adas: Saved, method: str) -> None:
    citizen.open(adas.link)
    token = citizen.page.value("csrf_token")
    fill(citizen, adas.address)
    citizen.press("Send", declaration="yes")
    answer = getattr(citizen.client, method)(adas.link, data={"csrf_token": token})
    assert answer.status_code == 410
    assert "This form has already been sent" in answer.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_link_of_a_deleted_form_says_so(citizen: Citizen, adas: Saved, method: str) -> None:
    token = citizen.open(adas.address).value("csrf_token")
    citizen.press("Delete this draft")
    citizen.press("Delete this draft")
    answer = getattr(citizen.client, method)(adas.link, data={"csrf_token": token})
    assert answer.status_code == 410
    assert "This form was deleted" in answer.text


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_link_of_an_expired_form_says_so(other: Citizen, guests: Saved, clock: MovableClock, method: str) -> None:
    clock.advance(days=19, hours=23, minutes=59, seconds=59)
    token = other.open(guests.link).value("csrf_token")
    assert other.page.status == 200
    clock.advance(seconds=1)
    answer = getattr(other.client, method)(guests.link, data={"csrf_token": token})
    assert answer.status_code == 410
    assert "This form has expired" in answer.text


def test_ended_session_does_not_keep_its_guest_out(citizen: Citizen, guests: Saved, clock: MovableClock) -> None:
    clock.advance(hours=2)
    citizen.open(guests.link)
    assert citizen.press("Continue your form").path == f"{guests.address}/tools"
