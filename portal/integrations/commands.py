"""`flask integrations`: fill the address register, list the integrations."""

from pathlib import Path

import click
from flask.cli import AppGroup

from portal.integrations.gazetteer import FaultyGazetteerError, read_gazetteer
from portal.integrations.interface import integrations
from portal.integrations.operations import replace_addresses
from portal.web.portal import portal

integrations_group = AppGroup("integrations", help="Look-ups: the address register and other services.")


@integrations_group.command("load-addresses")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load_addresses(file: Path) -> None:
    """Put the addresses of FILE (CSV: line_1, line_2, town, postcode) in the place of those that were there."""
    try:
        addresses = read_gazetteer(file.read_bytes())
    except FaultyGazetteerError as reason:
        for fault in str(reason).splitlines():
            click.echo(f"{file}, {fault}")
        raise click.ClickException("Nothing was changed.") from None
    with portal().database.writing() as db:
        replace_addresses(db, addresses)
    click.echo(f"Addresses in the register: {len(addresses)}.")


@integrations_group.command("list")
def list_command() -> None:
    """List the integrations that forms may name, with what they need and offer."""
    for name, adapter in sorted(integrations().adapters.items()):
        needs, offers = ", ".join(adapter.inputs), ", ".join(adapter.outputs)
        click.echo(f"{name}\t{adapter.kind}\t{adapter.address}\tneeds {needs}\toffers {offers}")
