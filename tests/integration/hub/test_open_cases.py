"""The stored counts of open cases are what a sum over all cases would be, whatever staff do and whatever the day."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random

import pytest
from flask import Flask
from sqlalchemy import select

from portal.db import Database
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from portal.hub.operations import Acting, change_status
from portal.hub.queries import form_loads
from portal.hub.rules import ages
from portal.submissions.definition import STATUSES
from portal.submissions.models import CASE_IS_OPEN, Case, OpenCases, Submission
from tests.conftest import START
from tests.integration.hub.conftest import Copy
from tests.loan import FORM

pytestmark = pytest.mark.both_databases

FORMS = ("tool_loan", "boat_loan")
Waiting = dict[str, tuple[int, int, int]]


@pytest.fixture
def many_states(app: Flask, database: Database, copy_case: Copy) -> Random:
    """Send forms at any time of some weeks, and change their statuses at random."""
    chance = Random(11)  # noqa: S311
    boats = FORM.format(access="anyone", allow_save="true").replace("tool_loan", "boat_loan")
    with database.writing() as db:
        publish(db, read_yaml(boats), now=START)
    for number in range(60):
        sent_at = START - timedelta(minutes=chance.randrange(40 * 24 * 60))
        copy_case(1, prefix=f"TL-{number:04}", sent_at=sent_at, form_id=chance.choice(FORMS))
    for _ in range(90):
        with database.writing() as db:
            submission = chance.choice(db.scalars(select(Submission).order_by(Submission.id)).all())
            status = chance.choice([name for name in STATUSES if name != submission.case.status])
            change_status(db, submission, status, by=Acting(person_id=1, now=START))
    return chance


def counted(database: Database, days: int, hours: int) -> tuple[Waiting, Waiting]:
    """Return the counts of a chart whose days begin at this hour (UTC), and what a sum over all cases says."""
    midnight = START.replace(hour=0, minute=0) + timedelta(hours=hours)
    parts = ages(days)
    young_from, overdue_before = midnight - timedelta(days=parts.half - 1), midnight - timedelta(days=parts.due)
    with database.reading() as db:
        loads = form_loads(db, young_from=young_from, overdue_before=overdue_before)
        found = db.execute(select(Case.form_id, Case.sent_at).where(CASE_IS_OPEN)).all()
    places = Counter(
        (form, 0 if sent_at >= young_from else 2 if sent_at < overdue_before else 1) for form, sent_at in found
    )
    summed = {form: (places[form, 0], places[form, 1], places[form, 2]) for form in FORMS}
    return {load.version.form_id: load.waiting for load in loads}, summed


def test_counts_of_open_cases_are_the_sum_on_every_day_and_in_every_time_zone(
    database: Database, many_states: Random
) -> None:
    for _ in range(60):
        stored, summed = counted(database, many_states.randrange(1, 45), many_states.randrange(-12, 13))
        assert stored == summed


def test_a_day_without_open_cases_has_no_count(database: Database, many_states: Random) -> None:
    with database.writing() as db:
        for submission in db.scalars(select(Submission).order_by(Submission.id)).all():
            if submission.case.closed_at is None:
                change_status(db, submission, "closed", by=Acting(person_id=1, now=START))
    with database.reading() as db:
        assert db.scalars(select(OpenCases)).all() == []


def test_cases_that_open_and_close_at_once_are_all_counted(database: Database, copy_case: Copy) -> None:
    names = copy_case(6)

    def work_on(name: str) -> None:
        for status in ("closed", "new", "decided", "waiting", "closed", "new", "closed"):
            with database.writing() as db:
                submission = db.scalars(select(Submission).where(Submission.reference == name)).one()
                change_status(db, submission, status, by=Acting(person_id=1, now=START))

    with ThreadPoolExecutor(len(names)) as staff:
        list(staff.map(work_on, names))
    with database.reading() as db:
        (only,) = db.scalars(select(OpenCases))
        assert only.number == 1, "the case of the fixture"
