"""The commands of forms: check, publish, list, export."""

from pathlib import Path

import click
from flask.cli import AppGroup

from portal.designer.impact import impact, impact_lines
from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.format.readback import missing_texts, readback, unclaimed_addresses, unsure_signers
from portal.form_definitions.format.reading import read_json, read_yaml
from portal.form_definitions.format.reference import definition_as_yaml, schema_text, with_reference
from portal.form_definitions.format.source import Fault, FaultyDefinitionError
from portal.form_definitions.lookups import doubts
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.operations import publish
from portal.form_definitions.versions.queries import (
    current_version,
    current_versions,
    definition_of,
    numbered_version,
    versions_of,
)
from portal.web.app_state import app_state

forms = AppGroup("forms", help="Check, publish, list and export form definitions.")
FILES = click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
__all__ = ["forms"]
MOST_DRAFTS = 1000
"""A command may take longer than a page, so it reads more drafts."""


@forms.command("check")
@FILES
def check_command(files: tuple[Path, ...]) -> None:
    """Check form files: list faults, conditions in words, missing translations."""
    for file, definition in zip(files, read_files(files), strict=True):
        list_remarks(file, definition)
        click.echo(f"{file}: OK")
        for path, sentence in readback(definition):
            click.echo(f"  {path}: {sentence}")


def list_remarks(file: Path, definition: FormDefinition) -> None:
    """Write to standard error what is doubtful and no fault: translations, addresses of nobody, signers, look-ups."""
    for missing in missing_texts(definition):  # people read them in the first language
        click.echo(f"{file}: to translate: {missing}", err=True)
    for unclaimed in unclaimed_addresses(definition):
        click.echo(f"{file}: customer: {unclaimed}", err=True)
    for unsure in unsure_signers(definition):
        click.echo(f"{file}: signer: {unsure}", err=True)
    for doubt in doubts(definition, app_state().hooks.lookups_offered()):  # people type by hand
        click.echo(f"{file}: look-up: {doubt}", err=True)


@forms.command("list")
@click.option("--versions", "all_versions", is_flag=True, help="List all versions, newest first, with their hashes.")
def list_forms(all_versions: bool) -> None:
    """List the current version of every form, or all versions."""
    with app_state().database.reading() as db:
        for current in current_versions(db):
            for version in versions_of(db, current.slug) if all_versions else [current]:
                click.echo("\t".join(_version_columns(version, with_hash=all_versions)))


def _version_columns(version: FormVersion, *, with_hash: bool) -> list[str]:
    definition = definition_of(version)
    named = [f"{version.form_id}@{version.number}", f"{version.published_at:%Y-%m-%d %H:%M}Z"]
    return [*named, *([version.digest] if with_hash else []), definition.title.in_(definition.languages[0])]


@forms.command("schema")
def schema_command() -> None:
    """Write the JSON Schema of the format, for editors."""
    click.echo(schema_text(), nl=False)


@forms.command("reference")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def reference_command(file: Path) -> None:
    """Write the reference of field types into FILE, between its two marks."""
    file.write_text(with_reference(file.read_text(encoding="utf-8")), encoding="utf-8")


@forms.command("export")
@click.argument("form", metavar="ID[@N]")
def export_command(form: str) -> None:
    """Write a form as YAML: its current version, or version N."""
    form_id, _, number = form.partition("@")
    slug = form_id.replace("_", "-")
    with app_state().database.reading() as db:
        found = numbered_version(db, slug, _version_number(number)) if number else current_version(db, slug)
        if found is None:
            raise click.ClickException(f"There is no form {form}.")
        click.echo(definition_as_yaml(definition_of(found)), nl=False)


def _version_number(number: str) -> int:
    if not number.isdecimal() or len(number) > 9:
        raise click.ClickException(f"{number} is not the number of a version.")
    return int(number)


def read_files(files: tuple[Path, ...]) -> list[FormDefinition]:
    """Return the definitions in these files; where there are faults, print all of them and exit with 1."""
    definitions: list[FormDefinition] = []
    faults: list[str] = []
    for file in files:
        try:
            definitions.append(read_file(file))
        except FaultyDefinitionError as error:
            faults += [f"{file}: {fault}" for fault in error.faults]
    for fault in faults:
        click.echo(fault)
    if faults:
        raise click.exceptions.Exit(1)
    return definitions


def read_file(file: Path) -> FormDefinition:
    """Return the definition in a YAML file, or a file named .json; raise `FaultyDefinitionError` for faults."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        sentence = f"The file is not UTF-8: the byte at {error.start} cannot be read."
        raise FaultyDefinitionError((Fault(path="", sentence=sentence),)) from None
    return read_json(text) if file.suffix == ".json" else read_yaml(text)


@forms.command("publish")
@FILES
def publish_command(files: tuple[Path, ...]) -> None:
    """Publish every FILE, or none if one has faults; say what changes for open drafts."""
    definitions = read_files(files)
    for file, definition in zip(files, definitions, strict=True):
        list_remarks(file, definition)
    with app_state().database.writing() as db:
        versions = [publish(db, definition, now=app_state().clock.now()) for definition in definitions]
    for version in versions:
        click.echo(f"{version.form_id}@{version.number} is published at /forms/{version.slug}")
        for line in _impact_lines(version):
            click.echo(f"  {line}")


def _impact_lines(version: FormVersion) -> list[str]:
    """Return the impact of a published version in sentences; a first version has none.

    It is counted after the publishing, so that the database is not locked meanwhile.
    """
    if version.number == 1:
        return []
    now = app_state().clock.now()
    with app_state().database.reading() as db:
        versions = versions_of(db, version.slug)
        found = impact(
            db,
            versions,
            keyring=app_state().configuration.keyring,
            now=now,
            today=now.date(),
            most=MOST_DRAFTS,
        )
        return impact_lines(found)
