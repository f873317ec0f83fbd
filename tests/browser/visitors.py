"""People with a real browser: they fill forms by the names of the inputs and press buttons by their words."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.server import Server
from tests.citizen import Citizen

COOKIES = ("session_customer", "session_messages", "session_hub", "visitor", "resume_code")
Enter = Callable[..., Page]
Typed = str | Sequence[str]
SOON = """(() => {
  const { setTimeout } = window;
  const { port1, port2 } = new MessageChannel();
  const waiting = [];
  port1.onmessage = () => waiting.shift()();
  window.setTimeout = (run, ...rest) => {
    if (rest.length && rest[0] !== undefined) return setTimeout(run, ...rest);
    waiting.push(run);
    return port2.postMessage(null) || 0;
  };
})();"""
"""Playwright's clock waits 4 ms after each timer: half an hour would take 7 s, and tabs would drift apart."""


def fill(page: Page, **values: Typed) -> None:
    """Fill inputs as a person does; `born__day` names born-day, a list ticks several boxes.

    It waits until the scripts of the page listen, as a press leads to a page that may still be loading, and until the
    page has caught up with its own last words.
    """
    page.wait_for_load_state()
    expect(page.locator("main form[inert]")).to_have_count(0)
    for name, value in values.items():
        for each in [value] if isinstance(value, str) else value:
            _answer(page.locator(f"main [name='{name.replace('__', '-')}']"), each)


def _answer(inputs: Locator, value: str) -> None:
    if inputs.first.get_attribute("type") in ("radio", "checkbox"):
        inputs.and_(inputs.page.locator(f"[value='{value}']")).check()
    else:
        inputs.fill(value)


def show_again(page: Page) -> None:
    """Show the tab again, which makes the page ask the server, once its scripts listen."""
    page.wait_for_load_state()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def button(page: Page, name: str) -> Locator:
    """Return a button of the page itself, by its exact words."""
    return page.locator("main").get_by_role("button", name=name, exact=True)


def press(page: Page, name: str = "Continue", /, **values: Typed) -> None:
    """Fill in the values, and press a button."""
    fill(page, **values)
    button(page, name).click()


def follow(page: Page, name: str) -> None:
    """Follow a link of the page itself."""
    page.locator("main").get_by_role("link", name=name, exact=True).click()


def expect_answers(page: Page, **values: str) -> None:
    """Expect every input to show what was typed."""
    for name, value in values.items():
        inputs = page.locator(f"main [name='{name.replace('__', '-')}']")
        if inputs.first.get_attribute("type") == "radio":
            expect(inputs.and_(page.locator(f"[value='{value}']"))).to_be_checked()
        else:
            expect(inputs).to_have_value(value)


def pass_time(server: Server, page: Page, seconds: float) -> None:
    """Let time pass on the server and in a browser whose time stands still."""
    server.clock.advance(seconds=seconds)
    page.context.clock.run_for(int(seconds * 1000))


def stop_time(context: BrowserContext, server: Server) -> None:
    """Stop the time of this browser; from now on it moves with `pass_time`."""
    stop_clock(context, server.clock.now())


def stop_clock(context: BrowserContext, at: datetime) -> None:
    """Stop a browser's clock a second after this instant."""
    context.add_init_script(SOON)
    context.clock.install(time=at)
    context.clock.pause_at(at + timedelta(seconds=1))


def share_sessions(context: BrowserContext, citizen: Citizen, server: Server) -> None:
    """Give this browser the sessions of a citizen without script."""
    cookies = [citizen.client.get_cookie(name) for name in COOKIES]
    found = [{"name": each.key, "value": each.value, "url": server.base_url} for each in cookies if each]
    context.add_cookies(found)  # type: ignore[arg-type]
