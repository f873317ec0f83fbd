"""Accounts, and browsers that sign in to them."""

from flask import Flask

from portal.accounts.models import Person
from portal.accounts.operations import create_account
from portal.accounts.passwords import hash_password
from portal.accounts.rules import parse_email_address
from portal.audit import Actor
from tests.citizen import Citizen, Page

PASSWORD = "correct horse battery"


def add_person(app: Flask, email: str = "ada@mail.example", role: str = "citizen") -> Person:
    """Somebody whose password is `PASSWORD`."""
    parts = app.extensions["portal"]
    hashed = hash_password(PASSWORD)
    with parts.database.writing() as db:
        return create_account(
            db, parse_email_address(email), role, password_hash=hashed, by=Actor(), now=parts.clock.now()
        )


def sign_in(citizen: Citizen, email: str = "ada@mail.example", address: str = "/account/sign-in") -> Page:
    """Sign in on the page at this address, and go where that leads."""
    citizen.open(address)
    return citizen.press("Sign in", email=email, password=PASSWORD)
