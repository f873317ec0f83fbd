"""Somebody whose form is worth having."""

import pytest

from tests.citizen import Citizen
from tests.journeys import housing


@pytest.fixture
def victim(citizen: Citizen, demo_forms: None) -> str:
    """A guest's filled draft; gives its address."""
    draft = housing.start(citizen)
    housing.fill(citizen, draft)
    return draft
