"""Back and reload: what stands in a field is what the server has, or counts as typed now; nothing typed is lost."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console
from tests.browser.server import Server
from tests.browser.visitors import Enter, expect_answers, fill, press, share_sessions
from tests.citizen import Citizen
from tests.journeys import housing
from tests.people import PASSWORD, add_person, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.two_browsers, pytest.mark.usefixtures("demo_forms")]
ELSEWHERE = "/privacy"
OLD, NEWER = "Zoë Hughes", "Zoë Łukasz"
CHANGE_ALL = """() => {
  const fields = [...document.querySelectorAll("input:not([type=hidden], [type=file]), select, textarea")];
  fields.forEach((field) => {
    if (field.type === "checkbox" || field.type === "radio") field.checked = !field.checked;
    else if (field.tagName === "SELECT") field.selectedIndex = field.options.length - 1;
    else field.value = { number: "7", date: "2026-01-02", time: "10:30" }[field.type] || "typed by somebody";
  });
  return fields.length;
}"""
NOT_AS_SERVED = """() => {
  const isServed = (field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked === field.defaultChecked;
    if (field.tagName !== "SELECT") return field.value === field.defaultValue;
    const served = [...field.options].find((option) => option.defaultSelected) || field.options[0];
    return field.value === served.value;
  };
  const fields = [...document.querySelectorAll("input:not([type=file]), select, textarea")];
  return fields.filter((field) => !isServed(field)).map((field) => field.name);
}"""
NO_TIMERS = "window.setTimeout = () => 0"
CITIZENS = ("/", "/resume", "/account/sign-in", "/account/register", "/account/password", "/forms/housing-support")
DRAFTS = ("", "/about_you", "/home", "/household", "/needs", "/save", "/check")
PERSONS = (
    "/account/name",
    "/account/email",
    "/account/password/change",
    "/account/delete",
    "/account/security/second-factor",
)
STAFFS = ("/hub", "/hub/cases/{case}", "/hub/customers")
ADMINS = (
    "/admin/self/site-settings/general",
    "/admin/self/site-settings/sessions",
    "/admin/self/site-settings/content",
    "/admin/self/people",
    "/admin/self/audit",
    "/admin/self/integrations",
)


def go_away_and_back(page: Page) -> None:
    page.goto(ELSEWHERE)
    page.go_back()


def changed_after_back(page: Page, addresses: tuple[str, ...]) -> dict[str, list[str]]:
    """Change every field of each page, leave it and come back; return the fields that are not as served, by page."""
    found: dict[str, list[str]] = {}
    for address in addresses:
        page.goto(address)
        if page.evaluate(CHANGE_ALL):
            go_away_and_back(page)
            expect(page).to_have_url(re.compile(f"{re.escape(address)}$"))
            page.wait_for_load_state()
            found |= {address: names} if (names := page.evaluate(NOT_AS_SERVED)) else {}
    return found


def enters_as(page: Page, citizen: Citizen, server: Server) -> None:
    share_sessions(page.context, citizen, server)


@pytest.fixture
def page(enter: Enter, console: Console) -> Page:
    console.expects("status of (403|404|409|410|503)")
    return enter()


@pytest.fixture
def visit(page: Page, server: Server, citizen: Citizen) -> Callable[[str], tuple[str, ...]]:
    """Return a function that enters as somebody and returns the addresses of all their pages with forms."""

    def as_guest() -> tuple[str, ...]:
        draft = housing.start(citizen)
        housing.fill(citizen, draft)
        enters_as(page, citizen, server)
        return (*CITIZENS[:2], *CITIZENS[5:], *(draft + place for place in DRAFTS))

    def as_person() -> tuple[str, ...]:
        add_person(server.app)
        sign_in(citizen)
        enters_as(page, citizen, server)
        return PERSONS

    def as_staff() -> tuple[str, ...]:
        draft = housing.start(citizen)
        housing.fill(citizen, draft)
        citizen.press("Send", declaration="yes")
        add_person(server.app, "tom@council.example", "staff")
        staff = Citizen(server.app)
        sign_in(staff, "tom@council.example")
        enters_as(page, staff, server)
        return tuple(address.format(case=draft.rpartition("/")[2]) for address in STAFFS)

    def as_administrator() -> tuple[str, ...]:
        add_person(server.app, "mina@council.example", "administrator")
        sign_in(citizen, "mina@council.example")
        enters_as(page, citizen, server)
        return ADMINS

    people = {"guest": as_guest, "person": as_person, "staff": as_staff, "administrator": as_administrator}
    return lambda who: people[who]() if who in people else CITIZENS


@pytest.mark.parametrize("who", ["nobody", "guest", "person", "staff", "administrator"])
def test_back_shows_every_field_of_every_form_as_the_server_has_it(
    page: Page, visit: Callable[[str], tuple[str, ...]], who: str
) -> None:
    assert changed_after_back(page, visit(who)) == {}


def test_back_shows_the_newer_answer_of_another_device(page: Page, server: Server, citizen: Citizen) -> None:
    address = f"{housing.start(citizen)}/about_you"
    enters_as(page, citizen, server)
    page.goto(address)
    press(page, **(housing.ABOUT_YOU | {"full_name": OLD}))
    page.wait_for_url("**/home")
    citizen.open(address)
    citizen.press("Continue", full_name=NEWER)
    page.go_back()
    expect_answers(page, full_name=NEWER)
    press(page)
    page.wait_for_url("**/home")
    assert citizen.open(address).value("full_name") == NEWER


def test_back_never_ticks_a_declaration(page: Page, server: Server, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    enters_as(page, citizen, server)
    page.goto(f"{draft}/check")
    fill(page, declaration="yes")
    go_away_and_back(page)
    expect(page.get_by_role("checkbox")).not_to_be_checked()


def test_back_never_shows_what_somebody_else_typed(page: Page, server: Server, citizen: Citizen) -> None:
    add_person(server.app)
    add_person(server.app, "grace@mail.example")
    sign_in(citizen)
    enters_as(page, citizen, server)
    page.goto("/account/name")
    fill(page, name="Ada in a hurry")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/account/sign-in")
    press(page, "Sign in", email="grace@mail.example", password=PASSWORD)
    page.wait_for_url("**/account")
    while "/account/name" not in page.url:
        page.go_back()
    expect_answers(page, name="")


@pytest.mark.only_browser("chromium")  # Firefox puts nothing back into a page that must not be stored
def test_words_that_were_never_saved_come_back_and_are_saved(page: Page, server: Server, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    enters_as(page, citizen, server)
    page.goto(f"{draft}/about_you")
    with server.failing(f"{draft}/autosave/about_you"):
        fill(page, full_name=OLD)
        go_away_and_back(page)
        expect_answers(page, full_name=OLD)
    expect(page.locator("[data-saved-status]")).to_contain_text("Saved", timeout=10_000)
    assert citizen.open(f"{draft}/about_you").value("full_name") == OLD


@pytest.mark.only_browser("chromium")
def test_words_that_come_back_unsaved_are_saved_without_waiting(page: Page, server: Server, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    enters_as(page, citizen, server)
    page.goto(f"{draft}/about_you")
    status = page.locator("[data-saved-status]")
    with server.failing(f"{draft}/autosave/about_you"):
        fill(page, full_name=OLD)
        page.add_init_script(NO_TIMERS)
        go_away_and_back(page)
        expect_answers(page, full_name=OLD)
        expect(status).to_have_attribute("data-state", "failed")
    go_away_and_back(page)
    expect(status).to_contain_text("Saved")
    assert citizen.open(f"{draft}/about_you").value("full_name") == OLD


def test_words_that_were_never_saved_do_not_replace_newer_ones(page: Page, server: Server, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    enters_as(page, citizen, server)
    page.goto(f"{draft}/about_you")
    with server.failing(f"{draft}/autosave/about_you"):
        fill(page, full_name=OLD)
        page.goto(ELSEWHERE)
    citizen.open(f"{draft}/about_you")
    citizen.press("Save and come back later", full_name=NEWER)
    page.go_back()
    expect_answers(page, full_name=NEWER)


@pytest.mark.parametrize("leave", ["reload", "link and back", "address and back"])
def test_words_typed_just_before_leaving_are_there_and_can_be_typed_on(
    page: Page, server: Server, citizen: Citizen, leave: str
) -> None:
    draft = housing.start(citizen)
    enters_as(page, citizen, server)
    page.goto(f"{draft}/about_you")
    for words in ("Z", "Zoë", "Zoë H"):
        fill(page, full_name=words)
        if leave == "reload":
            page.reload()
        elif leave == "link and back":
            page.get_by_role("link", name="All sections").first.click()
            page.wait_for_url(f"**{draft}")
            page.go_back()
        else:
            go_away_and_back(page)
        expect_answers(page, full_name=words)
    fill(page, full_name=OLD)
    expect(page.locator("[data-saved-status]")).to_contain_text("Saved", timeout=10_000)
    press(page, **(housing.ABOUT_YOU | {"full_name": OLD}))
    page.wait_for_url("**/home")


def test_nothing_is_typed_over_last_words_that_are_still_on_their_way(
    page: Page, server: Server, citizen: Citizen
) -> None:
    draft = housing.start(citizen)
    enters_as(page, citizen, server)
    page.goto(f"{draft}/about_you")
    page.wait_for_load_state()
    autosave = f"{draft}/autosave/about_you"
    with server.holding(autosave):
        fill(page, full_name=OLD)
        page.reload()
        server.wait_for(autosave, 2)  # the last words, and the question whether they have arrived
        typed = page.locator("main [name=full_name]")
        typed.focus()
        page.keyboard.type("X")
        expect(typed).not_to_have_value("X")
    expect_answers(page, full_name=OLD)
    press(page, **(housing.ABOUT_YOU | {"full_name": NEWER}))
    page.wait_for_url("**/home")


def test_a_link_leads_to_a_page_that_knows_the_last_words(page: Page, server: Server, citizen: Citizen) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    enters_as(page, citizen, server)
    page.goto(f"{draft}/check")
    page.get_by_role("link", name="Change your full name").first.click()
    fill(page, full_name=OLD)
    page.get_by_role("link", name="All sections").first.click()
    page.wait_for_url(f"**{draft}")
    (saved,) = server.forms(f"{draft}/autosave/about_you")
    assert saved["full_name"] == [OLD]
    paths = [path for _method, path, _form in server.received]
    assert paths.index(f"{draft}/autosave/about_you") < paths.index(draft)
