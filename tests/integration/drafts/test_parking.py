"""Answers typed on a page whose session had ended come back to their person, and to nobody else."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.accounts.operations import create_account
from portal.accounts.passwords import hash_password
from portal.accounts.rules import parse_email_address
from portal.audit import Actor
from portal.db import Database
from portal.sessions.late_forms import FORM_BYTES, HOLDER_BYTES, TABS_A_PAGE
from portal.sessions.models import ParkedValues
from portal.submissions.models import Submission
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.journeys import housing
from tests.loan import states

pytestmark = pytest.mark.usefixtures("demo_forms")
LATE = {
    "tenure": "family",
    "address__line_1": "2 Late Street",
    "address__town": "Ashmere",
    "address__postcode": "AS1 1AA",
}
ZOE, RUTH, PASSWORD = "zoe@mail.example", "ruth@mail.example", "a long password"


@pytest.fixture(autouse=True)
def people(database: Database, clock: MovableClock) -> None:
    for email in (ZOE, RUTH):
        with database.writing() as db:
            hashed = hash_password(PASSWORD)
            create_account(db, parse_email_address(email), "citizen", password_hash=hashed, by=Actor(), now=clock.now())


def sign_in(citizen: Citizen, email: str) -> None:
    citizen.open("/account/sign-in")
    citizen.press("Sign in", email=email, password=PASSWORD)


def parked(database: Database) -> int:
    with database.reading() as db:
        return db.scalar(select(func.count()).select_from(ParkedValues)) or 0


@pytest.fixture
def late(citizen: Citizen, clock: MovableClock) -> str:
    """Fill and send a page as Zoë a minute after the end; return its address."""
    sign_in(citizen, ZOE)
    section = f"{housing.start(citizen)}/home"
    citizen.open(section)
    clock.advance(minutes=31)
    citizen.press("Continue", **LATE)
    return section


def test_a_late_form_is_refused_and_kept(citizen: Citizen, late: str, database: Database) -> None:
    assert citizen.page.status == 403
    assert citizen.page.heading == "We have not received your form."
    assert "Your answers are safe: sign in and you can check and send them." in citizen.page
    assert "Kept for you, not sent, until 14:33 tomorrow" in citizen.page
    assert parked(database) == 1


def test_same_person_returns_to_the_page_with_values_marked_as_not_sent(citizen: Citizen, late: str) -> None:
    citizen.follow("Sign in and continue")
    page = citizen.press("Sign in", email=ZOE, password=PASSWORD)
    assert page.path == late
    assert "We kept what you typed. You have not sent it yet." in page
    assert page.value("address-line_1") == "2 Late Street"
    assert page.value("tenure") == "family"


def test_continue_saves_parked_values_once(citizen: Citizen, late: str, database: Database) -> None:
    sign_in(citizen, ZOE)
    citizen.open(late)
    assert citizen.press("Continue").path == late.replace("/home", "/household")
    assert parked(database) == 0
    assert "We kept what you typed" not in citizen.open(late)
    assert citizen.page.value("address-line_1") == "2 Late Street"


def test_parked_values_do_not_count_before_continue(citizen: Citizen, late: str) -> None:
    sign_in(citizen, ZOE)
    assert "2 Late Street" not in citizen.open(late.replace("/home", "/check"))


def test_task_list_says_that_typed_values_wait_in_a_section(citizen: Citizen, late: str) -> None:
    sign_in(citizen, ZOE)
    page = citizen.open(late.removesuffix("/home"))
    assert states(page)["Your home"] == "in_progress"
    assert "What you typed here is not saved yet" in page
    citizen.open(late)
    citizen.press("Continue")
    page = citizen.open(late.removesuffix("/home"))
    assert states(page)["Your home"] == "complete"
    assert "not saved yet" not in page


def late_page(citizen: Citizen, draft: str, section: str) -> dict[str, str]:
    """Return what the page of a section sends, to be sent from many tabs."""
    form, _button = citizen.open(f"{draft}/{section}").form_with("Continue")
    return {control.name: control.value for control in form.controls}


def sizes(database: Database) -> list[int]:
    with database.reading() as db:
        return list(db.scalars(select(func.length(ParkedValues.sealed)).order_by(ParkedValues.id)))


GAVE_WAY = "There was too much to keep. We kept the newest and deleted the oldest."


def test_late_forms_of_many_tabs_give_way_to_the_newest_and_the_pages_say_so(
    citizen: Citizen, clock: MovableClock, database: Database
) -> None:
    sign_in(citizen, ZOE)
    section = f"{housing.start(citizen)}/home"
    page = late_page(citizen, section.removesuffix("/home"), "home")
    clock.advance(minutes=31)
    for number in range(20):
        said = citizen.post(section, page | {"_page": f"tab{number}", "address-line_1": f"{number} Late Street"})
        assert said.status_code == 403
        assert (GAVE_WAY in said.text) is (number >= TABS_A_PAGE)
        assert parked(database) == min(number + 1, TABS_A_PAGE)
    sign_in(citizen, ZOE)
    assert GAVE_WAY in citizen.open(section)
    assert citizen.page.value("address-line_1") == "19 Late Street"
    citizen.press("Continue")
    assert citizen.open(section).value("address-line_1") == "18 Late Street"
    assert GAVE_WAY in citizen.page


def test_late_form_that_is_larger_than_a_form_can_be_is_not_kept_and_the_page_says_so(
    citizen: Citizen, clock: MovableClock, database: Database
) -> None:
    draft = housing.begin_with_home(citizen)
    page = late_page(citizen, draft, "home")
    clock.advance(minutes=31)
    said = citizen.post(f"{draft}/home", page | {"address-line_1": "x" * 900_000})
    assert "What you typed after that was not kept." in said.text
    assert sizes(database) == []
    citizen.post(f"{draft}/home", page | {"address-line_1": "7 Late Street", "invented": "x" * 900_000})
    (size,) = sizes(database)
    assert size < 1000
    for field in ("tenure", "address-line_1"):
        changed = {"_changed": field.partition("-")[0], field: "x" * 400_000}
        citizen.post(f"{draft}/home", page | changed)
    assert sum(sizes(database)) < 2 * FORM_BYTES


def test_all_late_forms_of_a_holder_together_have_a_limit(
    citizen: Citizen, clock: MovableClock, database: Database
) -> None:
    draft = housing.begin_with_home(citizen)
    pages = {section: late_page(citizen, draft, section) for section in ("about_you", "home", "income", "needs")}
    clock.advance(minutes=31)
    for number in range(TABS_A_PAGE):
        for section, page in pages.items():
            field = next(name for name in page if not name.startswith("_") and name != "csrf_token")
            large = {"_page": f"tab{number}", field: "x" * (FORM_BYTES - 2000)}
            assert citizen.post(f"{draft}/{section}", page | large).status_code == 403
            assert sum(sizes(database)) <= HOLDER_BYTES
    assert sum(sizes(database)) > HOLDER_BYTES / 2


def test_continue_does_not_lead_to_late_answers_of_a_section_that_hides(
    citizen: Citizen, clock: MovableClock, database: Database
) -> None:
    sign_in(citizen, ZOE)
    draft = housing.begin_with_home(citizen)
    citizen.open(f"{draft}/rent")
    rent = citizen.page
    citizen.open(f"{draft}/home")
    citizen.press("Save and come back later", tenure="family")
    clock.advance(minutes=31)
    citizen.page = rent
    assert citizen.press("Continue", **housing.RENT).status == 403
    sign_in(citizen, ZOE)
    page = citizen.open(draft)
    assert parked(database) == 1
    assert page.links["Continue"] == f"{draft}/about_you"
    assert "not saved yet" not in page


def test_another_person_who_signs_in_sees_no_parked_values(citizen: Citizen, late: str) -> None:
    sign_in(citizen, RUTH)
    assert citizen.open(late).status == 404
    assert "Late Street" not in citizen.page


def test_parked_values_are_kept_for_a_day(citizen: Citizen, late: str, clock: MovableClock) -> None:
    clock.advance(hours=24)
    sign_in(citizen, ZOE)
    assert citizen.open(late).value("address-line_1") == ""


def test_parked_values_are_encrypted_at_rest(late: str, database: Database) -> None:
    with database.reading() as db:
        row = db.scalars(select(ParkedValues)).one()
        assert b"Late Street" not in row.sealed
        assert row.expires_at - row.parked_at == timedelta(hours=24)


def test_page_sent_after_signing_out_is_not_parked(citizen: Citizen, app: Flask, database: Database) -> None:
    sign_in(citizen, ZOE)
    citizen.open(f"{housing.start(citizen)}/home")
    tab = Citizen(app)
    tab.client, tab.page = citizen.client, citizen.page
    citizen.press("Sign out")
    assert tab.press("Continue", **LATE).status == 403
    assert parked(database) == 0


def test_page_sent_with_the_cookie_of_a_signed_out_session_is_not_parked(citizen: Citizen, database: Database) -> None:
    sign_in(citizen, ZOE)
    page = citizen.open(f"{housing.start(citizen)}/home")
    cookie = citizen.client.get_cookie("session_customer")
    citizen.press("Sign out")
    citizen.client.set_cookie(cookie.key, cookie.value)
    citizen.page = page
    assert citizen.send("Continue", **LATE).status_code == 403
    assert parked(database) == 0


@pytest.mark.parametrize("token", ["", "1.forged", "forged"], ids=["missing", "another's", "nobody's"])
def test_page_without_the_sessions_own_token_is_not_parked(
    citizen: Citizen, clock: MovableClock, database: Database, token: str
) -> None:
    sign_in(citizen, ZOE)
    citizen.open(f"{housing.start(citizen)}/home")
    clock.advance(minutes=31)
    assert citizen.press("Continue", csrf_token=token, **LATE).status == 403
    assert parked(database) == 0


def test_truncated_form_is_not_parked(citizen: Citizen, clock: MovableClock, database: Database) -> None:
    sign_in(citizen, ZOE)
    section = f"{housing.start(citizen)}/home"
    token = citizen.open(section).value("csrf_token")
    clock.advance(minutes=31)
    citizen.client.post(section, data={"csrf_token": token, "tenure": "family"})
    assert parked(database) == 0


def test_late_autosave_is_parked_for_the_fields_it_names(
    citizen: Citizen, clock: MovableClock, database: Database
) -> None:
    sign_in(citizen, ZOE)
    section = f"{housing.start(citizen)}/home"
    page = citizen.open(section)
    data = {"csrf_token": page.value("csrf_token"), "_changed": "tenure", "tenure": "family", "_end": "1"}
    clock.advance(minutes=31)
    address = section.replace("/home", "/autosave/home")
    answer = citizen.client.post(address, data=data, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/session/ended")
    sign_in(citizen, ZOE)
    assert citizen.open(section).value("tenure") == "family"


def left_open(app: Flask, citizen: Citizen, clock: MovableClock) -> tuple[str, Citizen]:
    """Leave Zoë's page open until she times out and Ruth signs in there; return its address and tab."""
    sign_in(citizen, ZOE)
    section = f"{housing.start(citizen)}/home"
    tab = Citizen(app)
    tab.client = citizen.client
    tab.open(section)
    clock.advance(minutes=31)
    sign_in(citizen, RUTH)
    return section, tab


def test_page_of_a_sent_after_b_signed_in_is_refused_and_parked_for_a(
    citizen: Citizen, app: Flask, clock: MovableClock
) -> None:
    section, tab = left_open(app, citizen, clock)
    page = tab.press("Continue", **LATE)
    assert page.status == 403
    assert "Late Street" not in page
    assert "Late Street" not in citizen.open("/account")
    sign_in(citizen, ZOE)
    assert citizen.open(section).value("address-line_1") == "2 Late Street"


def test_page_of_a_sent_after_the_end_of_b_is_parked_for_a(citizen: Citizen, app: Flask, clock: MovableClock) -> None:
    section, tab = left_open(app, citizen, clock)
    clock.advance(minutes=31)
    page = tab.press("Continue", **LATE)
    assert (page.status, page.heading) == (403, "This page was opened by someone else")
    assert "Late Street" not in page
    sign_in(citizen, ZOE)
    assert citizen.open(section).value("address-line_1") == "2 Late Street"


@pytest.mark.parametrize("is_over", [True, False])
def test_page_without_its_cookie_is_refused_and_parked_for_its_person(
    citizen: Citizen, clock: MovableClock, *, is_over: bool
) -> None:
    sign_in(citizen, ZOE)
    section = f"{housing.start(citizen)}/home"
    citizen.open(section)
    clock.advance(minutes=31 if is_over else 1)
    citizen.client.delete_cookie("session_customer")
    page = citizen.press("Continue", **LATE)
    assert (page.status, page.heading) == (403, "You are not signed in")
    assert "What you typed is kept for a day" in page
    assert "Late Street" not in page.text
    sign_in(citizen, ZOE)
    assert citizen.open(section).value("address-line_1") == "2 Late Street"


def test_page_without_its_cookie_is_not_parked_after_signing_out(
    citizen: Citizen, app: Flask, database: Database
) -> None:
    sign_in(citizen, ZOE)
    tab = Citizen(app)
    tab.client = citizen.client
    tab.open(f"{housing.start(citizen)}/home")
    citizen.press("Sign out")
    page = tab.press("Continue", **LATE)
    assert (page.status, "is kept" in page) == (403, False)
    assert parked(database) == 0


@pytest.mark.parametrize("has_old_cookie", [False, True])
def test_older_page_is_not_parked_after_its_person_signed_out(
    citizen: Citizen, app: Flask, clock: MovableClock, database: Database, *, has_old_cookie: bool
) -> None:
    sign_in(citizen, ZOE)
    tab = Citizen(app)
    tab.client = citizen.client
    tab.open(f"{housing.start(citizen)}/home")
    clock.advance(minutes=31)
    sign_in(citizen, ZOE)
    cookie = citizen.client.get_cookie("session_customer")
    citizen.press("Sign out")
    assert cookie is not None
    if has_old_cookie:
        citizen.client.set_cookie("session_customer", cookie.value)
    assert tab.press("Continue", **LATE).status == 403
    assert parked(database) == 0


def test_guest_gets_parked_values_by_reference_and_return_code(
    app: Flask, citizen: Citizen, clock: MovableClock
) -> None:
    draft = housing.start(citizen)
    slip = re.findall(r'slip__value">([^<]+)<', citizen.page.text)
    citizen.open(f"{draft}/home")
    clock.advance(minutes=31)
    citizen.press("Continue", **LATE)
    assert "use your link, or your reference and return code" in citizen.page
    elsewhere = Citizen(app)
    elsewhere.open("/resume")
    page = elsewhere.press("Continue your form", reference=draft.rpartition("/")[2], return_code=slip[1])
    assert page.path == f"{draft}/home"
    assert "We kept what you typed. You have not sent it yet." in page
    assert page.value("address-line_1") == "2 Late Street"


def test_page_of_a_form_that_cannot_be_saved_is_not_parked(
    citizen: Citizen, clock: MovableClock, database: Database
) -> None:
    citizen.open("/forms/report-a-problem")
    draft = citizen.press("Start now").path
    citizen.open(f"{draft}/problem")
    clock.advance(minutes=31)
    page = citizen.press("Continue", kind="light", where="Mill Street", danger="no")
    assert page.status == 403
    assert "This form cannot be saved, so your answers were not kept." in page
    assert parked(database) == 0


def test_new_item_of_a_repeat_is_parked(citizen: Citizen, clock: MovableClock) -> None:
    sign_in(citizen, ZOE)
    citizen.open(f"{housing.start(citizen)}/household")
    item = citizen.press("Add a person").path
    clock.advance(minutes=31)
    citizen.press("Continue", **housing.PERSON)
    sign_in(citizen, ZOE)
    assert citizen.open(item).value("full_name") == "Joel"


def test_parked_values_do_not_overwrite_a_save_in_between(
    app: Flask, citizen: Citizen, clock: MovableClock, late: str
) -> None:
    elsewhere = Citizen(app)
    sign_in(elsewhere, ZOE)
    page = elsewhere.open(late)
    assert page.value("address-line_1") == "2 Late Street"
    tab = Citizen(app)
    tab.client = elsewhere.client
    tab.open(late)
    tab.press("Continue", address__line_1="3 Newer Street")
    page = elsewhere.press("Continue", address__line_1="4 Other Street")
    assert page.status == 409


def test_a_late_send_makes_no_submission_and_can_be_sent_once_afterwards(
    citizen: Citizen, clock: MovableClock, database: Database
) -> None:
    sign_in(citizen, ZOE)
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    clock.advance(minutes=31)
    assert citizen.press("Send", declaration="yes").status == 403
    sign_in(citizen, ZOE)
    citizen.open(f"{draft}/check")
    citizen.press("Send", declaration="yes")
    with database.reading() as db:
        assert db.scalar(select(func.count()).select_from(Submission)) == 1
