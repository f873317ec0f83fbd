"""Commands that load addresses into the register, and list the look-ups."""

import csv
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

import click
from flask.cli import AppGroup

from portal.errors import PortalError
from portal.form_definitions.types.answers import ADDRESS_KEYS
from portal.integrations.definition import AddressRow
from portal.integrations.operations import replace_addresses
from portal.integrations.rules import postcode_key
from portal.integrations.service import integrations
from portal.web.app_state import app_state

LONGEST = {"line_1": 200, "line_2": 200, "town": 200, "postcode": 16}
NEEDED = ("line_1", "town", "postcode")
MOST_FAULTS = 20
CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f]")
integrations_group = AppGroup("integrations", help="Load addresses, and list the services for look-ups.")


class FaultyGazetteerError(PortalError):
    """A file with faults; the text has one fault a line."""


def read_gazetteer(content: bytes) -> list[AddressRow]:
    """Return the addresses in a CSV file with the columns `line_1`, `town`, `postcode` and, if wanted, `line_2`.

    Equal addresses are returned once. Raises `FaultyGazetteerError` with the first `MOST_FAULTS` faults.
    """
    try:
        reader = csv.DictReader(StringIO(_decoded(content), newline=""), strict=True, restval="")
        missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
        if missing:
            raise FaultyGazetteerError(f"line 1: there is no column {', '.join(missing)}")
        rows = dict.fromkeys(_address_rows(reader))
    except csv.Error as reason:
        line = reader.reader.line_num
        raise FaultyGazetteerError(f"line {line}: this is not CSV that we can read ({reason})") from None
    if not rows:
        raise FaultyGazetteerError("line 2: the file holds no address")
    return list(rows)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        line = content[: reason.start].count(b"\n") + 1
        raise FaultyGazetteerError(f"line {line}: the file is not UTF-8") from None


def _address_rows(reader: "csv.DictReader[str]") -> Iterator[AddressRow]:
    faults: list[str] = []
    for line in reader:
        fault = _line_fault(line)
        if fault:
            faults.append(f"line {reader.line_num}: {fault}")
        elif not faults:
            yield AddressRow(**{part: line.get(part, "").strip() for part in ADDRESS_KEYS})
        if len(faults) == MOST_FAULTS:
            break
    if faults:
        raise FaultyGazetteerError("\n".join(faults))


def _line_fault(line: Mapping[str | None, str]) -> str | None:
    if None in line:
        return "there are more cells than columns"
    texts = {part: line.get(part, "").strip() for part in ADDRESS_KEYS}
    empty = next((part for part in NEEDED if not texts[part]), None)
    long = next((part for part in ADDRESS_KEYS if len(texts[part]) > LONGEST[part]), None)
    if empty:
        return f"{empty} is empty"
    if long:
        return f"{long} has more than {LONGEST[long]} characters"
    if any(CONTROL_CHARACTER.search(text) for text in texts.values()):
        return "a cell holds a control character"
    return None if postcode_key(texts["postcode"]) else "postcode has neither letters nor digits"


@integrations_group.command("load-addresses")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load_addresses(file: Path) -> None:
    """Replace all addresses by those in FILE (CSV: line_1, line_2, town, postcode)."""
    try:
        addresses = read_gazetteer(file.read_bytes())
    except FaultyGazetteerError as reason:
        for fault in str(reason).splitlines():
            click.echo(f"{file}, {fault}")
        raise click.ClickException("Nothing was changed.") from None
    with app_state().database.writing() as db:
        replace_addresses(db, addresses)
    click.echo(f"Addresses in the register: {len(addresses)}.")


@integrations_group.command("list")
def list_integrations() -> None:
    """List the integrations that forms can use, with what they need and offer."""
    for name, adapter in sorted(integrations().adapters.items()):
        needs, offers = ", ".join(adapter.inputs), ", ".join(adapter.outputs)
        click.echo(f"{name}\t{adapter.kind}\t{adapter.address}\tneeds {needs}\toffers {offers}")
