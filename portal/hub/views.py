"""The work list: filtered, paged, and taken away."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.db import Database
from portal.form_definitions.versions.queries import definition_of
from portal.hub.queries import FormLoad, Listed, Search, case_of, count_cases, form_loads, listed_cases, staff
from portal.hub.rules import ALL, ME, NOBODY, OPEN, PAGE_SIZE, Ages, Filter, ages, is_overdue, read_filter, waiting_days
from portal.hub.work import note_look, opened_words, person, sealed_words
from portal.keyring import Keyring
from portal.resume.rules import clean_reference
from portal.site_settings.current import local_day, settings, short_day_text, today
from portal.submissions.customers import customer_of, search_keys, search_terms
from portal.submissions.definition import STATUSES, CaseStatus
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity
from portal.web.downloads import FORMATS, Record, list_download
from portal.web.languages import language
from portal.web.unit_of_work import db, reading

BATCH = 500
COLUMNS = ("reference", "form", "version", "sent_at", "status", "status_since", "assigned_to", "customer", "email")
blueprint = Blueprint("hub", __name__)
LONGEST_SEARCH = 320


def rows_of(database: Database, keyring: Keyring, search: Search) -> Iterator[Record]:
    """All cases that the filter shows, in its order; each batch is one short look at the database."""
    last = replace(search, filter=search.filter.with_())
    while True:
        with database.reading() as db:
            batch = listed_cases(db, last, limit=BATCH)
            yield from (_row(keyring, listed) for listed in batch)
        if len(batch) < BATCH:
            return
        last = replace(last, filter=last.filter.with_(after=str(batch[-1].case.submission_id)))


def _row(keyring: Keyring, listed: Listed) -> Record:
    customer = customer_of(keyring, listed.reference, listed.case)
    return {
        "reference": listed.reference,
        "form": definition_of(listed.version).title.in_(language()),
        "version": listed.version.number,
        "sent_at": listed.case.sent_at.isoformat(timespec="seconds"),
        "status": str(STATUSES[listed.case.status].staff_words),
        "status_since": listed.case.status_at.isoformat(timespec="seconds"),
        "assigned_to": listed.assignee,
        "customer": customer.name,
        "email": customer.email,
    }


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One option of a choice."""

    value: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One case of the list; `waiting` is empty once it is closed."""

    reference: str
    form_title: str
    customer: str
    sent_on: str
    waiting: str
    is_overdue: bool
    status: CaseStatus
    assignee: str | None
    is_mine: bool


@dataclass(frozen=True, kw_only=True)
class WorkList:
    """All that the page shows."""

    filter: Filter
    words: str
    rows: list[Row]
    next: str | None
    parts: list[tuple[str, int]]
    forms: list[Choice]
    statuses: list[Choice]
    assignees: list[Choice]

    @property
    def total(self) -> int:
        """How many cases are open, of the form that is chosen or of all."""
        return sum(number for _label, number in self.parts)

    @property
    def summary(self) -> str:
        """One sentence of what is shown."""
        number = len(self.rows)
        if self.next or self.filter.after:
            shown = ngettext("%(num)s form on this page", "%(num)s forms on this page", number)
        else:
            shown = ngettext("%(num)s form", "%(num)s forms", number)
        order = _("newest first") if self.filter.order == "newest" else _("longest wait first")
        return _("%(shown)s, %(order)s", shown=shown, order=order)


def search_of(chosen: Filter) -> Search:
    """What a filter means to the database; words that name nobody find nothing."""
    words = opened_words(chosen.find) if chosen.find else ""
    terms = search_terms(words) or ((words,) if words.strip() else ())
    return Search(
        filter=chosen,
        person_id=person().id,
        keys=search_keys(terms, secret=app_state().configuration.secret_key),
        overdue_before=_ages().overdue_before(today(), settings().zone),
    )


def work_list(chosen: Filter) -> WorkList:
    """One page of the list, in three questions to the database."""
    found = listed_cases(reading(), search_of(chosen), limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    parts = _ages()
    loads = form_loads(
        reading(),
        young_from=parts.young_from(today(), settings().zone),
        overdue_before=parts.overdue_before(today(), settings().zone),
    )
    more = len(found) > PAGE_SIZE
    return WorkList(
        filter=chosen,
        words=opened_words(chosen.find) if chosen.find else "",
        rows=[row_of(listed) for listed in shown],
        next=chosen.with_(after=str(shown[-1].case.submission_id)).address if more else None,
        parts=_chart(parts, [load for load in loads if chosen.form in ("", load.version.form_id)]),
        forms=[Choice(value="", label=_("All forms")), *_form_choices(loads)],
        statuses=[
            Choice(value=OPEN, label=_("Open")),
            *status_choices(),
            Choice(value=ALL, label=_("All")),
        ],
        assignees=[
            Choice(value="", label=_("Anybody")),
            Choice(value=ME, label=_("You")),
            Choice(value=NOBODY, label=_("Nobody")),
            *(Choice(value=str(each.id), label=each.shown_name) for each in staff(reading()) if each.id != person().id),
        ],
    )


def _ages() -> Ages:
    return ages(settings().case_due_days)


def row_of(listed: Listed) -> Row:
    """A case as its row shows it."""
    customer = customer_of(app_state().configuration.keyring, listed.reference, listed.case)
    sent_on, status = local_day(listed.case.sent_at), STATUSES[listed.case.status]
    return Row(
        reference=listed.reference,
        form_title=definition_of(listed.version).title.in_(language()),
        customer=customer.shown_name or _("Not named"),
        sent_on=short_day_text(sent_on),
        waiting=days_text(waiting_days(sent_on, today())) if status.is_open else "",
        is_overdue=status.is_open and is_overdue(sent_on, today(), due_days=settings().case_due_days),
        status=status,
        assignee=listed.assignee,
        is_mine=listed.case.assignee_id == person().id,
    )


def days_text(days: int) -> str:
    """A number of days in words."""
    return ngettext("%(num)s day", "%(num)s days", days)


def status_choices() -> list[Choice]:
    """All statuses in the words of staff."""
    return [Choice(value=status.name, label=str(status.staff_words)) for status in STATUSES.values()]


def _form_choices(loads: list[FormLoad]) -> list[Choice]:
    choices = [
        Choice(value=load.version.form_id, label=definition_of(load.version).title.in_(language())) for load in loads
    ]
    return sorted(choices, key=lambda choice: choice.label.casefold())


def _chart(parts: Ages, loads: list[FormLoad]) -> list[tuple[str, int]]:
    labels = (
        ngettext("Under %(num)s day", "Under %(num)s days", parts.half),
        _("%(half)s to %(due)s days", half=parts.half, due=parts.due),
        ngettext("Over %(num)s day", "Over %(num)s days", parts.due),
    )
    return [(label, sum(load.waiting[place] for load in loads)) for place, label in enumerate(labels)]


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
