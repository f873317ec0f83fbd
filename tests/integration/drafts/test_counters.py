"""Where in a form people are warned, time out, send too late and come back: ids of a published form, nothing else."""

import pytest
from flask import Flask

from portal.drafts.operations import close_and_count
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.counted import counted
from tests.journeys import housing
from tests.people import PASSWORD, add_person

pytestmark = pytest.mark.usefixtures("demo_forms")
EMAIL = "ada@mail.example"
LATE = {
    "tenure": "family",
    "address__line_1": "2 Late Street",
    "address__town": "Ashmere",
    "address__postcode": "AS1 1AA",
}
FORM = "housing_support"


def sign_in(citizen: Citizen) -> None:
    citizen.open("/account/sign-in")
    citizen.press("Sign in", email=EMAIL, password=PASSWORD)


@pytest.fixture
def section(app: Flask, citizen: Citizen) -> str:
    """The address of a section's page that a signed-in person has open."""
    add_person(app, EMAIL)
    sign_in(citizen)
    address = f"{housing.start(citizen)}/home"
    citizen.open(address)
    return address


def sweep(app: Flask, clock: MovableClock) -> None:
    with app.app_context(), app.extensions["portal"].database.writing() as db:
        close_and_count(db, now=clock.now())


@pytest.mark.parametrize(
    ("page", "place"),
    [("", (FORM, "home")), ("?from=check#top", (FORM, "home")), ("/nothing", (FORM, "home"))],
    ids=["the page", "with a query", "an item"],
)
def test_a_warning_is_counted_at_the_page_that_shows_it(
    app: Flask, citizen: Citizen, section: str, clock: MovableClock, page: str, place: tuple[str, str]
) -> None:
    clock.advance(minutes=28, seconds=30)
    citizen.client.get("/session/poll", headers={"HX-Current-URL": f"http://localhost{section}{page}"})
    assert counted(app) == {("warning", "customer", *place): 1}


@pytest.mark.parametrize("section_id", ["invented", "check", "autosave"])
def test_unknown_section_becomes_no_label(
    app: Flask, citizen: Citizen, section: str, clock: MovableClock, section_id: str
) -> None:
    address = section.replace("/home", f"/{section_id}")
    citizen.client.get("/session/poll?lost=2", headers={"HX-Current-URL": f"http://localhost{address}"})
    assert counted(app) == {("poll_failure", "customer", FORM, ""): 2}


def test_form_of_another_person_becomes_no_label(app: Flask, section: str) -> None:
    stranger = Citizen(app)
    add_person(app, "eve@mail.example")
    stranger.open("/account/sign-in")
    stranger.press("Sign in", email="eve@mail.example", password=PASSWORD)
    stranger.client.get("/session/poll?lost=1", headers={"HX-Current-URL": f"http://localhost{section}"})
    assert counted(app) == {("poll_failure", "customer", "", ""): 1}


def test_extension_is_counted_at_the_page_that_asked(app: Flask, citizen: Citizen, section: str) -> None:
    token = citizen.page.value("csrf_token")
    citizen.client.post("/session/extend", data={"csrf_token": token, "next": section})
    assert counted(app) == {("extended", "customer", FORM, "home"): 1}


def test_late_form_counts_as_parked_and_then_once_as_restored(
    app: Flask, citizen: Citizen, section: str, clock: MovableClock
) -> None:
    clock.advance(minutes=31)
    citizen.press("Continue", **LATE)
    assert counted(app) == {("parked", "customer", FORM, "home"): 1}
    sign_in(citizen)
    citizen.open(section)
    assert ("restored", "customer", FORM, "home") not in counted(app)
    citizen.press("Continue")
    assert counted(app)["restored", "customer", FORM, "home"] == 1
    citizen.open(section)
    citizen.press("Continue")
    assert counted(app)["restored", "customer", FORM, "home"] == 1


def test_end_is_counted_in_the_section_changed_last(
    app: Flask, citizen: Citizen, section: str, clock: MovableClock
) -> None:
    citizen.press("Continue", **LATE)
    clock.advance(minutes=36)
    sweep(app, clock)
    assert counted(app)["ended", "customer", FORM, "home"] == 1


def test_end_of_a_session_without_work_has_no_section(
    app: Flask, citizen: Citizen, section: str, clock: MovableClock
) -> None:
    citizen.press("Continue", **LATE)
    clock.advance(hours=2)
    sweep(app, clock)
    sign_in(citizen)
    clock.advance(hours=2)
    sweep(app, clock)
    assert counted(app)["ended", "customer", "", ""] == 1


def test_end_of_a_guest_session_is_counted_in_its_form(app: Flask, citizen: Citizen, clock: MovableClock) -> None:
    citizen.open(f"{housing.start(citizen)}/home")
    citizen.press("Continue", **LATE)
    clock.advance(minutes=36)
    sweep(app, clock)
    assert counted(app) == {("ended", "customer", FORM, "home"): 1}
