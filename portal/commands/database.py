"""`flask db upgrade`, and `flask db revision` for those who change a model."""

import click
from flask.cli import AppGroup

from portal import migrations
from portal.web.portal import portal

db_group = AppGroup("db", help="The database's schema.")


@db_group.command("upgrade")
def upgrade() -> None:
    """Bring the database to the present schema."""
    migrations.upgrade(portal().database)
    click.echo(f"The database is at {migrations.newest()}.")


@db_group.command("revision")
@click.argument("message")
def revision(message: str) -> None:
    """Write the next migration from what changed in the models; read it before you keep it."""
    click.echo(migrations.draft(portal().database, message))
