"""The audit log, filtered and paged, and as a file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.admin.people_views import me, staff_day
from portal.admin.queries import audit_actions, audit_events
from portal.admin.rules import EVENTS_A_PAGE, AuditFilter, read_audit_filter, words_of
from portal.audit import AuditEvent, record
from portal.db import Database
from portal.site_settings.current import clock_time, settings, today
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity
from portal.web.downloads import FORMATS, Record, list_download
from portal.web.unit_of_work import db, now, reading

EVENTS_AT_ONCE = 500
AUDIT_COLUMNS = ("at", "action", "person_id", "person", "address", "subject", "details")
blueprint = Blueprint("audit", __name__)


@dataclass(frozen=True, kw_only=True)
class AuditLine:
    """One event in words; `person` is the person's number, to filter by."""

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
    """One page of the log, the address of the next, and the actions to choose from."""

    filter: AuditFilter
    lines: list[AuditLine]
    next: str | None
    actions: list[tuple[str, str]]


def audit_page(chosen: AuditFilter) -> AuditPage:
    """Return one page of the log, with three queries."""
    found = audit_events(reading(), chosen, settings().zone, limit=EVENTS_A_PAGE + 1)
    shown = found[:EVENTS_A_PAGE]
    return AuditPage(
        filter=chosen,
        lines=[_audit_line(event, name) for event, name in shown],
        next=chosen.with_(before=str(shown[-1][0].id)).address if len(found) > EVENTS_A_PAGE else None,
        actions=[(action, words_of(action)) for action in audit_actions(reading())],
    )


def _audit_line(event: AuditEvent, name: str | None) -> AuditLine:
    return AuditLine(
        day=staff_day(event.at),
        time=clock_time(event.at),
        action=event.action,
        words=words_of(event.action),
        person=str(event.person_id or ""),
        who=_who_acted(event, name),
        address=event.address or "",
        subject=event.subject or "",
        details=_details(event),
    )


def _who_acted(event: AuditEvent, name: str | None) -> str:
    if event.person_id is None:
        return _("nobody signed in")
    return name or _("somebody who has left")


def _details(event: AuditEvent) -> str:
    return ", ".join(f"{words_of(name)}: {value}" for name, value in event.details.items() if value is not None)


def audit_records(database: Database, chosen: AuditFilter) -> Iterator[Record]:
    """Yield all events that the filter shows, newest first; read each batch in a short transaction."""
    zone, last = settings().zone, chosen.with_()
    while True:
        with database.reading() as db:
            batch = audit_events(db, last, zone, limit=EVENTS_AT_ONCE)
        yield from (_audit_record(event, name) for event, name in batch)
        if len(batch) < EVENTS_AT_ONCE:
            return
        last = replace(last, before=str(batch[-1][0].id))


def _audit_record(event: AuditEvent, name: str | None) -> Record:
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
    """Show the audit log as the address asks for it, newest first."""
    return render_template("admin/audit.html", page=audit_page(read_audit_filter(request.args)))


@blueprint.post("/admin/self/audit")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def export_audit() -> ResponseReturnValue:
    """Download all events of the filter as a file; record the export first."""
    chosen, form = read_audit_filter(request.form), FORMATS.get(request.form.get("format", ""))
    if form is None:
        abort(422)
    record(db(), "audit_exported", by=me(), now=now(), format=form.ending, filter=chosen.with_().address)
    return list_download(f"audit-{today():%Y-%m-%d}", form, AUDIT_COLUMNS, audit_records(app_state().database, chosen))
