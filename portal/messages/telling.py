"""E-mail about messages: to the customer once there is something to see, to staff, and the reminder."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.accounts.queries import person_by_id
from portal.mail import messages as mails
from portal.messages.definition import MAILED_ONCE_IN, REMINDED_AFTER, REMINDED_AT_ONCE, STAFF_SIDE, SWEPT_AT_ONCE
from portal.messages.models import IS_REMINDED, Message, MessageDraft, Thread
from portal.messages.operations import Desk, desk_at, forget_draft, issue_link, sweep_old_threads
from portal.messages.queries import messages_of
from portal.messages.rules import mail_due
from portal.messages.sealing import guest_address
from portal.outbox.operations import cancel
from portal.site_settings.queries import current_settings
from portal.submissions.models import Submission
from portal.web.addresses import public_url
from portal.web.languages import speaking


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Where a thread's customer is written to, and the link in the e-mail."""

    address: str
    link: str


def recipient_of(desk: Desk, thread: Thread) -> Recipient | None:
    """Return where to write to the customer: their account, else the guest's address; None where there is neither."""
    if thread.person_id:
        person = person_by_id(desk.db, thread.person_id)
        link = public_url(f"/messages/{thread.reference}")
        return Recipient(address=person.email, link=link) if person and person.is_active else None
    address = guest_address(desk.keyring, thread)
    link = public_url(f"/messages/open/{issue_link(desk, thread)}") if address else ""
    return Recipient(address=address, link=link) if address else None


def tell_customer(desk: Desk, thread: Thread, message: Message) -> None:
    """E-mail the customer that there is something new, due when they can see it; and plan the reminder."""
    told = [
        each
        for each in messages_of(desk.db, thread)
        if each.message.author_kind == STAFF_SIDE and each.read_at is None and each.message.number != message.number
    ]
    due_at = mail_due(message.visible_at, thread.mailed_at, is_told=bool(told))
    recipient = recipient_of(desk, thread) if due_at else None
    thread.remind_at = thread.remind_at or message.visible_at + REMINDED_AFTER
    if recipient and due_at:
        _mail(desk, thread, recipient, due_at, is_reminder=False)
        thread.mailed_at = due_at


def _mail(desk: Desk, thread: Thread, recipient: Recipient, due_at: datetime, *, is_reminder: bool) -> None:
    with speaking(thread.language):
        thread.delivery = mails.new_message(
            desk.db,
            to=recipient.address,
            link=recipient.link,
            reference=case_reference(desk.db, thread),
            is_reminder=is_reminder,
            due_at=due_at,
            now=desk.now,
        )


def case_reference(db: Session, thread: Thread) -> str:
    """Return the reference by which the customer knows what a thread is about: the case's, else its own."""
    query = select(Submission.reference).where(Submission.id == thread.submission_id)
    return (db.scalar(query) if thread.submission_id else None) or thread.reference


def stop_mail(desk: Desk, thread: Thread, message: Message) -> bool:
    """Stop the mail about a message that is taken back before anybody could see it; return whether there was one.

    Of another reply that is not visible yet the customer is told instead.
    """
    others = [
        each.message
        for each in messages_of(desk.db, thread)
        if each.message.author_kind == STAFF_SIDE and not each.read_at and not each.message.taken_back_at
    ]
    others = [other for other in others if other.id != message.id]
    if not others:
        thread.remind_at = None
    is_later = not others and thread.mailed_at is not None and thread.mailed_at > message.visible_at
    is_about_it = thread.mailed_at == message.visible_at or is_later
    if not (is_about_it and thread.delivery and cancel(desk.db, thread.delivery)):
        return False
    thread.delivery = thread.mailed_at = None
    waiting = next((other for other in others if other.visible_at > desk.now), None)
    if waiting:
        tell_customer(desk, thread, waiting)
    return True


def tell_staff(desk: Desk, thread: Thread) -> None:
    """E-mail that a customer has written: to whom the case or thread is assigned, else to the topic's team."""
    address = _staff_address(desk, thread)
    if address is None or (thread.staff_mailed_at and desk.now < thread.staff_mailed_at + MAILED_ONCE_IN):
        return
    mails.customer_wrote(
        desk.db,
        to=address,
        link=public_url(f"/hub/messages/{thread.reference}"),
        reference=case_reference(desk.db, thread),
        now=desk.now,
    )
    thread.staff_mailed_at = desk.now


def _staff_address(desk: Desk, thread: Thread) -> str | None:
    submission = desk.db.get(Submission, thread.submission_id) if thread.submission_id else None
    assignee_id = thread.assignee_id or (submission.case.assignee_id if submission else None)
    person = person_by_id(desk.db, assignee_id) if assignee_id else None
    if person and person.is_active:
        return person.email
    topics = current_settings(desk.db).topics
    return next((topic.address or None for topic in topics if topic.name == thread.topic), None)


def send_message_reminders(db: Session, *, now: datetime) -> int:
    """Remind one batch of customers, once, of messages that they have not read for days; return how many were due."""
    due = select(Thread).where(IS_REMINDED, Thread.remind_at <= now).order_by(Thread.remind_at)
    threads = db.scalars(due.limit(REMINDED_AT_ONCE).with_for_update(skip_locked=True)).all()
    desk = desk_at(db, current_settings(db), now=now)
    for thread in threads:
        thread.remind_at = None
        recipient = None if thread.closed_at else recipient_of(desk, thread)
        if recipient:
            _mail(desk, thread, recipient, now, is_reminder=True)
            thread.mailed_at = now
    return len(threads)


def sweep_old_messages(db: Session, *, now: datetime) -> int:
    """Delete one batch of threads without a case that are kept no longer; return how many."""
    kept_since = now - timedelta(days=current_settings(db).messages_keep_days)
    return sweep_old_threads(db, kept_since=kept_since, now=now)


def sweep_unsent_messages(db: Session, *, now: datetime) -> int:
    """Delete one batch of messages that were to begin a thread and were never sent; return how many."""
    settings = current_settings(db)
    old = MessageDraft.changed_at < now - timedelta(days=settings.messages_keep_days)
    begun = select(MessageDraft).where(MessageDraft.thread_id.is_(None), old).order_by(MessageDraft.changed_at)
    drafts = db.scalars(begun.limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)).all()
    for draft in drafts:
        forget_draft(desk_at(db, settings, now=now), None, draft)
    return len(drafts)
