"""`flask forms publish`: publish definitions, and say what that does to open drafts."""

from pathlib import Path

import click

from portal.designer.impact import impact, impact_lines
from portal.form_definitions.commands import FILES, forms, list_remarks, read_files
from portal.form_definitions.models import FormVersion
from portal.form_definitions.operations import publish
from portal.form_definitions.queries import versions_of
from portal.web.portal import portal

__all__ = ["forms"]
MOST_LOOKED_AT = 1000
"""Nobody waits for a page here, so that more drafts are looked at."""


@forms.command("publish")
@FILES
def publish_command(files: tuple[Path, ...]) -> None:
    """Publish every FILE, or nothing where one of them is faulty; say which open drafts are touched, and how."""
    definitions = read_files(files)
    for file, definition in zip(files, definitions, strict=True):
        list_remarks(file, definition)
    with portal().database.writing() as db:
        versions = [publish(db, definition, now=portal().clock.now()) for definition in definitions]
    for version in versions:
        click.echo(f"{version.form_id}@{version.number} is published at /forms/{version.slug}")
        for line in _impact_lines(version):
            click.echo(f"  {line}")


def _impact_lines(version: FormVersion) -> list[str]:
    """Counted after the publishing, so that nobody waits for the database meanwhile; a first version has no impact."""
    if version.number == 1:
        return []
    now = portal().clock.now()
    with portal().database.reading() as db:
        versions = versions_of(db, version.slug)
        found = impact(
            db, versions, keyring=portal().configuration.keyring, now=now, today=now.date(), most=MOST_LOOKED_AT
        )
        return impact_lines(found)
