"""Accounts, and browsers that sign in to them."""

from functools import cache

from flask import Flask

from portal.accounts.models import Person
from portal.accounts.operations import create_account
from portal.accounts.passwords import hash_password
from portal.accounts.rules import parse_email_address
from portal.audit import Actor
from tests.citizen import Citizen, Page

PASSWORD = "correct horse battery"


@cache
def password_hash() -> str:
    """Return the hash of `PASSWORD`: a real one, made once a process."""
    return hash_password(PASSWORD)


def add_person(app: Flask, email: str = "ada@mail.example", role: str = "citizen") -> Person:
    """Create an account whose password is `PASSWORD`."""
    parts = app.extensions["portal"]
    with parts.database.writing() as db:
        return create_account(
            db, parse_email_address(email), role, password_hash=password_hash(), by=Actor(), now=parts.clock.now()
        )


def sign_in(citizen: Citizen, email: str = "ada@mail.example", address: str = "/account/sign-in") -> Page:
    """Sign in on the page at this address, and go where that leads."""
    citizen.open(address)
    return citizen.press("Sign in", email=email, password=PASSWORD)
