"""Reading the address register, and the records of the integrations."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.integrations.definition import MOST_RESULTS
from portal.integrations.models import GazetteerAddress, IntegrationRecord
from portal.integrations.rules import postcode_key


def addresses_at(db: Session, postcode: str) -> Sequence[GazetteerAddress]:
    """Return the addresses of a postcode, however it is spelt, in the order of the register."""
    at = select(GazetteerAddress).where(GazetteerAddress.postcode_key == postcode_key(postcode))
    return db.scalars(at.order_by(GazetteerAddress.id).limit(MOST_RESULTS)).all()


def count_addresses(db: Session) -> int:
    """Return the number of addresses in the register."""
    return db.scalars(select(func.count()).select_from(GazetteerAddress)).one()


def record_of(db: Session, name: str) -> IntegrationRecord | None:
    """Return the record of one integration, or None where it was never used."""
    return db.get(IntegrationRecord, name)


def records(db: Session) -> Mapping[str, IntegrationRecord]:
    """Return the records of all integrations, by name."""
    found = db.scalars(select(IntegrationRecord).order_by(IntegrationRecord.name))
    return {record.name: record for record in found}
