"""Take the pictures of the README: `python -m tests.browser.pictures`, or `make pictures`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize

from portal.commands.database import PEOPLE
from tests.browser.demonstration import demonstration
from tests.browser.server import Server
from tests.browser.visitors import show_again
from tests.conftest import MovableClock

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=320, height=640)
Answers = dict[str, str]
ABOUT_YOU = {"#full_name": "Ruth Okafor", "#born-day": "9", "#born-month": "5", "#born-year": "1988"}
NUMBER = {"#national_insurance": "QQ 12 34 56 C", "#email": "ruth.okafor@mail.example"}
HOME = {"#address-line_1": "Flat 6, 18 Weir Lane", "#address-town": "Ashmere", "#address-postcode": "AS4 2LN"}


def fill(page: Page, answers: Answers) -> None:
    for selector, text in answers.items():
        page.locator(selector).fill(text)


def press(page: Page, button: str) -> None:
    page.locator("main").get_by_role("button", name=button, exact=True).click()


def picture(page: Page, name: str, *, whole: bool = True) -> None:
    page.screenshot(path=FOLDER / f"{name}.png", full_page=whole)


def to_rent(page: Page) -> None:
    """Start the housing form and fill it up to the rent."""
    page.goto("/forms/housing-support")
    picture(page, "start")
    press(page, "Start now")
    page.get_by_role("link", name="About you").click()
    fill(page, ABOUT_YOU | NUMBER)
    press(page, "Continue")
    page.get_by_label("I rent from a private landlord").check()
    fill(page, HOME)
    press(page, "Continue")


def at_rent(page: Page) -> None:
    """Take the section page: filled, on a phone, in the dark, refused."""
    page.locator("#amount").fill("650")
    page.get_by_label("Every month").check()
    page.get_by_label("Yes").check()
    page.locator("#arrears").fill("1,300.00")
    page.locator("#landlord").fill("Calder Homes Ltd")
    page.locator("[data-saved-status][data-state=saved]").wait_for()
    page.wait_for_timeout(3000)  # autosave waits two seconds after the last key
    picture(page, "section")
    page.set_viewport_size(PHONE)
    picture(page, "section-320")
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)  # colours change over 120 ms
    picture(page, "section-dark")
    page.emulate_media(color_scheme="light")
    page.locator("#amount").fill("6o0")
    press(page, "Continue")
    picture(page, "errors")


def the_end(page: Page, clock: MovableClock) -> None:
    """Take the warning, and the page after the end."""
    clock.advance(minutes=28)
    show_again(page)
    page.get_by_role("button", name="Stay signed in").wait_for()
    picture(page, "warning", whole=False)
    clock.advance(minutes=3)
    page.goto(page.url)
    picture(page, "ended")


def settings(page: Page) -> None:
    """Take the site settings, with a value that gets advice."""
    administrator = next(account for account in PEOPLE if account.role == "administrator")
    page.goto("/account/sign-in")
    fill(page, {"#email": administrator.email, "#password": administrator.password})
    press(page, "Sign in")
    page.locator("#session_lifetime_minutes").fill("90")
    press(page, "Save settings")
    picture(page, "settings")


def take(browser: Browser, server: Server) -> None:
    """Take all pictures, each visitor in a browser profile of its own."""
    options: dict[str, Any] = {"base_url": server.base_url, "viewport": DESKTOP}
    visitors: list[Callable[[Page], None]] = [_citizen(server.clock), settings]
    for visitor in visitors:
        context = browser.new_context(**options)
        visitor(context.new_page())
        context.close()


def _citizen(clock: MovableClock) -> Callable[[Page], None]:
    def visit(page: Page) -> None:
        to_rent(page)
        at_rent(page)
        the_end(page, clock)

    return visit


def main() -> None:
    """Serve the demo on a clock of its own and take the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demonstration() as (browser, server):
        take(browser, server)


if __name__ == "__main__":
    main()
