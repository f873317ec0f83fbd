"""A person whose form is worth stealing."""

import pytest

from tests.citizen import Citizen
from tests.conftest import Prepared
from tests.journeys import housing


@pytest.fixture
def victim(citizen: Citizen, demo_forms: None, prepared: Prepared) -> str:
    """Fill a guest's draft; return its address."""

    def walk() -> str:
        draft = housing.start(citizen)
        housing.fill(citizen, draft)
        return draft

    return prepared(walk, citizen)
