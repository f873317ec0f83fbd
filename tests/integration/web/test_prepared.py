"""What tests begin with is put back as it was walked, and only where nothing else has come before it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Base, Database
from tests.canary import Canary
from tests.citizen import Citizen
from tests.conftest import MovableClock, emptied
from tests.loan import add, begin, publish_loan
from tests.people import add_person
from tests.post import letters
from tests.prepared import Walks

Walk = Callable[[], str]


class Counting:
    """Makes the same walk for any browser, and counts how often somebody walks."""

    def __init__(self, app: Flask, clock: MovableClock) -> None:
        self.app, self.clock, self.walked = app, clock, 0

    def of(self, browser: Citizen) -> Walk:
        def walk() -> str:
            self.walked += 1
            publish_loan(self.app)
            draft = begin(browser)
            browser.press("Save and come back later")
            browser.press("Send link", email="zoe@mail.example")
            letters(self.app)
            self.clock.advance(minutes=5)
            return draft

        return walk


@pytest.fixture
def counting(app: Flask, clock: MovableClock) -> Counting:
    return Counting(app, clock)


@pytest.fixture
def begin_again(
    app: Flask, database: Database, databases: dict[str, Database], migrated_sqlite: Path, clock: MovableClock
) -> Callable[[Walks], Citizen]:
    """Return a function that begins another test, and returns its browser."""
    configuration, start = app.extensions["portal"].configuration, clock.now()

    def empty(walks: Walks) -> Citizen:
        if configuration.is_sqlite:
            database.close()
            Path(str(database.engine.url.database)).write_bytes(migrated_sqlite.read_bytes())
        else:
            emptied(databases, configuration.database_url)
        for path in configuration.mail_dir.glob("*"):
            path.unlink()
        clock.set(start)
        walks.begin("a test", app, None)
        return Citizen(app)

    return empty


def everything(app: Flask, browser: Citizen, canary: Canary) -> list[Any]:
    """Return all that a test could see of what has come before it."""
    parts = app.extensions["portal"]
    with parts.database.reading() as db:
        rows = {table.name: db.execute(select(table)).all() for table in Base.metadata.sorted_tables}
    mails = {path.name: path.read_bytes() for path in parts.configuration.mail_dir.glob("*")}
    return [rows, mails, browser.client._cookies, browser.page.text, parts.clock.now(), dict(canary.secrets)]


def test_what_is_put_back_is_what_the_walk_has_led_to_and_goes_on_from_there(
    app: Flask, canary: Canary, counting: Counting, begin_again: Callable[[Walks], Citizen]
) -> None:
    walks = Walks()
    walker = begin_again(walks)
    draft = walks.walk("a test", canary, counting.of(walker), walker)
    walked = everything(app, walker, canary)
    other, noted = begin_again(walks), Canary()
    assert walks.walk("a test", noted, counting.of(other), other) == draft
    assert counting.walked == 1
    assert everything(app, other, noted) == walked
    assert add(other, draft, what="Drill", power="no").startswith(f"{draft}/tools/")
    assert other.page.status == 200


def test_nothing_is_put_back_over_what_a_test_has_written(
    app: Flask, canary: Canary, counting: Counting, begin_again: Callable[[Walks], Citizen]
) -> None:
    walks = Walks()
    walker = begin_again(walks)
    walks.walk("a test", canary, counting.of(walker), walker)
    other = begin_again(walks)
    add_person(app)
    walks.walk("a test", canary, counting.of(other), other)
    assert counting.walked == 2
