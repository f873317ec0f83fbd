"""Changing threads: begin one, keep what is written, send, take back, read, close, assign, and forget.

Whoever changes a thread has locked it, so that its messages have an order and a number each.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from portal.db import Database, delete_batch, insert_into
from portal.drafts.rules import Order, Seen
from portal.keyring import Keyring
from portal.messages.definition import (
    NOBODY,
    NOT_DUE,
    REFERENCE_PREFIX,
    STAFF_SIDE,
    SWEPT_AT_ONCE,
    TAKEN_BACK_WITHIN,
    US,
    YOU,
)
from portal.messages.models import (
    Message,
    MessageDraft,
    Note,
    Reading,
    Thread,
    ThreadCode,
    ThreadGuest,
    ThreadKey,
    ThreadLink,
    WaitingThreads,
)
from portal.messages.queries import draft_of, first_unanswered, messages_of
from portal.messages.rules import due_day
from portal.messages.sealing import (
    ADDRESS,
    SUBJECT,
    Written,
    draft_place,
    message_place,
    note_place,
    open_written,
    reason_place,
    removed_place,
    seal_in_thread,
    seal_written,
    text_of,
    work_of_draft,
    work_of_thread,
)
from portal.sessions.late_forms import forget_parked_of
from portal.site_settings.definition import Settings
from portal.storage.models import StoredFile
from portal.storage.operations import rekey_file, release_files, release_files_of_works, release_late_files
from portal.storage.queries import files_of_work
from portal.submissions.customers import Customer, search_key, search_terms
from portal.submissions.models import Submission
from portal.tokens import new_token, readable_code, token_hash
from portal.web.app_state import app_state

_PLAIN = {"synchronize_session": False}
CODE_LENGTH = 8


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a change of threads needs besides its subject: database, keys, the instant, and when we aim to reply.

    `reply_days` is in working days, counted in the site's time `zone`.
    """

    db: Session
    database: Database
    keyring: Keyring
    now: datetime
    zone: ZoneInfo
    reply_days: int

    def due_on(self, asked_at: datetime) -> date:
        """Return the day by which we aim to reply to what was asked at an instant."""
        return due_day(asked_at.astimezone(self.zone).date(), self.reply_days)


def desk_at(db: Session, settings: Settings, *, now: datetime) -> Desk:
    """Return what changes of threads need, in a transaction of this application."""
    state = app_state()
    return Desk(
        db=db,
        database=state.database,
        keyring=state.configuration.keyring,
        now=now,
        zone=settings.zone,
        reply_days=settings.messages_reply_days,
    )


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who writes: `side` is that of the customer or of staff, `holder` as in a draft; `name` only of staff."""

    side: str
    holder: str
    person_id: int | None = None
    name: str | None = None


def begin_thread(
    desk: Desk,
    *,
    customer: Customer,
    person_id: int | None,
    submission: Submission | None,
    topic: str,
    subject: str,
    language: str,
    secret: str,
) -> Thread:
    """Begin a thread without messages with a person or, at the first address of `customer`, with a guest.

    Staff find it by hashes of the customer's names and addresses, made with `secret`.
    """
    thread = Thread(
        reference=_new_reference(desk.db),
        submission_id=submission.id if submission else None,
        person_id=person_id,
        topic=topic,
        language=language,
        waits_for=NOBODY,
        begun_at=desk.now,
        changed_at=desk.now,
        due_on=NOT_DUE,
        last_number=0,
    )
    thread.subject = seal_in_thread(desk.keyring, thread, SUBJECT, subject)
    if person_id is None and customer.email:
        thread.address = seal_in_thread(desk.keyring, thread, ADDRESS, customer.email)
    desk.db.add(thread)
    desk.db.flush()
    terms = search_terms(" ".join(filter(None, (customer.name, *customer.emails))))
    desk.db.add_all(ThreadKey(key=search_key(term, secret=secret), thread_id=thread.id) for term in sorted(terms))
    return thread


def _new_reference(db: Session) -> str:
    """Return a reference that no thread has; the unique constraint guards against a race."""
    while True:
        code = readable_code(CODE_LENGTH)
        reference = f"{REFERENCE_PREFIX}-{code[:4]}-{code[4:]}"
        if db.scalar(select(Thread.id).where(Thread.reference == reference)) is None:
            return reference


def locked_draft(desk: Desk, thread: Thread | None, holder: str) -> MessageDraft:
    """Return what somebody is writing, locked; an empty one is made where there is none."""
    empty = {"revision": 0, "page_id": "", "sequence": 0, "sealed": b"", "begun_at": desk.now, "changed_at": desk.now}
    place = {"thread_id": thread.id if thread else None, "holder": holder}
    while True:
        desk.database.insert_or_ignore(desk.db, MessageDraft, **place, **empty)
        found = draft_of(desk.db, thread, holder, locked=True)
        if found:  # else it was sent, and so deleted, while we waited for the lock
            return found


def order_of(draft: MessageDraft, seen: Seen) -> Order:
    """Return how a save relates to the stored draft; as `drafts.rules.order` does for a part of a form."""
    if draft.page_id == seen.page_id and seen.page_id:
        return Order.OVERTAKEN if seen.sequence < draft.sequence else Order.NEXT
    return Order.NEXT if seen.revision == draft.revision else Order.STALE


def save_draft(desk: Desk, thread: Thread | None, draft: MessageDraft, written: Written, seen: Seen) -> None:
    """Keep what somebody has written so far; the revision rises only if it differs from what is stored."""
    draft.page_id, draft.sequence = seen.page_id, seen.sequence
    if open_written(desk.keyring, thread, draft) != written:
        _put(desk, thread, draft, written)


def _put(desk: Desk, thread: Thread | None, draft: MessageDraft, written: Written) -> None:
    draft.sealed = seal_written(desk.keyring, thread, draft.holder, written)
    draft.revision, draft.changed_at = draft.revision + 1, desk.now


def forget_draft(desk: Desk, thread: Thread | None, draft: MessageDraft) -> None:
    """Delete what somebody was writing, with the files that hang on it."""
    work = work_of_draft(thread, draft.holder)
    own = (draft_place(draft.holder), removed_place(draft.holder))
    left = [name for name, file in files_of_work(desk.db, work).items() if file.place in own]
    release_files(desk.db, work, left, now=desk.now)
    desk.db.delete(draft)
    desk.db.flush()


def move_to_new(desk: Desk, thread: Thread, draft: MessageDraft, written: Written) -> None:
    """Take what somebody wrote in a thread that no longer takes it along to a new message, files included.

    `written` names what the new one is about. What they were writing to begin another thread stays above it.
    """
    other = locked_draft(desk, None, draft.holder)
    texts = (open_written(desk.keyring, None, other).text, written.text)
    _put(desk, None, other, replace(written, text="\n\n".join(filter(None, texts))))
    for file in _files_at(desk.db, thread, draft_place(draft.holder)):
        rekey_file(desk.db, file, work=work_of_draft(None, draft.holder), place=file.place, keyring=desk.keyring)
    desk.db.flush()
    forget_draft(desk, thread, draft)


def send_message(
    desk: Desk, thread: Thread, text: str, *, author: Author, key: str, written_in: Thread | None = None
) -> Message:
    """Add a message to a thread that is locked, with the files of the author's draft, which ends.

    What staff write is visible a little later. `written_in` is the thread of the draft; None where the draft was to
    begin this one. The caller has seen that no message has this key.
    """
    thread.last_number += 1
    is_staffs = author.side == STAFF_SIDE
    message = Message(
        thread_id=thread.id,
        number=thread.last_number,
        author_kind=author.side,
        author_id=author.person_id,
        author_name=author.name,
        sealed=seal_in_thread(desk.keyring, thread, message_place(thread.last_number), text),
        key=key,
        sent_at=desk.now,
        visible_at=desk.now + TAKEN_BACK_WITHIN if is_staffs else desk.now,
    )
    desk.db.add(message)
    _send_files(desk, thread, message, written_in, author.holder)
    draft = draft_of(desk.db, written_in, author.holder)
    if draft:
        forget_draft(desk, written_in, draft)
    thread.changed_at = message.visible_at
    if is_staffs:
        wait_for(desk.db, thread, YOU)
    elif thread.waits_for != US:
        wait_for(desk.db, thread, US, due_on=desk.due_on(desk.now))
    desk.db.flush()
    return message


def _send_files(desk: Desk, thread: Thread, message: Message, written_in: Thread | None, holder: str) -> None:
    work = work_of_draft(written_in, holder)
    for file in files_of_work(desk.db, work).values():
        if file.place == draft_place(holder) and file.sealed:
            place = message_place(message.number)
            rekey_file(desk.db, file, work=work_of_thread(thread.reference), place=place, keyring=desk.keyring)
    desk.db.flush()


def wait_for(db: Session, thread: Thread, side: str, *, due_on: date = NOT_DUE) -> None:
    """Note whom a thread waits for, and by which day; keep the count of those that wait for us."""
    if (thread.waits_for, thread.due_on) == (side, due_on):
        return
    changes = [(thread.due_on, -1)] if thread.waits_for == US else []
    changes += [(due_on, 1)] if side == US else []
    for day, change in sorted(changes):  # in one order, as each locks the count of its day
        _count_waiting(db, day, change)
    thread.waits_for, thread.due_on = side, due_on


def _count_waiting(db: Session, day: date, change: int) -> None:
    """Note that one thread more (1) or one fewer (-1) waits for our reply on a day."""
    added = insert_into(db, WaitingThreads).values(due_on=day, number=change)
    number = {"number": WaitingThreads.number + change}
    db.execute(added.on_conflict_do_update(index_elements=["due_on"], set_=number), execution_options=_PLAIN)
    if change < 0:
        db.execute(delete(WaitingThreads).filter_by(due_on=day, number=0), execution_options=_PLAIN)


def take_back_unseen(desk: Desk, thread: Thread, message: Message, holder: str) -> None:
    """Return a reply that the customer cannot see yet to its author's draft, files included; the caller stops its mail.

    What its author has begun to write since stays below it.
    """
    draft = locked_draft(desk, thread, holder)
    texts = (text_of(desk.keyring, thread, message), open_written(desk.keyring, thread, draft).text)
    _put(desk, thread, draft, Written(text="\n\n".join(filter(None, texts))))
    for file in _files_at(desk.db, thread, message_place(message.number)):
        rekey_file(desk.db, file, work=file.work, place=draft_place(holder), keyring=desk.keyring)
    desk.db.delete(message)
    desk.db.flush()
    _wait_again(desk, thread)


def take_back(desk: Desk, thread: Thread, message: Message, reason: str) -> None:
    """Take a message back that may have been seen: its reason stands in its place, its text stays encrypted.

    Nobody is reminded of it.
    """
    message.taken_back_at = desk.now
    message.reason = seal_in_thread(desk.keyring, thread, reason_place(message.number), reason)
    desk.db.flush()
    if not has_unread(desk.db, thread):
        thread.remind_at = None
    _wait_again(desk, thread)


def _wait_again(desk: Desk, thread: Thread) -> None:
    """Wait for whom the messages that are left wait: for us where the customer's have no reply."""
    left = [each.message for each in messages_of(desk.db, thread) if each.message.taken_back_at is None]
    thread.changed_at = max((message.visible_at for message in left), default=thread.begun_at)
    if thread.closed_at:
        return
    asked = first_unanswered(desk.db, thread)
    if asked:
        wait_for(desk.db, thread, US, due_on=desk.due_on(asked.sent_at))
    else:
        wait_for(desk.db, thread, YOU if left else NOBODY)


def _files_at(db: Session, thread: Thread, place: str) -> list[StoredFile]:
    """Return the files at one place of a thread that can still be opened."""
    files = files_of_work(db, work_of_thread(thread.reference)).values()
    return [file for file in files if file.place == place and file.sealed]


def note_read(desk: Desk, thread: Thread, reader: str, *, of_side: str, up_to: int) -> None:
    """Note that somebody has read what the other side wrote, up to a number that their page showed."""
    theirs = select(Message.id).where(
        Message.thread_id == thread.id,
        Message.author_kind == of_side,
        Message.number <= up_to,
        Message.visible_at <= desk.now,
    )
    for message_id in desk.db.scalars(theirs.order_by(Message.id)).all():
        values = {"message_id": message_id, "reader": reader, "first_read_at": desk.now, "downloads": 0}
        desk.database.insert_or_ignore(desk.db, Reading, **values)
    if of_side == STAFF_SIDE and not has_unread(desk.db, thread):
        thread.remind_at = None


def has_unread(db: Session, thread: Thread) -> bool:
    """Return whether the customer has not read everything that staff wrote, what is not visible yet included."""
    return any(
        each.read_at is None and each.message.author_kind == STAFF_SIDE and each.message.taken_back_at is None
        for each in messages_of(db, thread)
    )


def note_download(desk: Desk, message: Message, reader: str) -> None:
    """Count that the other side downloaded a file of a message; who downloads it has read the message."""
    values = {"message_id": message.id, "reader": reader, "first_read_at": desk.now, "downloads": 0}
    desk.database.insert_or_ignore(desk.db, Reading, **values)
    theirs = update(Reading).where(Reading.message_id == message.id, Reading.reader == reader)
    desk.db.execute(theirs.values(downloads=Reading.downloads + 1), execution_options=_PLAIN)


def close_thread(desk: Desk, thread: Thread) -> None:
    """Close a thread: nobody is waited for, and nobody can write in it. Its messages stay."""
    wait_for(desk.db, thread, NOBODY)
    thread.closed_at, thread.remind_at = desk.now, None


def add_note(desk: Desk, thread: Thread, text: str, *, key: str, author: Author) -> bool:
    """Add a note of staff about a thread; return whether it is new, as the same page sent twice is one note.

    Other words from the same page, to which somebody went back, are another one.
    """
    own_key = token_hash(f"{thread.id}:{key} {text}").hex()
    values = {
        "thread_id": thread.id,
        "author_id": author.person_id,
        "author_name": author.name,
        "key": own_key,
        "sealed": seal_in_thread(desk.keyring, thread, note_place(own_key), text),
        "written_at": desk.now,
    }
    return desk.database.insert_or_ignore(desk.db, Note, **values)


def issue_link(desk: Desk, thread: Thread) -> str:
    """Return the token of a new link to a guest's thread, which is stored nowhere."""
    token = new_token()
    desk.db.add(ThreadLink(token_hash=token_hash(token), thread_id=thread.id, issued_at=desk.now))
    return token


def grant(desk: Desk, thread: Thread) -> str:
    """Let the guest of a thread read it and write in it; return who that is, always the same one.

    The caller has locked the thread.
    """
    known = desk.db.scalar(select(ThreadGuest.guest_id).where(ThreadGuest.thread_id == thread.id))
    guest_id = known or new_token()
    if known is None:
        desk.db.add(ThreadGuest(thread_id=thread.id, guest_id=guest_id))
    return guest_id


def hand_over(desk: Desk, from_id: int, to_id: int) -> None:
    """Make the threads of one person another's, who has proved to be the same, and what they were writing.

    Where both were writing in one place, the words of the second stay below those of the first.
    """
    theirs = update(Thread).where(Thread.person_id == from_id).values(person_id=to_id)
    desk.db.execute(theirs, execution_options=_PLAIN)
    desk.db.expire_all()
    for draft, thread in _drafts_of(desk.db, from_id):
        _give(desk, thread, draft, f"person:{to_id}")


def _give(desk: Desk, thread: Thread | None, draft: MessageDraft, holder: str) -> None:
    other, written = locked_draft(desk, thread, holder), open_written(desk.keyring, thread, draft)
    texts = (written.text, open_written(desk.keyring, thread, other).text)
    _put(desk, thread, other, replace(written, text="\n\n".join(filter(None, texts))))
    work = work_of_draft(thread, draft.holder)
    for file in files_of_work(desk.db, work).values():
        if file.place == draft_place(draft.holder) and file.sealed:
            work_of_other = work_of_draft(thread, holder)
            rekey_file(desk.db, file, work=work_of_other, place=draft_place(holder), keyring=desk.keyring)
    desk.db.flush()
    forget_draft(desk, thread, draft)


def _drafts_of(db: Session, person_id: int) -> list[tuple[MessageDraft, Thread | None]]:
    drafts = select(MessageDraft, Thread).outerjoin(Thread, Thread.id == MessageDraft.thread_id)
    own = drafts.where(MessageDraft.holder == f"person:{person_id}").order_by(MessageDraft.id)
    return [(draft, thread) for draft, thread in db.execute(own.with_for_update(of=MessageDraft)).all()]


def forget_drafts_of(desk: Desk, person_id: int) -> None:
    """Delete what a person wrote and did not send."""
    for draft, thread in _drafts_of(desk.db, person_id):
        forget_draft(desk, thread, draft)


def delete_threads(db: Session, threads: Collection[Thread], *, now: datetime) -> None:
    """Delete threads with all that belongs to them, files and late forms included."""
    works = [work_of_thread(thread.reference) for thread in threads]
    release_files_of_works(db, works, now=now)
    for thread in threads:
        wait_for(db, thread, NOBODY)
        page = f"/messages/{thread.reference}"
        forget_parked_of(db, page)
        release_late_files(db, page, now=now)
        db.delete(thread)
    db.flush()


def sweep_old_threads(db: Session, *, kept_since: datetime, now: datetime) -> int:
    """Delete one batch of threads without a case in which nothing has happened since; return how many."""
    old = select(Thread).where(Thread.submission_id.is_(None), Thread.changed_at < kept_since)
    threads = db.scalars(old.order_by(Thread.changed_at).limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)).all()
    delete_threads(db, threads, now=now)
    return len(threads)


def sweep_thread_codes(db: Session, *, now: datetime) -> int:
    """Delete one batch of codes that no longer open anything; return how many."""
    return delete_batch(db, ThreadCode, ThreadCode.expires_at < now)
