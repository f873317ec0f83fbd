"""The hub in a real browser: by keyboard alone, and through the deadline and the grace after it."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import Server
from tests.browser.visitors import button, share_sessions, show_again
from tests.citizen import Citizen
from tests.loan import publish_loan, send
from tests.people import add_person, sign_in

SIX_HOURS_S, GRACE_S = 21_600, 7_200


@pytest.fixture
def reference(server: Server) -> str:
    publish_loan(server.app)
    return send(Citizen(server.app), email="minnie@mail.example")


@pytest.fixture
def staff(server: Server, page: Page, reference: str) -> Page:
    add_person(server.app, "mina@mail.example", "staff")
    citizen = Citizen(server.app)
    sign_in(citizen, "mina@mail.example")
    share_sessions(page.context, citizen, server)
    return page


def pass_on(server: Server, *pages: Page, seconds: float) -> None:
    """Let time pass on the server, and have the pages poll."""
    server.clock.advance(seconds=seconds)
    for page in pages:
        show_again(page)


def test_a_case_is_found_and_worked_on_by_keyboard_alone(staff: Page, reference: str) -> None:
    staff.goto("/hub")
    staff.get_by_label("Reference, name or e-mail").focus()
    staff.keyboard.type("quartermaine")
    staff.keyboard.press("Enter")
    staff.wait_for_url("**/hub?find=**")
    expect(staff.locator("main tbody a")).to_have_text([reference])
    staff.locator("main tbody a").focus()
    staff.keyboard.press("Enter")
    staff.wait_for_url(f"**/hub/cases/{reference}")
    staff.get_by_label("Status").focus()
    staff.keyboard.type("Decided")
    staff.keyboard.press("Tab")
    expect(staff.get_by_label("Add a message to the customer (optional)")).to_be_focused()
    staff.keyboard.press("Tab")
    expect(button(staff, "Save status")).to_be_focused()
    staff.keyboard.press("Enter")
    expect(staff.locator(".history li").first).to_contain_text("Decided")


def test_a_note_open_at_the_deadline_can_still_be_sent(server: Server, staff: Page, reference: str) -> None:
    staff.goto(f"/hub/cases/{reference}")
    staff.get_by_label("Note").fill("Typed in time")
    pass_on(server, staff, seconds=SIX_HOURS_S - 60)
    warning = staff.get_by_role("dialog")
    expect(warning).to_contain_text("What you type on this page is not saved until you send it.")
    expect(warning.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    pass_on(server, staff, seconds=61)
    expect(warning).to_be_hidden()
    expect(staff.get_by_text("What you have open here can still be sent, once, until 22:02.")).to_be_visible()
    expect(staff.get_by_text("Signed in until")).to_be_hidden()
    expect(staff.get_by_label("Note")).to_have_value("Typed in time")
    button(staff, "Add note").click()
    expect(staff.locator(".history li").first).to_contain_text("Typed in time")
    expect(staff.get_by_text("Signed in until 02:02")).to_be_visible()


def test_sending_in_one_tab_ends_the_grace_notice_in_the_other(server: Server, staff: Page, reference: str) -> None:
    other = staff.context.new_page()
    for page in (staff, other):
        page.goto(f"/hub/cases/{reference}")
    pass_on(server, staff, other, seconds=SIX_HOURS_S + 1)
    for page in (staff, other):
        expect(page.locator("[data-session-grace]")).to_be_visible()
    staff.get_by_label("Note").fill("From the first tab")
    button(staff, "Add note").click()
    expect(staff.get_by_text("Signed in until 02:02")).to_be_visible()
    expect(other.locator("[data-session-grace]")).to_be_hidden()
    expect(other.get_by_text("Signed in until 02:02")).to_be_visible()


def test_a_page_with_nothing_to_send_leaves_at_the_deadline(server: Server, staff: Page, reference: str) -> None:
    staff.goto(f"/hub/drafts/{reference}")
    pass_on(server, staff, seconds=SIX_HOURS_S + 1)
    staff.wait_for_url("**/session/ended?kind=hub")
    expect(staff.get_by_text("A page that you still have open can be sent, once, until 22:02.")).to_be_visible()


def test_every_page_leaves_after_the_grace(server: Server, staff: Page, reference: str) -> None:
    staff.goto(f"/hub/cases/{reference}")
    pass_on(server, staff, seconds=SIX_HOURS_S + 1)
    expect(staff.locator("[data-session-grace]")).to_be_visible()
    pass_on(server, staff, seconds=GRACE_S)
    staff.wait_for_url("**/session/ended?kind=hub")
