"""The work list: filtered by its address, searched by names that stand in no address, and taken away as a file."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.hub.list_pages import COLUMNS, rows_of, search_of, work_list
from portal.hub.queries import case_of, count_cases
from portal.hub.rules import read_filter
from portal.hub.work import note_look, sealed_words
from portal.resume.rules import clean_reference
from portal.site_settings.current import today
from portal.submissions.definition import STATUSES
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity
from portal.web.downloads import FORMATS, list_download
from portal.web.unit_of_work import db, reading

blueprint = Blueprint("hub", __name__)
LONGEST_SEARCH = 320


@blueprint.get("/hub")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def show_work_list() -> ResponseReturnValue:
    """What was sent, as the address says; pages are told apart by their first place, so that no case stands twice."""
    chosen = read_filter(request.args, statuses=STATUSES)
    return render_template("hub/work_list.html", list=work_list(chosen))


@blueprint.post("/hub")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def filter_work_list() -> ResponseReturnValue:
    """Make the address of what is wanted; a reference leads to its case."""
    typed = request.form.get("find", "")[:LONGEST_SEARCH].strip()
    case = case_of(reading(), clean_reference(typed)) if typed else None
    if case:
        return redirect(url_for("cases.show_case", reference=case.reference), 303)
    chosen = read_filter(request.form, statuses=STATUSES)
    if typed:
        note_look("cases_searched")
    return redirect(chosen.with_(find=sealed_words(typed)).address, 303)


@blueprint.post("/hub/export")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def export() -> ResponseReturnValue:
    """The list that the page showed, all its pages, as a file; who took what away is written down."""
    chosen, form = read_filter(request.form, statuses=STATUSES), FORMATS.get(request.form.get("format", ""))
    if form is None:
        abort(422)
    search = search_of(chosen)
    note_look(
        "cases_exported",
        format=form.ending,
        number=count_cases(db(), search),
        form=chosen.form or None,
        status=chosen.status,
        assignee=chosen.assignee or None,
        overdue=chosen.overdue or None,
        searched="yes" if chosen.find else None,
    )
    rows = rows_of(app_state().database, app_state().configuration.keyring, search)
    return list_download(f"cases-{today():%Y-%m-%d}", form, COLUMNS, rows)
