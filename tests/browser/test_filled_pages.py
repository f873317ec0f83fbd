"""Full pages of staff and administrators, and pages about the end: read by axe, and narrow."""

import pytest
from playwright.sync_api import Page

from portal.sessions.operations import end_sessions_of
from portal.sessions.rules import EndReason
from tests.browser.filled import COLLEAGUE, FORMER, STAFF, add_cases, close_an_account, count_sessions, give_up_mail
from tests.browser.inspection import NARROW, WIDE, Inspector
from tests.browser.visitors import Enter, share_sessions
from tests.citizen import Citizen
from tests.journeys import housing
from tests.people import add_person, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
SETTINGS = "/admin/self/site-settings"
BEYOND = """() => {
  const main = document.querySelector("main");
  const limit = main.getBoundingClientRect().right - parseFloat(getComputedStyle(main).paddingRight) + 1;
  const texts = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const beyond = [];
  while (texts.nextNode()) {
    range.selectNodeContents(texts.currentNode);
    const lines = [...range.getClientRects()].filter((box) => box.width > 1 && box.right > limit);
    if (lines.length && !texts.currentNode.parentElement.closest("thead")) beyond.push(texts.currentNode.textContent);
  }
  return beyond;
}"""
TRACKS = """() => [...document.querySelectorAll(".table--ranked .chart__bar")].map((bar) => bar.clientWidth)"""


@pytest.fixture
def page(enter: Enter) -> Page:
    return enter(viewport=WIDE, reduced_motion="reduce")


def administrator(look: Inspector) -> None:
    add_person(look.server.app, "mina@council.example", "administrator")
    mina = Citizen(look.server.app)
    sign_in(mina, "mina@council.example")
    share_sessions(look.page.context, mina, look.server)


@pytest.mark.parametrize("tab", ["sessions", "general"])
def test_settings_with_session_figures_pass_inspection(look: Inspector, tab: str) -> None:
    count_sessions(look.server.app)
    administrator(look)
    look.visit(tab, f"{SETTINGS}/{tab}", is_main=True)
    assert look.page.locator(".table--ranked tbody tr").count() == 5
    look.page.set_viewport_size(NARROW)
    assert len(set(look.page.evaluate(TRACKS))) == 1


def test_a_full_hub_passes_inspection(look: Inspector) -> None:
    reference = add_cases(look.server.app, 12)
    tom = Citizen(look.server.app)
    sign_in(tom, STAFF)
    share_sessions(look.page.context, tom, look.server)
    look.visit("work list", "/hub", is_main=True)
    assert look.page.get_by_role("link", name="HS-").count() == 13
    assert outside_the_column(look.page) == []
    look.visit("case", f"/hub/cases/{reference}", is_main=True)
    assert look.page.locator(".history li").count() == 4
    assert look.page.get_by_role("link", name="payslip of November").count() == 1
    assert outside_the_column(look.page) == []


def test_full_administration_pages_pass_inspection(look: Inspector) -> None:
    add_cases(look.server.app, 1)
    close_an_account(look.server.app)
    give_up_mail(look.server.app)
    administrator(look)
    for name, shown in (("people", FORMER), ("audit", "Case note added"), ("outbox", "Too old")):
        look.visit(name, f"/admin/self/{name}", is_main=True)
        assert look.page.locator("main").get_by_text(shown).count()
        assert outside_the_column(look.page) == []
    look.page.goto("/admin/self/people")
    look.page.get_by_role("link", name=COLLEAGUE).click()
    look.look("somebody with a long address", is_main=True)


def outside_the_column(page: Page) -> list[str]:
    """Return what lies in the margin of a narrow page or beyond it."""
    page.set_viewport_size(NARROW)
    beyond = page.evaluate(BEYOND)
    page.set_viewport_size(WIDE)
    return beyond


@pytest.mark.parametrize("reason", [EndReason.IDLE, EndReason.STAFF], ids=lambda reason: reason.value)
def test_the_end_page_with_a_kept_form_passes_inspection(look: Inspector, reason: EndReason) -> None:
    ada, citizen = add_person(look.server.app), Citizen(look.server.app)
    sign_in(citizen)
    citizen.open(f"{housing.start(citizen)}/about_you")
    citizen.press("Continue", **housing.ABOUT_YOU)
    share_sessions(look.page.context, citizen, look.server)
    with look.server.app.app_context(), look.server.app.extensions["portal"].database.writing() as db:
        end_sessions_of(db, ada.id, reason, now=look.server.clock.now())
    look.visit(f"ended: {reason.value}", "/session/ended", is_main=True)
    assert look.page.locator("main").get_by_text("Section 1, About you").count() == 1


@pytest.mark.parametrize("language", ["en", "cy"])
def test_help_about_sessions_passes_inspection_in_each_language(look: Inspector, language: str) -> None:
    look.page.context.add_cookies([{"name": "language", "value": language, "url": look.server.base_url}])
    look.visit(f"help: {language}", "/help/sessions", is_main=True)
    assert look.page.evaluate("document.documentElement.lang") == language
