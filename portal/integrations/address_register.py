"""The adapter that finds addresses by postcode in our own register."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from portal.db import Database
from portal.integrations.definition import ADDRESS_PARTS, Care, Found, Output
from portal.integrations.models import GazetteerAddress
from portal.integrations.queries import addresses_at

NAME = "address_register"


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
