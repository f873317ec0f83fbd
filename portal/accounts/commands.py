"""`flask accounts`: making an account whose address counts as proved, and removing a lost second factor."""

import sys

import click
from flask.cli import AppGroup

from portal.accounts.operations import DuplicateAddressError, create_account, mail_password_link
from portal.accounts.passwords import guessable_fault, hash_password
from portal.accounts.queries import person_by_key
from portal.accounts.rules import ROLES, BadAddressError, EmailAddress, parse_email_address, password_fault
from portal.accounts.second_factors import switch_off
from portal.accounts.views import password_link
from portal.audit import Actor
from portal.mail.messages import Notice
from portal.web.app_state import app_state

accounts_group = AppGroup("accounts", help="Create accounts, and remove a lost second factor.")


@accounts_group.command("create")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice(list(ROLES)))
@click.option("--name", help="The name to show on the pages.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input. Otherwise a link is e-mailed."
)
def create(email: str, role: str, name: str | None, password_stdin: bool) -> None:
    """Create an account for EMAIL, like: --role staff mina@example.org."""
    address = _typed_address(email)
    password_hash = hash_password(_typed_password(address)) if password_stdin else None
    with app_state().database.writing() as db:
        now = app_state().clock.now()
        try:
            person = create_account(db, address, role, password_hash=password_hash, by=Actor(), now=now, name=name)
        except DuplicateAddressError as reason:
            raise click.ClickException(str(reason)) from reason
        if password_hash is None:
            mail_password_link(db, person, link_to=password_link, to=person.email, now=now)
    click.echo(f"Created an account for {address.email}, role {role}.")
    if not password_stdin:
        click.echo("We e-mailed a link to set the password.")


@accounts_group.command("reset-second-factor")
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """Remove the second factor of EMAIL, who has lost app and recovery codes. They are told by e-mail."""
    address = _typed_address(email)
    with app_state().database.writing() as db:
        person = person_by_key(db, address.key)
        if person is None:
            raise click.ClickException(f"There is no account for {address.email}.")
        now = app_state().clock.now()
        if not switch_off(db, person, by=Actor(), now=now, notice=Notice.SECOND_FACTOR_RESET):
            raise click.ClickException(f"{person.email} has no second factor.")
    click.echo(f"Removed the second factor of {person.email}.")


def _typed_address(typed: str) -> EmailAddress:
    try:
        return parse_email_address(typed)
    except BadAddressError as reason:
        raise click.ClickException(f"{reason}.") from reason


def _typed_password(address: EmailAddress) -> str:
    password = sys.stdin.read().rstrip("\r\n")
    fault = password_fault(password) or guessable_fault(password, address.email)
    if fault:
        raise click.ClickException(f"{fault}.")
    return password
