"""The work list as a page, and to take away."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.db import Database
from portal.form_definitions.versions.queries import definition_of
from portal.hub.queries import FormLoad, Listed, Search, form_loads, listed_cases, staff
from portal.hub.rules import ALL, ME, NOBODY, OPEN, PAGE_SIZE, Ages, Filter, ages, is_overdue, waiting_days
from portal.hub.work import opened_words, person
from portal.keyring import Keyring
from portal.site_settings.current import local_day, settings, short_day_text, today
from portal.submissions.customers import customer_of, search_keys, search_terms
from portal.submissions.definition import STATUSES, Status
from portal.web.app_state import app_state
from portal.web.downloads import Record
from portal.web.languages import language
from portal.web.unit_of_work import reading

BATCH = 500
COLUMNS = ("reference", "form", "version", "sent_at", "status", "status_since", "assigned_to", "customer", "email")


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
    status: Status
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
