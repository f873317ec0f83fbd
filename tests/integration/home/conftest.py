"""A guest's live session."""

import pytest
from flask import Flask

from portal.sessions.browser_sessions import cookie_name, policy_of
from portal.sessions.operations import Holder, open_session
from portal.sessions.policies import KINDS
from tests.conftest import MovableClock


@pytest.fixture
def guest_cookie(app: Flask, clock: MovableClock) -> tuple[str, str]:
    """The cookie of a guest's live session, name and value."""
    with app.test_request_context(), app.extensions["portal"].database.writing() as db:
        token, _row = open_session(db, "customer", policy_of("customer"), Holder(guest_id="guest"), now=clock.now())
        return cookie_name(KINDS["customer"].cookie), token
