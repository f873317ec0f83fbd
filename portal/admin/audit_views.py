"""The audit log: filtered by its address, and taken away as a file."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from portal.admin.audit_pages import COLUMNS, audit_page, audit_rows
from portal.admin.rules import read_audit_filter
from portal.audit import record
from portal.sessions.interface import visit
from portal.site_settings.times import today
from portal.web.addresses import actor
from portal.web.declarations import Access, Activity, access, activity
from portal.web.downloads import FORMATS, download
from portal.web.portal import portal
from portal.web.unit_of_work import db, now

blueprint = Blueprint("audit", __name__)


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
    live = visit().live
    by = actor(live.person_id if live else None)
    record(db(), "audit_exported", by=by, now=now(), format=form.ending, filter=chosen.with_().address)
    return download(f"audit-{today():%Y-%m-%d}", form, COLUMNS, audit_rows(portal().database, chosen))
