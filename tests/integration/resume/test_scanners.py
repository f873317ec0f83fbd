"""Whatever opens a link and presses its button first, the person still gets in at the first try."""

from collections.abc import Callable

import pytest
from flask import Flask

from portal.sessions.models import SessionRow
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.integration.resume.conftest import Saved
from tests.post import letters

Sessions = Callable[[], list[SessionRow]]
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0; SafeLinks)",
    "BarracudaCentral/1.0 (link protection; +https://scanner.example)",
)


def scan(app: Flask, link: str, agent: str) -> None:
    """Open the page twice, press its buttons as a script would, and type rubbish into any input."""
    scanner = Citizen(app)
    for _ in range(2):
        scanner.client.head(link, headers={"User-Agent": agent})
        scanner.open(link, **{"User-Agent": agent})
    for _ in range(3):
        scanner.open(link, **{"User-Agent": agent})
        scanner.press("Continue your form")
    for typed in ("", "test", "000000"):
        scanner.press("Continue", code=typed)
    scanner.open(link)
    scanner.press("Keep it longer")


@pytest.fixture
def scanned(app: Flask, guests: Saved, clock: MovableClock) -> Saved:
    for agent in AGENTS:
        scan(app, guests.link, agent)
    clock.advance(minutes=40)
    return guests


def test_a_guest_gets_in_by_code_after_three_scanners(app: Flask, scanned: Saved, other: Citizen) -> None:
    other.open(scanned.link)
    other.press("Continue your form")
    assert other.press("Continue", code=letters(app)[-1].code).path == f"{scanned.address}/tools"


def test_guest_gets_in_while_scanners_are_still_at_work(app: Flask, guests: Saved, other: Citizen) -> None:
    other.open(guests.link)
    for agent in AGENTS:
        scan(app, guests.link, agent)
    other.press("Continue your form")
    for agent in AGENTS:
        scan(app, guests.link, agent)
    assert other.press("Continue", code=letters(app)[-1].code).path == f"{guests.address}/tools"


def test_guest_gets_in_by_one_press_where_the_link_was_requested(scanned: Saved, citizen: Citizen) -> None:
    citizen.open(scanned.link)
    assert citizen.press("Continue your form").path == f"{scanned.address}/tools"


def test_scanners_open_no_session_mail_one_code_and_extend_nothing(
    app: Flask, scanned: Saved, sessions: Sessions, citizen: Citizen
) -> None:
    assert len(sessions()) == 1
    assert [letter.subject for letter in letters(app)] == ["Continue your form: Borrow a tool", "Your code"]
    citizen.open(scanned.link)
    citizen.press("Continue your form")
    assert "11 December 2026" in citizen.open(scanned.address)


def test_the_owner_of_an_account_gets_in_after_three_scanners(
    app: Flask, adas: Saved, citizen: Citizen, sessions: Sessions
) -> None:
    before = len(sessions())
    for agent in AGENTS:
        scanner = Citizen(app)
        scanner.client.head(adas.link, headers={"User-Agent": agent})
        scanner.open(adas.link, **{"User-Agent": agent})
        assert scanner.press("Continue your form").path == "/account/sign-in"
    assert len(sessions()) == before
    citizen.open(adas.link)
    assert citizen.press("Continue your form").path == f"{adas.address}/tools"
