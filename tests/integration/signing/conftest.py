"""A sent form that waits for its landlord's signature, and the landlord's browser."""

import pytest
from flask import Flask

from tests.citizen import Citizen
from tests.conftest import Prepared
from tests.signatures import link_to, sent_form


@pytest.fixture
def reference(app: Flask, citizen: Citizen, prepared: Prepared) -> str:
    """The reference of a form that asks its landlord and its agent to sign."""
    found: str = prepared(lambda: sent_form(app, citizen), citizen)
    return found


@pytest.fixture
def link(app: Flask, reference: str) -> str:
    """The link that was mailed to the landlord."""
    return link_to(app, reference)


@pytest.fixture
def signer(app: Flask) -> Citizen:
    """The landlord's browser, in which nothing is open."""
    return Citizen(app)


@pytest.fixture
def another_signer(app: Flask) -> Citizen:
    """Another browser of the landlord, or of somebody else."""
    return Citizen(app)
