"""Autosave: what is typed reaches the server within five seconds, in order, and the page never claims too much."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import TO_WARNING_S, Console, PassTime
from tests.browser.probe import AUTOSAVE, SECTION
from tests.browser.server import Server

pytestmark = pytest.mark.browser
DURING_OUTAGES = "503|409|ERR_|htmx"


@pytest.fixture
def section(page: Page) -> Page:
    page.goto(SECTION)
    return page


def landlord(page: Page) -> Locator:
    return page.get_by_label("Name of your landlord")


def status(page: Page) -> Locator:
    return page.locator("[data-saved-status]")


@pytest.mark.two_browsers
def test_an_answer_is_saved_two_seconds_after_the_last_key(section: Page, server: Server, pass_time: PassTime) -> None:
    landlord(section).fill("Calder")
    pass_time(1.9)
    assert server.count(AUTOSAVE) == 0
    pass_time(0.1)
    expect(status(section)).to_have_text("Saved 14:02")


def test_steady_typing_is_saved_after_five_seconds(section: Page, server: Server, pass_time: PassTime) -> None:
    for length in range(1, 6):
        landlord(section).fill("x" * length)
        pass_time(1)
    expect(status(section)).to_have_text("Saved 14:02")
    assert server.forms(AUTOSAVE)[0]["landlord"] == ["xxxxx"]


def test_leaving_a_saved_answer_does_not_save_it_again(section: Page, server: Server, pass_time: PassTime) -> None:
    landlord(section).fill("Calder")
    pass_time(2)
    expect(status(section)).to_have_text("Saved 14:02")
    section.get_by_label("How much is your rent?").focus()
    pass_time(10)
    assert server.count(AUTOSAVE) == 1


def test_autosave_sends_only_changed_questions_with_all_their_inputs(
    section: Page, server: Server, pass_time: PassTime
) -> None:
    section.get_by_label("Day").fill("4")
    section.get_by_text("A cat", exact=True).click()
    section.get_by_text("A cat", exact=True).click()
    pass_time(2)
    expect(status(section)).to_have_text("Saved 14:02")
    form = server.forms(AUTOSAVE)[0]
    assert {name: values for name, values in form.items() if name not in ("csrf_token", "_revision")} == {
        "_sequence": ["1"],
        "_changed": ["born,pets"],
        "born-day": ["4"],
        "born-month": [""],
        "born-year": [""],
        "_end": ["1"],
    }
    assert list(form)[-1] == "_end"


def test_the_next_save_names_the_revision_of_the_last_answer(
    section: Page, server: Server, pass_time: PassTime
) -> None:
    for text in ("Calder", "Calder Homes"):
        with section.expect_response(f"**{AUTOSAVE}"):
            landlord(section).fill(text)
            pass_time(2)
        expect(status(section)).to_have_text("Saved 14:02")
    first, second = (int(form["_revision"][0]) for form in server.forms(AUTOSAVE))
    assert second == first + 1
    assert section.locator("[name=_revision]").input_value() == str(second + 1)


@pytest.mark.two_browsers
def test_hiding_the_page_saves_at_once(section: Page, server: Server) -> None:
    landlord(section).fill("Calder")
    section.evaluate("""() => {
      Object.defineProperty(document, "hidden", { value: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    expect(status(section)).to_have_text("Saved 14:02")


@pytest.mark.two_browsers
def test_leaving_the_page_saves_what_was_just_typed(section: Page, server: Server) -> None:
    landlord(section).fill("Calder")
    section.goto("/probe/public")
    server.wait_for(AUTOSAVE, 1)
    # A page that goes before it has its answer sends the same words once more, and never again.
    sent = [(form["landlord"], form["_sequence"]) for form in server.forms(AUTOSAVE)]
    assert sent in ([(["Calder"], ["1"])], [(["Calder"], ["1"]), (["Calder"], ["2"])])


def test_answers_typed_before_the_warning_are_saved_130_seconds_before_the_end(
    section: Page, server: Server, pass_time: PassTime
) -> None:
    pass_time(TO_WARNING_S - 11)
    landlord(section).fill("Calder")
    pass_time(1)
    expect(status(section)).to_have_text("Saved 14:29")


def test_saving_never_moves_the_deadline(section: Page, pass_time: PassTime) -> None:
    pass_time(TO_WARNING_S - 60)
    landlord(section).fill("Calder")
    pass_time(2)
    expect(status(section)).to_have_text("Saved 14:29")
    section.evaluate("document.dispatchEvent(new Event('session-ask'))")
    expect(section.locator("[data-session-until]").first).to_have_text("14:32")


@pytest.mark.two_browsers
def test_autosaves_never_overlap_and_a_late_response_never_marks_newer_text_saved(
    section: Page, server: Server, pass_time: PassTime
) -> None:
    with server.holding(AUTOSAVE):
        landlord(section).fill("Calder")
        pass_time(2)
        landlord(section).fill("Calder Homes")
        pass_time(1.9)
        expect(status(section)).to_have_text("Saving…")
        server.wait_for(AUTOSAVE, 1)
        assert server.count(AUTOSAVE) == 1
        held = section.expect_response(f"**{AUTOSAVE}")
        answer = held.__enter__()
    held.__exit__(None, None, None)
    assert answer.value.ok
    expect(status(section)).to_have_text("Saving…")
    pass_time(5)
    expect(status(section)).to_have_text("Saved 14:02")
    assert [form["landlord"] for form in server.forms(AUTOSAVE)] == [["Calder"], ["Calder Homes"]]


@pytest.mark.two_browsers
def test_a_failed_autosave_is_announced_and_retried_with_everything_typed_since(
    section: Page, server: Server, pass_time: PassTime, console: Console
) -> None:
    console.expects(DURING_OUTAGES)
    with server.failing(AUTOSAVE):
        landlord(section).fill("Calder")
        pass_time(2)
        expect(status(section)).to_have_text("Not saved: no connection, we keep trying")
        section.get_by_label("How much is your rent?").fill("650")
    pass_time(4)
    expect(status(section)).to_have_text("Saved 14:02")
    last = server.forms(AUTOSAVE)[-1]
    assert (last["landlord"], last["rent"]) == (["Calder"], ["650"])


@pytest.mark.two_browsers
def test_coming_back_online_saves_at_once(
    section: Page, context: BrowserContext, pass_time: PassTime, console: Console
) -> None:
    console.expects(DURING_OUTAGES)
    context.set_offline(True)
    landlord(section).fill("Calder")
    pass_time(2)
    expect(status(section)).to_have_text("Not saved: no connection, we keep trying")
    context.set_offline(False)
    expect(status(section)).to_have_text("Saved 14:02")


@pytest.mark.parametrize("refusal", [400, 403, 404, 410, 413])
def test_refused_words_are_not_sent_again_until_they_are_others(
    section: Page, server: Server, pass_time: PassTime, console: Console, refusal: int
) -> None:
    console.expects(str(refusal))
    with server.failing(AUTOSAVE, status=refusal):
        landlord(section).fill("Calder\u2603")
        pass_time(2)
        expect(status(section)).to_have_text("Not saved yet: press Continue")
        section.evaluate("document.dispatchEvent(new Event('session-ask'))")
        section.evaluate("window.dispatchEvent(new Event('online'))")
        pass_time(120)
        assert server.count(AUTOSAVE) == 1
        section.get_by_label("How much is your rent?").fill("650")
        pass_time(2)
        server.wait_for(AUTOSAVE, 2)
        expect(status(section)).to_have_text("Not saved yet: press Continue")
    landlord(section).fill("Calder")
    pass_time(2)
    expect(status(section)).to_have_text("Saved 14:04")
    last = server.forms(AUTOSAVE)[-1]
    assert (last["landlord"], last["rent"]) == (["Calder"], ["650"])


def test_refused_words_go_with_the_page_when_it_is_left(
    section: Page, server: Server, pass_time: PassTime, console: Console
) -> None:
    console.expects("413")
    with server.failing(AUTOSAVE, status=413):
        landlord(section).fill("Calder")
        pass_time(2)
        expect(status(section)).to_have_text("Not saved yet: press Continue")
    section.get_by_role("button", name="Continue").click()
    expect(section.get_by_text("Received")).to_be_visible()
    assert server.forms(SECTION)[0]["landlord"] == ["Calder"]


def test_a_conflict_stops_autosave_until_the_page_is_sent(
    section: Page, server: Server, pass_time: PassTime, console: Console
) -> None:
    console.expects(DURING_OUTAGES)
    with server.failing(AUTOSAVE, status=409):
        landlord(section).fill("Calder")
        pass_time(2)
        expect(status(section)).to_have_text("Not saved yet: choose below")
    landlord(section).fill("Calder Homes")
    pass_time(60)
    assert server.count(AUTOSAVE) == 1


@pytest.mark.two_browsers
def test_sending_the_page_cancels_a_pending_autosave(section: Page, server: Server, pass_time: PassTime) -> None:
    landlord(section).fill("Calder")
    section.get_by_role("button", name="Continue").click()
    expect(section.get_by_text("Received")).to_be_visible()
    pass_time(10)
    assert server.count(AUTOSAVE) == 0
    assert server.forms(SECTION)[0]["landlord"] == ["Calder"]


@pytest.mark.two_browsers
def test_an_autosave_after_the_end_leads_to_the_end_page(section: Page, server: Server, console: Console) -> None:
    console.expects("401")
    server.clock.advance(minutes=31)
    landlord(section).fill("Calder")
    section.clock.run_for(2000)
    section.wait_for_url("**/session/ended")


@pytest.mark.parametrize("store", ["localStorage", "sessionStorage"])
def test_autosave_stores_nothing_in_the_browser(section: Page, pass_time: PassTime, store: str) -> None:
    landlord(section).fill("Calder")
    pass_time(2)
    expect(status(section)).to_have_text("Saved 14:02")
    kept: Any = section.evaluate(f"JSON.stringify({store})")
    assert kept in ("{}", '{"htmx-current-path-for-history":"/probe/section"}')
