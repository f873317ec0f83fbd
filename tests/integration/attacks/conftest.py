"""A person whose form is worth stealing."""

import pytest

from tests.citizen import Citizen
from tests.journeys import housing


@pytest.fixture
def victim(citizen: Citizen, demo_forms: None) -> str:
    """Fill a guest's draft; return its address."""
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    return draft
