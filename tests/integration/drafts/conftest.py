"""The tool loan, published, and what the database holds of a draft."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.drafts.models import Draft, DraftPart
from tests.citizen import Citizen
from tests.conftest import Prepared
from tests.loan import publish_loan, start


@pytest.fixture
def draft(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    """The address of a draft that this browser's guest has just started."""

    def walk() -> str:
        publish_loan(app)
        return start(citizen)

    return prepared(walk, citizen)


@pytest.fixture
def row(database: Database) -> Callable[[str], Draft]:
    """Return a function that finds the row of a draft by its address."""

    def find(address: str) -> Draft:
        with database.reading() as db:
            return db.scalars(select(Draft).where(Draft.reference == address.rpartition("/")[2])).one()

    return find


@pytest.fixture
def parts(database: Database, row: Callable[[str], Draft]) -> Callable[[str], dict[str, DraftPart]]:
    """Return a function that finds the stored parts of a draft by `section` or `section/item`."""

    def find(address: str) -> dict[str, DraftPart]:
        with database.reading() as db:
            query = select(DraftPart).where(DraftPart.draft_id == row(address).id).order_by(DraftPart.id)
            return {f"{part.section_id}/{part.item_id}".rstrip("/"): part for part in db.scalars(query)}

    return find
