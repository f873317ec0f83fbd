"""The work list, filtered and paged, and what all pages of the hub use: the member of staff, records of views."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, replace

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.accounts.models import Person
from portal.accounts.signed_in import current_person
from portal.audit import record
from portal.characters import plain
from portal.db import Database
from portal.errors import UndecryptableError
from portal.form_definitions.versions.queries import definition_of
from portal.hub.operations import Acting
from portal.hub.queries import FormLoad, Listed, Search, case_of, count_cases, form_loads, listed_cases, staff
from portal.hub.rules import (
    ALL,
    CASES_A_PAGE,
    ME,
    NOBODY,
    OPEN,
    Ages,
    Filter,
    ages,
    is_overdue,
    read_filter,
    waiting_days,
)
from portal.keyring import Keyring
from portal.site_settings.current import local_day, settings, short_day_text, today
from portal.submissions.customers import customer_of, search_keys, search_terms
from portal.submissions.definition import STATUSES, CaseStatus
from portal.tokens import clean_reference
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity
from portal.web.downloads import FORMATS, Record, list_download
from portal.web.languages import language
from portal.web.unit_of_work import db, is_safe, now, reading

CASES_AT_ONCE = 500
CASE_COLUMNS = ("reference", "form", "version", "sent_at", "status", "status_since", "assigned_to", "customer", "email")
blueprint = Blueprint("hub", __name__)
LONGEST_SEARCH = 320
SEARCH_SUBJECT, SEARCH_PLACE = "hub search", "find"


def person() -> Person:
    """Return the member of staff who is signed in; raise `LookupError` where nobody is."""
    found = current_person()
    if found is None:
        raise LookupError("The hub has no page for nobody.")
    return found


def acting() -> Acting:
    """Return who acts in this request, and when."""
    return Acting(person_id=person().id, now=now())


def record_view(action: str, subject: str | None = None, **details: str | int | None) -> None:
    """Record that somebody viewed something; a GET does so in a transaction of its own."""
    by = actor(person().id)
    if not is_safe():
        record(db(), action, by=by, now=now(), subject=subject, **details)
        return
    with app_state().database.writing() as own:
        record(own, action, by=by, now=now(), subject=subject, **details)


def sealed_words(words: str) -> str:
    """Return the words of a search encrypted for an address, so that no log or browser history contains them."""
    if not words:
        return ""
    sealed = app_state().configuration.keyring.seal(words.encode(), subject=SEARCH_SUBJECT, place=SEARCH_PLACE)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def opened_words(sealed: str) -> str:
    """Return the words that `sealed_words` encrypted; empty where it was not us."""
    try:
        raw = base64.urlsafe_b64decode(sealed.encode("ascii") + b"=" * (-len(sealed) % 4))
        return app_state().configuration.keyring.open(raw, subject=SEARCH_SUBJECT, place=SEARCH_PLACE).decode()
    except (UndecryptableError, binascii.Error, UnicodeError, ValueError):
        return ""


def case_records(database: Database, keyring: Keyring, search: Search) -> Iterator[Record]:
    """Yield all cases that the filter shows, in its order; read each batch in a short transaction."""
    last = replace(search, filter=search.filter.with_())
    while True:
        with database.reading() as db:
            batch = listed_cases(db, last, limit=CASES_AT_ONCE)
            yield from (_case_record(keyring, listed) for listed in batch)
        if len(batch) < CASES_AT_ONCE:
            return
        last = replace(last, filter=last.filter.with_(after=str(batch[-1].case.submission_id)))


def _case_record(keyring: Keyring, listed: Listed) -> Record:
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
class CaseRow:
    """One case of the list; `waiting` is empty for a closed one."""

    reference: str
    form_title: str
    customer: str
    sent_on: str
    waiting: str
    is_overdue: bool
    status: CaseStatus
    assignee: str | None
    is_mine: bool
    is_signature_missing: bool


@dataclass(frozen=True, kw_only=True)
class WorkList:
    """Everything that the page shows."""

    filter: Filter
    words: str
    rows: list[CaseRow]
    next: str | None
    parts: list[tuple[str, int]]
    forms: list[Choice]
    statuses: list[Choice]
    assignees: list[Choice]

    @property
    def total(self) -> int:
        """The number of open cases of the chosen form, or of all."""
        return sum(number for _label, number in self.parts)

    @property
    def summary(self) -> str:
        """A sentence about what is shown."""
        number = len(self.rows)
        if self.next or self.filter.after:
            shown = ngettext("%(num)s form on this page", "%(num)s forms on this page", number)
        else:
            shown = ngettext("%(num)s form", "%(num)s forms", number)
        order = _("newest first") if self.filter.order == "newest" else _("longest wait first")
        return _("%(shown)s, %(order)s", shown=shown, order=order)


def search_of(chosen: Filter) -> Search:
    """Return the search for a filter; words that match nobody find nothing."""
    words = opened_words(chosen.find) if chosen.find else ""
    terms = search_terms(words) or ((words,) if words.strip() else ())
    return Search(
        filter=chosen,
        person_id=person().id,
        keys=search_keys(terms, secret=app_state().configuration.secret_key),
        overdue_before=_ages().overdue_before(today(), settings().zone),
    )


def work_list(chosen: Filter) -> WorkList:
    """Return one page of the list, with three queries."""
    found = listed_cases(reading(), search_of(chosen), limit=CASES_A_PAGE + 1)
    shown = found[:CASES_A_PAGE]
    parts = _ages()
    loads = form_loads(
        reading(),
        young_from=parts.young_from(today(), settings().zone),
        overdue_before=parts.overdue_before(today(), settings().zone),
    )
    more = len(found) > CASES_A_PAGE
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


def row_of(listed: Listed) -> CaseRow:
    """Return a case as shown in its row."""
    customer = customer_of(app_state().configuration.keyring, listed.reference, listed.case)
    sent_on, status = local_day(listed.case.sent_at), STATUSES[listed.case.status]
    return CaseRow(
        reference=listed.reference,
        form_title=definition_of(listed.version).title.in_(language()),
        customer=customer.shown_name or _("Not named"),
        sent_on=short_day_text(sent_on),
        waiting=days_text(waiting_days(sent_on, today())) if status.is_open else "",
        is_overdue=status.is_open and is_overdue(sent_on, today(), due_days=settings().case_due_days),
        status=status,
        assignee=listed.assignee,
        is_mine=listed.case.assignee_id == person().id,
        is_signature_missing=listed.is_signature_missing,
    )


def days_text(days: int) -> str:
    """Return a number of days in words."""
    return ngettext("%(num)s day", "%(num)s days", days)


def status_choices() -> list[Choice]:
    """Return all statuses in the words for staff."""
    return [Choice(value=status.name, label=str(status.staff_words)) for status in STATUSES.values()]


def assignee_choices(assignee_id: int | None, people: list[Person]) -> list[Choice]:
    """Return the choices of an assignee: nobody, you, other staff, and the present assignee even if they have left."""
    me = person().id
    known = [Choice(value=str(each.id), label=_("You") if each.id == me else each.shown_name) for each in people]
    holder = str(assignee_id or "")
    left = [Choice(value=holder, label=_("Somebody who has left"))] if holder else []
    mine = [choice for choice in known if choice.value == str(me)]
    others = [choice for choice in known if choice not in mine]
    gone = [] if any(choice.value == holder for choice in known) else left
    return [Choice(value="", label=_("Nobody")), *mine, *others, *gone]


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
    """Show the page of the list that the address asks for."""
    chosen = read_filter(request.args, statuses=STATUSES)
    return render_template("hub/work_list.html", list=work_list(chosen))


@blueprint.post("/hub")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def filter_work_list() -> ResponseReturnValue:
    """Redirect to the address of the filtered list, or to the case of a reference."""
    typed = plain(request.form.get("find", ""))[:LONGEST_SEARCH]
    case = case_of(reading(), clean_reference(typed)) if typed else None
    if case:
        return redirect(url_for("cases.show_case", reference=case.reference), 303)
    chosen = read_filter(request.form, statuses=STATUSES)
    if typed:
        record_view("cases_searched")
    return redirect(chosen.with_(find=sealed_words(typed)).address, 303)


@blueprint.post("/hub/export")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def export() -> ResponseReturnValue:
    """Download all pages of the filtered list as a file; record the export."""
    chosen, form = read_filter(request.form, statuses=STATUSES), FORMATS.get(request.form.get("format", ""))
    if form is None:
        abort(422)
    search = search_of(chosen)
    record_view(
        "cases_exported",
        format=form.ending,
        number=count_cases(db(), search),
        form=chosen.form or None,
        status=chosen.status,
        assignee=chosen.assignee or None,
        overdue=chosen.overdue or None,
        signature=chosen.signature or None,
        searched="yes" if chosen.find else None,
    )
    rows = case_records(app_state().database, app_state().configuration.keyring, search)
    return list_download(f"cases-{today():%Y-%m-%d}", form, CASE_COLUMNS, rows)
