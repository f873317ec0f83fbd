"""A form with look-ups, our register filled, and another service on loopback that a file declares."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from portal.config import Configuration
from portal.db import Database
from portal.integrations.definition import AddressRow
from portal.integrations.operations import replace_addresses
from tests.citizen import Citizen
from tests.loan import publish_yaml, start
from tests.services import Service, with_service

FORM = """
format: 1
form: {id: allotment, title: Rent an allotment}
sections:
  - id: you
    title: About you
    fields:
      - {id: postcode, type: text, label: Postcode, max_length: 8}
      - {id: find, type: lookup, label: Find address, integration: address_register, inputs: {postcode: ./postcode}, fills: {./address: address, ./town: town}}
      - {id: address, type: address, label: Address, required: true}
      - {id: town, type: text, label: Town}
      - {id: age, type: number, label: Age, required: true}
  - id: firm
    title: Your firm
    fields:
      - {id: name, type: text, label: Name of the firm}
      - {id: search, type: lookup, label: Search, integration: companies, inputs: {name: ./name}, fills: {./number: number, ./site: address}}
      - {id: number, type: number, label: Number}
      - {id: site, type: address, label: Site}
      - {id: no_such, type: lookup, label: Ask nobody, integration: gone, inputs: {town: you.town}, fills: {./name: x}}
  - id: sheds
    title: Sheds
    repeat: {item: shed, min: 0, max: 3, label_from: where}
    fields:
      - {id: code, type: text, label: Postcode of the shed}
      - {id: find_shed, type: lookup, label: Find shed, integration: address_register, inputs: {postcode: ./code}, fills: {./where: line_1}}
      - {id: where, type: text, label: Where, required: true}
"""  # noqa: E501
WEIR_LANE = [
    AddressRow(line_1=line, line_2="", town="Ashmere", postcode="AS4 2LN") for line in ("1 Weir Lane", "3 Weir Lane")
]
MILL_STREET = [
    AddressRow(line_1=f"{number} Mill Street", line_2="", town="Ashmere", postcode="AS1 1AA") for number in range(1, 13)
]


@pytest.fixture
def configuration(database_url: str, tmp_path: Path, service: Service) -> Configuration:
    return with_service(service, tmp_path, database_url, deadline=0.7)


@pytest.fixture
def draft(app: Flask, database: Database, citizen: Citizen) -> str:
    """The address of a draft that this browser's guest has just started."""
    with database.writing() as db:
        replace_addresses(db, WEIR_LANE + MILL_STREET)
    publish_yaml(app, FORM)
    return start(citizen, "allotment")


@pytest.fixture
def choices(citizen: Citizen) -> Callable[[str], list[str]]:
    """Return a function that lists the choices of a radio group or list on the open page, without the empty one."""
    import html
    import re

    def find(field: str) -> list[str]:
        shown = citizen.page.text.partition(f'id="{field}-found"')[2].partition('name="_fill"')[0]
        return [html.unescape(value) for value in re.findall(r' value="(\{[^"]*)"', shown)]

    return find
