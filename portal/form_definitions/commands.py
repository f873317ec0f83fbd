"""`flask forms`: check, publish, list and export definitions."""

from pathlib import Path

import click
import yaml
from flask.cli import AppGroup

from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.document import plain
from portal.form_definitions.faults import Fault, FaultyDefinitionError
from portal.form_definitions.lookups import doubts
from portal.form_definitions.missing_texts import missing_texts
from portal.form_definitions.operations import publish
from portal.form_definitions.queries import current_version, current_versions, definition_of, numbered_version
from portal.form_definitions.reading import document_of, read_json, read_yaml
from portal.web.portal import portal

forms = AppGroup("forms", help="Check, publish, list and export form definitions.")
_FILES = click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))


@forms.command("check")
@_FILES
def check_command(files: tuple[Path, ...]) -> None:
    """Say of each FILE that it is OK, with the texts that are not translated, or every fault in it."""
    for file, definition in zip(files, read_files(files), strict=True):
        _list_missing_texts(file, definition)
        _list_doubts(file, definition)
        click.echo(f"{file}: OK")


@forms.command("publish")
@_FILES
def publish_command(files: tuple[Path, ...]) -> None:
    """Publish every FILE, or nothing where one of them is faulty."""
    definitions = read_files(files)
    for file, definition in zip(files, definitions, strict=True):
        _list_missing_texts(file, definition)
        _list_doubts(file, definition)
    with portal().database.writing() as db:
        versions = [publish(db, definition, now=portal().clock.now()) for definition in definitions]
    for version in versions:
        click.echo(f"{version.form_id}@{version.number} is published at /forms/{version.slug}")


def _list_missing_texts(file: Path, definition: FormDefinition) -> None:
    """What is left to translate stands in no form's way: people read it in the first language."""
    for missing in missing_texts(definition):
        click.echo(f"{file}: to translate: {missing}", err=True)


def _list_doubts(file: Path, definition: FormDefinition) -> None:
    """A look-up that this installation cannot run yet stands in no form's way: people type by hand."""
    for doubt in doubts(definition, portal().registry["lookups_offered"]()):
        click.echo(f"{file}: look-up: {doubt}", err=True)


@forms.command("list")
def list_command() -> None:
    """List the current version of every form."""
    with portal().database.reading() as db:
        for version in current_versions(db):
            definition = definition_of(version)
            title = definition.title.in_(definition.languages[0])
            click.echo(f"{version.form_id}@{version.number}\t{version.published_at:%Y-%m-%d %H:%M}Z\t{title}")


@forms.command("export")
@click.argument("form", metavar="ID[@N]")
def export_command(form: str) -> None:
    """Write a form as YAML: its current version, or version N."""
    form_id, _, number = form.partition("@")
    slug = form_id.replace("_", "-")
    with portal().database.reading() as db:
        found = numbered_version(db, slug, _number(number)) if number else current_version(db, slug)
        if found is None:
            raise click.ClickException(f"There is no form {form}.")
        click.echo(as_yaml(definition_of(found)), nl=False)


def _number(number: str) -> int:
    if not number.isdecimal() or len(number) > 9:
        raise click.ClickException(f"{number} is not the number of a version.")
    return int(number)


def as_yaml(definition: FormDefinition) -> str:
    """The definition as YAML that reads back to the same canonical form."""
    return yaml.safe_dump(plain(document_of(definition)), sort_keys=False, allow_unicode=True, width=120)


def read_files(files: tuple[Path, ...]) -> list[FormDefinition]:
    """The definitions in these files; with any fault all of them are printed and the command ends with 1."""
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
    """The definition in a YAML file, or a JSON file by its name; raises `FaultyDefinitionError`."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        sentence = f"The file is not UTF-8: the byte at {error.start} cannot be read."
        raise FaultyDefinitionError((Fault(path="", sentence=sentence),)) from None
    return read_json(text) if file.suffix == ".json" else read_yaml(text)
