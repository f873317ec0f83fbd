"""The tables of secure messages: threads with their messages, what is being written, who has read what, and notes."""

from datetime import date, datetime

from sqlalchemy import Boolean, Date, ForeignKey, Identity, Index, Integer, LargeBinary, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from portal.audit import Id
from portal.db import Base

HOLDER_LENGTH = 72


class Thread(Base):
    """One conversation with one customer, about a case (`submission_id`) or a topic.

    Its customer is a person or, at a mailed `address`, a guest. `waits_for` is one of `definition.US`, `YOU` and
    `NOBODY`; `due_on` is the day by which our reply is due, `definition.NOT_DUE` where none is. `changed_at` is when
    the last message became visible.
    """

    __tablename__ = "threads"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    reference: Mapped[str] = mapped_column(String(16), unique=True)
    submission_id: Mapped[int | None] = mapped_column(Id, ForeignKey("submissions.id", ondelete="CASCADE"))
    person_id: Mapped[int | None] = mapped_column(Id)
    address: Mapped[bytes | None] = mapped_column(LargeBinary)
    topic: Mapped[str] = mapped_column(String(100))
    subject: Mapped[bytes] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(String(8))
    waits_for: Mapped[str] = mapped_column(String(8))
    assignee_id: Mapped[int | None] = mapped_column(Id)
    is_confidential: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    begun_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    due_on: Mapped[date] = mapped_column(Date)
    last_number: Mapped[int] = mapped_column(Integer)
    mailed_at: Mapped[datetime | None]
    """When the last mail to the customer was due."""
    delivery: Mapped[str | None] = mapped_column(String(32))
    """Its name in the outbox."""
    staff_mailed_at: Mapped[datetime | None]
    remind_at: Mapped[datetime | None]
    """When the customer is reminded of what they have not read; None where there is nothing, or they were."""


_INBOX_ORDER = (Thread.due_on, Thread.id)
Index("ix_threads_place", *_INBOX_ORDER)
Index("ix_threads_waits_for", Thread.waits_for, *_INBOX_ORDER)
Index("ix_threads_topic", Thread.topic, *_INBOX_ORDER)
Index("ix_threads_topic_waits_for", Thread.topic, Thread.waits_for, *_INBOX_ORDER)
Index("ix_threads_assignee", Thread.assignee_id, *_INBOX_ORDER)
Index("ix_threads_assignee_waits_for", Thread.assignee_id, Thread.waits_for, *_INBOX_ORDER)
Index("ix_threads_person", Thread.person_id, Thread.changed_at)
Index("ix_threads_submission", Thread.submission_id, Thread.changed_at)
IS_REMINDED = Thread.remind_at.is_not(None)
Index("ix_threads_remind", Thread.remind_at, sqlite_where=IS_REMINDED, postgresql_where=IS_REMINDED)


class WaitingThreads(Base):
    """How many threads wait for our reply on one day; no row stands for none.

    Kept by whatever changes what a thread waits for, so that no page has to count the threads.
    """

    __tablename__ = "waiting_threads"

    due_on: Mapped[date] = mapped_column(Date, primary_key=True)
    number: Mapped[int] = mapped_column(Integer)


class ThreadKey(Base):
    """One word of the customer's name or their address, as a keyed hash, by which staff can search."""

    __tablename__ = "thread_keys"

    key: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    thread_id: Mapped[int] = mapped_column(
        Id, ForeignKey("threads.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class ThreadGuest(Base):
    """A guest who opened a thread by a code from its address; guests may read only threads that are listed here."""

    __tablename__ = "thread_guests"

    guest_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    thread_id: Mapped[int] = mapped_column(
        Id, ForeignKey("threads.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Message(Base):
    """One message; it is never changed, but staff may take one of theirs back.

    `number` counts the messages of a thread. `author_name` is the name of the member of staff; a customer's stands in
    the account or the case. `key` is that of the page which sent it, so that pressing Send twice makes one message. The
    customer sees it from `visible_at` on. `reason` says why it was taken back.
    """

    __tablename__ = "messages"
    __table_args__ = (UniqueConstraint("thread_id", "number"),)

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    thread_id: Mapped[int] = mapped_column(Id, ForeignKey("threads.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    author_kind: Mapped[str] = mapped_column(String(8))
    author_id: Mapped[int | None] = mapped_column(Id)
    author_name: Mapped[str | None] = mapped_column(String(254))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    sent_at: Mapped[datetime]
    visible_at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]
    reason: Mapped[bytes | None] = mapped_column(LargeBinary)


class MessageDraft(Base):
    """What somebody (`holder`: `person:7` or `guest:…`) is writing in a thread, or to begin one (`thread_id` None).

    `page_id` and `sequence` are those of the last save, as with the parts of a form. Its files hang on the same place
    in storage.
    """

    __tablename__ = "message_drafts"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    thread_id: Mapped[int | None] = mapped_column(Id, ForeignKey("threads.id", ondelete="CASCADE"))
    holder: Mapped[str] = mapped_column(String(HOLDER_LENGTH), index=True)
    revision: Mapped[int] = mapped_column(Integer)
    page_id: Mapped[str] = mapped_column(String(16))
    sequence: Mapped[int] = mapped_column(Integer)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    begun_at: Mapped[datetime]
    changed_at: Mapped[datetime] = mapped_column(index=True)


_BEGINS = MessageDraft.thread_id.is_(None)
Index(
    "uq_message_drafts_reply",
    MessageDraft.thread_id,
    MessageDraft.holder,
    unique=True,
    sqlite_where=~_BEGINS,
    postgresql_where=~_BEGINS,
)
Index("uq_message_drafts_new", MessageDraft.holder, unique=True, sqlite_where=_BEGINS, postgresql_where=_BEGINS)


class Reading(Base):
    """That somebody of the other side (`reader`, as a draft's holder) has read a message, and how many downloads."""

    __tablename__ = "readings"

    message_id: Mapped[int] = mapped_column(Id, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    reader: Mapped[str] = mapped_column(String(HOLDER_LENGTH), primary_key=True)
    first_read_at: Mapped[datetime]
    downloads: Mapped[int] = mapped_column(Integer, default=0)


class Note(Base):
    """A note of staff about a thread. Nothing leads here from a thread or a message."""

    __tablename__ = "thread_notes"

    id: Mapped[int] = mapped_column(Id, Identity(), primary_key=True)
    thread_id: Mapped[int] = mapped_column(Id, ForeignKey("threads.id", ondelete="CASCADE"), index=True)
    author_id: Mapped[int] = mapped_column(Id)
    author_name: Mapped[str] = mapped_column(String(254))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    written_at: Mapped[datetime]


class ThreadLink(Base):
    """A mailed link to a guest's thread; of its token only the hash is stored."""

    __tablename__ = "thread_links"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    thread_id: Mapped[int] = mapped_column(Id, ForeignKey("threads.id", ondelete="CASCADE"), index=True)
    issued_at: Mapped[datetime]


class ThreadCode(Base):
    """A code mailed to the address of a guest's thread, for the browser whose cookie's hash names the row."""

    __tablename__ = "thread_codes"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    thread_id: Mapped[int] = mapped_column(Id, ForeignKey("threads.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    mailed_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
