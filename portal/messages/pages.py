"""What pages of messages show: threads as rows, messages, who reads and when we aim to reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.accounts.models import Person
from portal.form_definitions.types.form_fields import FileView
from portal.form_definitions.versions.queries import definition_of
from portal.messages.definition import CUSTOMER_SIDE, NOBODY, STAFF_SIDE, US
from portal.messages.files import files_of_message
from portal.messages.models import Message, Thread
from portal.messages.operations import Desk, desk_at
from portal.messages.queries import FoundThread, ReadMessage
from portal.messages.sealing import open_written, reason_of, subject_of, text_of, work_of_thread
from portal.site_settings.current import clock_time, day_text, local_day, moment_text, settings, today
from portal.storage.models import StoredFile
from portal.storage.queries import files_of_work
from portal.submissions.models import Submission
from portal.web.app_state import app_state
from portal.web.languages import language
from portal.web.unit_of_work import db, now


def desk() -> Desk:
    """Return what changes of threads need, as this request has it."""
    return desk_at(db(), settings(), now=now())


@dataclass(frozen=True, kw_only=True)
class ThreadRow:
    """A thread as a customer's list shows it; `waits_for` is as the customer may know it."""

    reference: str
    subject: str
    about: str
    case: str | None
    moment: str
    unread: int
    has_draft: bool
    waits_for: str
    is_closed: bool
    reply_by: str | None


def thread_row(found: FoundThread) -> ThreadRow:
    """Return the row of one thread."""
    thread, keyring = found.thread, app_state().configuration.keyring
    waits_for = shown_wait(thread)
    return ThreadRow(
        reference=thread.reference,
        subject=subject_of(keyring, thread),
        about=about(thread, found.submission),
        case=found.submission.reference if found.submission else None,
        moment=moment_text(min(thread.changed_at, now()), inside=True),
        unread=found.unread,
        has_draft=found.has_parked or bool(open_written(keyring, thread, found.draft).text),
        waits_for=waits_for,
        is_closed=thread.closed_at is not None,
        reply_by=day_text(thread.due_on) if waits_for == US and thread.waits_for == US else None,
    )


def shown_wait(thread: Thread) -> str:
    """Return whom a thread waits for, as its customer may know it: a reply that is not visible yet is none."""
    return US if thread.changed_at > now() and thread.waits_for != NOBODY else thread.waits_for


def about(thread: Thread, submission: Submission | None) -> str:
    """Return what a thread is about: the title of the form, or the topic."""
    return definition_of(submission.version).title.in_(language()) if submission else thread.topic


@dataclass(frozen=True, kw_only=True)
class MessageView:
    """One message as a page shows it.

    `seen` says whether the other side has read it; customers are not told what they have read themselves. One that was
    taken back has a `reason` and no text.
    """

    number: int
    is_own: bool
    who: str
    team: str | None
    moment: str
    text: str
    files: Sequence[FileView]
    seen: str | None
    is_seen: bool
    is_new: bool
    is_pending: bool
    reason: str | None


def message_views(
    thread: Thread,
    messages: Sequence[ReadMessage],
    *,
    side: str,
    address: str,
    customer: str = "",
    rows: Mapping[str, StoredFile] | None = None,
) -> list[MessageView]:
    """Return the messages of a thread as one side sees them; files are downloaded below `address`.

    `customer` is what staff call the customer, `rows` are the files of the thread where they have been read.
    """
    found = desk()
    rows = files_of_work(found.db, work_of_thread(thread.reference)) if rows is None else rows
    return [
        _view(
            thread,
            each,
            side=side,
            who=_author(each.message, side, customer),
            files=files_of_message(found, each.message.number, rows, f"{address}/files"),
        )
        for each in messages
    ]


def _view(thread: Thread, read: ReadMessage, *, side: str, who: str, files: Sequence[FileView]) -> MessageView:
    message, keyring = read.message, app_state().configuration.keyring
    is_gone, is_own = message.taken_back_at is not None, message.author_kind == side
    return MessageView(
        number=message.number,
        is_own=is_own,
        who=who,
        team=team_of(thread) if message.author_kind == STAFF_SIDE else None,
        moment=moment_text(message.visible_at if side == CUSTOMER_SIDE else message.sent_at),
        text="" if is_gone else text_of(keyring, thread, message),
        files=() if is_gone else files,
        seen=_seen_text(read, has_files=bool(files)) if not is_gone and (is_own or side == STAFF_SIDE) else None,
        is_seen=read.read_at is not None,
        is_new=not is_own and read.read_at is None and not is_gone,
        is_pending=message.visible_at > now(),
        reason=_taken_back_text(thread, message) if is_gone else None,
    )


def _author(message: Message, side: str, customer: str) -> str:
    """Return who wrote a message: customers read the first name of staff, staff the whole name."""
    if message.author_kind == CUSTOMER_SIDE:
        return _("You") if side == CUSTOMER_SIDE else customer
    name = message.author_name or ""
    return name if side == STAFF_SIDE else name.partition(" ")[0]


def _seen_text(read: ReadMessage, *, has_files: bool) -> str:
    if read.read_at is None:
        return _("Not seen yet")
    if local_day(read.read_at) == today():
        seen = _("Seen today at %(time)s", time=clock_time(read.read_at))
    else:
        day = day_text(local_day(read.read_at))
        seen = _("Seen on %(day)s at %(time)s", day=day, time=clock_time(read.read_at))
    return _("%(seen)s, files downloaded", seen=seen) if has_files and read.downloads else seen


def _taken_back_text(thread: Thread, message: Message) -> str:
    day = day_text(local_day(message.taken_back_at or now()))
    reason = reason_of(app_state().configuration.keyring, thread, message)
    return _("Taken back on %(day)s because %(reason)s", day=day, reason=reason)


def team_of(thread: Thread) -> str | None:
    """Return the team that answers a thread, as the site settings name it for its topic; None where they name none."""
    return next((topic.team or None for topic in settings().topics if topic.name == thread.topic), None)


def is_topic_open(thread: Thread) -> bool:
    """Return whether messages about the topic of a thread are still taken; a case needs no topic."""
    return not thread.topic or thread.topic in [topic.name for topic in settings().topics]


def staff_name(person: Person) -> str:
    """Return the name under which a member of staff writes: never an address."""
    return person.name or _("Our staff")


def emergency_line() -> str:
    """Return what to do in an emergency: in the reader's language where the words are the portal's own."""
    own, line = "In an emergency, call 999. Do not write here.", settings().messages_emergency
    return _("In an emergency, call 999. Do not write here.") if line == own else line


def reply_day(thread: Thread | None) -> str:
    """Return the day by which we aim to reply to what is written now."""
    if thread and thread.waits_for == US:
        return day_text(thread.due_on)
    return day_text(desk().due_on(now()))


def last_shown(messages: Sequence[ReadMessage]) -> int:
    """Return the number of the last message that a page shows."""
    return messages[-1].message.number if messages else 0
