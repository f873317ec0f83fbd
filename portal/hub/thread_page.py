"""What the page of one thread shows to staff: its messages, who has seen them, the case, and what can be changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from babel.dates import format_date
from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.accounts.models import Person
from portal.accounts.queries import person_by_id
from portal.drafts.uploads import file_view
from portal.form_definitions.types.files import FileEntry
from portal.form_definitions.types.form_fields import FileView
from portal.form_definitions.versions.queries import definition_of
from portal.hub.inbox_views import WAITS, DueDay, Waits, due_day, name_of_customer, writers_of
from portal.hub.queries import staff
from portal.hub.views import Choice, assignee_choices
from portal.messages.definition import CUSTOMER_SIDE, STAFF_SIDE
from portal.messages.models import Message, Thread
from portal.messages.operations import Desk
from portal.messages.queries import ReadMessage, count_notes, messages_of
from portal.messages.sealing import message_place, reason_of, subject_of, text_of, work_of_thread
from portal.site_settings.current import clock_time, day_text, local_day, settings, today
from portal.storage.models import StoredFile
from portal.storage.operations import open_content
from portal.storage.queries import files_of_work
from portal.submissions.definition import STATUSES, CaseStatus
from portal.submissions.models import Submission
from portal.web.app_state import app_state
from portal.web.languages import language
from portal.web.unit_of_work import db, now


@dataclass(frozen=True, kw_only=True)
class MessageCard:
    """One message; of one that was taken back `taken_back` is all that is shown.

    `is_hidden` says that the customer cannot see it yet. `asks_reason` says that taking it back needs a reason.
    """

    number: int
    is_ours: bool
    name: str
    role: str
    moment: str
    text: str
    files: list[FileView]
    seen: str
    is_seen: bool
    is_hidden: bool
    taken_back: str | None

    @property
    def asks_reason(self) -> bool:
        """Whether the customer may have seen it."""
        return self.is_ours and not self.is_hidden


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
    cards: list[MessageCard]
    case: CaseCard | None
    unread_up_to: int | None
    writing: str | None
    assignees: list[Choice]
    notes: int
    refusal: Refused | None
    errors: dict[str, str] = field(default_factory=dict)


def desk(session: Session) -> Desk:
    """Return what a change of threads needs in this request."""
    return Desk(
        db=session,
        database=app_state().database,
        keyring=app_state().configuration.keyring,
        now=now(),
        zone=settings().zone,
        reply_days=settings().messages_reply_days,
    )


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


def thread_page(thread: Thread, *, refusal: Refused | None = None) -> ThreadPage:
    """Return what the page of a thread shows; `refusal` is a change that was not made."""
    submission, people = submission_of(thread), staff(db())
    customer = customer_of_thread(thread, submission)
    found = messages_of(db(), thread)
    cards = _cards(thread, found, customer)
    theirs = [each for each in found if each.message.author_kind == CUSTOMER_SIDE]
    return ThreadPage(
        thread=thread,
        address=address_of(thread),
        subject=subject_of(app_state().configuration.keyring, thread),
        customer=customer,
        waits=WAITS[thread.waits_for],
        due=due_day(thread),
        cards=cards,
        case=_case_card(submission),
        unread_up_to=theirs[-1].message.number if theirs and theirs[-1].read_at is None else None,
        writing=_writing(thread, people),
        assignees=assignee_choices(thread.assignee_id, people),
        notes=count_notes(db(), thread),
        refusal=refusal,
        errors={refusal.control: refusal.text} if refusal and refusal.status == 422 else {},
    )


def show(thread: Thread, *, refusal: Refused | None = None) -> ResponseReturnValue:
    """Return the page of a thread."""
    page = render_template("hub/thread.html", page=thread_page(thread, refusal=refusal))
    return page, refusal.status if refusal else 200


def _cards(thread: Thread, found: list[ReadMessage], customer: str) -> list[MessageCard]:
    files = _files_by_place(thread)
    team = next((topic.team for topic in settings().topics if topic.name == thread.topic and topic.team), "")
    roles = {STAFF_SIDE: team or _("Staff"), CUSTOMER_SIDE: _("Customer")}
    return [_card(thread, each, customer, roles, files.get(message_place(each.message.number), [])) for each in found]


def _card(
    thread: Thread, read: ReadMessage, customer: str, roles: Mapping[str, str], files: list[FileView]
) -> MessageCard:
    message, keyring = read.message, app_state().configuration.keyring
    is_ours = message.author_kind == STAFF_SIDE
    is_back = message.taken_back_at is not None
    return MessageCard(
        number=message.number,
        is_ours=is_ours,
        name=(message.author_name or _("Staff")) if is_ours else customer,
        role=roles[message.author_kind],
        moment=staff_moment(message.sent_at),
        text="" if is_back else text_of(keyring, thread, message),
        files=[] if is_back else files,
        seen=_seen_text(read),
        is_seen=read.read_at is not None,
        is_hidden=message.visible_at > now(),
        taken_back=_taken_back_text(thread, message) if is_back else None,
    )


def _seen_text(read: ReadMessage) -> str:
    if read.message.visible_at > now():
        return _("The customer cannot see it yet")
    if read.read_at is None:
        return _("Not seen yet")
    seen = _("Seen %(moment)s", moment=staff_moment(read.read_at, inside=True))
    return _("%(seen)s, files downloaded", seen=seen) if read.downloads else seen


def _taken_back_text(thread: Thread, message: Message) -> str:
    reason = reason_of(app_state().configuration.keyring, thread, message).rstrip(".")
    who, moment = message.author_name or _("Staff"), staff_moment(message.sent_at, inside=True)
    return _("%(who)s wrote %(moment)s. Taken back because %(reason)s.", who=who, moment=moment, reason=reason)


def staff_moment(instant: datetime, *, inside: bool = False) -> str:
    """Return an instant for staff, like "Today at 14:02" or "17 November at 11:20"; `inside` a sentence if so."""
    day, time = local_day(instant), clock_time(instant)
    if day == today():
        return _("today at %(time)s", time=time) if inside else _("Today at %(time)s", time=time)
    short = format_date(day, "d MMMM" if day.year == today().year else "d MMMM y", locale=language())
    return _("%(day)s at %(time)s", day=short, time=time)


def _files_by_place(thread: Thread) -> dict[str, list[FileView]]:
    rows = files_of_work(db(), work_of_thread(thread.reference))
    found: dict[str, list[FileView]] = {}
    for row in rows.values():
        found.setdefault(row.place, []).append(_file_view(thread, row, rows))
    return found


def _file_view(thread: Thread, row: StoredFile, rows: Mapping[str, StoredFile]) -> FileView:
    if not row.sealed:
        return FileView(id=row.name, name=_("A file"), size="", href=None, remark=_("Deleted because it had a virus"))
    content = open_content(app_state().configuration.keyring, row)
    entry = FileEntry(id=row.name, name=content.name, kind=content.kind, size=row.size)
    return file_view(f"{address_of(thread)}/files", entry, rows)


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
