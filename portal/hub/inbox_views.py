"""The inbox: threads of messages by when a reply is due, filtered and paged, and how many wait for us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext
from flask_babel.speaklater import LazyString

from portal.accounts.models import Person
from portal.characters import plain
from portal.hub.queries import ListedThread, ThreadSearch, case_of, listed_threads, staff
from portal.hub.rules import (
    ME,
    NOBODY,
    THREADS_A_PAGE,
    WAITS_FOR_CUSTOMER,
    WAITS_FOR_NOBODY,
    WAITS_FOR_US,
    ThreadFilter,
    read_thread_filter,
)
from portal.hub.views import LONGEST_SEARCH, Choice, opened_words, person, record_view, sealed_words
from portal.messages import definition as waiting
from portal.messages.definition import NOT_DUE
from portal.messages.models import Thread
from portal.messages.queries import being_written, thread_by_reference, waiting_counts
from portal.messages.sealing import subject_of
from portal.site_settings.current import settings, short_day_text, today
from portal.submissions.customers import customer_of, search_keys, search_terms
from portal.submissions.models import Case
from portal.tokens import clean_reference
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, is_writing, now, reading

blueprint = Blueprint("inbox", __name__)


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Whom a thread waits for, in words, and how its pill is drawn; `sentence` is that of a page of one thread."""

    word: LazyString
    sentence: LazyString
    kind: str
    icon: str


WAITS: Mapping[str, Waits] = {
    waiting.US: Waits(word=lazy_gettext("Us"), sentence=lazy_gettext("Waiting for us"), kind="active", icon="half"),
    waiting.YOU: Waits(
        word=lazy_gettext("Customer"), sentence=lazy_gettext("Waiting for the customer"), kind="neutral", icon="clock"
    ),
    waiting.NOBODY: Waits(
        word=lazy_gettext("Nobody"), sentence=lazy_gettext("Waiting for nobody"), kind="neutral", icon="tick"
    ),
}


@dataclass(frozen=True, kw_only=True)
class DueDay:
    """By when a reply is due, in words; empty where none is."""

    text: str
    is_overdue: bool


@dataclass(frozen=True, kw_only=True)
class ThreadRow:
    """One thread of the list; it has no `subject` where it is confidential."""

    reference: str
    subject: str | None
    is_new: bool
    is_refused: bool
    writer: str | None
    customer: str
    case: str | None
    due: DueDay
    waits: Waits
    assignee: str | None
    is_mine: bool


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """Everything that the page shows."""

    filter: ThreadFilter
    words: str
    rows: list[ThreadRow]
    next: str | None
    parts: list[tuple[str, int]]
    topics: list[Choice]
    waits: list[Choice]
    assignees: list[Choice]

    @property
    def total(self) -> int:
        """The number of threads that wait for us."""
        return sum(number for _label, number in self.parts)

    @property
    def summary(self) -> str:
        """A sentence about what is shown."""
        number = len(self.rows)
        if self.next or self.filter.after:
            shown = ngettext("%(num)s thread on this page", "%(num)s threads on this page", number)
        else:
            shown = ngettext("%(num)s thread", "%(num)s threads", number)
        return _("%(shown)s, replies due soonest first", shown=shown)


def waiting_threads() -> tuple[int, int, int]:
    """Return how many threads wait for our reply, asked once a request: due later, due today, overdue."""
    found: tuple[int, int, int] | None = g.get("waiting_threads")
    if found is None:
        found = g.waiting_threads = waiting_counts(db() if is_writing() else reading(), today())
    return found


def waiting_threads_total() -> int:
    """Return how many threads wait for our reply, for the head of each page of the hub."""
    return sum(waiting_threads())


def inbox(chosen: ThreadFilter) -> Inbox:
    """Return one page of the list, with four queries."""
    found = listed_threads(reading(), _search_of(chosen), limit=THREADS_A_PAGE + 1)
    shown, people = found[:THREADS_A_PAGE], staff(reading())
    writers = writers_of([listed.thread for listed in shown], people)
    more = len(found) > THREADS_A_PAGE
    later, at_once, overdue = waiting_threads()
    return Inbox(
        filter=chosen,
        words=chosen.case or (opened_words(chosen.find) if chosen.find else ""),
        rows=[_row_of(listed, writers) for listed in shown],
        next=chosen.with_(after=str(shown[-1].thread.id)).address if more else None,
        parts=[(_("Due later"), later), (_("Due today"), at_once), (_("Overdue"), overdue)],
        topics=[
            Choice(value="", label=_("All topics")),
            *(Choice(value=topic.name, label=topic.name) for topic in settings().topics),
        ],
        waits=[
            Choice(value="", label=_("Anybody")),
            Choice(value=WAITS_FOR_US, label=_("Us")),
            Choice(value=WAITS_FOR_CUSTOMER, label=_("Customer")),
            Choice(value=WAITS_FOR_NOBODY, label=_("Nobody")),
        ],
        assignees=[
            Choice(value="", label=_("Anybody")),
            Choice(value=ME, label=_("You")),
            Choice(value=NOBODY, label=_("Nobody")),
            *(Choice(value=str(each.id), label=each.shown_name) for each in people if each.id != person().id),
        ],
    )


def _search_of(chosen: ThreadFilter) -> ThreadSearch:
    """Return the search for a filter; words that match nobody find nothing."""
    words = opened_words(chosen.find) if chosen.find else ""
    terms = search_terms(words) or ((words,) if words.strip() else ())
    keys = search_keys(terms, secret=app_state().configuration.secret_key)
    return ThreadSearch(filter=chosen, person_id=person().id, keys=keys)


def writers_of(threads: Sequence[Thread], people: Sequence[Person]) -> dict[int, tuple[str, datetime]]:
    """Return which colleague is writing in each thread: the first name, and since when."""
    names = {f"person:{each.id}": first_name(each.shown_name) for each in people}
    me = f"person:{person().id}"
    drafts = being_written(db() if is_writing() else reading(), [each.id for each in threads], but=me, now=now())
    found: dict[int, tuple[str, datetime]] = {}
    for draft in drafts:
        if draft.thread_id and draft.holder in names:
            found.setdefault(draft.thread_id, (names[draft.holder], draft.begun_at))
    return found


def first_name(name: str) -> str:
    """Return the first name of a member of staff; an address stays whole."""
    return name.split()[0] if name.strip() else name


def due_day(thread: Thread) -> DueDay:
    """Return by when a reply is due."""
    if thread.due_on == NOT_DUE:
        return DueDay(text="", is_overdue=False)
    text = _("Today") if thread.due_on == today() else short_day_text(thread.due_on)
    return DueDay(text=text, is_overdue=thread.due_on < today())


def name_of_customer(reference: str | None, case: Case | None, account: Person | None) -> str:
    """Return a customer's name as their case has it, else their account; an address only where neither has a name."""
    keyring = app_state().configuration.keyring
    customer = customer_of(keyring, reference, case) if reference and case else None
    account = account if account and account.deleted_at is None else None
    named = (customer and customer.name) or (account and account.shown_name) or (customer and customer.email)
    return named or _("Not named")


def _row_of(listed: ListedThread, writers: Mapping[int, tuple[str, datetime]]) -> ThreadRow:
    thread = listed.thread
    name, _since = writers.get(thread.id, (None, None))
    return ThreadRow(
        reference=thread.reference,
        subject=None if thread.is_confidential else subject_of(app_state().configuration.keyring, thread),
        is_new=listed.is_new,
        is_refused=listed.is_refused,
        writer=name,
        customer=name_of_customer(listed.reference, listed.case, listed.person),
        case=listed.reference,
        due=due_day(thread),
        waits=WAITS[thread.waits_for],
        assignee=listed.assignee,
        is_mine=thread.assignee_id == person().id,
    )


@blueprint.get("/hub/messages")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def show_inbox() -> ResponseReturnValue:
    """Show the page of the inbox that the address asks for."""
    saved = request.args.get("saved", "")
    return render_template(
        "hub/inbox.html",
        inbox=inbox(read_thread_filter(request.args)),
        saved=saved if clean_reference(saved) == saved else "",
    )


@blueprint.post("/hub/messages")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
def filter_inbox() -> ResponseReturnValue:
    """Redirect to the address of the filtered inbox, to the thread of a reference, or to the threads of a case."""
    typed = plain(request.form.get("find", ""))[:LONGEST_SEARCH]
    reference = clean_reference(typed) if typed else ""
    thread = thread_by_reference(reading(), reference) if reference else None
    if thread:
        return redirect(url_for("messages_of_staff.show_thread", reference=thread.reference), 303)
    case = case_of(reading(), reference) if reference else None
    if case:
        return redirect(ThreadFilter(case=case.reference).address, 303)
    chosen = read_thread_filter(request.form).with_(case="", find=sealed_words(typed))
    if typed:
        record_view("threads_searched")
    return redirect(chosen.address, 303)
