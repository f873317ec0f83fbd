"""The counters, including what the process has not written yet."""

from collections.abc import Mapping

from flask import Flask
from sqlalchemy import func, select

from portal.web.counters import CounterRow, write_tally

Key = tuple[str, str, str, str]


def counted(app: Flask) -> Mapping[Key, int]:
    """Return the numbers by event, kind, form and section, all days together."""
    parts = app.extensions["portal"]
    write_tally(parts)
    columns = (CounterRow.event, CounterRow.kind, CounterRow.form, CounterRow.section)
    with parts.database.reading() as db:
        rows = db.execute(select(*columns, func.sum(CounterRow.number)).group_by(*columns)).all()
    return {(event, kind, form, section): int(number) for event, kind, form, section, number in rows}
