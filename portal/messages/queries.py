"""Finding threads, their messages and what is being written in them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased, joinedload, lazyload

from portal.messages.definition import CUSTOMER_SIDE, STAFF_SIDE, WRITING_FOR
from portal.messages.models import (
    Message,
    MessageDraft,
    Note,
    Reading,
    Thread,
    ThreadCode,
    ThreadGuest,
    ThreadLink,
    WaitingThreads,
)
from portal.sessions.late_forms import has_parked
from portal.sessions.operations import Holder
from portal.submissions.models import Submission
from portal.tokens import token_hash

MOST_THREADS = 50
"""How many threads a page lists."""


def holder_name(holder: Holder) -> str:
    """Return who writes or reads, as it is stored: `person:7` or `guest:…`."""
    return f"person:{holder.person_id}" if holder.person_id else f"guest:{holder.guest_id}"


def _is_theirs(holder: Holder) -> ColumnElement[bool]:
    """Return the condition for the threads that a customer may read."""
    if holder.person_id:
        return Thread.person_id == holder.person_id
    of_guest = (ThreadGuest.thread_id == Thread.id, ThreadGuest.guest_id == (holder.guest_id or ""))
    return exists().where(*of_guest)


def _draft_of(holder: str) -> ColumnElement[bool]:
    return and_(MessageDraft.thread_id == Thread.id, MessageDraft.holder == holder)


@dataclass(frozen=True, kw_only=True)
class FoundThread:
    """A thread with what a page about it needs besides: the case, what the reader is writing, and what came late."""

    thread: Thread
    submission: Submission | None
    draft: MessageDraft | None
    has_parked: bool = False
    unread: int = 0


def _threads(holder: str, now: datetime) -> Any:
    """Select the threads of which a customer can see a message; what staff begin is one a little later."""
    page = literal("/messages/") + Thread.reference
    is_begun = exists().where(Message.thread_id == Thread.id, is_visible(now))
    return (
        select(Thread, Submission, MessageDraft, has_parked(page, now=bindparam("now", now)), _unread(now))
        .outerjoin(Submission, Submission.id == Thread.submission_id)
        .outerjoin(MessageDraft, _draft_of(holder))
        .options(joinedload(Submission.version, innerjoin=False), lazyload(Submission.case))
        .where(is_begun)
    )


def _found(row: Any) -> FoundThread:
    thread, submission, draft, is_parked, unread = row
    return FoundThread(thread=thread, submission=submission, draft=draft, has_parked=is_parked, unread=unread)


def is_visible(now: datetime) -> ColumnElement[bool]:
    """Return the condition for the messages that a customer can see, or of which they see that they were taken back."""
    return Message.visible_at <= now


def _is_new(now: datetime) -> ColumnElement[bool]:
    """Return the condition for the messages of staff that their customer has not read."""
    is_read = exists().where(Reading.message_id == Message.id)
    return and_(Message.author_kind == STAFF_SIDE, is_visible(now), Message.taken_back_at.is_(None), ~is_read)


def _unread(now: datetime) -> Any:
    query = select(func.count()).select_from(Message).where(Message.thread_id == Thread.id, _is_new(now))
    return query.correlate(Thread).scalar_subquery()


def find_thread(
    db: Session, reference: str, holder: Holder, *, now: datetime, locked: bool = False
) -> FoundThread | None:
    """Return the thread with this reference if the customer may read it, and what they are writing in it.

    `locked` makes others wait who change the thread.
    """
    asked = (Thread.reference == reference.upper(), _is_theirs(holder))
    if locked:
        db.execute(select(Thread.id).where(*asked).with_for_update())
    row = db.execute(_threads(holder_name(holder), now).where(*asked)).one_or_none()
    return _found(row) if row else None


def threads_of(db: Session, holder: Holder, *, now: datetime, before: str | None, limit: int) -> list[FoundThread]:
    """Return a customer's threads, last changed first; those after the thread `before` where given."""
    query = _threads(holder_name(holder), now).where(_is_theirs(holder))
    if before:
        own = (Thread.reference == before.upper(), _is_theirs(holder))
        last = select(Thread.changed_at, Thread.id).where(*own).subquery()
        at, number = (select(column).scalar_subquery() for column in last.c)
        query = query.where(or_(Thread.changed_at < at, and_(Thread.changed_at == at, Thread.id < number)))
    query = query.order_by(Thread.changed_at.desc(), Thread.id.desc()).limit(limit)
    return [_found(row) for row in db.execute(query)]


def count_unread(db: Session, person_id: int, *, now: datetime) -> int:
    """Return how many messages of staff a person has not read."""
    query = select(func.count()).select_from(Message).join(Thread, Thread.id == Message.thread_id)
    return db.scalar(query.where(Thread.person_id == person_id, _is_new(now))) or 0


def count_threads(db: Session, person_id: int) -> int:
    """Return how many threads a person has, closed ones too."""
    return db.scalar(select(func.count()).select_from(Thread).where(Thread.person_id == person_id)) or 0


@dataclass(frozen=True, kw_only=True)
class ReadMessage:
    """A message, and when the other side first read it and how often they downloaded its files.

    `is_next` says that no reply stands before it that is not visible yet.
    """

    message: Message
    read_at: datetime | None
    downloads: int
    is_next: bool = True


def messages_of(db: Session, thread: Thread, *, visible_at: datetime | None = None) -> list[ReadMessage]:
    """Return the messages of a thread in their order; to customers, those that are visible at an instant."""
    read_at = select(func.min(Reading.first_read_at)).where(Reading.message_id == Message.id).scalar_subquery()
    downloads = select(func.max(Reading.downloads)).where(Reading.message_id == Message.id).scalar_subquery()
    is_next = _is_next(thread, visible_at) if visible_at else literal(True)
    query = select(Message, read_at, downloads, is_next).where(Message.thread_id == thread.id)
    if visible_at:
        query = query.where(is_visible(visible_at))
    return [
        ReadMessage(message=message, read_at=read_at, downloads=downloads or 0, is_next=is_next)
        for message, read_at, downloads, is_next in db.execute(query.order_by(Message.number))
    ]


def _is_next(thread: Thread, now: datetime) -> ColumnElement[bool]:
    """Return the condition for the messages before the first reply that a customer cannot see yet."""
    of_thread = aliased(Message)
    pending = select(func.min(of_thread.number)).where(of_thread.thread_id == thread.id, of_thread.visible_at > now)
    return Message.number < func.coalesce(pending.scalar_subquery(), thread.last_number + 1)


def seen_up_to(db: Session, thread: Thread, *, now: datetime) -> int:
    """Return the number up to which a customer has seen all messages when they see those that are visible.

    A reply that is not visible yet may stand before a message that the customer has sent since.
    """
    before = (Message.thread_id == thread.id, _is_next(thread, now))
    return db.scalar(select(func.max(Message.number)).where(*before)) or 0


def message_with_key(db: Session, key: str) -> tuple[Message, Thread] | None:
    """Return the message that a page with this key has sent, and its thread."""
    query = select(Message, Thread).join(Thread, Thread.id == Message.thread_id).where(Message.key == key)
    row = db.execute(query).one_or_none()
    return (row[0], row[1]) if row else None


def message_of(db: Session, thread: Thread, number: int) -> Message | None:
    """Return one message of a thread."""
    return db.scalar(select(Message).where(Message.thread_id == thread.id, Message.number == number))


def first_unanswered(db: Session, thread: Thread) -> Message | None:
    """Return the first message of the customer after the last reply of staff that was not taken back."""
    replied = select(func.max(Message.number)).where(
        Message.thread_id == thread.id, Message.author_kind == STAFF_SIDE, Message.taken_back_at.is_(None)
    )
    asked = (Message.thread_id == thread.id, Message.author_kind == CUSTOMER_SIDE)
    after = Message.number > func.coalesce(replied.scalar_subquery(), 0)
    return db.scalars(select(Message).where(*asked, after).order_by(Message.number).limit(1)).one_or_none()


def draft_of(db: Session, thread: Thread | None, holder: str, *, locked: bool = False) -> MessageDraft | None:
    """Return what somebody is writing in a thread, or to begin one."""
    of_thread = MessageDraft.thread_id == thread.id if thread else MessageDraft.thread_id.is_(None)
    query = select(MessageDraft).where(of_thread, MessageDraft.holder == holder)
    return db.scalar(query.with_for_update() if locked else query)


def last_draft(db: Session, holder: str) -> tuple[MessageDraft, Thread | None] | None:
    """Return what somebody wrote last and has not sent, and its thread."""
    query = select(MessageDraft, Thread).outerjoin(Thread, Thread.id == MessageDraft.thread_id)
    query = query.where(MessageDraft.holder == holder).order_by(MessageDraft.changed_at.desc(), MessageDraft.id.desc())
    row = db.execute(query.limit(1)).one_or_none()
    return (row[0], row[1]) if row else None


def being_written(db: Session, threads: Collection[int], *, but: str, now: datetime) -> Sequence[MessageDraft]:
    """Return what others than `but` have been writing in some threads in the last minutes, longest at it first."""
    at_it = (
        MessageDraft.thread_id.in_(threads),
        MessageDraft.changed_at > now - WRITING_FOR,
        MessageDraft.holder != but,
    )
    return db.scalars(select(MessageDraft).where(*at_it).order_by(MessageDraft.begun_at, MessageDraft.id)).all()


def waiting_counts(db: Session, today: date) -> tuple[int, int, int]:
    """Return how many threads wait for our reply: due later, due today, overdue."""
    days = db.execute(select(WaitingThreads).order_by(WaitingThreads.due_on)).scalars().all()
    parts = [0, 0, 0]
    for day in days:
        parts[0 if day.due_on > today else 1 if day.due_on == today else 2] += day.number
    return parts[0], parts[1], parts[2]


def thread_by_reference(db: Session, reference: str, *, locked: bool = False) -> Thread | None:
    """Return the thread with this reference, for staff; `locked` makes others wait who change it."""
    query = select(Thread).where(Thread.reference == reference.upper())
    return db.scalar(query.with_for_update() if locked else query)


def threads_of_case(db: Session, submission_id: int) -> Sequence[Thread]:
    """Return the threads about a case, last changed first."""
    query = select(Thread).where(Thread.submission_id == submission_id)
    return db.scalars(query.order_by(Thread.changed_at.desc(), Thread.id.desc()).limit(MOST_THREADS)).all()


def notes_of(db: Session, thread: Thread) -> Sequence[Note]:
    """Return the notes of staff about a thread, newest first."""
    return db.scalars(select(Note).where(Note.thread_id == thread.id).order_by(Note.id.desc())).all()


def count_notes(db: Session, thread: Thread) -> int:
    """Return how many notes there are about a thread."""
    return db.scalar(select(func.count()).select_from(Note).where(Note.thread_id == thread.id)) or 0


def thread_of_link(db: Session, token: str) -> Thread | None:
    """Return the guest's thread that a mailed link leads to."""
    query = select(Thread).join(ThreadLink, ThreadLink.thread_id == Thread.id)
    return db.scalar(query.where(ThreadLink.token_hash == token_hash(token)))


def code_of_browser(db: Session, token: str) -> tuple[ThreadCode, Thread] | None:
    """Return the code that was mailed for the browser with this cookie, and its thread."""
    query = select(ThreadCode, Thread).join(Thread, Thread.id == ThreadCode.thread_id)
    row = db.execute(query.where(ThreadCode.token_hash == token_hash(token))).one_or_none()
    return (row[0], row[1]) if row else None


def last_code(db: Session, thread: Thread, *, now: datetime) -> ThreadCode | None:
    """Return the code for a thread that was mailed last, if it has not been used and is not too old."""
    fits = (ThreadCode.thread_id == thread.id, ThreadCode.used_at.is_(None), ThreadCode.expires_at > now)
    return db.scalars(select(ThreadCode).where(*fits).order_by(ThreadCode.mailed_at.desc()).limit(1)).one_or_none()
