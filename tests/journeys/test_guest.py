"""A guest's way through a form, as an outside browser without script sees it."""

import pytest

from tests.citizen import Citizen
from tests.journeys import housing

pytestmark = pytest.mark.usefixtures("demo_forms")


def test_a_guest_fills_the_housing_form_and_sends_it(citizen: Citizen) -> None:
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    assert citizen.page.path == f"{draft}/check"
    assert "Zoë Łukasz" in citizen.page
    assert "£1,420.00" in citizen.page
    citizen.press("Send", declaration="yes")
    reference = draft.rpartition("/")[2]
    assert citizen.page.path == f"/submissions/{reference}"
    assert citizen.page.heading == "We have received your form"
    assert reference in citizen.page


def test_continue_leads_to_the_next_visible_section(citizen: Citizen) -> None:
    draft = housing.start(citizen)
    citizen.open(f"{draft}/home")
    citizen.press("Continue", **(housing.HOME | {"tenure": "family"}))
    assert citizen.page.path == f"{draft}/household"
