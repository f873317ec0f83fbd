"""Races between processes on one database: no session revived, nothing sent twice, nothing lost silently."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select, update

from portal.app import create_app
from portal.clock import SystemClock
from portal.config import read_configuration
from portal.sessions.models import ParkedValues, SessionRow
from portal.submissions.models import Submission
from tests.bench.requests import prepared_app
from tests.citizen import Citizen, Page
from tests.doors import ELSEWHERE, ENDINGS, OPENINGS, Ending, Round, Scene, storm
from tests.faults.pages import FORM
from tests.faults.racers import EXPIRE, SLOW, SLOW_S, Ask, Racers

FIRST = {"name": "Ada", "street": "Weir Lane 6", "code": "", "story": ""}
SECOND = {"work": "Baker", "need": ""}
NEVER = (
    "sessions revived after their time",
    "sessions revived after Quit",
    "rounds with more or less than one submission",
    "presses of Send without its receipt",
    "rounds in which not exactly one stale save won",
    "saves that won and are not stored",
    "late forms that got another answer than the notice",
    "rounds in which nothing was parked",
)
"""The figures that must be 0."""
INSIDE = "sessions in which somebody is who was ended"
"""The same of the storms."""


def prepared(environ: dict[str, str]) -> Flask:
    """Return the portal on this database, with the form."""
    return prepared_app(environ, Path(__file__).with_name("form.yaml"))


class Guest:
    """A guest with a draft, and what their browser would send."""

    def __init__(self, app: Flask) -> None:
        self._database = app.extensions["portal"].database
        self.browser = Citizen(app)
        self.browser.open(FORM)
        self.draft = self.browser.press("Start now").path

    @property
    def reference(self) -> str:
        return self.draft.rpartition("/")[2]

    @property
    def cookie(self) -> str:
        found = self.browser.client.get_cookie("session_customer")
        return f"session_customer={found.value if found else ''}"

    @property
    def session(self) -> int:
        return int((self.browser.page.value("csrf_token") or "0").partition(".")[0])

    def form(self, page: Page, button: str, **values: str) -> list[tuple[str, str]]:
        """Return what a page sends when a button is pressed."""
        form, pressed = page.form_with(button)
        kept = [(each.name, each.value) for each in form.controls if each.name not in (*values, "_end")]
        action = [(pressed.name, pressed.value)] if pressed.name else []
        return [*kept, *values.items(), *action, ("_end", "1")]

    def change_deadline(self, **left: float) -> None:
        """Move the session's end to so long from now."""
        moved = update(SessionRow).where(SessionRow.id == self.session)
        with self._database.writing() as db:
            db.execute(moved.values(expires_at=SystemClock().now() + timedelta(**left)))

    def lives(self) -> bool:
        """Return whether the session lives, by the table and by the portal's response."""
        with self._database.reading() as db:
            row = db.scalars(select(SessionRow).where(SessionRow.id == self.session)).one()
        lives = row.ended_at is None and row.expires_at > SystemClock().now()
        return lives or 'data-state="ended"' not in self.browser.client.get("/session/poll").text

    def parked(self) -> int:
        """Return how many pages of this draft wait for a save."""
        with self._database.reading() as db:
            rows = select(func.count()).select_from(ParkedValues).where(ParkedValues.work == self.draft)
            return db.scalar(rows) or 0

    def submissions(self) -> int:
        """Return how many submissions this draft has."""
        with self._database.reading() as db:
            rows = select(func.count()).select_from(Submission).where(Submission.reference == self.reference)
            return db.scalar(rows) or 0


def extend_against_the_end(guest: Guest, racers: Racers, processes: int) -> Counter[str]:
    """End the session while pages are under way and Stay signed in is pressed: no later write may revive it."""
    expire = Ask(path=EXPIRE, cookie="", session=guest.session, after_s=guest.session % 5 * SLOW_S / 3)
    racers.together([expire, *_renewals(guest, processes - 1)])
    return Counter({NEVER[0]: int(guest.lives()), "renewals against the end": processes - 1})


def _renewals(guest: Guest, number: int) -> list[Ask]:
    """Return requests of a session in its last third, all of which renew it."""
    guest.change_deadline(minutes=5)
    token = [("csrf_token", guest.browser.page.value("csrf_token") or "")]
    extend = Ask(path="/session/extend", cookie=guest.cookie, form=token)
    page = Ask(path=SLOW, cookie=guest.cookie, method="GET")
    return ([extend, page, page] * number)[:number]


def quit_against_slow_requests(guest: Guest, racers: Racers, processes: int) -> Counter[str]:
    """Sign out while pages are under way and Stay signed in is pressed."""
    token = [("csrf_token", guest.browser.page.value("csrf_token") or "")]
    leave = Ask(path="/account/sign-out?kind=customer", cookie=guest.cookie, form=token)
    answers = racers.together([leave, *_renewals(guest, processes - 1)])
    return Counter({NEVER[1]: int(guest.lives() or answers[0].status != 303)})


def send_at_once(guest: Guest, racers: Racers, processes: int) -> Counter[str]:
    """Press Send in all processes at once, in half of them on another copy of the page."""
    for section, values in (("first", FIRST), ("second", SECOND)):
        guest.browser.open(f"{guest.draft}/{section}")
        guest.browser.press("Continue", **values)
    forms = [guest.form(guest.browser.open(f"{guest.draft}/check"), "Send", declaration="yes") for _ in range(2)]
    path = f"{guest.draft}/check"
    asks = [Ask(path=path, cookie=guest.cookie, form=forms[number % 2]) for number in range(processes)]
    answers = racers.together(asks)
    receipt = (303, f"/submissions/{guest.reference}")
    wrong = sum((told.status, told.location) != receipt for told in answers)
    return Counter({NEVER[2]: int(guest.submissions() != 1), NEVER[3]: wrong, "presses of Send": len(answers)})


def save_at_once(guest: Guest, racers: Racers, processes: int) -> Counter[str]:
    """Save the same section from as many pages as there are processes, none of which knows of the others."""
    path = f"{guest.draft}/first"
    names = [f"Somebody {number}" for number in range(processes)]
    forms = [guest.form(guest.browser.open(path), "Continue", **(FIRST | {"name": name})) for name in names]
    answers = racers.together([Ask(path=path, cookie=guest.cookie, form=form) for form in forms])
    winners = [name for name, told in zip(names, answers, strict=True) if told.status == 303]
    refused = sum(told.status == 409 for told in answers)
    stored = guest.browser.open(path).value("name")
    is_exact = len(winners) == 1 and refused == processes - 1
    return Counter({NEVER[4]: int(not is_exact), NEVER[5]: int(stored not in winners), "stale saves": len(answers)})


def come_late_at_once(guest: Guest, racers: Racers, processes: int) -> Counter[str]:
    """Send the same page from all processes after the session's end: one is kept, and all are told."""
    path = f"{guest.draft}/first"
    form = guest.form(guest.browser.open(path), "Continue", **FIRST)
    guest.change_deadline(seconds=-1)
    answers = racers.together([Ask(path=path, cookie=guest.cookie, form=form)] * processes)
    wrong = sum(told.status != 403 for told in answers)
    return Counter({NEVER[6]: wrong, NEVER[7]: int(guest.parked() != 1), "late forms": len(answers)})


RACES: tuple[Callable[[Guest, Racers, int], Counter[str]], ...] = (
    extend_against_the_end,
    quit_against_slow_requests,
    send_at_once,
    save_at_once,
    come_late_at_once,
)


def expire(at: Round, **values: datetime) -> None:
    """Let the time of the copied session run out."""
    row = update(SessionRow).where(SessionRow.person_id == at.person_id, SessionRow.id != at.owner.id)
    with at.scene.database.writing() as db:
        db.execute(row.where(SessionRow.ended_at.is_(None)).values(**values))


def time_is_up(at: Round) -> None:
    """Let the idle timeout pass."""
    expire(at, expires_at=at.scene.now - timedelta(seconds=1))


def limit_is_reached(at: Round) -> None:
    """Let the absolute limit pass."""
    over = at.scene.now - timedelta(seconds=1)
    expire(at, expires_at=over, absolute_end_at=over)


def browsers_move(at: Round) -> None:
    """Send everything from another network from now on."""
    for browser in at.doubles:
        browser.client.environ_base["REMOTE_ADDR"] = ELSEWHERE


STORMY = dict(ENDINGS) | {
    "idle timeout": Ending(end=time_is_up),
    "absolute limit": Ending(end=limit_is_reached),
    "change of network": Ending(end=browsers_move),
}


def storm_all(app: Flask, environ: dict[str, str], *, rounds: int) -> Counter[str]:
    """Storm the doors beside each way of ending, `rounds` times, from browsers at two servers on one database."""
    scene, other = Scene(app), create_app(read_configuration(environ))
    seen, doors = Counter({INSIDE: 0}), cycle(OPENINGS.values())
    for ending in STORMY.values():
        for _ in range(rounds):
            inside = storm(scene, next(doors), ending, (app, other))
            seen.update({INSIDE: len(inside), "sessions ended beside a storm": 1})
    other.extensions["portal"].database.close()
    return seen


def race_all(app: Flask, racers: Racers, *, rounds: int, processes: int) -> Counter[str]:
    """Run all races, `rounds` of each, each with a new guest."""
    seen: Counter[str] = Counter(dict.fromkeys(NEVER, 0))
    for race in RACES:
        for _ in range(rounds):
            seen.update(race(Guest(app), racers, processes))
    return seen
