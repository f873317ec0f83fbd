"""The audit log: filtered, paged, and taken away."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.admin.history import staff_day
from portal.admin.queries import audit_actions, audit_events
from portal.admin.rules import PAGE_SIZE, AuditFilter, read_audit_filter, words_of
from portal.audit import AuditEvent, record
from portal.db import Database
from portal.sessions.browser_sessions import browser
from portal.site_settings.current import clock_time, settings, today
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity
from portal.web.downloads import FORMATS, Record, list_download
from portal.web.unit_of_work import db, now, reading

BATCH = 500
COLUMNS = ("at", "action", "person_id", "person", "address", "subject", "details")
blueprint = Blueprint("audit", __name__)


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


def audit_rows(database: Database, chosen: AuditFilter) -> Iterator[Record]:
    """All events that the filter shows, newest first; each batch is one short look at the database."""
    zone, last = settings().zone, chosen.with_()
    while True:
        with database.reading() as db:
            batch = audit_events(db, last, zone, limit=BATCH)
        yield from (_row(event, name) for event, name in batch)
        if len(batch) < BATCH:
            return
        last = replace(last, before=str(batch[-1][0].id))


def _row(event: AuditEvent, name: str | None) -> Record:
    return {
        "at": event.at.isoformat(timespec="seconds"),
        "action": event.action,
        "person_id": event.person_id,
        "person": name,
        "address": event.address,
        "subject": event.subject,
        "details": _details(event),
    }


@blueprint.get("/admin/self/audit")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_audit() -> ResponseReturnValue:
    """What was done, newest first, as the address says."""
    return render_template("admin/audit.html", page=audit_page(read_audit_filter(request.args)))


@blueprint.post("/admin/self/audit")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def take_away() -> ResponseReturnValue:
    """All that the filter shows as a file; who took it is written down first."""
    chosen, form = read_audit_filter(request.form), FORMATS.get(request.form.get("format", ""))
    if form is None:
        abort(422)
    live = browser().live()
    by = actor(live.person_id if live else None)
    record(db(), "audit_exported", by=by, now=now(), format=form.ending, filter=chosen.with_().address)
    return list_download(f"audit-{today():%Y-%m-%d}", form, COLUMNS, audit_rows(app_state().database, chosen))
