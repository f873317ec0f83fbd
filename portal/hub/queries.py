"""Finding cases with their history, threads of messages, staff, and what one customer has started and sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, case, exists, func, literal, or_, select, tuple_, union_all
from sqlalchemy.orm import Session, aliased

from portal.accounts.models import Person
from portal.drafts.models import Draft
from portal.form_definitions.versions.models import FormVersion
from portal.hub.rules import (
    ALL,
    ME,
    NEWEST,
    NOBODY,
    OPEN,
    WAITS_FOR_CUSTOMER,
    WAITS_FOR_NOBODY,
    WAITS_FOR_US,
    Filter,
    ThreadFilter,
)
from portal.messages import definition as waiting
from portal.messages.definition import CUSTOMER_SIDE
from portal.messages.models import Message, Reading, Thread, ThreadKey
from portal.outbox.models import Delivery
from portal.outbox.queries import IS_REFUSED
from portal.resume.models import ResumeLink
from portal.signing.queries import MISSING_SIGNATURES, is_signature_missing
from portal.submissions.models import CASE_IS_OPEN, Case, CaseEvent, CaseKey, OpenCases, Submission

STAFF_ROLES = ("staff", "administrator")
MOST_REQUESTS = 100
_ALMOST_A_DAY = timedelta(days=1, microseconds=-1)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One stored row of the work list."""

    case: Case
    reference: str
    version: FormVersion
    assignee: str | None
    is_signature_missing: bool


@dataclass(frozen=True, kw_only=True)
class Search:
    """A filter with what a query needs besides: who asks, the hashes of words, and when a case is overdue."""

    filter: Filter
    person_id: int
    keys: Sequence[bytes] = ()
    overdue_before: datetime


def listed_cases(db: Session, search: Search, *, limit: int) -> list[Listed]:
    """Return at most `limit` cases in the order of the filter, without their answers."""
    cases = select(Case).where(*_case_conditions(search)).order_by(*_order(search.filter, Case))
    if search.filter.after_id:
        cases = cases.where(_beyond(search.filter))
    page = aliased(Case, cases.limit(limit).subquery())
    query = (
        select(page, Submission.reference, FormVersion, Person.name, Person.email, is_signature_missing(page))
        .join(Submission, Submission.id == page.submission_id)
        .join(FormVersion, FormVersion.id == Submission.form_version_id)
        .outerjoin(Person, Person.id == page.assignee_id)
        .order_by(*_order(search.filter, page))
    )
    return [
        Listed(
            case=found, reference=reference, version=version, assignee=name or email, is_signature_missing=is_missing
        )
        for found, reference, version, name, email, is_missing in db.execute(query)
    ]


def count_cases(db: Session, search: Search) -> int:
    """Return the number of cases on all pages of the filter."""
    return db.scalar(select(func.count()).select_from(Case).where(*_case_conditions(search))) or 0


def _case_conditions(search: Search) -> Iterator[ColumnElement[bool]]:
    chosen = search.filter
    if chosen.form:
        yield Case.form_id == chosen.form
    if chosen.status == OPEN or chosen.overdue:
        yield CASE_IS_OPEN
    if chosen.status not in (OPEN, ALL):
        yield Case.status == chosen.status
    if chosen.assignee:
        yield _is_assigned(search)
    if chosen.overdue:
        yield Case.sent_at < search.overdue_before
    if chosen.signature:
        yield Case.submission_id.in_(MISSING_SIGNATURES)
    for key in search.keys:
        yield Case.submission_id.in_(select(CaseKey.submission_id).where(CaseKey.key == key))


def _is_assigned(search: Search) -> ColumnElement[bool]:
    if search.filter.assignee == NOBODY:
        return Case.assignee_id.is_(None)
    return Case.assignee_id == (search.person_id if search.filter.assignee == ME else int(search.filter.assignee))


def _order(chosen: Filter, of: type[Case]) -> list[ColumnElement[object]]:
    place: list[ColumnElement[object]] = [of.sent_at, of.submission_id]  # type: ignore[list-item]
    return [column.desc() for column in place] if chosen.order == NEWEST else place


def _beyond(chosen: Filter) -> ColumnElement[bool]:
    """Return the condition for the cases after the previous page: by the index, so that far pages are as fast."""
    last = aliased(Case)
    at = select(last.sent_at).where(last.submission_id == chosen.after_id).scalar_subquery()
    here, there = tuple_(Case.sent_at, Case.submission_id), tuple_(at, chosen.after_id)
    return here < there if chosen.order == NEWEST else here > there


@dataclass(frozen=True, kw_only=True)
class FormLoad:
    """The current version of a form, and its numbers of open cases: recent, within the target, overdue."""

    version: FormVersion
    waiting: tuple[int, int, int]


def form_loads(db: Session, *, young_from: datetime, overdue_before: datetime) -> list[FormLoad]:
    """Return all forms with their numbers of open cases, ordered by form id.

    Whole days (UTC) come from the stored counts, and what is left of the two days on which a part of the chart begins
    or ends from the cases themselves: so this takes as long with a million open cases.
    """
    waiting = _counts(young_from, overdue_before).subquery()
    parts = (func.sum(waiting.c[name]).label(name) for name in ("young", "overdue", "total"))
    loads = select(waiting.c.form_id, *parts).group_by(waiting.c.form_id).subquery()
    form_id, young, overdue, total = loads.c
    newest = select(FormVersion.form_id, func.max(FormVersion.number).label("number"))
    current = newest.group_by(FormVersion.form_id).subquery()
    query = (
        select(FormVersion, young, overdue, total)
        .join(current, (FormVersion.form_id == current.c.form_id) & (FormVersion.number == current.c.number))
        .outerjoin(loads, form_id == FormVersion.form_id)
        .order_by(FormVersion.form_id)
    )
    return [
        FormLoad(version=version, waiting=(young or 0, (total or 0) - (young or 0) - (overdue or 0), overdue or 0))
        for version, young, overdue, total in db.execute(query)
    ]


def _counts(young_from: datetime, overdue_before: datetime) -> CompoundSelect[Any]:
    """Select numbers of open cases to add up: a form, and how many are young, overdue and open at all."""
    young_day, overdue_day = _midnight(young_from + _ALMOST_A_DAY), _midnight(overdue_before)
    number = OpenCases.number
    young = case((OpenCases.sent_on >= young_day.date(), number), else_=0).label("young")
    overdue = case((OpenCases.sent_on < overdue_day.date(), number), else_=0).label("overdue")
    days = select(OpenCases.form_id, young, overdue, number.label("total"))
    rest = select(Case.form_id).where(CASE_IS_OPEN)
    return union_all(
        days,
        rest.add_columns(literal(1), literal(0), literal(0)).where(
            Case.sent_at >= young_from, Case.sent_at < young_day
        ),
        rest.add_columns(literal(0), literal(1), literal(0)).where(
            Case.sent_at >= overdue_day, Case.sent_at < overdue_before
        ),
    )


def _midnight(at: datetime) -> datetime:
    """Return the beginning of the day (UTC)."""
    return datetime.combine(at.astimezone(UTC), time.min, UTC)


def staff(db: Session) -> list[Person]:
    """Return the people who can work on cases, ordered by name."""
    query = select(Person).where(Person.role.in_(STAFF_ROLES), Person.disabled_at.is_(None))
    return sorted(db.scalars(query.order_by(Person.id)), key=lambda person: person.shown_name.casefold())


def case_of(db: Session, reference: str, *, locked: bool = False) -> Submission | None:
    """Return the sent form with this reference, and its case; `locked` makes others wait who change the case."""
    query = select(Submission).where(Submission.reference == reference.upper())
    found = db.scalar(query)
    if found and locked:
        db.refresh(found.case, with_for_update=True)
    return found


@dataclass(frozen=True, kw_only=True)
class NamedEvent:
    """One event of a case's history, with the name of who acted."""

    event: CaseEvent
    who: str | None


def case_history(db: Session, submission_id: int) -> list[NamedEvent]:
    """Return the history of a case, newest first."""
    query = (
        select(CaseEvent, Person.name, Person.email)
        .outerjoin(Person, Person.id == CaseEvent.person_id)
        .where(CaseEvent.submission_id == submission_id)
        .order_by(CaseEvent.id.desc())
    )
    return [NamedEvent(event=event, who=name or email) for event, name, email in db.execute(query)]


def last_change(db: Session, submission_id: int, kind: str) -> NamedEvent | None:
    """Return the latest event of one kind, or None."""
    return next((found for found in case_history(db, submission_id) if found.event.kind == kind), None)


def sent_by(db: Session, *, person_id: int | None, key: bytes) -> Sequence[Submission]:
    """Return what one customer has sent, newest first: with an account, or with their address."""
    named = select(CaseKey.submission_id).where(CaseKey.key == key)
    own = select(Submission.id).join(Draft, Submission.draft_id == Draft.id).where(Draft.person_id == person_id)
    theirs = or_(Submission.id.in_(named), Submission.id.in_(own)) if person_id else Submission.id.in_(named)
    query = select(Submission).where(theirs).order_by(Submission.sent_at.desc(), Submission.id.desc())
    return db.scalars(query.limit(MOST_REQUESTS)).all()


def open_drafts_of(db: Session, person_id: int, *, now: datetime) -> Sequence[Draft]:
    """Return the drafts that an account can continue, last changed first."""
    is_open = (Draft.sent_at.is_(None), Draft.deleted_at.is_(None), Draft.expires_at > now)
    query = select(Draft).where(Draft.person_id == person_id, *is_open)
    return db.scalars(query.order_by(Draft.changed_at.desc(), Draft.id.desc()).limit(MOST_REQUESTS)).all()


@dataclass(frozen=True, kw_only=True)
class MailedLink:
    """A link to a draft: when it was issued, and how its e-mail was delivered (all None: no longer known)."""

    issued_at: datetime
    attempts: int | None
    sent_at: datetime | None
    failed_at: datetime | None


def links_of(db: Session, draft_id: int) -> list[MailedLink]:
    """Return the links to a draft that were e-mailed, the latest first."""
    query = (
        select(ResumeLink.issued_at, Delivery.attempts, Delivery.sent_at, Delivery.failed_at)
        .outerjoin(Delivery, Delivery.public_id == ResumeLink.delivery)
        .where(ResumeLink.draft_id == draft_id, ResumeLink.taken_back.is_(None))
        .order_by(ResumeLink.id.desc())
    )
    return [
        MailedLink(issued_at=issued_at, attempts=attempts, sent_at=sent_at, failed_at=failed_at)
        for issued_at, attempts, sent_at, failed_at in db.execute(query)
    ]


WAITS = {WAITS_FOR_US: waiting.US, WAITS_FOR_CUSTOMER: waiting.YOU, WAITS_FOR_NOBODY: waiting.NOBODY}
"""Whom a thread waits for, in the words of an address and as it is stored."""


@dataclass(frozen=True, kw_only=True)
class ThreadSearch:
    """A filter with what a query needs besides: who asks, and the hashes of words."""

    filter: ThreadFilter
    person_id: int
    keys: Sequence[bytes] = ()


@dataclass(frozen=True, kw_only=True)
class ListedThread:
    """One stored row of the inbox; `person` is the customer's account, `case` and `reference` are what it is about.

    `is_new` says that no member of staff has read what the customer wrote last, `is_refused` that the last e-mail about
    the thread was refused.
    """

    thread: Thread
    reference: str | None
    case: Case | None
    person: Person | None
    assignee: str | None
    is_new: bool
    is_refused: bool


def listed_threads(db: Session, search: ThreadSearch, *, limit: int) -> list[ListedThread]:
    """Return at most `limit` threads, those whose reply is due soonest first, without their messages."""
    threads = select(Thread).where(*_thread_conditions(search)).order_by(Thread.due_on, Thread.id)
    page = aliased(Thread, threads.limit(limit).subquery())
    customer, assignee = aliased(Person), aliased(Person)
    columns = (page, Submission.reference, Case, customer, assignee.name, assignee.email, _is_new(page))
    is_refused = select(IS_REFUSED).where(Delivery.public_id == page.delivery).correlate(page).scalar_subquery()
    query = (
        select(*columns, func.coalesce(is_refused, literal(False)))
        .outerjoin(Submission, Submission.id == page.submission_id)
        .outerjoin(Case, Case.submission_id == page.submission_id)
        .outerjoin(customer, customer.id == page.person_id)
        .outerjoin(assignee, assignee.id == page.assignee_id)
        .order_by(page.due_on, page.id)
    )
    return [
        ListedThread(
            thread=thread,
            reference=reference,
            case=found,
            person=person,
            assignee=name or email,
            is_new=is_new,
            is_refused=is_refused,
        )
        for thread, reference, found, person, name, email, is_new, is_refused in db.execute(query)
    ]


def _thread_conditions(search: ThreadSearch) -> Iterator[ColumnElement[bool]]:
    chosen = search.filter
    if chosen.topic:
        yield Thread.topic == chosen.topic
    if chosen.waits:
        yield Thread.waits_for == WAITS[chosen.waits]
    if chosen.assignee == NOBODY:
        yield Thread.assignee_id.is_(None)
    elif chosen.assignee:
        yield Thread.assignee_id == (search.person_id if chosen.assignee == ME else int(chosen.assignee))
    if chosen.case:
        about = select(Submission.id).where(Submission.reference == chosen.case.upper())
        yield Thread.submission_id == about.scalar_subquery()
    for key in search.keys:
        yield Thread.id.in_(select(ThreadKey.thread_id).where(ThreadKey.key == key))
    if chosen.after_id:
        last = aliased(Thread)
        due_on = select(last.due_on).where(last.id == chosen.after_id).scalar_subquery()
        yield tuple_(Thread.due_on, Thread.id) > tuple_(due_on, chosen.after_id)


def _is_new(of: type[Thread]) -> ColumnElement[bool]:
    """Return the condition that no member of staff has read the customer's last message."""
    theirs = aliased(Message)
    last = select(func.max(theirs.number)).where(theirs.thread_id == of.id, theirs.author_kind == CUSTOMER_SIDE)
    number = last.correlate(of).scalar_subquery()
    is_read = exists().where(Reading.message_id == Message.id)
    return exists().where(Message.thread_id == of.id, Message.number == number, ~is_read).correlate(of)


def new_threads(db: Session, threads: Sequence[Thread]) -> set[int]:
    """Return the numbers of those threads whose last message of the customer no member of staff has read."""
    query = select(Thread.id).where(Thread.id.in_([thread.id for thread in threads]), _is_new(Thread))
    return set(db.scalars(query.order_by(Thread.id)))


def tells_status(db: Session, thread: Thread, message: Message) -> bool:
    """Return whether the e-mail about a message is that of a new status of its case."""
    if thread.delivery is None or thread.mailed_at != message.visible_at:
        return False
    return db.scalar(select(Delivery.message).where(Delivery.public_id == thread.delivery)) == "status_changed"
