"""Look-ups in a real browser: with and without script, by keyboard, on a narrow screen, with and without success."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.config import Configuration
from portal.integrations.operations import replace_addresses
from tests.browser.conftest import Console
from tests.browser.inspection import Inspector
from tests.browser.server import Server
from tests.browser.visitors import button, expect_answers, fill, press
from tests.integration.integrations.conftest import FORM, MILL_STREET, WEIR_LANE
from tests.loan import publish_yaml
from tests.services import Service, say, with_service

pytestmark = pytest.mark.browser
Enter = Callable[..., Page]
FOUND = "#find-found"


@pytest.fixture
def configuration(database_url: str, tmp_path: Path, service: Service) -> Configuration:
    return with_service(service, tmp_path, database_url, deadline=1)


@pytest.fixture
def begin(server: Server, enter: Enter) -> Callable[..., Page]:
    """Open the first section of a draft that a guest has just started, in a browser of its own."""
    publish_yaml(server.app, FORM)
    with server.app.extensions["portal"].database.writing() as db:
        replace_addresses(db, WEIR_LANE + MILL_STREET)

    def begin(**options: object) -> Page:
        page = enter(**options)
        page.goto("/forms/allotment")
        button(page, "Start now").click()
        page.get_by_role("link", name="About you", exact=True).click()
        return page

    return begin


def test_results_appear_below_the_button_and_get_the_focus(begin: Callable[..., Page]) -> None:
    page = begin()
    address = page.url
    press(page, "Find address", postcode="as42ln", age="old")
    expect(page.locator(FOUND).get_by_text("Choose your address (2 found)")).to_be_visible()
    expect(page.get_by_label("1 Weir Lane, Ashmere, AS4 2LN")).to_be_focused()
    assert page.url == address, "the page stays"
    expect_answers(page, age="old", postcode="as42ln")


def test_enter_looks_up_and_then_uses_the_chosen_result(begin: Callable[..., Page]) -> None:
    page = begin()
    address = page.url
    page.get_by_label("Postcode (optional)", exact=True).fill("AS4 2LN")
    page.keyboard.press("Enter")
    expect(page.get_by_label("1 Weir Lane, Ashmere, AS4 2LN")).to_be_focused()
    assert page.url == address, "the page stays"
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect_answers(page, address__line_1="1 Weir Lane")


def test_a_result_is_found_chosen_and_used_by_keyboard_alone(begin: Callable[..., Page]) -> None:
    page = begin()
    page.get_by_label("Postcode (optional)", exact=True).focus()
    page.keyboard.type("AS4 2LN")
    page.keyboard.press("Tab")
    expect(button(page, "Find address")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("1 Weir Lane, Ashmere, AS4 2LN")).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#address-line_1")
    expect_answers(page, address__line_1="3 Weir Lane", address__postcode="AS4 2LN", town="Ashmere")


def test_enter_in_a_question_continues_without_a_look_up(
    begin: Callable[..., Page], server: Server, console: Console
) -> None:
    console.expects("422")
    page = begin()
    page.get_by_label("Age").fill("old")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    (sent,) = server.forms(page.url.removeprefix(server.base_url))
    assert sent["_action"] == ["continue"]
    assert "_lookup" not in sent


def test_choosing_a_result_saves_nothing_by_itself(begin: Callable[..., Page], server: Server) -> None:
    page = begin()
    press(page, "Find address", postcode="AS4 2LN")
    expect(page.locator("[data-saved-text]")).to_contain_text("Saved")
    autosave = page.locator("form[data-autosave]").get_attribute("data-autosave") or ""
    saved = server.count(autosave)
    page.get_by_label("3 Weir Lane, Ashmere, AS4 2LN").check()
    fill(page, town="x")
    server.wait_for(autosave, saved + 1)
    assert server.forms(autosave)[-1]["_changed"] == ["town"]


def test_a_look_up_without_results_says_so_at_its_question(begin: Callable[..., Page], console: Console) -> None:
    console.expects("422")
    page = begin()
    press(page, "Find address")
    expect(page.locator(FOUND)).to_have_text("Enter “Postcode” first.")
    press(page, "Find address", postcode="AS9 9ZZ")
    expect(page.locator(FOUND)).to_contain_text("We found nothing for “AS9 9ZZ”.")
    expect(button(page, "Find address")).to_be_focused()


def test_answers_can_be_typed_by_hand_when_the_service_or_the_connection_fails(
    begin: Callable[..., Page], server: Server, service: Service, console: Console
) -> None:
    console.expects("500|Failed to load|ERR_")
    page = begin()
    page.goto(page.url.replace("/you", "/firm"))
    service.answers["/search"] = say({}, 503)
    page.get_by_label("Name of the firm").fill("Weir")
    press(page, "Search")
    expect(page.locator("#search-found")).to_contain_text("The search does not work at the moment.")
    service.answers["/search"] = say({"items": []})
    press(page, "Search")
    expect(page.locator("#search-found")).to_contain_text("We found nothing")
    with server.failing(page.url.removeprefix(server.base_url), status=500):
        press(page, "Search")
        expect(page.locator("#search-found")).to_contain_text("The search does not work at the moment.")
    press(page, number="7")
    page.wait_for_url("**/sheds")


def test_a_look_up_in_a_dead_session_says_signed_out(
    begin: Callable[..., Page], server: Server, console: Console
) -> None:
    console.expects("401")
    page = begin()
    fill(page, postcode="AS4 2LN")
    server.clock.advance(minutes=31)
    button(page, "Find address").click()
    page.wait_for_url("**/session/ended")
    expect(page.get_by_role("heading", level=1)).to_contain_text("signed out")


@pytest.mark.parametrize("width", [1280, 320])
def test_the_page_comes_back_at_its_results_without_script(begin: Callable[..., Page], width: int) -> None:
    page = begin(java_script_enabled=False, viewport={"width": width, "height": 700})
    press(page, "Find address", postcode="AS1 1AA", age="old")
    page.wait_for_url("**/you#find-lookup")
    expect(page.get_by_label("Choose your address (12 found)")).to_be_in_viewport()
    page.get_by_label("Choose your address (12 found)").select_option("7 Mill Street, Ashmere, AS1 1AA")
    button(page, "Use this address").click()
    expect_answers(page, address__line_1="7 Mill Street", address__town="Ashmere", age="old")
    expect(page.locator("#address-line_1")).to_be_in_viewport()


def test_pages_with_results_are_accessible_and_narrow_ones_do_not_scroll_sideways(
    begin: Callable[..., Page], server: Server, console: Console
) -> None:
    console.expects("422")
    page = begin()
    look = Inspector(page, server)
    for postcode in ("AS4 2LN", "AS1 1AA", "AS9 9ZZ", ""):
        press(page, "Find address", postcode=postcode)
        expect(page.locator(FOUND)).not_to_be_empty()
        expect(page.locator(".htmx-request")).to_have_count(0)
        look.look(f"look-up of {postcode!r}", is_main=True)
    assert look.faults == []
