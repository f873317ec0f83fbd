"""A portal with some history: cases, people, e-mails that failed, and figures of sessions."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import update

from portal.accounts.operations import disable_account
from portal.accounts.queries import person_by_key
from portal.audit import Actor
from portal.outbox.models import Delivery
from portal.submissions.models import Case
from portal.web.counters import Counted, write_numbers
from tests.cases import copy_cases
from tests.citizen import Citizen, File
from tests.files import PDF, picture
from tests.journeys import housing
from tests.people import add_person, sign_in

STAFF, FORMER = "tom@council.example", "lee@council.example"
COLLEAGUE = "farrow.featherstonehaugh-smythe@council.example"
HOUSING = "housing_support"
NOTE = "Rang the landlord on Friday.\nHe confirms the rent and will send the agreement next week."
FIGURES = (
    ("warning", HOUSING, "needs", 171),
    ("extended", HOUSING, "needs", 118),
    ("ended", HOUSING, "needs", 31),
    ("ended", HOUSING, "household", 12),
    ("ended", HOUSING, "home", 9),
    ("ended", "parking_permit", "vehicle", 4),
    ("ended", "", "", 17),
    ("parked", HOUSING, "needs", 22),
    ("restored", HOUSING, "needs", 19),
    ("poll_failure", "", "", 6),
)
SPREAD = (("looked_at", 2), ("waiting", 6), ("new", 12))
"""Statuses that the copies of a case have, and for how many days they have waited."""


def count_sessions(app: Flask) -> None:
    """Count some sessions that were warned, extended and ended."""
    parts = app.extensions["portal"]
    day = parts.clock.now().date()
    keys = {Counted(event=e, kind="customer", form=f, section=s, day=day): number for e, f, s, number in FIGURES}
    with parts.database.writing() as db:
        write_numbers(db, parts.database, keys)


def add_cases(app: Flask, copies: int) -> str:
    """Send a form with files, work on it, and add others of every status and age; return its reference."""
    reference = _send(Citizen(app))
    _work_on(app, reference)
    parts = app.extensions["portal"]
    names = copy_cases(app, reference, copies, prefix="HS-0000")
    with parts.database.writing() as db:
        colleague = person_by_key(db, COLLEAGUE)
        for number, name in enumerate(names):
            status, days = SPREAD[number % len(SPREAD)]
            sent_at = parts.clock.now() - timedelta(days=days + number)
            values = {"status": status, "sent_at": sent_at, "assignee_id": colleague.id if number % 3 else None}
            db.execute(update(Case).where(Case.submission.has(reference=name)).values(values))
    return reference


def _send(citizen: Citizen) -> str:
    draft = housing.start(citizen)
    housing.fill(citizen, draft, landlord_email="office@calder-homes.example")
    citizen.open(f"{draft}/evidence")
    papers = [File("payslip of November with a rather long name.pdf", PDF), File("photo.jpg", picture())]
    citizen.press("Continue", income_proof=papers)
    citizen.open(f"{draft}/check")
    citizen.press("Send", declaration="yes")
    return draft.rpartition("/")[2]


def _work_on(app: Flask, reference: str) -> None:
    """Take the case as a member of staff, look at it, and write a note."""
    for email in (STAFF, COLLEAGUE):
        add_person(app, email, "staff")
    staff = Citizen(app)
    sign_in(staff, STAFF)
    clock = app.extensions["portal"].clock
    for button, values in (
        ("Save status", {"status": "looked_at"}),
        ("Add note", {"note": NOTE}),
        ("Save status", {"status": "waiting"}),
    ):
        clock.advance(minutes=5)
        staff.open(f"/hub/cases/{reference}")
        staff.press(button, **values)


def close_an_account(app: Flask) -> None:
    """Close the account of somebody who once worked here."""
    parts = app.extensions["portal"]
    former = add_person(app, FORMER, "staff")
    with parts.database.writing() as db:
        disable_account(db, former.id, by=Actor(), now=parts.clock.now())


def give_up_mail(app: Flask) -> None:
    """Add two e-mails that no server took; the text of the older one is gone."""
    parts = app.extensions["portal"]
    now = parts.clock.now()
    with parts.database.writing() as db:
        for number, payload in enumerate((b"sealed", None)):
            row = Delivery(public_id=f"given-up-{number}", kind="mail", message="resume_link", payload=payload)
            row.created_at, row.due_at, row.failed_at = now - timedelta(days=3), now, now
            row.attempts, row.last_error = 75, "550"
            db.add(row)
