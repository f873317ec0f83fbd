"""The stored files: what they belong to, and when they are deleted."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.audit import Id
from portal.db import Base


class StoredFile(Base):
    """One file in storage, under `name`.

    `sealed` holds its key, name and kind, encrypted for its owner: `work` names the owner (a draft, a parked page, a
    submission), `place` the section and item. Works are sorted by their characters alone, so that those which begin
    alike are found by the index. The worker deletes the file at `delete_at`; an upload that nobody claims has one from
    the start. `scan` is a `Scan`; `scan_at` is when a waiting file is scanned next.
    """

    __tablename__ = "stored_files"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    work: Mapped[str] = mapped_column(String(210).with_variant(String(210, collation="C"), "postgresql"), index=True)
    place: Mapped[str] = mapped_column(String(100))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(BigInteger)
    stored_at: Mapped[datetime]
    delete_at: Mapped[datetime | None] = mapped_column(index=True)
    scan: Mapped[str] = mapped_column(String(16))
    scan_at: Mapped[datetime | None] = mapped_column(index=True)
