"""One row that holds all settings as a JSON text, so that any query can bring them along."""

from sqlalchemy import Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base

ONLY_ROW = 1


class StoredSettings(Base):
    """The settings that somebody changed, as JSON by name."""

    __tablename__ = "site_settings"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, default=ONLY_ROW)
    document: Mapped[str] = mapped_column(Text, default="{}")
