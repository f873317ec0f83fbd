"""What must be true of every page: noted page by page, so that one run names all that is wrong."""

from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect
from werkzeug.exceptions import HTTPException

from tests.browser.server import Server
from tests.browser.visitors import show_again

WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=320, height=640)
AXE = Axe().axe_script
VIOLATIONS = """() => axe.run({ resultTypes: ["violations"], rules: { "target-size": { enabled: true } } })
  .then((found) => found.violations)"""
"""axe's own choice, all of WCAG 2.2 A and AA, and the size of targets, which it leaves out by default."""

STRUCTURE = """() => {
  const faults = [];
  const say = (isFault, words) => { if (isFault) faults.push(words); };
  const shown = (element) => element.checkVisibility();
  const inputs = [...document.querySelectorAll("input:not([type=hidden]), select, textarea")];
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const forms = [...document.querySelectorAll("form")].filter((form) => form.getAttribute("method") === "post");
  say(!/^.+ – .+$/.test(document.title), `the title “${document.title}” does not say page and site`);
  say(!document.documentElement.lang, "no language");
  say([...document.querySelectorAll("h1")].filter(shown).length !== 1, "not exactly one h1");
  say(new Set(ids).size !== ids.length, `ids twice: ${ids.filter((id, at) => ids.indexOf(id) !== at)}`);
  inputs.forEach((input) => say(!input.labels.length && !input.ariaLabel, `no label for ${input.name}`));
  forms.forEach((form) => say(!form.querySelector("input[name=csrf_token]"), `no token: ${form.outerHTML}`));
  return faults;
}"""
LINKS = """() => [...document.querySelectorAll("a[href^='/']")].map((link) => link.pathname)"""
SIDEWAYS = """() => {
  const limit = document.documentElement.clientWidth;
  const beyond = (element) => element.checkVisibility() && element.getBoundingClientRect().right > limit + 1;
  if (document.scrollingElement.scrollWidth <= limit) return [];
  const wide = [...document.querySelectorAll("body *")].filter(beyond).map((element) => element.outerHTML.slice(0, 90));
  return [`scrolls sideways: ${wide}`];
}"""


@dataclass
class Inspector:
    """Looks at pages in one browser; `faults` says of each what is wrong."""

    page: Page
    server: Server
    faults: list[str] = field(default_factory=list)

    def visit(self, name: str, address: str, *, is_main: bool = False) -> None:
        """Open an address and look at it."""
        self.page.goto(address)
        self.look(name, is_main=is_main)

    def look(self, name: str, *, is_main: bool = False) -> None:
        """Look at the page that is open: wide, and 320 px wide; the main ones in the dark as well."""
        self.page.evaluate(AXE)
        self._judge(name)
        self._note(name, self.page.evaluate(STRUCTURE))
        dead = [path for path in self.page.evaluate(LINKS) if not self._is_page(path)]
        self._note(name, [f"a link to no page: {path}" for path in dead])
        self.page.set_viewport_size(NARROW)
        self._note(f"{name}, 320 px", self.page.evaluate(SIDEWAYS))
        if is_main:
            self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            self._judge(f"{name}, dark, 320 px")
            self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        self.page.set_viewport_size(WIDE)

    def look_at_warning(self, name: str, *, after_minutes: float) -> None:
        """Let the session of the open page come close to its end, and look at the warning."""
        self.server.clock.advance(minutes=after_minutes)
        show_again(self.page)
        expect(self.page.locator("dialog")).to_be_visible()
        self.look(f"{name}, warning", is_main=True)

    def _is_page(self, path: str) -> bool:
        try:
            return bool(self.server.app.url_map.bind("").match(path, method="GET"))
        except HTTPException:
            return False

    def _judge(self, name: str) -> None:
        found = self.page.evaluate(VIOLATIONS)
        self._note(name, [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]])

    def _note(self, name: str, faults: list[str]) -> None:
        self.faults += [f"{name}: {fault}" for fault in faults]
