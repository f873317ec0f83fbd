"""Find files: of a work, by name, to delete, to scan."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.storage.definition import STAGED, Scan
from portal.storage.models import StoredFile

WORKER_BATCH = 50


def files_of_work(db: Session, *works: str) -> Mapping[str, StoredFile]:
    """Return all files of a draft, a parked page, a submission or a thread, or of several of these, by name."""
    rows = db.scalars(select(StoredFile).where(StoredFile.work.in_(works)).order_by(StoredFile.id))
    return {row.name: row for row in rows}


def bytes_of_work(db: Session, work: str) -> int:
    """Return how many bytes the files of a draft have together, without those that are to be deleted."""
    query = select(func.sum(StoredFile.size)).where(StoredFile.work == work, StoredFile.delete_at.is_(None))
    return int(db.scalar(query) or 0)


def file_of(db: Session, work: str, name: str) -> StoredFile | None:
    """Return one file if it belongs to this work."""
    return db.scalar(select(StoredFile).where(StoredFile.name == name, StoredFile.work == work))


def due_for_deletion(db: Session, *, now: datetime) -> Sequence[str]:
    """Return the names of one batch of files that are due to be deleted."""
    due = select(StoredFile.name).where(StoredFile.delete_at <= now).order_by(StoredFile.delete_at)
    return db.scalars(due.limit(WORKER_BATCH)).all()


def waiting_for_scan(db: Session, *, now: datetime) -> Sequence[StoredFile]:
    """Return one batch of files to scan."""
    waiting = select(StoredFile).where(StoredFile.scan_at <= now, StoredFile.scan == Scan.WAITING.value)
    return db.scalars(waiting.order_by(StoredFile.scan_at, StoredFile.id).limit(WORKER_BATCH)).all()


def still_staged(db: Session, names: Sequence[str]) -> Sequence[str]:
    """Return those of some staged files that no transaction has claimed."""
    query = select(StoredFile.name).where(StoredFile.name.in_(names), StoredFile.work == STAGED)
    return db.scalars(query.order_by(StoredFile.id)).all()
