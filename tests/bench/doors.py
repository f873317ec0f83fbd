"""Whether response times reveal which people the portal knows: the area under the ROC curve of timed pairs.

0.5 is a coin; 1 or 0 would mean that one look at the clock is enough. `python -m tests.bench.doors` measures this only.
"""

import os
import random
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import click
from flask import Flask
from flask.testing import FlaskClient

from portal import migrations
from portal.app import create_app
from portal.config import read_configuration
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from tests.bench.requests import data_folder
from tests.citizen import Citizen
from tests.conftest import DEMO_FORMS, MovableClock
from tests.journeys import housing
from tests.people import add_person

ANSWERED = housing.ABOUT_YOU["email"]
"""The address in a guest's form."""
PAIRS = int(os.environ.get("PAIRS") or 2000)
LEAST, MOST = 0.45, 0.55
WARM = 20
KNOWN, UNKNOWN, NEITHER = "ada@mail.example", "eve@mail.example", "bob@mail.example"


@dataclass(frozen=True, kw_only=True)
class Door:
    """A form that anybody may send: which input names a person, and what else is typed.

    Without a path it is the save page of a draft; each pair is then a new guest, as sessions end and the clock moves.
    """

    path: str
    button: str
    field: str
    known: str = KNOWN
    unknown: str = UNKNOWN
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Timed:
    """What was measured at one form, in milliseconds, and the responses."""

    known: list[float]
    unknown: list[float]
    statuses: frozenset[int]

    @property
    def area(self) -> float:
        """Return how often a known person takes longer than an unknown one; ties count half (Mann and Whitney's U)."""
        return area_under_curve(self.known, self.unknown)


def area_under_curve(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return the probability that one of `ones` is larger than one of `others`."""
    ordered = sorted(others)
    below = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in ones)
    return below / (2 * len(ones) * len(others))


def doors(reference: str) -> dict[str, Door]:
    """Return every form that might reveal whether the portal knows somebody."""
    wrong = (("password", "not the password"),)
    return {
        "sign in": Door(path="/account/sign-in", button="Sign in", field="email", others=wrong),
        "register": Door(path="/account/register", button="Register", field="email", others=wrong),
        "new password": Door(path="/account/password", button="Send me a link", field="email"),
        "return code": Door(
            path="/resume",
            button="Continue your form",
            field="reference",
            known=reference,
            unknown="HS-2222-3333",
            others=(("return_code", "BCDF-GHJK"),),
        ),
        "lost link": Door(
            path="/resume", button="Send link", field="email", known=ANSWERED, others=(("_action", "lost"),)
        ),
        "send my link": Door(path="", button="Send link", field="email"),
    }


def timed(app: Flask, clock: MovableClock, door: Door, pairs: int) -> Timed:
    """Time `pairs` pairs, one known and one unknown person in random order; wait between them for the throttles."""
    browser, base = _at(app, door)
    chance, statuses = random.Random(7), set[int]()  # noqa: S311
    seen: dict[str, list[float]] = {door.known: [], door.unknown: []}
    for number in range(WARM + pairs):
        browser, base = (browser, base) if door.path else _at(app, door)
        for who in chance.sample((door.known, door.unknown), 2):
            clock.advance(minutes=10)
            milliseconds, status = _timed(browser.client, browser.page.path, base | {door.field: who})
            if number >= WARM:
                seen[who].append(milliseconds)
                statuses.add(status)
    return Timed(known=seen[door.known], unknown=seen[door.unknown], statuses=frozenset(statuses))


def _at(app: Flask, door: Door) -> tuple[Citizen, dict[str, str]]:
    """Return a new browser at the form, and what the form sends."""
    browser = Citizen(app)
    path = door.path or f"{_new_draft(browser)}/save"
    form, _button = browser.open(path).form_with(door.button)
    return browser, {control.name: control.value for control in form.controls} | dict(door.others)


def _new_draft(guest: Citizen) -> str:
    guest.open("/forms/housing-support")
    return guest.press("Start now").path


def _timed(client: FlaskClient, path: str, data: dict[str, str]) -> tuple[float, int]:
    started = time.perf_counter_ns()
    answer = client.post(path, data=data)
    return (time.perf_counter_ns() - started) / 1e6, answer.status_code


def prepared(data_dir: str, clock: MovableClock) -> tuple[Flask, str]:
    """Prepare the portal with one account and one saved form; return both with the form's reference."""
    app = create_app(read_configuration({"DATA_DIR": data_dir}), clock=clock)
    parts = app.extensions["portal"]
    migrations.upgrade(parts.database)
    with parts.database.writing() as db:
        publish(db, read_yaml((DEMO_FORMS / "housing-support.yaml").read_text(encoding="utf-8")), now=clock.now())
    for email in (KNOWN, NEITHER):
        add_person(app, email)
    housing.begin(Citizen(app))
    return app, _new_draft(Citizen(app)).rpartition("/")[2]


def measure(data_dir: str, pairs: int = PAIRS) -> bool:
    """Time every form and print the areas; return whether all are near those of a coin."""
    clock = MovableClock()
    app, reference = prepared(data_dir, clock)
    click.echo(f"\n{pairs} pairs of a known and an unknown person at each door, in milliseconds.\n")
    click.echo(f"{'':<16}{'known p50':>11}{'unknown p50':>13}{'area':>8}   aim {LEAST} to {MOST}")
    areas = []
    for name, door in doors(reference).items():
        seen = timed(app, clock, door, pairs)
        areas.append(seen.area)
        verdict = "met" if LEAST <= seen.area <= MOST else "NOT met"
        click.echo(f"{name:<16}{median(seen.known):>11.2f}{median(seen.unknown):>13.2f}{seen.area:>8.3f}   {verdict}")
    app.extensions["portal"].database.close()
    return all(LEAST <= area <= MOST for area in areas)


def main() -> None:
    """Measure in a folder of its own."""
    with data_folder("doors") as data_dir:
        measure(data_dir)


if __name__ == "__main__":
    main()
