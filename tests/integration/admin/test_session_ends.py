"""The counts of ended sessions beside the settings: sums of thirty days, in words."""

from datetime import timedelta

import pytest

from portal.db import Database
from portal.web.counters import Counted, write_numbers
from tests.citizen import Page
from tests.conftest import MovableClock
from tests.integration.admin.conftest import GENERAL, SignedIn

SESSIONS = "/admin/self/site-settings/sessions"
FORM = "housing_support"


def write(database: Database, clock: MovableClock, *rows: tuple[str, str, str, int], ago: int = 0, **kind: str) -> None:
    day = (clock.now() - timedelta(days=ago)).date()
    numbers = {
        Counted(event=event, kind=kind.get("kind", "customer"), form=form, section=section, day=day): number
        for event, form, section, number in rows
    }
    with database.writing() as db:
        write_numbers(db, database, numbers)


def shown(administrator: SignedIn, address: str = SESSIONS) -> Page:
    return Page(address, administrator.get(address))


@pytest.mark.parametrize("address", [SESSIONS, GENERAL], ids=["sessions", "general"])
def test_page_says_when_nothing_was_counted(administrator: SignedIn, address: str) -> None:
    assert "Nothing has been counted yet." in shown(administrator, address)


def test_other_tabs_do_not_mention_sessions(administrator: SignedIn) -> None:
    assert "How sessions ended" not in shown(administrator, "/admin/self/site-settings/accounts")


@pytest.mark.usefixtures("demo_forms")
def test_page_shows_numbers_and_places_in_words(
    administrator: SignedIn, database: Database, clock: MovableClock
) -> None:
    write(database, clock, ("warning", FORM, "home", 7), ("extended", FORM, "home", 5), ("ended", FORM, "home", 2))
    write(database, clock, ("parked", FORM, "home", 4), ("restored", FORM, "home", 3), ("poll_failure", "", "", 6))
    write(database, clock, ("ended", "", "", 9), ("ended", "gone", "away", 1), ago=29)
    page = shown(administrator)
    together = page.words.replace(" ", "")
    for words in ("“Staysignedin”waspressed5", "Timeranout12", "Warningsshown7", "savedlater3", "Noformwasopen9"):
        assert words in together
    places = ("No form was open", "Apply for housing support: Your home", "gone: away")
    order = [page.words.index(words) for words in places]
    assert order == sorted(order)


def test_page_leaves_out_what_is_older_than_thirty_days(
    administrator: SignedIn, database: Database, clock: MovableClock
) -> None:
    write(database, clock, ("ended", "", "", 9), ago=30)
    assert "Nothing has been counted yet." in shown(administrator)


def test_staff_sessions_are_not_counted(administrator: SignedIn, database: Database, clock: MovableClock) -> None:
    write(database, clock, ("ended", "", "", 9), kind="hub")
    assert "Nothing has been counted yet." in shown(administrator)


def test_the_five_worst_places_are_named(administrator: SignedIn, database: Database, clock: MovableClock) -> None:
    write(database, clock, *(("ended", "gone", f"part{number}", number) for number in range(1, 8)))
    page = shown(administrator)
    assert "gone: part3" in page
    assert "gone: part2" not in page
