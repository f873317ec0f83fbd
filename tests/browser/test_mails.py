"""Every e-mail as a phone shows it: it wraps, names and colours the council, and its link is one button."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect

from portal.audit import Actor
from portal.site_settings.operations import change_settings
from tests.conftest import START
from tests.integration.mail.test_messages import LINK, SENDS, delivered, sender, text_of
from tests.unit.look.test_tokens import LIGHT

pytestmark = pytest.mark.browser
LONG = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"
SITE = {"site_name": f"Council of {LONG}", "support_contact": f"https://www.{LONG.lower()}.example/contact-us"}
TITLE = f"A form about {LONG * 2}"


WIDTH = 320
"""In CSS pixels: the narrowest screen of WCAG 1.4.10; wider phones have more room."""


@pytest.fixture
def phone(new_context: Callable[..., BrowserContext]) -> Iterator[Page]:
    """A narrow phone on which no mail fetches anything."""
    context = new_context(viewport={"width": WIDTH, "height": 740}, is_mobile=True, has_touch=True)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    yield context.new_page()
    assert asked == []


def shown(app: Flask, phone: Page, message: str) -> Any:
    """Show the HTML of a message; return its mail."""
    function, values, subject, line = SENDS[message]
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        change_settings(db, SITE, by=Actor(), now=START)
    long = values | ({"title": TITLE} if "title" in values else {})
    SENDS["long"] = (function, long, subject, line)
    try:
        _raw, mail = delivered(app, sender("long"))
    finally:
        del SENDS["long"]
    phone.set_content(text_of(mail, "html"))
    return mail


@pytest.mark.parametrize("message", SENDS)
def test_mail_fits_a_phone_and_bears_the_name_and_colour_of_the_council(app: Flask, phone: Page, message: str) -> None:
    shown(app, phone, message)
    assert phone.evaluate("document.documentElement.scrollWidth") == WIDTH
    assert phone.evaluate("innerWidth") == WIDTH, "the phone zooms out to show what does not wrap"
    expect(phone.get_by_text(SITE["site_name"], exact=True).first).to_be_visible()
    line = phone.locator("td").first.evaluate("cell => getComputedStyle(cell).borderTopColor")
    assert line == rgb("primary")


@pytest.mark.parametrize("message", [name for name, (*_rest, line) in SENDS.items() if line.startswith("http")])
def test_link_of_a_mail_is_one_button_and_is_written_out_below(app: Flask, phone: Page, message: str) -> None:
    shown(app, phone, message)
    line = SENDS[message][3]
    links = phone.get_by_role("link")
    expect(links).to_have_count(2)
    button, written = links.nth(0), links.nth(1)
    assert [each.get_attribute("href") for each in (button, written)] == [line, line]
    assert written.inner_text().strip() == line
    assert "http" not in button.inner_text()
    box = button.bounding_box()
    assert box
    assert box["height"] >= 44
    assert box["width"] >= WIDTH - 48
    ground = button.locator("..").evaluate("cell => getComputedStyle(cell).backgroundColor")
    assert (ground, button.evaluate("link => getComputedStyle(link).color")) == (rgb("primary"), rgb("on-primary"))


def rgb(token: str) -> str:
    """Return a colour of the light scheme as browsers report it."""
    colour = LIGHT[token]
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


def test_mail_without_a_link_has_no_button(app: Flask, phone: Page) -> None:
    shown(app, phone, "guest_code")
    expect(phone.get_by_role("link")).to_have_count(0)
    expect(phone.get_by_text("012345")).to_be_visible()
    assert LINK not in phone.content()
