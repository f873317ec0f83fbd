"""Nothing typed is lost, on the real pages: two versions, late answers, and answers that a change would hide."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console
from tests.browser.inspection import WIDE, Inspector
from tests.browser.server import Server
from tests.browser.visitors import Enter, expect_answers, fill, follow, pass_time, press, share_sessions, stop_time
from tests.citizen import Citizen
from tests.journeys import housing
from tests.people import PASSWORD, add_person, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
TWO_VERSIONS = "This section was changed in two places: choose what to keep"
COMPARE = "This section was saved somewhere else. Press Continue to see both and choose."
NOT_RECEIVED = "We have not received your form."
NOT_SENT = "We kept what you typed. You have not sent it yet."
HIDES = "we no longer need these answers"
MINE, THEIRS = "Zoë Hughes", "Zoë Łukasz"
LATE = {
    "tenure": "family",
    "address__line_1": "2 Late Street",
    "address__town": "Ashmere",
    "address__postcode": "AS1 1AA",
}


@pytest.fixture(autouse=True)
def refusals(console: Console) -> None:
    """Expect the browser to report every refusal to the console."""
    console.expects("status of (403|409)")


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def status(page: Page) -> Locator:
    return page.locator("[data-saved-status]")


def tabs(enter: Enter, citizen: Citizen, server: Server, address: str, *, script: bool = True) -> tuple[Page, Page]:
    """Open two tabs of one browser on the same page."""
    first = enter(java_script_enabled=script, viewport=WIDE, reduced_motion="reduce")
    share_sessions(first.context, citizen, server)
    second = first.context.new_page()
    for tab in (first, second):
        tab.goto(address)
    return first, second


def keep_mine(page: Page) -> None:
    """Choose this page's version of the one answer that differs."""
    heading(page, TWO_VERSIONS)
    expect(page.get_by_text("Nothing has been overwritten. 1 answer differs.")).to_be_visible()
    expect(status(page)).to_have_text("Not saved yet: choose below")
    page.get_by_label(MINE).check()
    press(page, "Save my choices")


@pytest.mark.two_browsers
def test_a_refused_autosave_is_announced_and_leads_to_both_versions(
    enter: Enter, server: Server, citizen: Citizen
) -> None:
    first, second = tabs(enter, citizen, server, f"{housing.start(citizen)}/about_you")
    stop_time(first.context, server)
    for tab in (first, second):
        tab.reload()
        expect(tab.get_by_text(COMPARE)).to_be_hidden()
    fill(first, full_name=THEIRS)
    pass_time(server, first, 2)
    expect(status(first)).to_have_text("Saved 14:02")
    fill(second, full_name=MINE)
    pass_time(server, second, 2)
    expect(status(second)).to_have_text("Not saved yet: choose below")
    expect(second.get_by_text(COMPARE)).to_be_visible()
    press(second)
    keep_mine(second)
    expect_answers(second, full_name=MINE)


def test_continue_leads_to_both_versions_without_script(enter: Enter, server: Server, citizen: Citizen) -> None:
    first, second = tabs(enter, citizen, server, f"{housing.start(citizen)}/about_you", script=False)
    expect(second.get_by_text(COMPARE)).to_be_hidden()
    press(first, **housing.ABOUT_YOU)
    press(second, **(housing.ABOUT_YOU | {"full_name": MINE}))
    keep_mine(second)
    expect_answers(second, **(housing.ABOUT_YOU | {"full_name": MINE}))


def test_the_page_with_both_versions_passes_inspection(enter: Enter, server: Server, citizen: Citizen) -> None:
    first, second = tabs(enter, citizen, server, f"{housing.start(citizen)}/about_you")
    press(first, **housing.ABOUT_YOU)
    press(second, full_name=MINE, born__year="1990")
    heading(second, TWO_VERSIONS)
    inspector = Inspector(second, server)
    inspector.look("to see both")
    assert inspector.faults == []


@pytest.mark.two_browsers
def test_every_autosave_has_the_next_sequence_number(enter: Enter, server: Server, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    page = enter()
    share_sessions(page.context, citizen, server)
    stop_time(page.context, server)
    page.goto(f"{draft}/about_you")
    for number, name in enumerate(("Z", "Zo", "Zoë"), start=1):
        with page.expect_response("**/autosave/about_you"):
            fill(page, full_name=name)
            pass_time(server, page, 2)
        expect(page.locator("[name=_revision]")).to_have_value(str(number))  # what is typed before that waits for it
    sent = server.forms(f"{draft}/autosave/about_you")
    assert [form["_sequence"] for form in sent] == [["1"], ["2"], ["3"]]
    assert [form["full_name"] for form in sent] == [["Z"], ["Zo"], ["Zoë"]]


def send_late(page: Page, server: Server, way_back: str) -> None:
    """Fill the open section, send it after the end, and go where the refusal leads."""
    server.clock.advance(minutes=31)
    press(page, **LATE)
    heading(page, NOT_RECEIVED)
    follow(page, way_back)


def expect_kept(page: Page, address: str) -> None:
    expect(page).to_have_url(re.compile(f"{address}$"))
    expect(page.get_by_text(NOT_SENT)).to_be_visible()
    expect_answers(page, **LATE)


def test_a_persons_late_answers_come_back_marked_after_signing_in(
    enter: Enter, server: Server, citizen: Citizen
) -> None:
    add_person(server.app)
    sign_in(citizen)
    address = f"{housing.start(citizen)}/home"
    page = enter(viewport=WIDE, reduced_motion="reduce")
    share_sessions(page.context, citizen, server)
    page.goto(address)
    send_late(page, server, "Sign in and continue")
    press(page, "Sign in", email="ada@mail.example", password=PASSWORD)
    expect_kept(page, address)
    inspector = Inspector(page, server)
    inspector.look("what came too late")
    assert inspector.faults == []
    press(page)
    page.goto(address)
    expect_answers(page, **LATE)
    expect(page.get_by_text(NOT_SENT)).to_be_hidden()


@SCRIPT
def test_a_guests_late_answers_come_back_by_reference_and_return_code(
    enter: Enter, server: Server, citizen: Citizen, script: bool
) -> None:
    draft = housing.start(citizen)
    slip = re.search(r"Return code(\S{4} \S{4})", citizen.page.words)
    assert slip is not None
    page = enter(java_script_enabled=script)
    share_sessions(page.context, citizen, server)
    page.goto(f"{draft}/home")
    send_late(page, server, "Continue your form")
    press(page, "Continue your form", reference=draft.rpartition("/")[2], return_code=slip[1])
    expect_kept(page, f"{draft}/home")


@pytest.fixture
def rented(citizen: Citizen) -> str:
    """Return the address of a section whose answer others depend on."""
    draft = housing.begin_with_home(citizen)
    citizen.press("Continue", **housing.RENT)
    return f"{draft}/home"


def test_a_change_names_the_answers_it_would_hide_until_it_is_changed_back(
    enter: Enter, server: Server, citizen: Citizen, rented: str
) -> None:
    page = enter()
    share_sessions(page.context, citizen, server)
    page.goto(rented)
    hint = page.locator(".notice").filter(has_text=HIDES)
    named = hint.locator("li:visible")
    expect(hint).to_be_hidden()
    fill(page, tenure="family")
    expect(named).to_have_text(["Your rent"])
    fill(page, tenure="none")
    expect(named).to_have_text(["Your rent", "Postcode", "Address"])
    fill(page, tenure="social_rent")
    expect(hint).to_be_hidden()
    fill(page, tenure="private_rent")
    expect(hint).to_be_hidden()


def test_the_page_always_names_the_answers_a_change_hides_without_script(
    enter: Enter, server: Server, citizen: Citizen, rented: str
) -> None:
    page = enter(java_script_enabled=False)
    share_sessions(page.context, citizen, server)
    page.goto(rented)
    expect(page.get_by_text(HIDES)).to_be_visible()


@SCRIPT
@pytest.mark.parametrize("button_name", ["Continue", "Save and come back later"])
def test_what_was_typed_before_its_question_hid_comes_back(
    enter: Enter, server: Server, citizen: Citizen, script: bool, button_name: str
) -> None:
    address = f"{housing.start(citizen)}/home"
    page = enter(java_script_enabled=script, viewport=WIDE, reduced_motion="reduce")
    share_sessions(page.context, citizen, server)
    page.goto(address)
    typed = {
        "address__line_1": "12 Long Lane",
        "address__town": "Ashmere",
        "moved_in__day": "31",
        "moved_in__month": "2",
    }
    fill(page, tenure="private_rent", **typed)
    fill(page, tenure="none")
    expect(page.locator("[name='address-line_1']")).to_be_visible(visible=not script)
    press(page, button_name)
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Your home")
    page.goto(address)
    fill(page, tenure="private_rent")
    expect(page.locator("[name='address-line_1']")).to_be_visible()
    expect_answers(page, **typed)


ONE_MORE = "And one more thing."


@SCRIPT
def test_words_typed_after_the_form_was_sent_are_shown_as_not_received(
    enter: Enter, server: Server, citizen: Citizen, script: bool
) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    first, second = tabs(enter, citizen, server, f"{draft}/needs", script=script)
    first.goto(f"{draft}/check")
    press(first, "Send", declaration="yes")
    heading(first, "We have received your form")
    fill(second, story=ONE_MORE)
    if script:
        expect(status(second)).to_have_text("Not received", timeout=10_000)
        expect(second.locator("main")).to_contain_text("We have not received what you typed here since.")
        expect(second.get_by_text(COMPARE)).to_be_hidden()
    press(second)
    heading(second, "You have already sent this form")
    expect(second.get_by_text("We have not received what you typed after that.")).to_be_visible()
    expect(second.get_by_text(ONE_MORE)).to_be_visible()


def test_a_guests_tab_goes_on_after_signing_in_in_another_tab(enter: Enter, server: Server, citizen: Citizen) -> None:
    add_person(server.app)
    address = f"{housing.start(citizen)}/about_you"
    first, second = tabs(enter, citizen, server, address)
    second.goto("/account/sign-in")
    press(second, "Sign in", email="ada@mail.example", password=PASSWORD)
    press(second, "Yes")
    second.wait_for_url("**/account")
    fill(first, full_name=MINE)
    expect(first.get_by_text("You signed in in another tab.")).to_be_visible(timeout=10_000)
    expect(status(first)).to_contain_text("Saved")
    expect(first.get_by_text(COMPARE)).to_be_hidden()
    press(first, **(housing.ABOUT_YOU | {"full_name": THEIRS}))
    first.wait_for_url("**/home")
