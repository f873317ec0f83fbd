"""A page says which answers a change would hide; hidden answers come back until the form is sent."""

import pytest

from tests.citizen import Citizen
from tests.journeys import housing

pytestmark = pytest.mark.usefixtures("demo_forms")


@pytest.fixture
def draft(citizen: Citizen) -> str:
    """A draft with a home that is rented, and a rent that is owed."""
    draft = housing.begin_with_home(citizen)
    citizen.press("Continue", **(housing.RENT | {"in_arrears": "yes", "arrears": "1300"}))
    return draft


def test_the_page_says_which_sections_a_change_would_hide(citizen: Citizen, draft: str) -> None:
    page = citizen.open(f"{draft}/home")
    assert (
        "If you change how you live at the moment and we no longer need these answers, we will not send them: Your rent"
        in page
    )


def test_page_says_which_of_its_questions_a_change_would_hide(citizen: Citizen, draft: str) -> None:
    page = citizen.open(f"{draft}/rent")
    assert (
        "If you change your answer about rent arrears and we no longer need these answers, "
        "we will not send them: How much do you owe?" in page
    )


def test_page_says_nothing_where_no_answer_would_be_hidden(citizen: Citizen) -> None:
    assert "no longer need" not in citizen.open(f"{housing.start(citizen)}/home")


def test_hidden_section_is_kept_aside_and_comes_back(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/home")
    citizen.press("Continue", tenure="family")
    assert "We keep your answers but will not send them" in citizen.open(draft)
    assert "Calder Homes" not in citizen.open(f"{draft}/check")
    citizen.open(f"{draft}/home")
    citizen.press("Continue", tenure="private_rent")
    assert citizen.open(f"{draft}/rent").value("landlord") == "Calder Homes Ltd"
