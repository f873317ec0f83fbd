"""The address register, and a record of each integration: how often it answered, and whether it is paused."""

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.audit import Id
from portal.db import Base


class GazetteerAddress(Base):
    """One address; the register is replaced as a whole."""

    __tablename__ = "gazetteer_addresses"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    postcode_key: Mapped[str] = mapped_column(String(16), index=True)
    line_1: Mapped[str] = mapped_column(String(200))
    line_2: Mapped[str] = mapped_column(String(200))
    town: Mapped[str] = mapped_column(String(200))
    postcode: Mapped[str] = mapped_column(String(16))


class IntegrationRecord(Base):
    """How an integration's look-ups went so far, shared by all processes."""

    __tablename__ = "integration_records"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    ok_count: Mapped[int] = mapped_column(Integer, default=0)
    failed_count: Mapped[int] = mapped_column(Integer, default=0)
    failures_in_row: Mapped[int] = mapped_column(Integer, default=0)
    last_failure: Mapped[str | None] = mapped_column(String(32))
    last_ok_at: Mapped[datetime | None]
    last_failed_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
