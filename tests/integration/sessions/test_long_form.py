"""A form that takes six hours: a person who extends five times can send the page opened at the start."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from portal.audit import Actor
from portal.db import Database
from portal.site_settings.operations import change_settings
from tests.citizen import Citizen
from tests.conftest import START, MovableClock
from tests.journeys import housing

pytestmark = pytest.mark.usefixtures("demo_forms")
LIFETIME, EXTENDED_AFTER, TIMES = 70, timedelta(minutes=65), 5
SENT_AFTER = timedelta(hours=6, minutes=1)


@pytest.fixture
def extend(app: Flask, database: Database, clock: MovableClock) -> Callable[[Citizen], None]:
    """Return a function that extends five times, up to 6 h 01, while the page stays as opened at 0:00."""
    with database.writing() as db:
        change_settings(db, {"session_lifetime_minutes": LIFETIME}, by=Actor(), now=clock.now())

    def extend_five_times(citizen: Citizen) -> None:
        token = citizen.page.value("csrf_token")
        for number in range(1, TIMES + 1):
            clock.set(START + number * EXTENDED_AFTER)
            answer = citizen.client.post("/session/extend", data={"csrf_token": token}, headers={"HX-Request": "true"})
            assert f'data-remaining="{LIFETIME * 60}"' in answer.text
        clock.set(START + SENT_AFTER)

    return extend_five_times


def test_a_section_opened_at_0_00_is_accepted_at_6_01(citizen: Citizen, extend: Callable[[Citizen], None]) -> None:
    section = f"{housing.start(citizen)}/about_you"
    citizen.open(section)
    extend(citizen)
    assert citizen.press("Continue", **housing.ABOUT_YOU).status == 200
    assert citizen.open(section).value("full_name") == housing.ABOUT_YOU["full_name"]


def test_check_page_opened_at_0_00_can_be_sent_at_6_01(citizen: Citizen, extend: Callable[[Citizen], None]) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    citizen.open(f"{draft}/check")
    extend(citizen)
    page = citizen.press("Send", declaration="yes")
    assert page.path == draft.replace("/drafts/", "/submissions/")


def test_section_sent_a_full_lifetime_after_the_last_extension_is_late(
    citizen: Citizen, extend: Callable[[Citizen], None], clock: MovableClock
) -> None:
    citizen.open(f"{housing.start(citizen)}/about_you")
    extend(citizen)
    clock.set(START + TIMES * EXTENDED_AFTER + timedelta(minutes=LIFETIME))
    assert citizen.press("Continue", **housing.ABOUT_YOU).status == 403
