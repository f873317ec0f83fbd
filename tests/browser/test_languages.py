"""The language switch in a real browser: nothing typed is lost, with and without script, by keyboard, at 320 px."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

from tests.browser.conftest import Console
from tests.browser.inspection import NARROW, WIDE, Inspector
from tests.browser.server import Server
from tests.browser.visitors import show_again

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
Enter = Callable[..., Page]
VIEWPORTS = pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "320 px"])
PAGES = ("/", "/cookies", "/privacy", "/accessibility", "/contact", "/help/sessions", "/resume", "/account/register")


def open_section(page: Page) -> None:
    """Open the first section of a guest's new form."""
    page.goto("/forms/report-a-problem")
    page.get_by_role("button", name="Start now").click()
    page.get_by_role("link", name="The problem").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The problem")


def fill_half(page: Page) -> None:
    page.get_by_label("Where is it?").fill("Mill Street 4, by the brook")
    page.get_by_label("Something else").check()
    page.get_by_label("What should we know?").fill("It is\ndark")


def expect_half(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Y broblem")
    expect(page.locator("html")).to_have_attribute("lang", "cy")
    expect(page.locator("#where")).to_have_value("Mill Street 4, by the brook")
    expect(page.get_by_label("Rhywbeth arall")).to_be_checked()
    expect(page.locator("#details")).to_have_value("It is\ndark")


@VIEWPORTS
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_half_filled_section_loses_nothing_when_the_language_changes(
    enter: Enter, viewport: ViewportSize, script: bool
) -> None:
    page = enter(viewport=viewport, java_script_enabled=script)
    open_section(page)
    fill_half(page)
    [button] = page.get_by_role("button", name="Cymraeg").all()
    button.click()
    expect_half(page)
    assert page.url.endswith("/problem")


@VIEWPORTS
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_every_other_page_shows_one_language_button(enter: Enter, viewport: ViewportSize, script: bool) -> None:
    page = enter(viewport=viewport, java_script_enabled=script)
    for address in PAGES:
        page.goto(address)
        assert len(page.get_by_role("button", name="Cymraeg").all()) == 1, address
    page.get_by_role("button", name="Cymraeg").click()
    expect(page.locator("html")).to_have_attribute("lang", "cy")
    assert page.url.endswith(PAGES[-1])


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_enter_in_a_field_continues_and_does_not_change_the_language(enter: Enter, script: bool) -> None:
    page = enter(java_script_enabled=script)
    open_section(page)
    fill_half(page)
    page.get_by_label("No", exact=True).check()
    page.get_by_label("Where is it?").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keeping you informed")


def test_the_language_button_works_by_keyboard(enter: Enter) -> None:
    page = enter()
    open_section(page)
    page.get_by_label("Where is it?").fill("here")
    page.get_by_role("button", name="Cymraeg").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#where")).to_have_value("here")
    expect(page.locator("html")).to_have_attribute("lang", "cy")


def test_answers_unsaved_during_an_outage_survive_a_change_of_language(enter: Enter, console: Console) -> None:
    console.expects("ERR_INTERNET_DISCONNECTED|htmx")
    page = enter()
    open_section(page)
    page.context.set_offline(True)
    fill_half(page)
    page.context.set_offline(False)
    page.get_by_role("button", name="Cymraeg").click()
    expect_half(page)


def test_the_warning_counts_and_speaks_in_welsh(context: BrowserContext, page: Page, server: Server) -> None:
    page.goto("/forms/report-a-problem")
    page.get_by_role("button", name="Cymraeg").click()
    page.get_by_role("button", name="Dechrau nawr").click()
    server.clock.advance(minutes=28)
    show_again(page)
    dialog = page.locator("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Byddwch yn cael eich allgofnodi ymhen 2 funud.")
    expect(dialog.get_by_role("button", name="Aros wedi mewngofnodi")).to_be_visible()


def test_welsh_pages_pass_inspection_wide_and_narrow(enter: Enter, server: Server, console: Console) -> None:
    console.expects("422")
    page = enter(viewport=WIDE)
    inspector = Inspector(page, server)
    page.goto("/")
    page.get_by_role("button", name="Cymraeg").click()
    for address in PAGES:
        inspector.visit(f"Welsh {address}", address)
    inspector.visit("a form that is not translated", "/forms/housing-support")
    page.get_by_role("button", name="Dechrau nawr").click()
    page.goto(f"{page.url}/about_you")
    inspector.look("a section that is not translated")
    page.goto("/forms/report-a-problem")
    page.get_by_role("button", name="Dechrau nawr").click()
    inspector.look("Welsh task list")
    page.get_by_role("link", name="Y broblem").click()
    inspector.look("Welsh section", is_main=True)
    page.get_by_role("button", name="Parhau").click()
    inspector.look("Welsh errors")
    assert inspector.faults == [], "\n".join(inspector.faults)
