"""Replacing the address register, and recording whether look-ups succeed."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from portal.db import Database, rows_changed
from portal.integrations.definition import NOT_ITS_FAULT, AddressRow, LookupFailure
from portal.integrations.models import GazetteerAddress, IntegrationRecord
from portal.integrations.rules import PAUSE, pause_after, postcode_key

ROWS_AT_ONCE = 1000


def replace_addresses(db: Session, addresses: Sequence[AddressRow]) -> None:
    """Replace all addresses of the register; readers see the old ones until the commit."""
    db.execute(delete(GazetteerAddress))
    for start in range(0, len(addresses), ROWS_AT_ONCE):
        batch = addresses[start : start + ROWS_AT_ONCE]
        rows = [{"postcode_key": postcode_key(address.postcode), **asdict(address)} for address in batch]
        db.execute(insert(GazetteerAddress), rows)


def claim_trial(db: Session, name: str, *, now: datetime) -> bool:
    """Return whether this process may try a paused service: of several at once exactly one may."""
    waiting = (IntegrationRecord.name == name) & (IntegrationRecord.paused_until <= now)
    return rows_changed(db, update(IntegrationRecord).where(waiting).values(paused_until=now + PAUSE)) == 1


def note_success(database: Database, name: str, *, now: datetime) -> None:
    """Record that the integration answered, and end its pause."""
    with database.writing() as db:
        record = _locked_record(database, db, name)
        record.ok_count += 1
        record.last_ok_at = now
        record.failures_in_row, record.paused_until = 0, None


def note_failure(database: Database, name: str, failure: LookupFailure, *, now: datetime) -> None:
    """Record that the integration failed; after several failures in a row it is paused."""
    with database.writing() as db:
        record = _locked_record(database, db, name)
        record.failed_count += 1
        record.last_failed_at, record.last_failure = now, failure.value
        if failure not in NOT_ITS_FAULT:
            record.failures_in_row += 1
            record.paused_until = pause_after(record.failures_in_row, now)


def _locked_record(database: Database, db: Session, name: str) -> IntegrationRecord:
    """Return the record of an integration, locked; create it where there is none."""
    database.insert_or_ignore(db, IntegrationRecord, name=name, ok_count=0, failed_count=0, failures_in_row=0)
    return db.get_one(IntegrationRecord, name, with_for_update=True)
