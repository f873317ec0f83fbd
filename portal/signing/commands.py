"""`flask signing`: whether everything that was signed is still what was signed, and by which key that is known."""

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from portal.signing.chain import THE_KEY
from portal.signing.models import SigningKey
from portal.signing.operations import desk_at
from portal.signing.verifying import breaks_of, forms_to_verify
from portal.submissions.models import Submission
from portal.submissions.queries import submission_by_reference
from portal.web.app_state import app_state

signing_group = AppGroup("signing", help="Check what was signed.")


@signing_group.command("verify")
@click.argument("reference", required=False)
def verify(reference: str | None) -> None:
    """Recompute all hashes and chains of events, of one sent form or of all; exit with 1 where one does not hold."""
    state = app_state()
    with state.database.reading() as db:
        wanted = [_numbered(db, reference)] if reference else forms_to_verify(db)
    breaks = 0
    for number in wanted:
        with state.database.reading() as db:
            submission = db.get_one(Submission, number)
            for found in breaks_of(desk_at(db, now=state.clock.now()), submission):
                click.echo(f"{submission.reference}: {found}.", err=True)
                breaks += 1
    click.echo(f"{len(wanted)} forms verified, {breaks} breaks found.")
    if breaks:
        raise SystemExit(1)


@signing_group.command("key")
def key() -> None:
    """Print the public key (Ed25519, in hex) that certificates must name, and since when it is used."""
    with app_state().database.reading() as db:
        row = db.get(SigningKey, THE_KEY)
    if row is None:
        raise click.ClickException("There is no key yet: nobody was asked to sign anything.")
    click.echo(f"{row.public.hex()} since {row.made_at:%Y-%m-%d %H:%M} UTC")


def _numbered(db: Session, reference: str) -> int:
    submission = submission_by_reference(db, reference)
    if submission is None:
        raise click.ClickException(f"There is no sent form with the reference {reference}.")
    return submission.id
