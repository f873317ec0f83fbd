"""Reading, answering and signing: each page of a signer, and what it keeps."""

from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.signing.models import Outcome
from tests.citizen import Citizen
from tests.signatures import ANSWERS, pass_check, state_of


def outcomes(database: Database) -> list[Outcome]:
    with database.reading() as db:
        return list(db.scalars(select(Outcome)))


def test_a_landlord_signs(app: Flask, signer: Citizen, link: str, reference: str, database: Database) -> None:
    page = pass_check(signer, link)
    assert page.path == "/sign"
    assert "18 Weir Lane" in page
    assert "Zoë" not in page
    assert signer.press("Continue").path == "/sign/questions"
    assert signer.press("Continue", **ANSWERS).path == "/sign/confirm"
    page = signer.press("Sign", name="Calder Homes", consent="yes")
    assert (page.path, page.heading) == ("/sign/done", "You have signed this form")
    assert state_of(app, reference) == "signed"
    assert [outcome.kind for outcome in outcomes(database)] == ["signed"]
    pdf = signer.get("/sign/done/copy.pdf")
    assert pdf.data.startswith(b"%PDF")
