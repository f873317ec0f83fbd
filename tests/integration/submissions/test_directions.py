"""Answers run in the direction of their own words wherever they are shown (WCAG 1.3.2)."""

import pytest
from flask import Flask

from tests.citizen import Citizen, Page
from tests.html import Element
from tests.loan import fill, publish_loan, start
from tests.people import add_person, sign_in

pytestmark = pytest.mark.one_database
WORD = "שלום"
NO_ANSWER = ("title", "textarea", "option")


def stray(page: Page) -> list[Element]:
    """Return the innermost elements that show the word in the direction of the page around it."""
    holding = [each for each in page.elements if WORD in each.text and each.tag not in NO_ANSWER]
    around = {id(parent) for each in holding for parent in each.parents}
    return [each for each in holding if id(each) not in around and not _is_free(each)]


def _is_free(element: Element) -> bool:
    line = (element, *element.parents)
    return any(
        each.tag == "bdi" or each.get("dir") == "auto" or "govuk-visually-hidden" in each.classes for each in line
    )


def test_an_answer_runs_in_its_own_direction_on_every_page_that_shows_it(app: Flask, citizen: Citizen) -> None:
    publish_loan(app)
    draft = start(citizen)
    fill(citizen, draft, name=f"{WORD} (12)", news="yes", topic=WORD)
    tool = next(href for href in citizen.page.links.values() if "/tools/" in href)
    citizen.open(tool)
    citizen.press("Continue", what=WORD)
    pages = [citizen.open(f"{draft}/tools"), citizen.open(f"{draft}/check"), citizen.press("Send", declaration="yes")]
    add_person(app, "mina@mail.example", "staff")
    staff = Citizen(app)
    sign_in(staff, "mina@mail.example")
    pages += [staff.open("/hub"), staff.open(f"/hub/cases/{draft.rpartition('/')[2]}")]
    staff.press("Add note", note=WORD)
    pages.append(staff.page)
    for page in pages:
        assert WORD in page
        assert stray(page) == [], page.path


def test_both_sides_of_a_conflict_run_in_their_own_direction(app: Flask, citizen: Citizen) -> None:
    publish_loan(app)
    draft = start(citizen)
    other = citizen.tab()
    other.open(f"{draft}/remarks")
    citizen.open(f"{draft}/remarks")
    citizen.press("Continue", remark=f"{WORD} one")
    page = other.press("Continue", remark=f"{WORD} two")
    assert page.status == 409
    assert page.words.count(WORD) == 2
    assert stray(page) == []
