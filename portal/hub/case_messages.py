"""Messages about a case: the threads beside its answers, and what staff write to its customer from there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from portal.accounts.queries import person_by_id
from portal.audit import record
from portal.drafts.models import Draft
from portal.form_definitions.versions.queries import definition_of
from portal.hub.inbox_views import WAITS, Waits
from portal.hub.queries import new_threads
from portal.hub.thread_page import address_of, author_of, staff_moment
from portal.hub.views import person
from portal.messages.definition import REMINDED_AFTER
from portal.messages.models import Message, Thread
from portal.messages.operations import Desk, begin_thread, send_message
from portal.messages.pages import desk
from portal.messages.queries import message_with_key, threads_of_case
from portal.messages.sealing import subject_of
from portal.messages.telling import recipient_of
from portal.submissions.customers import Customer, customer_of
from portal.submissions.models import Submission
from portal.tokens import token_hash
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.unit_of_work import db, now


@dataclass(frozen=True, kw_only=True)
class Addressee:
    """The customer of a case, to whom staff can write: with an account (`person_id`), else at the first address."""

    customer: Customer
    person_id: int | None


def addressee_of(session: Session, submission: Submission) -> Addressee | None:
    """Return to whom staff can write about a case; None where no address is known, or the account is closed."""
    owner_id = session.get_one(Draft, submission.draft_id).person_id
    named = customer_of(app_state().configuration.keyring, submission.reference, submission.case)
    if owner_id is None:
        return Addressee(customer=named, person_id=None) if named.email else None
    owner = person_by_id(session, owner_id)
    if owner is None or not owner.is_active:
        return None
    emails = tuple(dict.fromkeys((owner.email, *named.emails)))
    return Addressee(customer=Customer(name=named.name, emails=emails), person_id=owner.id)


@dataclass(frozen=True, kw_only=True)
class CaseThread:
    """A thread as the page of its case lists it; it has no `subject` where it is confidential."""

    reference: str
    address: str
    subject: str | None
    waits: Waits
    is_closed: bool
    is_new: bool
    moment: str


def threads_beside(found: Sequence[Thread]) -> list[CaseThread]:
    """Return the threads about a case as its page lists them."""
    new = new_threads(db(), found) if found else set()
    return [
        CaseThread(
            reference=thread.reference,
            address=address_of(thread),
            subject=None if thread.is_confidential else subject_of(app_state().configuration.keyring, thread),
            waits=WAITS[thread.waits_for],
            is_closed=thread.closed_at is not None,
            is_new=thread.id in new,
            moment=staff_moment(min(thread.changed_at, now())),
        )
        for thread in found
    ]


def open_thread(threads: Sequence[Thread], addressee: Addressee | None) -> Thread | None:
    """Return the thread of a case in which staff go on writing: the latest open one of its customer."""
    known = (thread for thread in threads if addressee and thread.person_id == addressee.person_id)
    return next((thread for thread in known if thread.closed_at is None), None)


def locked_thread(submission: Submission, addressee: Addressee) -> Thread | None:
    """Return the thread in which staff go on writing, locked; the caller has locked the case."""
    thread = open_thread(threads_of_case(db(), submission.id), addressee)
    if thread:
        db().refresh(thread, with_for_update=True)
    return thread if thread and thread.closed_at is None else None


def page_state(thread: Thread | None) -> str:
    """Return what a page knows of the thread in which it would write: which one, and its last message."""
    return f"{thread.reference}:{thread.last_number}" if thread else ""


def own_key(typed: str, text: str) -> str:
    """Return the key of a message that a page of this member of staff sends: other words are another message."""
    return token_hash(f"{author_of(person()).holder} case {typed} {text}").hex()


def sent_from_page(submission: Submission, typed: str, text: str) -> Message | None:
    """Return the message about a case that a page with this key has sent already, with these words."""
    found = message_with_key(db(), own_key(typed, text))
    return found[0] if found and found[1].submission_id == submission.id else None


def write(
    submission: Submission, addressee: Addressee, thread: Thread | None, text: str, *, key: str
) -> tuple[Thread, Message]:
    """Send a message about a case to its customer, in a locked thread or a new one; the caller tells them.

    The caller has locked the case, so that two messages at once begin one thread.
    """
    at = desk()
    thread = thread or _begun(at, submission, addressee)
    message = send_message(at, thread, text, author=author_of(person()), key=own_key(key, text))
    by = actor(person().id)
    record(at.db, "message_sent", by=by, now=now(), subject=thread.reference, number=message.number)
    return thread, message


def _begun(at: Desk, submission: Submission, addressee: Addressee) -> Thread:
    language = at.db.get_one(Draft, submission.draft_id).language
    return begin_thread(
        at,
        customer=addressee.customer,
        person_id=addressee.person_id,
        submission=submission,
        topic="",
        subject=definition_of(submission.version).title.in_(language),
        language=language,
        secret=app_state().configuration.secret_key,
    )


def link_to(thread: Thread) -> str | None:
    """Return the link by which the customer reads a thread, for an e-mail about something else, too."""
    found = recipient_of(desk(), thread)
    return found.link if found else None


def note_told(thread: Thread, message: Message, delivery: str) -> None:
    """Note that another e-mail tells the customer of a message, due when they can see it."""
    thread.delivery, thread.mailed_at = delivery, message.visible_at
    thread.remind_at = thread.remind_at or message.visible_at + REMINDED_AFTER
