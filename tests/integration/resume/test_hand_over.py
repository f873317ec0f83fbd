"""Two people at one computer: neither sees the other's form, one may hand over, and a guest's form can be claimed."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.drafts.models import Draft
from portal.sessions.models import ParkedValues, SessionRow
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.resume.conftest import Saved
from tests.loan import YOU, begin, start
from tests.people import add_person, sign_in
from tests.post import letters

Sessions = Callable[[], list[SessionRow]]
Row = Callable[[str], Draft]
QUESTION = "Finish or hand over?"


@pytest.fixture
def beas(app: Flask, other: Citizen) -> Citizen:
    """A browser in which Bea is signed in."""
    add_person(app, "bea@mail.example")
    sign_in(other, "bea@mail.example")
    return other


def test_handing_over_signs_the_first_person_out_and_follows_the_link(
    beas: Citizen, adas: Saved, sessions: Sessions
) -> None:
    beas.open(adas.link)
    assert QUESTION in beas.page
    page = beas.press("Continue your form")
    assert (page.status, QUESTION in page) == (403, True)
    assert beas.press("Hand over").path == adas.link
    assert [row.end_reason for row in sessions()].count("replaced") == 1
    assert QUESTION not in beas.page
    assert beas.press("Continue your form").path == "/account/sign-in"


def test_finish_changes_nothing(beas: Citizen, adas: Saved) -> None:
    beas.open(adas.link)
    beas.press("Continue your form")
    assert beas.follow("Finish").path == "/account"


@pytest.mark.parametrize("door", ["link", "reference"])
def test_guest_at_the_computer_of_a_signed_in_person_is_asked_to_hand_over(
    beas: Citizen, guests: Saved, door: str
) -> None:
    page = beas.open(guests.link if door == "link" else "/resume")
    assert QUESTION in page
    for word in ("Wilhelmina", "zoe", guests.reference, "bea@"):
        assert word not in page.text
    beas.press("Hand over")
    assert QUESTION not in beas.page
    assert "The person before you has been signed out." in beas.page
    assert beas.open("/account").path == "/account/sign-in"


def test_guest_who_has_the_form_open_is_not_asked(citizen: Citizen, guests: Saved) -> None:
    assert QUESTION not in citizen.open(guests.link)


def test_signed_in_person_adds_a_form_by_a_guests_link(
    app: Flask, beas: Citizen, citizen: Citizen, guests: Saved, row: Row
) -> None:
    beas.open(guests.link)
    beas.press("Continue your form")
    page = beas.press("Continue", code=letters(app)[-1].code)
    assert page.heading == "Add this form to your account?"
    assert beas.press("Yes").path == f"{guests.address}/tools"
    assert row(guests.address).person_id is not None
    assert guests.reference in beas.open("/account")
    assert citizen.open(guests.address).status == 404
    citizen.open(guests.link)
    assert citizen.press("Continue your form").path == "/account/sign-in"
    again = Citizen(app)
    again.open("/resume")
    page = again.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert page.status == 422


@pytest.mark.parametrize("is_late", [False, True])
def test_guests_page_sent_after_the_claim_is_kept_for_the_account(
    app: Flask, beas: Citizen, citizen: Citizen, guests: Saved, clock: MovableClock, *, is_late: bool
) -> None:
    tab = citizen.open(f"{guests.address}/remarks")
    beas.open(guests.link)
    beas.press("Continue your form")
    beas.press("Continue", code=letters(app)[-1].code)
    beas.press("Yes")
    clock.advance(minutes=31 if is_late else 1)
    citizen.page = tab
    page = citizen.press("Continue", remark="Typed on the old computer")
    assert page.status == 403
    assert is_late or page.heading == "This form belongs to an account now"
    assert "Typed on the old computer" not in page.text
    sign_in(beas, "bea@mail.example")
    assert beas.open(f"{guests.address}/remarks").value("remark") == "Typed on the old computer"


def test_guest_who_never_had_a_form_parks_nothing_in_it(
    app: Flask, beas: Citizen, adas: Saved, database: Database
) -> None:
    stranger = Citizen(app)
    draft = begin(stranger)
    stranger.open(f"{draft}/remarks")
    mine = stranger.page.value("csrf_token")
    page = stranger.client.post(f"{adas.address}/remarks", data={"csrf_token": mine, "remark": "x", "_end": "1"})
    assert page.status_code == 404
    with database.reading() as db:
        assert db.scalars(select(ParkedValues)).all() == []


def test_signed_in_person_with_reference_and_code_is_asked_and_may_say_no(
    beas: Citizen, guests: Saved, row: Row
) -> None:
    beas.open("/resume")
    page = beas.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert page.heading == "Add this form to your account?"
    assert beas.press("No").path == f"{guests.address}/tools"
    assert row(guests.address).person_id is None
    assert beas.open(f"{guests.address}/you").value("name") == YOU["name"]


def test_answer_other_than_yes_or_no_changes_nothing(beas: Citizen, guests: Saved, row: Row) -> None:
    beas.open("/resume")
    beas.press("Continue your form", reference=guests.reference, return_code=guests.code)
    data = {"csrf_token": beas.page.value("csrf_token"), "answer": "perhaps"}
    assert beas.client.post(f"{guests.address}/save/claim", data=data).status_code == 422
    assert row(guests.address).person_id is None


def test_nobody_can_claim_a_form_that_they_may_not_open(beas: Citizen, guests: Saved, row: Row) -> None:
    beas.open("/account")
    data = {"csrf_token": beas.page.value("csrf_token"), "answer": "yes"}
    assert beas.client.post(f"{guests.address}/save/claim", data=data).status_code == 404
    assert row(guests.address).person_id is None


def test_guest_may_not_claim_a_form(citizen: Citizen, guests: Saved) -> None:
    assert citizen.open(f"{guests.address}/save/claim").path == "/account/sign-in"


def test_claiming_one_form_keeps_the_guests_other_forms(app: Flask, citizen: Citizen, guests: Saved, row: Row) -> None:
    second = start(citizen)
    add_person(app)
    ada = Citizen(app)
    sign_in(ada)
    ada.open("/resume")
    ada.press("Continue your form", reference=guests.reference, return_code=guests.code)
    ada.press("Yes")
    assert row(second).person_id is None
    assert citizen.open(second).status == 200


@pytest.mark.parametrize("is_late", [False, True])
def test_nothing_of_a_former_holder_who_may_be_somebody_else_reaches_the_account(
    app: Flask, citizen: Citizen, guests: Saved, clock: MovableClock, database: Database, *, is_late: bool
) -> None:
    """Whoever came by the mailed code, or by the slip, loses the form once it is added to an account elsewhere."""
    by_code, by_slip = Citizen(app), Citizen(app)
    by_code.open(guests.link)
    by_code.press("Continue your form")
    by_code.press("Continue", code=letters(app)[-1].code)
    by_slip.open("/resume")
    by_slip.press("Continue your form", reference=guests.reference, return_code=guests.code)
    formers = (by_code, by_slip)
    for former in formers:
        former.open(f"{guests.address}/remarks")
    add_person(app)
    sign_in(citizen)
    citizen.press("Yes")
    clock.advance(minutes=31 if is_late else 1)
    for former in formers:
        token = former.page.value("csrf_token")
        assert former.send("Continue", remark="Planted").status_code == (403 if is_late else 404)
        data = {"csrf_token": token, "remark": "Planted", "_changed": "remark", "_end": "1"}
        autosave = former.client.post(f"{guests.address}/autosave/remarks", data=data)
        assert autosave.status_code in (403, 404)
    with database.reading() as db:
        assert db.scalars(select(ParkedValues)).all() == []
    sign_in(citizen)
    assert "Planted" not in citizen.open(f"{guests.address}/remarks").text


@pytest.mark.parametrize("is_late", [False, True])
def test_page_of_the_same_browser_from_before_is_kept_for_the_account(
    app: Flask, citizen: Citizen, other: Citizen, guests: Saved, clock: MovableClock, *, is_late: bool
) -> None:
    """The guest came back in the same browser, signed in and added the form: pages of both guests are theirs."""
    other.open("/resume")
    other.press("Continue your form", reference=guests.reference, return_code=guests.code)
    tab = other.open(f"{guests.address}/remarks")
    clock.advance(minutes=31)
    other.open("/resume")
    other.press("Continue your form", reference=guests.reference, return_code=guests.code)
    add_person(app)
    sign_in(other)
    other.press("Yes")
    if is_late:
        clock.advance(minutes=31)
    other.page = tab
    page = other.press("Continue", remark="Typed before")
    assert (page.status, "Typed before" in page) == (403, False) if is_late else (409, True)
    sign_in(other)
    assert other.open(f"{guests.address}/remarks").value("remark") == ("Typed before" if is_late else "")
