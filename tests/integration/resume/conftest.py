"""Saved drafts of guests and of people, with the links that were mailed."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.sessions.models import SessionRow
from tests.citizen import Citizen
from tests.conftest import Prepared
from tests.integration.drafts.conftest import row as row
from tests.loan import begin, publish_loan
from tests.people import add_person, sign_in
from tests.post import letters


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A draft with its first section answered; `link` was mailed, `code` is the return code of its slip."""

    address: str
    reference: str
    link: str
    code: str = ""


@pytest.fixture
def guests(app: Flask, citizen: Citizen, prepared: Prepared) -> Saved:
    """A guest's draft, begun in the browser `citizen`, its link mailed to zoe@mail.example."""

    def walk() -> Saved:
        publish_loan(app)
        draft = begin(citizen)
        citizen.press("Save and come back later")
        citizen.press("Send link", email="zoe@mail.example")
        link = letters(app)[-1].link
        code = return_code(citizen, draft)
        return Saved(address=draft, reference=draft.rpartition("/")[2], link=link, code=code)

    return prepared(walk, citizen)


def return_code(citizen: Citizen, draft: str) -> str:
    """Return the return code on the slip of a task list."""
    values = citizen.open(draft).text.split('class="slip__value">')
    return values[2].partition("<")[0]


@pytest.fixture
def adas(app: Flask, citizen: Citizen, prepared: Prepared) -> Saved:
    """A draft of the account ada@mail.example, begun in the browser `citizen`."""

    def walk() -> Saved:
        publish_loan(app)
        add_person(app)
        sign_in(citizen)
        draft = begin(citizen)
        citizen.press("Save and come back later")
        return Saved(address=draft, reference=draft.rpartition("/")[2], link=letters(app)[-1].link)

    return prepared(walk, citizen)


@pytest.fixture
def other(app: Flask) -> Citizen:
    """Another browser."""
    return Citizen(app)


@pytest.fixture
def sessions(database: Database) -> Callable[[], list[SessionRow]]:
    """Return a function that reads all session rows, oldest first."""

    def find() -> list[SessionRow]:
        with database.reading() as db:
            return list(db.scalars(select(SessionRow).order_by(SessionRow.id)))

    return find
