"""The files that are kept, what they belong to, and when they go."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.audit import Id
from portal.db import Base


class StoredFile(Base):
    """One file in storage, under `name`.

    `sealed` holds its key, name and kind, encrypted for what it belongs to: `work` is the subject (a draft, a parked
    page, a submission), `place` the section and item. Whatever has a `delete_at` goes then; so does an upload that was
    begun and never claimed, whatever broke it off. `scan` is a `Scan`; `scan_at` is when one that waits is tried next.
    """

    __tablename__ = "stored_files"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    work: Mapped[str] = mapped_column(String(210), index=True)
    place: Mapped[str] = mapped_column(String(100))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(BigInteger)
    stored_at: Mapped[datetime]
    delete_at: Mapped[datetime | None] = mapped_column(index=True)
    scan: Mapped[str] = mapped_column(String(16))
    scan_at: Mapped[datetime | None] = mapped_column(index=True)
