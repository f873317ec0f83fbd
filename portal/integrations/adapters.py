"""The adapters of the look-up port: our own address register, and services that answer JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from portal.db import Database
from portal.integrations.definition import ADDRESS_PARTS, Call, Care, Failure, Found, LookupFailedError, Output
from portal.integrations.models import GazetteerAddress
from portal.integrations.outbound import Answer, SafeClient
from portal.integrations.queries import addresses_at
from portal.integrations.rules import ResultMapping, filled_address

NAME = "address_register"
KIND = "http_json"
SIGNS_OF_TROUBLE = frozenset({401, 403, 407, 408, 429})
"""4xx that say something of us or of the service, not of this one question."""


class AddressRegister:
    """Asks the table that `integrations load-addresses` fills."""

    name = NAME
    kind = NAME
    address = GazetteerAddress.__tablename__
    inputs = ("postcode",)
    outputs = MappingProxyType({"address": Output.ADDRESS, **dict.fromkeys(ADDRESS_PARTS, Output.TEXT)})
    care = Care()

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, inputs: Mapping[str, str]) -> Sequence[Found]:
        """The addresses of a postcode, each whole and in its parts."""
        with self._database.reading() as db:
            return [_found(row) for row in addresses_at(db, inputs["postcode"])]


def _found(row: GazetteerAddress) -> Found:
    parts = {"line_1": row.line_1, "line_2": row.line_2, "town": row.town, "postcode": row.postcode}
    return Found(label=", ".join(filter(None, parts.values())), values={"address": parts, **parts})


@dataclass(frozen=True, kw_only=True)
class HttpJson:
    """One declared service; `query` and `body` map its names to our inputs."""

    name: str
    address: str
    method: str
    query: Mapping[str, str]
    body: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    none_when: frozenset[int]
    mapping: ResultMapping
    inputs: tuple[str, ...]
    outputs: Mapping[str, Output]
    care: Care
    client: SafeClient
    kind: str = KIND

    def find(self, inputs: Mapping[str, str]) -> Sequence[Found]:
        """The results in the service's answer; raises `LookupFailedError`."""
        answer = self.client.fetch(self.call(inputs))
        if answer.status in self.none_when:
            return []
        return self.mapping.found(_content(answer))

    def call(self, inputs: Mapping[str, str]) -> Call:
        """The request for these inputs; raises `LookupFailedError` for one that cannot be asked."""
        query = urlencode({name: inputs[each] for name, each in self.query.items()})
        url = filled_address(self.address, inputs)
        body = json.dumps({name: inputs[each] for name, each in self.body.items()}).encode() if self.body else None
        kind = {"Content-Type": "application/json"} if body else {}
        return Call(
            method=self.method,
            url=f"{url}{'&' if '?' in url else '?'}{query}" if query else url,
            headers={"Accept": "application/json", **kind, **self.headers},
            body=body,
        )


def _content(answer: Answer) -> Any:
    if answer.status != 200:
        is_refusal = 400 <= answer.status < 500 and answer.status not in SIGNS_OF_TROUBLE
        raise LookupFailedError(Failure.REFUSED if is_refusal else Failure.STATUS)
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as reason:
        raise LookupFailedError(Failure.NOT_UNDERSTOOD) from reason
