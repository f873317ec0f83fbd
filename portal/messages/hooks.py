"""What sessions and uploads need to know about messages."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from flask import request
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from portal.accounts.signed_in import viewer
from portal.form_definitions.types.files import MEGABYTE
from portal.messages.definition import FILES
from portal.messages.models import MessageDraft, Thread
from portal.messages.operations import desk_at, forget_drafts_of, hand_over
from portal.messages.pages import about, desk
from portal.messages.queries import count_unread, draft_of, find_thread, holder_name, last_draft
from portal.messages.sealing import draft_place, open_written, work_of_draft
from portal.messages.writing import TEXTS
from portal.sessions.browser_sessions import browser
from portal.sessions.late_forms import ParkablePage
from portal.sessions.operations import Holder
from portal.sessions.queries import FoundSession
from portal.site_settings.current import moment_text
from portal.site_settings.queries import current_settings
from portal.storage.queries import files_of_work
from portal.storage.uploads import expect_files
from portal.submissions.models import Submission
from portal.web.declarations import CUSTOMER, MESSAGES
from portal.web.strict_input import Allowance
from portal.web.unit_of_work import now, reading, stop_reading

NEW = "new"
_PAGE = re.compile(r"/messages/(?P<reference>[^/]+)(?:/autosave(?:/files)?)?")
_NO_PAGES = ("unlock", "open", "code")


class Place(NamedTuple):
    """A page on which a session's holder may write: in a thread, or to begin one."""

    thread: Thread | None
    holder: str
    address: str


def place_at(found: FoundSession, path: str) -> Place | None:
    """Return the page at a path on which the holder of a messages session may write; None where there is none."""
    page, holder = _PAGE.fullmatch(path), Holder(person_id=found.person_id, guest_id=found.guest_id)
    if page is None or found.kind != MESSAGES or page["reference"] in _NO_PAGES:
        return None
    if page["reference"] == NEW:
        return Place(None, holder_name(holder), "/messages/new") if found.person_id else None
    thread = find_thread(reading(), page["reference"], holder, now=now())
    return Place(thread.thread, holder_name(holder), f"/messages/{thread.thread.reference}") if thread else None


def parkable_message_page(found: FoundSession, path: str) -> ParkablePage | None:
    """Return the page whose message may have come too late."""
    place = place_at(found, path)
    return ParkablePage(address=place.address, fields=frozenset(TEXTS)) if place else None


def message_allowance(reference: str = NEW) -> Allowance:
    """Return what files may be sent to a page on which the holder of this session may write, live or just ended."""
    found = browser().find()
    place = place_at(found, request.path) if found else None
    stop_reading()
    return allowance_of(place) if place else Allowance()


def allowance_of(place: Place) -> Allowance:
    """Return what files may be added to a message at a place; they are expected from here on."""
    if FILES.files is None:
        return Allowance()
    expect_files({FILES.id: FILES}, work=work_of_draft(place.thread, place.holder), holder=place.holder)
    largest = FILES.files.max_mb * MEGABYTE
    return Allowance(file=largest, body=2 * FILES.files.max * largest)


@dataclass(frozen=True, kw_only=True)
class KeptMessage:
    """What is kept of an unsent message: what it is about, in words, since when, and the page where it goes on.

    `files` is how many files it has.
    """

    about: str
    reference: str | None
    kept: str
    saved_at: str
    path: str
    files: int


def kept_message(found: FoundSession, path: str | None) -> KeptMessage | None:
    """Return the unsent message of a session's holder: at a path, else the one that was changed last."""
    holder = holder_name(Holder(person_id=found.person_id, guest_id=found.guest_id))
    place = place_at(found, path) if path else None
    if place:
        draft, thread = draft_of(reading(), place.thread, holder), place.thread
    else:
        draft, thread = last_draft(reading(), holder) or (None, None)
    return _kept(thread, draft) if draft else None


def _kept(thread: Thread | None, draft: MessageDraft) -> KeptMessage | None:
    at_desk = desk()
    written = open_written(at_desk.keyring, thread, draft)
    files = files_of_work(reading(), work_of_draft(thread, draft.holder)).values()
    number = sum(1 for file in files if file.place == draft_place(draft.holder))
    if not (written.text or written.subject or number):
        return None
    submission = reading().get(Submission, thread.submission_id) if thread and thread.submission_id else None
    return KeptMessage(
        about=about(thread, submission) if thread else _("A new message"),
        reference=submission.reference if submission else thread.reference if thread else None,
        kept=_kept_words(is_reply=thread is not None, number=number),
        saved_at=moment_text(draft.changed_at),
        path=f"/messages/{thread.reference if thread else NEW}",
        files=number,
    )


def _kept_words(*, is_reply: bool, number: int) -> str:
    written = _("Your reply") if is_reply else _("Your message")
    if not number:
        return written
    return ngettext("%(written)s and %(num)s file", "%(written)s and %(num)s files", number, written=written)


def unread_messages() -> int:
    """Return how many messages the signed-in customer has not read, for the header."""
    seen = viewer()
    live = browser().live() or browser().live(CUSTOMER)
    if seen is None or seen.is_guest or seen.kind != CUSTOMER or live is None or live.person_id is None:
        return 0
    return count_unread(reading(), live.person_id, now=now())


def hand_over_messages(db: Session, from_id: int, to_id: int) -> None:
    """Make one person's messages another's, who has proved to be the same."""
    hand_over(desk_at(db, current_settings(db), now=now()), from_id, to_id)


def delete_messages_of(db: Session, person_id: int, *, now: datetime) -> None:
    """Delete what a person wrote and did not send, in the transaction that deletes the account."""
    forget_drafts_of(desk_at(db, current_settings(db), now=now), person_id)
