"""The audit log as it is shown and taken away: a page of events in words, and all that a filter finds as rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flask_babel import gettext as _

from portal.admin.interface import staff_day
from portal.admin.queries import audit_actions, audit_events
from portal.admin.rules import PAGE_SIZE, AuditFilter, words_of
from portal.audit import AuditEvent
from portal.db import Database
from portal.site_settings.interface import settings
from portal.site_settings.times import clock_time
from portal.web.downloads import Row
from portal.web.unit_of_work import reading

BATCH = 500
COLUMNS = ("at", "action", "person_id", "person", "address", "subject", "details")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One event in words; `person` is the number by which to look for more of theirs."""

    day: str
    time: str
    action: str
    words: str
    person: str
    who: str
    address: str
    subject: str
    details: str


@dataclass(frozen=True, kw_only=True)
class AuditPage:
    """One page of the log, with the addresses of the next and of the choices."""

    filter: AuditFilter
    lines: list[Line]
    next: str | None
    actions: list[tuple[str, str]]


def audit_page(chosen: AuditFilter) -> AuditPage:
    """One page, in three questions to the database."""
    found = audit_events(reading(), chosen, settings().zone, limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    return AuditPage(
        filter=chosen,
        lines=[_line(event, name) for event, name in shown],
        next=chosen.with_(before=str(shown[-1][0].id)).address if len(found) > PAGE_SIZE else None,
        actions=[(action, words_of(action)) for action in audit_actions(reading())],
    )


def _line(event: AuditEvent, name: str | None) -> Line:
    return Line(
        day=staff_day(event.at),
        time=clock_time(event.at),
        action=event.action,
        words=words_of(event.action),
        person=str(event.person_id or ""),
        who=_who(event, name),
        address=event.address or "",
        subject=event.subject or "",
        details=_details(event),
    )


def _who(event: AuditEvent, name: str | None) -> str:
    if event.person_id is None:
        return _("nobody signed in")
    return name or _("somebody who has left")


def _details(event: AuditEvent) -> str:
    return ", ".join(f"{words_of(name)}: {value}" for name, value in event.details.items() if value is not None)


def audit_rows(database: Database, chosen: AuditFilter) -> Iterator[Row]:
    """All events that the filter shows, newest first; each batch is one short look at the database."""
    zone, last = settings().zone, chosen.with_()
    while True:
        with database.reading() as db:
            batch = audit_events(db, last, zone, limit=BATCH)
        yield from (_row(event, name) for event, name in batch)
        if len(batch) < BATCH:
            return
        last = replace(last, before=str(batch[-1][0].id))


def _row(event: AuditEvent, name: str | None) -> Row:
    return {
        "at": event.at.isoformat(timespec="seconds"),
        "action": event.action,
        "person_id": event.person_id,
        "person": name,
        "address": event.address,
        "subject": event.subject,
        "details": _details(event),
    }
