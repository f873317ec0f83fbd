"""Replaces the address register, and notes what became of a look-up."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from portal.db import Database, rows_changed
from portal.integrations.definition import NOT_ITS_FAULT, AddressRow, Failure
from portal.integrations.models import GazetteerAddress, IntegrationRecord
from portal.integrations.rules import PAUSE, pause_after, postcode_key

AT_ONCE = 1000


def replace_addresses(db: Session, addresses: Sequence[AddressRow]) -> None:
    """Put these addresses in the place of all that were there; readers see the old ones until the commit."""
    db.execute(delete(GazetteerAddress))
    for start in range(0, len(addresses), AT_ONCE):
        db.execute(insert(GazetteerAddress), [_columns(row) for row in addresses[start : start + AT_ONCE]])


def _columns(row: AddressRow) -> dict[str, str]:
    return {
        "postcode_key": postcode_key(row.postcode),
        "line_1": row.line_1,
        "line_2": row.line_2,
        "town": row.town,
        "postcode": row.postcode,
    }


def claim_trial(db: Session, name: str, *, now: datetime) -> bool:
    """Whether this process is the one that asks a service that was left alone: of many at once exactly one."""
    waiting = (IntegrationRecord.name == name) & (IntegrationRecord.paused_until <= now)
    return rows_changed(db, update(IntegrationRecord).where(waiting).values(paused_until=now + PAUSE)) == 1


def note_success(database: Database, name: str, *, now: datetime) -> None:
    """The integration answered: it is asked on."""
    with database.writing() as db:
        record = _locked(database, db, name)
        record.ok_count += 1
        record.last_ok_at = now
        record.failures_in_row, record.paused_until = 0, None


def note_failure(database: Database, name: str, failure: Failure, *, now: datetime) -> None:
    """The integration gave no answer; after some in a row it is left alone for a while."""
    with database.writing() as db:
        record = _locked(database, db, name)
        record.failed_count += 1
        record.last_failed_at, record.last_failure = now, failure.value
        if failure not in NOT_ITS_FAULT:
            record.failures_in_row += 1
            record.paused_until = pause_after(record.failures_in_row, now)


def _locked(database: Database, db: Session, name: str) -> IntegrationRecord:
    """The record of an integration, made if need be."""
    database.insert_or_ignore(db, IntegrationRecord, name=name, ok_count=0, failed_count=0, failures_in_row=0)
    return db.get_one(IntegrationRecord, name, with_for_update=True)
