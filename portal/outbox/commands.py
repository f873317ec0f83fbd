"""`flask mail deliver`: send what is due, now."""

import click
from flask.cli import AppGroup

from portal.outbox.delivery import Deliverer, Round
from portal.web.portal import portal

mail = AppGroup("mail", help="Mail that waits in the outbox.")


@mail.command("deliver")
def deliver() -> None:
    """Send what is due."""
    outcome = deliver_once()
    click.echo(f"{outcome.sent} sent, {outcome.failed} failed.")
    if outcome.away:
        click.echo("The mail server does not answer; what waits is kept and tried again.", err=True)


def deliver_once() -> Round:
    """One round with the parts of the running application."""
    parts = portal()
    return Deliverer(parts.database, parts.configuration, parts.clock).deliver_due()
