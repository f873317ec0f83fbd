"""The end on the real pages: late forms are not executed, tabs agree, and viewing extends nothing."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import select

from portal.drafts.models import DraftPart
from portal.outbox.models import Delivery
from portal.submissions.models import Submission
from tests.browser.conftest import TO_WARNING_S, Console, warning
from tests.browser.server import Server
from tests.browser.visitors import Enter, expect_answers, fill, follow, pass_time, press, share_sessions, stop_time
from tests.citizen import Citizen
from tests.journeys import housing
from tests.people import add_person, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
NOT_RECEIVED = "We have not received your form."
SIGNED_OUT = "You were signed out at 14:32."
GUEST = "Your answers are safe: use your link, or your reference and return code, and you can check and send them."
PERSON = "Your answers are safe: sign in and you can check and send them."


def stored(server: Server) -> list[object]:
    """Return everything that a form could have changed: answers, submissions and e-mails."""
    with server.app.extensions["portal"].database.reading() as db:
        parts = select(DraftPart.section_id, DraftPart.revision, DraftPart.sealed).order_by(DraftPart.id)
        sent = select(Submission.reference).order_by(Submission.id)
        mail = select(Delivery.message).order_by(Delivery.id)
        return [*db.execute(parts), *db.execute(sent), *db.execute(mail)]


def filled(app: Flask, citizen: Citizen, *, is_person: bool) -> str:
    """Fill a form up to the check page; return the draft's address."""
    if is_person:
        add_person(app)
        sign_in(citizen)
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    return draft


@pytest.mark.two_browsers
@pytest.mark.parametrize("is_person", [False, True], ids=["guest", "person"])
@pytest.mark.parametrize(
    ("place", "name", "typed"),
    [("rent", "Continue", {"landlord": "Somebody Else"}), ("check", "Send", {"declaration": "yes"})],
    ids=["Continue", "Send"],
)
def test_a_form_sent_after_the_end_is_never_executed(
    enter: Enter,
    server: Server,
    citizen: Citizen,
    console: Console,
    place: str,
    name: str,
    typed: dict[str, str],
    is_person: bool,
) -> None:
    console.expects("403")
    draft = filled(server.app, citizen, is_person=is_person)
    page = enter()
    share_sessions(page.context, citizen, server)
    stop_time(page.context, server)
    page.goto(f"{draft}/{place}")
    before = stored(server)
    server.clock.advance(minutes=31)
    press(page, name, **typed)
    expect(page.get_by_role("heading", level=1)).to_have_text(NOT_RECEIVED)
    expect(page.get_by_role("main")).to_contain_text(f"{SIGNED_OUT} {PERSON if is_person else GUEST}")
    way_back = "Sign in and continue" if is_person else "Continue your form"
    expect(page.get_by_role("main").get_by_role("link", name=way_back)).to_be_visible()
    assert stored(server) == before


@pytest.fixture
def tabs(enter: Enter, server: Server, citizen: Citizen) -> tuple[Page, Page]:
    """Open two tabs of one browser on a section of a real form, in which time stands still."""
    draft = housing.begin(citizen)
    first = enter()
    share_sessions(first.context, citizen, server)
    stop_time(first.context, server)
    second = first.context.new_page()
    for tab in (first, second):
        tab.goto(f"{draft}/home")
    return first, second


def test_staying_in_one_tab_closes_the_warning_in_the_other_within_a_second(
    tabs: tuple[Page, Page], server: Server
) -> None:
    first, second = tabs
    pass_time(server, first, TO_WARNING_S - 1)
    expect(warning(first)).to_be_hidden()
    pass_time(server, first, 1)
    for tab in tabs:
        expect(tab.get_by_role("heading", name="You will be signed out in 2 minutes.")).to_be_visible()
        expect(warning(tab)).to_contain_text("Your answers are saved.")
    with second.expect_response("**/session/poll*"):
        first.get_by_role("button", name="Stay signed in").click()
        expect(first.locator("[data-session-spoken]")).to_contain_text("stays open")
        pass_time(server, first, 1)
    for tab in tabs:
        expect(warning(tab)).to_be_hidden()
    expect(second.locator("[data-session-until]").first).to_have_text("15:00")


def test_two_idle_tabs_end_on_time_and_viewing_extends_nothing(tabs: tuple[Page, Page], server: Server) -> None:
    first, second = tabs
    until, opened_pages = server.deadline(), second.evaluate("history.length")
    pass_time(server, first, TO_WARNING_S)
    for tab in tabs:
        expect(warning(tab)).to_be_visible()
    for _second in range(60):  # in step, so that no tab hears of the other while its own clock still runs
        pass_time(server, first, 1)
    for tab in tabs:
        expect(tab.get_by_role("heading", name="You will be signed out in 60 seconds.")).to_be_visible()
    assert server.count("/session/poll") > 0
    assert server.deadline() == until
    pass_time(server, first, 60)
    for tab in tabs:
        tab.wait_for_url("**/session/ended")
        expect(tab.get_by_role("heading", level=1)).to_have_text("You were signed out at 14:32")
        expect(tab.get_by_role("main")).to_contain_text("Section 1, About you")
        assert tab.evaluate("history.length") == opened_pages


@pytest.mark.two_browsers
def test_answers_typed_just_before_the_end_are_there_after_coming_back(
    tabs: tuple[Page, Page], server: Server, citizen: Citizen
) -> None:
    tab, draft = tabs[0], tabs[0].url.rpartition("/")[0]
    slip = re.search(r"Reference(HS-\S{4}-\S{4}) ?Return code(\S{4} \S{4})", citizen.open(draft).words)
    assert slip is not None
    pass_time(server, tab, TO_WARNING_S - 15)
    fill(tab, **housing.HOME)
    pass_time(server, tab, 5)
    expect(tab.get_by_text("Saved 14:29")).to_be_visible()
    pass_time(server, tab, TO_WARNING_S)
    tab.wait_for_url("**/session/ended")
    expect(tab.get_by_role("main")).to_contain_text("Your answers are saved.")
    follow(tab, "Continue your form")
    press(tab, "Continue your form", reference=slip[1], return_code=slip[2])
    expect(tab).to_have_url(f"{draft}/home")
    expect_answers(tab, **housing.HOME)
