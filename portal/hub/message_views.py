"""Threads of messages as staff work on them: reading, assigning, closing, taking back, and notes on their own page."""

import re
from dataclasses import dataclass, replace

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import TextAreaField
from wtforms.validators import Length

from portal.accounts.forms import AccountForm, Needed, typed_text
from portal.accounts.security_views import ask_again, has_just_proved
from portal.audit import record
from portal.characters import trimmed
from portal.drafts.open_draft import PAGE_ID_CHARACTERS
from portal.hub.case_views import mail_new_status
from portal.hub.queries import staff, tells_status
from portal.hub.thread_page import (
    Refused,
    address_of,
    author_of,
    customer_of_thread,
    holder_of,
    show,
    staff_moment,
    submission_of,
    writing_in,
)
from portal.hub.views import assignee_choices, person, record_view
from portal.messages.definition import CUSTOMER_SIDE, LONGEST_REASON, STAFF_SIDE
from portal.messages.hooks import Place, allowance_of
from portal.messages.models import Message, Note, Thread
from portal.messages.operations import (
    add_note,
    close_thread,
    desk_at,
    note_download,
    note_read,
    take_back,
    take_back_unseen,
)
from portal.messages.pages import desk, last_shown
from portal.messages.queries import message_of, messages_of, notes_of, thread_by_reference
from portal.messages.sealing import draft_place, subject_of, text_of_note, work_of_thread
from portal.messages.telling import stop_mail, tell_customer
from portal.messages.writing import KEY, Writing
from portal.sessions.activity import is_prefetch
from portal.sessions.browser_sessions import browser
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import ParkablePage, Parked, forget_parked, park_late_form, parked_on
from portal.sessions.queries import FoundSession
from portal.site_settings.current import clock_time, settings
from portal.storage.models import StoredFile
from portal.storage.queries import file_of
from portal.storage.uploads import Received, file_answer, receive
from portal.tokens import new_token
from portal.web.addresses import LONGEST_NUMBER, actor, is_htmx
from portal.web.app_state import app_state
from portal.web.declarations import HUB, Access, Activity, accepts_files, access, activity, shows_form_again
from portal.web.strict_input import Allowance, require_end_marker
from portal.web.unit_of_work import db, is_safe, now, reading, stop_reading

blueprint = Blueprint("messages_of_staff", __name__)
LONGEST_NOTE = 4000
_THREAD = re.compile(r"/hub/messages/(?P<reference>[^/]+)(?:/notes|/autosave)?")
_OF_MESSAGE = re.compile(r"message:(?P<number>[0-9]+)")


class ThreadNoteForm(AccountForm):
    """A note about a thread."""

    note = TextAreaField(
        validators=[
            Needed(lazy_gettext("Write a note")),  # type: ignore[arg-type]  # lazy texts are texts
            Length(max=LONGEST_NOTE, message=lazy_gettext("Write at most %(max)d characters")),  # type: ignore[arg-type]
        ]
    )


@dataclass(frozen=True, kw_only=True)
class NoteEntry:
    """One note: who wrote it, when, and its text."""

    title: str
    moment: str
    text: str


def opened(reference: str, *, locked: bool = False) -> Thread:
    """Return the thread with this reference, or answer 404."""
    return thread_by_reference(db(), reference, locked=locked) or abort(404)


def asked_first(thread: Thread, page: str) -> ResponseReturnValue | None:
    """Return the way to the password where a thread is confidential and nobody has just typed it.

    `page` is where it leads back to. What a form said is kept for that page, as if it had come too late. Record each
    opening that shows something.
    """
    if not thread.is_confidential:
        return None
    if has_just_proved():
        if is_safe():
            record_view("confidential_thread_opened", thread.reference)
        return None
    live = browser().live()
    if live and not is_safe():
        park_late_form(live)
    return ask_again(page)


def parkable_thread_page(found: FoundSession, path: str) -> ParkablePage | None:
    """Return the page of a thread, or of its notes, whose text was sent too late."""
    page = _THREAD.fullmatch(path)
    is_reply = page is not None and KEY in request.form
    typed = [name for name in ("note", "reason") if trimmed(request.form.get(name, ""))]
    if page is None or found.kind != HUB or found.person_id is None or not (is_reply or typed):
        return None
    fields = frozenset({"text"} if is_reply else {*typed, "number"})
    is_there = thread_by_reference(reading(), page["reference"]) is not None
    return ParkablePage(address=path.removesuffix("/autosave"), fields=fields) if is_there else None


def parked_here(page: str, name: str) -> tuple[Parked, dict[str, str]] | None:
    """Return what this person sent too late from a page, the latest that has such an input, with its values."""
    keyring = app_state().configuration.keyring
    for parked in parked_on(db(), keyring, page, now=now(), person_id=person().id):
        values = dict(parked.form.pairs)
        if trimmed(values.get(name, "")):
            return parked, values
    return None


def forget_parked_here(page: str, tab: str) -> None:
    """Forget what was parked from one tab of a page, as it is sent now."""
    keyring = app_state().configuration.keyring
    for parked in parked_on(db(), keyring, page, now=now(), person_id=person().id):
        if tab and parked.tab == tab:
            forget_parked(db(), parked)


@blueprint.get("/hub/messages/<reference>")
@access(Access.STAFF)
@activity(Activity.LOAD)
def show_thread(reference: str) -> ResponseReturnValue:
    """Show the messages of a thread and what can be done; record the view."""
    thread = opened(reference)
    asked = asked_first(thread, address_of(thread))
    if asked:
        return asked
    record_view("thread_viewed", thread.reference)
    return show(thread, refusal=_parked_reason(thread))


def _parked_reason(thread: Thread) -> Refused | None:
    """Return the reason that was sent too late, as a change that was not made."""
    parked = parked_here(address_of(thread), "reason")
    if parked is None:
        return None
    text = _("You have not sent this reason yet. Press again to take the message back.")
    number = _stored_number(parked[1].get("number", ""))
    return Refused(status=200, control="reason", typed=parked[1]["reason"], text=text, number=number)


def staff_allowance(reference: str) -> Allowance:
    """Return what files staff may add to a reply in this thread, with a session that is live or has just ended."""
    found = browser().find()
    thread = thread_by_reference(reading(), reference) if found and found.kind == HUB and found.person_id else None
    stop_reading()
    return allowance_of(Place(thread, f"person:{found.person_id}", "")) if thread and found else Allowance()


@blueprint.post("/hub/messages/<reference>")
@access(Access.STAFF)
@activity(Activity.SUBMIT, save=Activity.SAVE, keep=Activity.SAVE, stay=Activity.SAVE)
@shows_form_again
@accepts_files(staff_allowance)
def change_thread(reference: str) -> ResponseReturnValue:
    """Keep or send a reply; or assign or close a thread, or take a message back, according to the button."""
    received = receive()
    thread = opened(reference, locked=True)
    require_end_marker()
    if KEY in request.form:
        return _reply(thread, received)
    asked = asked_first(thread, address_of(thread))
    if asked:
        return asked
    actions = {
        "assign": _assign,
        "close": _close,
        "confidential": _make_confidential,
        "public": _make_public,
        "take_back": _take_back,
    }
    chosen = actions.get(request.form.get("_action", "")) or abort(400)
    return chosen(thread)


def _reply(thread: Thread, received: Received) -> ResponseReturnValue:
    """Keep what was written, and send it if **Send** was pressed and nothing is in its way."""
    writing = writing_in(thread)
    if not token_refused() and writing.wants_to_send and writing.sent_before():
        return _back(thread)
    if thread.is_confidential and not has_just_proved():
        return _kept_first(thread, writing, received)
    if not writing.keep(received):
        return show(thread, writing, status=409)
    if not writing.wants_to_send:
        return show(thread, writing, status=422) if writing.errors else _kept(thread, writing)
    if thread.closed_at:
        return show(thread, writing, status=409)
    last = last_shown(messages_of(db(), thread))
    if not writing.judge():
        return show(thread, writing, status=422 if writing.errors else 409)
    if writing.has_missed(last):
        return show(thread, writing, status=409)
    return _send(thread, writing)


def _kept_first(thread: Thread, writing: Writing, received: Received) -> ResponseReturnValue:
    """Ask for the password once the reply is kept: as the draft, else beside it as if it had come too late."""
    if writing.keep(received):
        return ask_again(address_of(thread))
    return asked_first(thread, address_of(thread)) or _back(thread)


def _kept(thread: Thread, writing: Writing) -> ResponseReturnValue:
    """Go where the pressed button leads that keeps and does not send."""
    is_done = request.form.get("_action") in ("save", "keep")
    return redirect(f"/hub/messages?saved={thread.reference}", 303) if is_done else writing.page_again


def _send(thread: Thread, writing: Writing) -> ResponseReturnValue:
    message = writing.send(thread)
    tell_customer(writing.desk, thread, message)
    _note("message_sent", thread, number=message.number)
    return redirect(f"{address_of(thread)}?sent=1", 303)


@blueprint.post("/hub/messages/<reference>/autosave")
@access(Access.STAFF)
@activity(Activity.AUTOSAVE)
def autosave(reference: str) -> ResponseReturnValue:
    """Keep what is typed; only our script calls this, and it never counts as activity."""
    return _own_writing(reference).autosave()


@blueprint.post("/hub/messages/<reference>/autosave/files")
@access(Access.STAFF)
@activity(Activity.AUTOSAVE)
@accepts_files(staff_allowance)
def change_files(reference: str) -> ResponseReturnValue:
    """Add files to a reply, remove one or bring it back; return the question as it is now."""
    received = receive()
    return _own_writing(reference).change_files(received)


def _own_writing(reference: str) -> Writing:
    """Return what the page of this thread writes, for a request of its script."""
    if not is_htmx():
        abort(404)
    return writing_in(opened(reference, locked=True))


def _back(thread: Thread) -> ResponseReturnValue:
    return redirect(address_of(thread), 303)


def _page_was_old(control: str, typed: str, number: int | None = None) -> Refused:
    text = _("This page was out of date. Nothing was changed. Check your choice and press again.")
    return Refused(status=409, control=control, typed=typed, text=text, number=number)


def _note(action: str, thread: Thread, **details: str | int | None) -> None:
    record(db(), action, by=actor(person().id), now=now(), subject=thread.reference, **details)


def _assign(thread: Thread) -> ResponseReturnValue:
    wanted, stored = request.form.get("assignee", ""), str(thread.assignee_id or "")
    known = {choice.value for choice in assignee_choices(thread.assignee_id, staff(db()))}
    if wanted not in known:
        refused = Refused(status=422, control="assignee", typed=stored, text=_("Choose from the list"))
        return show(thread, refusal=refused)
    if token_refused():
        return show(thread, refusal=_page_was_old("assignee", wanted))
    if wanted != stored and request.form.get("_seen", "") != stored:
        text = _("A colleague assigned this thread to somebody else after you opened this page.")
        return show(thread, refusal=Refused(status=409, control="assignee", typed=wanted, text=text))
    if wanted != stored:
        thread.assignee_id = int(wanted) if wanted else None
        _note("thread_assigned", thread, assignee=wanted)
    return _back(thread)


def _close(thread: Thread) -> ResponseReturnValue:
    if token_refused():
        return show(thread, refusal=_page_was_old("close", ""))
    if thread.closed_at is None:
        close_thread(desk(), thread)
        _note("thread_closed", thread)
    return _back(thread)


def _make_confidential(thread: Thread) -> ResponseReturnValue:
    return _mark(thread, "thread_made_confidential", is_confidential=True)


def _make_public(thread: Thread) -> ResponseReturnValue:
    return _mark(thread, "thread_no_longer_confidential", is_confidential=False)


def _mark(thread: Thread, action: str, *, is_confidential: bool) -> ResponseReturnValue:
    if token_refused():
        return show(thread, refusal=_page_was_old("confidential", ""))
    if thread.is_confidential != is_confidential:
        thread.is_confidential = is_confidential
        _note(action, thread)
    return _back(thread)


def _take_back(thread: Thread) -> ResponseReturnValue:
    """Take one of our messages back: unseen into its author's draft, later with a reason in its place."""
    number, reason = _stored_number(request.form.get("number", "")), request.form.get("reason", "")
    is_known = number is not None and 0 < number <= thread.last_number
    message = message_of(db(), thread, number) if number and is_known else None
    if message is None and is_known:
        return _back(thread)  # pressed twice: it has gone back to the draft
    if message is None or message.author_kind != STAFF_SIDE:
        abort(404)
    if message.taken_back_at:
        return _back(thread)
    if token_refused():
        return show(thread, refusal=_page_was_old("reason", reason, number))
    if message.visible_at > now():
        return _take_back_unseen(thread, message)
    return _take_back_with_reason(thread, message, trimmed(reason).replace("\r\n", "\n"))


def _take_back_unseen(thread: Thread, message: Message) -> ResponseReturnValue:
    """Take a message back that nobody could see; a new status, which was told in its e-mail, is told without it."""
    told_status, submission = tells_status(db(), thread, message), submission_of(thread)
    is_stopped = stop_mail(desk(), thread, message)
    take_back_unseen(desk(), thread, message, f"person:{message.author_id}")
    if told_status and submission and is_stopped:
        mail_new_status(submission)
    _note("message_taken_back_unseen", thread, number=message.number)
    return _back(thread)


def _take_back_with_reason(thread: Thread, message: Message, reason: str) -> ResponseReturnValue:
    fault = _fault_of(reason)
    if fault:
        refused = Refused(status=422, control="reason", typed=reason, text=fault, number=message.number)
        return show(thread, refusal=refused)
    take_back(desk(), thread, message, reason)
    _note("message_taken_back", thread, number=message.number)
    forget_parked_here(address_of(thread), request.form.get("_page", "")[:PAGE_ID_CHARACTERS])
    return _back(thread)


def _fault_of(reason: str) -> str | None:
    if not reason:
        return _("Enter the reason")
    if len(reason) > LONGEST_REASON:
        return _("Write at most %(max)d characters", max=LONGEST_REASON)
    return None


def _stored_number(typed: str) -> int | None:
    is_number = typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_NUMBER
    return int(typed) if is_number else None


@blueprint.post("/hub/messages/<reference>/read")
@access(Access.STAFF)
@activity(Activity.NONE)
def mark_read(reference: str) -> ResponseReturnValue:
    """Note that this person has read the customer's messages up to a number; the page itself says so once shown."""
    thread = opened(reference, locked=True)
    asked = asked_first(thread, address_of(thread))
    if asked:
        return asked
    up_to = _stored_number(request.form.get("number", "")) or abort(400)
    note_read(desk(), thread, holder_of(person()), of_side=CUSTOMER_SIDE, up_to=min(up_to, thread.last_number))
    return ("", 204) if is_htmx() else _back(thread)


@blueprint.get("/hub/messages/<reference>/files/<file_id>")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def download_file(reference: str, file_id: str) -> ResponseReturnValue:
    """Download a file of a message, or of one's own draft; record the view."""
    thread = opened(reference)
    asked = asked_first(thread, address_of(thread))
    if asked:
        return asked
    file = file_of(db(), work_of_thread(thread.reference), file_id) or abort(404)
    message = _message_of_file(thread, file)
    record_view("message_file_downloaded", thread.reference)
    if message and message.author_kind == CUSTOMER_SIDE and request.method == "GET" and not is_prefetch():
        with app_state().database.writing() as own:
            note_download(desk_at(own, settings(), now=now()), message, holder_of(person()))
    return file_answer(file)


def _message_of_file(thread: Thread, file: StoredFile) -> Message | None:
    """Return the message of a file, None for one of this person's draft; answer 404 where neither shows it."""
    if file.place == draft_place(holder_of(person())):
        return None
    found = _OF_MESSAGE.fullmatch(file.place)
    message = message_of(db(), thread, int(found["number"])) if found else None
    return message if message and message.taken_back_at is None else abort(404)


def _notes_page(thread: Thread, form: ThreadNoteForm | None = None) -> ResponseReturnValue:
    """Return the page of the notes; `form` is a note that was not added."""
    keyring, page = app_state().configuration.keyring, f"{address_of(thread)}/notes"
    parked = parked_here(page, "note") if form is None else None
    shown = render_template(
        "hub/thread_notes.html",
        thread=thread,
        address=page,
        back=address_of(thread),
        subject=subject_of(keyring, thread),
        customer=customer_of_thread(thread, submission_of(thread)),
        note=typed_text(form.note) if form else parked[1]["note"] if parked else "",
        error=form.error_of("note") if form else None,
        page_is_old=form is not None and not form.errors,
        parked_time=clock_time(parked[0].parked_at) if parked else None,
        entries=[_note_entry(thread, note) for note in notes_of(db(), thread)],
        page_id=parked[0].tab if parked else new_token()[:PAGE_ID_CHARACTERS],
    )
    return shown, (422 if form.errors else 409) if form else 200


def _note_entry(thread: Thread, note: Note) -> NoteEntry:
    who = _("you") if note.author_id == person().id else note.author_name
    return NoteEntry(
        title=_("Note by %(who)s", who=who),
        moment=staff_moment(note.written_at, inside=True),
        text=text_of_note(app_state().configuration.keyring, thread, note),
    )


@blueprint.get("/hub/messages/<reference>/notes")
@access(Access.STAFF)
@activity(Activity.LOAD)
def show_notes(reference: str) -> ResponseReturnValue:
    """Show the notes of staff about a thread; record the view."""
    thread = opened(reference)
    asked = asked_first(thread, f"{address_of(thread)}/notes")
    if asked:
        return asked
    record_view("thread_notes_viewed", thread.reference)
    return _notes_page(thread)


@blueprint.post("/hub/messages/<reference>/notes")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
@shows_form_again
def save_note(reference: str) -> ResponseReturnValue:
    """Add a note; the same page sent twice adds one."""
    thread = opened(reference, locked=True)
    page = f"{address_of(thread)}/notes"
    asked = asked_first(thread, page)
    if asked:
        return asked
    require_end_marker()
    form = ThreadNoteForm()
    if token_refused() or not form.validate():
        return _notes_page(thread, form)
    key = request.form.get("_page", "")[:PAGE_ID_CHARACTERS] or abort(400)
    text = trimmed(typed_text(form.note)).replace("\r\n", "\n")
    author = replace(author_of(person()), name=person().shown_name)
    if add_note(desk(), thread, text, key=key, author=author):
        _note("thread_note_added", thread)
    forget_parked_here(page, key)
    return redirect(page, 303)
