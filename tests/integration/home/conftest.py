"""A guest's live session."""

import pytest
from flask import Flask

from tests.citizen import Citizen


@pytest.fixture
def guest_cookie(app: Flask) -> tuple[str, str]:
    """The cookie of a guest's live session, name and value."""
    guest = Citizen(app)
    guest.hold("customer", guest_id="guest")
    cookie = guest.client.get_cookie("session_customer")
    assert cookie is not None
    return cookie.key, cookie.value
