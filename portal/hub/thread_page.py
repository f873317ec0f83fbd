"""What the page of one thread shows to staff: its messages, who has seen them, the case, and what can be changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from babel.dates import format_date
from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.models import Person
from portal.accounts.queries import person_by_id
from portal.form_definitions.versions.queries import definition_of
from portal.hub.inbox_views import WAITS, DueDay, Waits, due_day, name_of_customer, writers_of
from portal.hub.queries import staff
from portal.hub.views import Choice, assignee_choices, person
from portal.messages.definition import CUSTOMER_SIDE, STAFF_SIDE
from portal.messages.models import Thread
from portal.messages.operations import Author
from portal.messages.pages import MessageView, desk, last_shown, message_views, staff_name, team_of
from portal.messages.queries import ReadMessage, count_notes, messages_of
from portal.messages.sealing import subject_of
from portal.messages.writing import Reply, Writing
from portal.site_settings.current import clock_time, day_text, local_day, today
from portal.submissions.definition import STATUSES, CaseStatus
from portal.submissions.models import Submission
from portal.web.app_state import app_state
from portal.web.languages import language
from portal.web.unit_of_work import db


@dataclass(frozen=True, kw_only=True)
class CaseCard:
    """The case that a thread is about."""

    reference: str
    form_title: str
    status: CaseStatus
    sent: str


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A change of a thread that was not made: the control, what was typed, and why; `number` names a message."""

    status: int
    control: str
    typed: str
    text: str
    number: int | None = None


@dataclass(frozen=True, kw_only=True)
class ThreadPage:
    """Everything that the page shows; `unread_up_to` is the customer's last message where nobody has read it."""

    thread: Thread
    address: str
    subject: str
    customer: str
    waits: Waits
    due: DueDay
    messages: Sequence[MessageView]
    case: CaseCard | None
    unread_up_to: int | None
    writing: str | None
    assignees: list[Choice]
    notes: int
    team: str | None
    reply: Reply
    refusal: Refused | None
    is_sent: bool

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What to put right, each with the link to its input."""
        refused = self.refusal if self.refusal and self.refusal.status == 422 else None
        place = f"reason-{refused.number}" if refused and refused.control == "reason" else refused and refused.control
        return [(f"#{place}", refused.text)] if refused else self.reply.error_links


def address_of(thread: Thread) -> str:
    """Return the address of a thread in the hub."""
    return f"/hub/messages/{thread.reference}"


def holder_of(member: Person) -> str:
    """Return a member of staff as drafts and readings name them."""
    return f"person:{member.id}"


def submission_of(thread: Thread) -> Submission | None:
    """Return the sent form that a thread is about."""
    return db().get(Submission, thread.submission_id) if thread.submission_id else None


def customer_of_thread(thread: Thread, submission: Submission | None) -> str:
    """Return the name of a thread's customer."""
    account = person_by_id(db(), thread.person_id) if thread.person_id else None
    case = submission.case if submission else None
    return name_of_customer(submission.reference if submission else None, case, account)


def author_of(member: Person) -> Author:
    """Return a member of staff as who writes."""
    return Author(side=STAFF_SIDE, holder=holder_of(member), person_id=member.id, name=staff_name(member))


def writing_in(thread: Thread) -> Writing:
    """Return what this member of staff writes in a thread."""
    return Writing(desk=desk(), thread=thread, author=author_of(person()), address=address_of(thread))


def thread_page(thread: Thread, writing: Writing, *, refusal: Refused | None = None) -> ThreadPage:
    """Return what the page of a thread shows; `refusal` is a change that was not made."""
    submission, people = submission_of(thread), staff(db())
    customer, found = customer_of_thread(thread, submission), messages_of(db(), thread)
    writing.shown = writing.seen = last_shown(found)
    theirs = [each for each in found if each.message.author_kind == CUSTOMER_SIDE]
    return ThreadPage(
        thread=thread,
        address=address_of(thread),
        subject=subject_of(app_state().configuration.keyring, thread),
        customer=customer,
        waits=WAITS[thread.waits_for],
        due=due_day(thread),
        messages=_messages(thread, found, customer),
        case=_case_card(submission),
        unread_up_to=theirs[-1].message.number if theirs and theirs[-1].read_at is None else None,
        writing=_writing(thread, people),
        assignees=assignee_choices(thread.assignee_id, people),
        notes=count_notes(db(), thread),
        team=team_of(thread),
        reply=writing.reply(),
        refusal=refusal,
        is_sent="sent" in request.args,
    )


def _messages(thread: Thread, found: Sequence[ReadMessage], customer: str) -> list[MessageView]:
    """Return the messages; nobody can have seen one that is pending, so its page says something else."""
    views = message_views(thread, found, side=STAFF_SIDE, address=address_of(thread), customer=customer)
    return [
        replace(view, seen=None if view.is_pending else view.seen, team=view.team if view.is_own else _("Customer"))
        for view in views
    ]


def show(
    thread: Thread, writing: Writing | None = None, *, refusal: Refused | None = None, status: int = 200
) -> ResponseReturnValue:
    """Return the page of a thread; `writing` is a reply that was not sent, `refusal` a change that was not made."""
    page = thread_page(thread, writing or writing_in(thread), refusal=refusal)
    return render_template("hub/thread.html", page=page, reply=page.reply), refusal.status if refusal else status


def staff_moment(instant: datetime, *, inside: bool = False) -> str:
    """Return an instant for staff, like "Today at 14:02" or "17 November at 11:20"; `inside` a sentence if so."""
    day, time = local_day(instant), clock_time(instant)
    if day == today():
        return _("today at %(time)s", time=time) if inside else _("Today at %(time)s", time=time)
    short = format_date(day, "d MMMM" if day.year == today().year else "d MMMM y", locale=language())
    return _("%(day)s at %(time)s", day=short, time=time)


def _case_card(submission: Submission | None) -> CaseCard | None:
    if submission is None:
        return None
    return CaseCard(
        reference=submission.reference,
        form_title=definition_of(submission.version).title.in_(language()),
        status=STATUSES[submission.case.status],
        sent=_("%(day)s at %(time)s", day=day_text(local_day(submission.sent_at)), time=clock_time(submission.sent_at)),
    )


def _writing(thread: Thread, people: list[Person]) -> str | None:
    """Return which colleague has been writing in a thread, and since when."""
    found = writers_of([thread], people).get(thread.id)
    if found is None:
        return None
    name, since = found
    return _("%(name)s has been writing since %(time)s.", name=name, time=clock_time(since))
