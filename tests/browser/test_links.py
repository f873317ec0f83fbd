"""Mailed links in a real browser: the token leaves the address bar, and link scanners with script lock nobody out."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console
from tests.browser.inspection import WIDE, Inspector
from tests.browser.server import Server
from tests.browser.visitors import Enter, press
from tests.citizen import Citizen
from tests.loan import YOU, publish_loan, start
from tests.post import letters

pytestmark = pytest.mark.browser
LANDING = "Continue your form"
SUBMIT = "document.querySelector('main form').requestSubmit()"


@pytest.fixture(autouse=True)
def refusals(console: Console) -> None:
    """Expect the browser to report every refusal to the console, such as that of a wrong code."""
    console.expects("status of (422|429)")


@pytest.fixture
def link(server: Server, citizen: Citizen) -> str:
    """Return the path of a link that was sent to a guest."""
    app = server.app
    publish_loan(app)
    citizen.open(f"{start(citizen)}/you")
    citizen.press("Continue", **YOU)
    citizen.press("Save and come back later")
    citizen.press("Send link", email="zoe@mail.example")
    return letters(app)[-1].link


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def test_the_token_leaves_the_address_bar_and_reload_and_back_find_the_page(enter: Enter, link: str) -> None:
    page = enter()
    page.goto(link)
    expect(page).to_have_url(re.compile("/resume$"))
    heading(page, LANDING)
    page.reload()
    heading(page, LANDING)
    expect(page).to_have_url(re.compile("/resume$"))
    press(page, LANDING)
    heading(page, "Enter the code from our e-mail")
    page.go_back()
    heading(page, LANDING)


def test_the_first_press_removes_the_token_from_the_address_without_script(enter: Enter, link: str) -> None:
    page = enter(java_script_enabled=False)
    page.goto(link)
    press(page, LANDING)
    expect(page).to_have_url(re.compile("/resume/code$"))


def test_the_reference_page_survives_a_reload_when_no_link_was_opened(enter: Enter) -> None:
    page = enter()
    page.goto("/resume")
    heading(page, "Continue a saved form")
    page.reload()
    heading(page, "Continue a saved form")


def test_a_link_scanner_that_runs_scripts_and_sends_forms_locks_nobody_out(
    server: Server, enter: Enter, link: str
) -> None:
    for agent in ("SafeLinks", "Barracuda", "Proofpoint"):
        scanner = enter(user_agent=agent)
        for _ in range(2):
            scanner.goto(link)
            scanner.evaluate(SUBMIT)
            expect(scanner).to_have_url(re.compile("/resume/code$"))
        scanner.locator("main [name=code]").fill("123456")
        scanner.evaluate(SUBMIT)
    human = enter()
    human.goto(link)
    press(human, LANDING)
    press(human, code=letters(server.app)[-1].code)
    expect(human).to_have_url(re.compile("/drafts/.*/tools$"))
    assert len(letters(server.app)) == 2


def test_resume_pages_pass_inspection(citizen: Citizen, enter: Enter, server: Server, link: str) -> None:
    page = enter(viewport=WIDE)
    looks = Inspector(page, server)
    looks.visit("landing", link)
    press(page, LANDING)
    looks.look("code")
    press(page, code=letters(server.app)[-1].code)
    address = page.url.partition("/tools")[0]
    looks.visit("save page", f"{address}/save", is_main=True)
    looks.visit("task list", address)
    assert looks.faults == []
