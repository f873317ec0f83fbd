"""Every input that is refused when it is empty says so to screen readers before anybody sends it, on every page."""

from collections.abc import Iterator

import pytest
from flask import Flask

from portal.messages.guests import CODE_COOKIE
from tests import threads
from tests.citizen import Citizen, Form, Page
from tests.html import Element
from tests.loan import publish_loan, send, start
from tests.people import add_person, sign_in

pytestmark = pytest.mark.one_database
TYPED = ("input", "textarea", "select")
PICKED = ("hidden", "radio", "checkbox", "file")
PAGES_OF_STAFF = ("/hub/customers", "/admin/self/people", "/admin/self/site-settings/general")
PAGES_OF_A_PERSON = ("/account/name", "/account/email", "/account/password/change", "/account/again")
PAGES_OF_ANYBODY = ("/account/sign-in", "/account/register", "/account/password", "/resume")


def browser_of(app: Flask, email: str, role: str) -> Citizen:
    add_person(app, email, role)
    browser = Citizen(app)
    sign_in(browser, email)
    return browser


@pytest.fixture
def pages(app: Flask, citizen: Citizen) -> list[tuple[Citizen, str]]:
    """Return the pages on which somebody types, each with a browser that may open it."""
    publish_loan(app)
    case = f"/hub/cases/{send(citizen, email='zoe@mail.example')}"
    staff, person, ada = browser_of(app, "mina@mail.example", "administrator"), Citizen(app), add_person(app)
    sign_in(person)
    guest = Citizen(app)
    draft = start(guest)
    guest.open(f"{draft}/save")
    guest.press("Send link", email="eva@mail.example")
    person.press("Messages")
    thread = threads.begin(app, ada)
    reader = Citizen(app)
    reader.client.set_cookie(CODE_COOKIE, threads.code_for(app, threads.begin(app)).cookie)
    visits = {
        staff: (*PAGES_OF_STAFF, case),
        person: (*PAGES_OF_A_PERSON, "/messages/new", f"/messages/{thread}"),
        reader: ("/messages/code",),
        guest: (f"{draft}/save", f"{draft}/you"),
        Citizen(app): PAGES_OF_ANYBODY,
    }
    return [(browser, address) for browser, addresses in visits.items() for address in addresses]


def typed_into(page: Page, form: Form) -> dict[str, Element]:
    """Return the inputs of a form that somebody can leave empty, by name."""
    found = {each.get("name"): each for each in page.elements if each.tag in TYPED and each.get("type") not in PICKED}
    chosen = {each.inside("select") for each in page.elements if each.tag == "option" and each.get("value") == ""}
    return {
        name: element
        for name, element in found.items()
        if name in form.names and (element.tag != "select" or element in chosen)
    }


def sent_empty(browser: Citizen, page: Page, form: Form, names: dict[str, Element]) -> Page:
    """Send a form with nothing in these inputs, by the button that sends a message, else by its first."""
    data = {each.name: each.value for each in form.controls} | dict.fromkeys(names, "")
    pressed = [button for button in form.buttons if button.value == "send"] or form.buttons
    data |= {button.name: button.value for button in pressed[:1] if button.name}
    return Page(page.path, browser.post(form.action or page.path, data))


def answered(browser: Citizen, address: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield the name of each input, whether it says that it is needed, and whether it was refused empty."""
    for number, form in enumerate(browser.open(address).forms):
        page = browser.open(address)
        names = typed_into(page, form)
        if names and form.method.lower() == "post":
            answer = sent_empty(browser, page, page.forms[number], names)
            refused = {each.get("name") for each in answer.elements if each.get("aria-invalid") == "true"}
            for name, element in names.items():
                yield name, element.get("aria-required") == "true" or "required" in element.attributes, name in refused


def test_input_that_is_refused_empty_says_that_it_is_needed(pages: list[tuple[Citizen, str]]) -> None:
    silent, asked = [], 0
    for browser, address in pages:
        for name, says, is_refused in answered(browser, address):
            asked += is_refused
            silent += [f"{name} on {address}"] if is_refused and not says else []
    assert silent == []
    assert asked >= 24
