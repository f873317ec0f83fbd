"""Commands that upgrade the database, and fill it with the demo."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from portal import migrations
from portal.accounts.models import Person
from portal.accounts.operations import DuplicateAddressError, create_account
from portal.accounts.passwords import hash_password
from portal.accounts.queries import person_by_key
from portal.accounts.rules import parse_email_address
from portal.audit import Actor
from portal.config import Configuration
from portal.db import Database
from portal.errors import PortalError
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.versions.operations import publish
from portal.integrations.commands import read_gazetteer
from portal.integrations.operations import replace_addresses
from portal.integrations.queries import count_addresses
from portal.messages.definition import CUSTOMER_SIDE, STAFF_SIDE
from portal.messages.operations import Author, Desk, begin_thread, note_read, send_message
from portal.messages.queries import count_threads
from portal.site_settings.queries import current_settings
from portal.submissions.customers import Customer
from portal.tokens import new_token
from portal.web.app_state import app_state

db_group = AppGroup("db", help="Upgrade the database.")
DEMO_FORMS = Path(__file__).resolve().parent.parent / "demo_forms"
demo_group = AppGroup("demo", help="Load demo forms and people.")


@db_group.command("upgrade")
def upgrade() -> None:
    """Upgrade the database to the current schema."""
    migrations.upgrade(app_state().database)
    click.echo(f"The database is at {migrations.newest()}.")


@db_group.command("revision")
@click.argument("message")
def revision(message: str) -> None:
    """Write the next migration from the changes in the models. Read it before you keep it."""
    click.echo(migrations.draft(app_state().database, message))


class NoDemoHereError(PortalError):
    """The demo is not allowed here, as everybody knows the passwords of its people."""


@dataclass(frozen=True, kw_only=True)
class DemoPerson:
    """A person who can sign in to the demo."""

    role: str
    email: str
    name: str
    password: str


PEOPLE = (
    DemoPerson(role="administrator", email="admin@demo.example", name="Priya Nair", password="demo-admin-4821"),  # noqa: S106
    DemoPerson(role="citizen", email="citizen@demo.example", name="Zoë Hughes", password="demo-citizen-4821"),  # noqa: S106
    DemoPerson(role="staff", email="staff@demo.example", name="Tom Adeyemi", password="demo-staff-4821"),  # noqa: S106
    DemoPerson(role="field", email="field@demo.example", name="Ana Kowalska", password="demo-field-4821"),  # noqa: S106
)


@demo_group.command("load")
def load() -> None:
    """Publish the demo forms, create the demo people, and print how they sign in."""
    try:
        load_demo(app_state().database, app_state().configuration, now=app_state().clock.now())
    except NoDemoHereError as reason:
        raise click.ClickException(str(reason)) from reason
    click.echo(sign_ins())


def load_demo(database: Database, configuration: Configuration, *, now: datetime) -> None:
    """Load what is missing of the demo.

    Raises `NoDemoHereError` in production.
    """
    if configuration.environment == "production":
        raise NoDemoHereError("The demo's passwords are known to everybody; it is not loaded in production.")
    with database.writing() as db:
        for file in sorted(DEMO_FORMS.glob("*.yaml")):
            publish(db, read_yaml(file.read_text(encoding="utf-8")), now=now)
        if not count_addresses(db):
            replace_addresses(db, read_gazetteer((DEMO_FORMS / "addresses.csv").read_bytes()))
    for person in PEOPLE:
        _add_demo_person(database, person, now=now)
    _add_demo_thread(database, configuration, now=now)


def sign_ins() -> str:
    """Return one line for each person: role, address and password, in columns."""
    return "\n".join(f"{person.role:<15}{person.email:<22}{person.password}" for person in PEOPLE)


def _add_demo_person(database: Database, person: DemoPerson, *, now: datetime) -> None:
    with database.reading() as db:
        if person_by_key(db, parse_email_address(person.email).key):
            return
    password_hash = hash_password(person.password)
    with database.writing() as db:
        _create_demo_account(db, person, password_hash, now)


def _create_demo_account(db: Session, person: DemoPerson, password_hash: str, now: datetime) -> None:
    """Create an account; another process may have created it meanwhile."""
    address = parse_email_address(person.email)
    try:
        create_account(db, address, person.role, password_hash=password_hash, by=Actor(), now=now, name=person.name)
    except DuplicateAddressError:
        return


def _add_demo_thread(database: Database, configuration: Configuration, *, now: datetime) -> None:
    """Add a thread of the demo's citizen, with two messages that were read and one that was not."""
    with database.writing() as db:
        found = {person.role: person_by_key(db, parse_email_address(person.email).key) for person in PEOPLE}
        citizen, staff = found["citizen"], found["staff"]
        if citizen is None or staff is None or count_threads(db, citizen.id):
            return
        settings = current_settings(db)
        desk = Desk(
            db=db,
            database=database,
            keyring=configuration.keyring,
            now=now - timedelta(days=2),
            zone=settings.zone,
            reply_days=settings.messages_reply_days,
        )
        _write_demo_thread(desk, citizen, staff, settings.topics[0].name, configuration.secret_key)


def _write_demo_thread(desk: Desk, citizen: Person, staff: Person, topic: str, secret: str) -> None:
    thread = begin_thread(
        desk,
        customer=Customer(name=citizen.name, emails=(citizen.email,)),
        person_id=citizen.id,
        submission=None,
        topic=topic,
        subject="Moving out",
        language="en",
        secret=secret,
    )
    mine = Author(side=CUSTOMER_SIDE, holder=f"person:{citizen.id}", person_id=citizen.id)
    ours = Author(side=STAFF_SIDE, holder=f"person:{staff.id}", person_id=staff.id, name=staff.name)
    said = (
        (mine, 0, "I am moving out on 12 December. What do I need to do?"),
        (ours, 20, "Please tell us your new address and the day on which you hand back the keys."),
        (ours, 44, "You can also send us a photo of the meter, if you like."),
    )
    for author, hours, text in said:
        at = replace(desk, now=desk.now + timedelta(hours=hours))
        send_message(at, thread, text, author=author, key=new_token(), written_in=thread)
    read_at = replace(desk, now=desk.now + timedelta(hours=30))
    note_read(read_at, thread, mine.holder, of_side=STAFF_SIDE, up_to=2)
    note_read(read_at, thread, ours.holder, of_side=CUSTOMER_SIDE, up_to=1)
