"""A new version of a form, in a real browser: the list, the marks and the staff pages fit any width."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.browser.conftest import Console
from tests.browser.inspection import WIDE, Inspector
from tests.browser.visitors import Enter, button, follow, press, share_sessions
from tests.citizen import Citizen
from tests.conftest import DEMO_FORMS
from tests.journeys import housing
from tests.people import add_person, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("demo_forms")]
DEPOSIT = "      - {id: deposit, type: money, label: How much was your deposit?, required: true}\n"
HOUSING = (DEMO_FORMS / "housing-support.yaml").read_text()


@pytest.fixture
def page(enter: Enter, console: Console) -> Page:
    console.expects("status of (404|409|422)")
    return enter(viewport=WIDE, reduced_motion="reduce")


def publish_next(app: Flask, *, policy: str = "ask") -> None:
    """Publish the housing form with one question reworded and renamed, one more, and one of another type."""
    changed = HOUSING
    for old, new in (
        ("How much is your rent?", "How much rent do you pay?"),
        ("id: amount, type: money", "id: rent_amount, was: [amount], type: money"),
        ("id: hours, type: number", "id: hours, type: money"),
        ("      - {id: in_arrears", f"{DEPOSIT}      - {{id: in_arrears"),
        ("on_new_version: ask", f"on_new_version: {policy}"),
    ):
        assert old in changed
        changed = changed.replace(old, new)
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        publish(db, read_yaml(changed), now=parts.clock.now())


def test_pages_of_a_draft_in_a_changed_form_pass_inspection(look: Inspector, citizen: Citizen, app: Flask) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    publish_next(app)
    share_sessions(look.page.context, citizen, look.server)
    look.visit("what changed", draft, is_main=True)
    look.visit("check before deciding", f"{draft}/check")
    look.page.goto(draft)
    button(look.page, "Use the new form").click()
    look.look("task list after the move", is_main=True)
    look.visit("section to check again", f"{draft}/rent", is_main=True)
    look.visit("check with marks", f"{draft}/check", is_main=True)
    follow(look.page, "Change the name of your landlord")
    press(look.page, deposit="100", landlord="Weir Homes")
    expect(look.page.get_by_text("Changed since your last visit")).to_be_visible()
    look.look("check with a changed answer", is_main=True)


def test_an_open_page_says_that_the_form_has_changed(look: Inspector, citizen: Citizen, app: Flask) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    share_sessions(look.page.context, citizen, look.server)
    look.page.goto(f"{draft}/rent")
    publish_next(app, policy="move")
    press(look.page, landlord="Weir Homes")
    expect(look.page.get_by_role("alert")).to_contain_text("This form has changed since you opened the page.")
    expect(look.page.locator("[name=landlord]")).to_have_value("Weir Homes")
    look.look("form changed meanwhile", is_main=True)


def test_staff_pages_about_versions_pass_inspection(look: Inspector, citizen: Citizen, app: Flask) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    publish_next(app)
    add_person(app, "priya@mail.example", "administrator")
    administrator = Citizen(app)
    sign_in(administrator, "priya@mail.example")
    share_sessions(look.page.context, administrator, look.server)
    look.visit("forms", "/admin/self/forms", is_main=True)
    look.visit("one form", "/admin/self/forms/housing-support", is_main=True)
    button(look.page, "Compare").click()
    expect(look.page.get_by_text("From version 1 to version 2.")).to_be_visible()
    look.look("two versions compared", is_main=True)
