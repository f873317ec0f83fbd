"""The customer's messages: the threads, one thread with the reply below it, and a new message."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.queries import person_by_id
from portal.audit import record
from portal.drafts.open_draft import holder
from portal.form_definitions.versions.queries import definition_of
from portal.messages.definition import CUSTOMER_SIDE, STAFF_SIDE
from portal.messages.files import DraftFiles
from portal.messages.hooks import NEW, message_allowance
from portal.messages.models import Thread
from portal.messages.operations import Author, begin_thread, desk_at, move_to_new, note_download, note_read
from portal.messages.pages import (
    about,
    desk,
    emergency_line,
    is_topic_open,
    last_shown,
    message_views,
    reply_day,
    shown_wait,
    team_of,
    thread_row,
)
from portal.messages.queries import (
    FoundThread,
    count_threads,
    draft_of,
    find_thread,
    holder_name,
    message_of,
    messages_of,
    seen_up_to,
    threads_of,
)
from portal.messages.sealing import Written, open_written, subject_of
from portal.messages.telling import tell_staff
from portal.messages.writing import Writing
from portal.sessions.activity import is_prefetch, pressed_button
from portal.sessions.gate import token_refused
from portal.site_settings.current import day_text, local_day, settings
from portal.storage.queries import file_of
from portal.storage.uploads import file_answer, receive
from portal.submissions.customers import Customer
from portal.submissions.queries import find_submission, submissions_of
from portal.web.addresses import actor, is_htmx
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, accepts_files, access, activity, shows_form_again
from portal.web.languages import language
from portal.web.limits import Limit, retry_after, use_try, wait_text
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("messages", __name__)
THREADS_A_PAGE = 20
MOST_CASES = 20
CASE = "case:"
SENT = Limit(name="messages-sent", burst=30, interval=timedelta(minutes=5))
"""Of one customer: more than anybody writes, and fewer than would fill our mailboxes."""
by_button = activity(Activity.SUBMIT, save=Activity.SAVE, keep=Activity.SAVE, stay=Activity.SAVE)
"""What each button of a message means for the session."""


def _author() -> Author:
    """Return the customer who writes in this request."""
    who = holder()
    return Author(side=CUSTOMER_SIDE, holder=holder_name(who), person_id=who.person_id)


def _found(reference: str, *, locked: bool = False) -> FoundThread:
    """Return the thread with this reference if the session's holder may read it; to all others there is none."""
    found_in = db() if locked else reading()
    found = find_thread(found_in, reference, holder(), now=now(), locked=locked)
    return found or abort(403 if token_refused() else 404)


def _writing(thread: Thread | None) -> Writing:
    address = f"/messages/{thread.reference if thread else NEW}"
    who = _author()
    generation = 0 if thread else count_threads(db(), who.person_id or 0)
    return Writing(desk=desk(), thread=thread, author=who, address=address, generation=generation)


def _wait_to_send() -> timedelta | None:
    """Use up one of the messages that a customer may send, if that was pressed; return how long to wait for one."""
    is_counted = pressed_button() in ("send", "anyway") and not token_refused()
    return use_try([(SENT, _author().holder)], now=now()) if is_counted else None


@blueprint.get("/messages")
@access(Access.MESSAGES)
@activity(Activity.NAVIGATE)
def list_threads() -> ResponseReturnValue:
    """Show the threads, last changed first."""
    before, limit = request.args.get("before"), THREADS_A_PAGE + 1
    found = threads_of(reading(), holder(), now=now(), before=before, limit=limit)
    return render_template(
        "messages/list.html",
        rows=[thread_row(each) for each in found[:THREADS_A_PAGE]],
        next=f"/messages?before={found[THREADS_A_PAGE - 1].thread.reference}" if len(found) > THREADS_A_PAGE else None,
        first="/messages" if before else None,
        reply_days=settings().messages_reply_days,
        is_saved="saved" in request.args,
        is_guest=holder().person_id is None,
        begun=None if before else _begun_message(),
    )


def _begun_message() -> Written | None:
    """Return the new message that its writer has kept and not sent, with which the list begins; None without words."""
    draft = draft_of(reading(), None, holder_name(holder()))
    written = open_written(app_state().configuration.keyring, None, draft)
    return written if written.text or written.subject else None


@blueprint.get("/messages/<reference>")
@access(Access.MESSAGES)
@activity(Activity.LOAD)
def show_thread(reference: str) -> ResponseReturnValue:
    """Show the messages of a thread, and below them the reply."""
    return _thread_page(_found(reference))


def _thread_page(found: FoundThread, writing: Writing | None = None, status: int = 200) -> tuple[str, int]:
    thread, keyring = found.thread, app_state().configuration.keyring
    messages = messages_of(db(), thread, visible_at=now())
    if writing is None:
        writing = _writing(thread)
        writing.draft = found.draft  # read with the thread, in one query
        if not found.has_parked:
            writing.parked = None
    writing.shown = last_shown(messages)
    writing.seen = last_shown([each for each in messages if each.is_next])
    replies = [each for each in messages if each.message.author_kind == STAFF_SIDE]
    address = f"/messages/{thread.reference}"
    page = render_template(
        "messages/thread.html",
        thread=thread,
        address=address,
        subject=subject_of(keyring, thread),
        about=about(thread, found.submission),
        case=found.submission.reference if found.submission else None,
        waits_for=shown_wait(thread),
        messages=message_views(thread, messages, side=CUSTOMER_SIDE, address=address, rows=writing.files.rows),
        unread_up_to=last_shown(replies) if any(each.read_at is None for each in replies) else None,
        reply=writing.reply(),
        closed_on=day_text(local_day(thread.closed_at)) if thread.closed_at else None,
        is_topic_open=is_topic_open(thread),
        is_guest=holder().person_id is None,
        team=team_of(thread),
        reply_day=reply_day(thread),
        emergency=emergency_line(),
        is_sent="sent" in request.args,
    )
    return page, status


@blueprint.post("/messages/<reference>")
@access(Access.MESSAGES)
@by_button
@shows_form_again
@accepts_files(message_allowance)
def write_in_thread(reference: str) -> ResponseReturnValue:
    """Keep what was written, and send it if **Send** was pressed and nothing stands against it."""
    received, wait = receive(), _wait_to_send()
    found = _found(reference, locked=not token_refused())
    thread = found.thread
    writing = _writing(thread)
    if not token_refused() and writing.wants_to_send and writing.sent_before():
        return redirect(f"/messages/{thread.reference}", 303)
    if not writing.keep(received):
        return _thread_page(found, writing, 409)
    if request.form.get("_action") == "new":
        return _write_anew(writing, thread, found)
    if writing.errors and not writing.wants_to_send:
        return _thread_page(found, writing, 422)
    if not writing.wants_to_send:
        return _kept(writing)
    if wait:
        writing.errors["text"] = wait_text(wait)
        return *_thread_page(found, writing, 429), retry_after(wait)
    if thread.closed_at or not is_topic_open(thread):
        return _thread_page(found, writing, 409)
    last = seen_up_to(db(), thread, now=now())
    if not writing.judge():
        return _thread_page(found, writing, 422 if writing.errors else 409)
    if writing.has_missed(last):
        return _thread_page(found, writing, 409)
    return _send(writing, thread)


def _kept(writing: Writing) -> ResponseReturnValue:
    """Go where the pressed button leads that keeps and does not send."""
    if request.form.get("_action") in ("save", "keep"):
        return redirect("/messages?saved=1", 303)
    return writing.page_again


def _send(writing: Writing, thread: Thread) -> ResponseReturnValue:
    message = writing.send(thread)
    tell_staff(writing.desk, thread)
    by = actor(writing.author.person_id)
    record(db(), "message_sent", by=by, now=now(), subject=thread.reference, number=message.number)
    return redirect(f"/messages/{thread.reference}?sent=1", 303)


def _write_anew(writing: Writing, thread: Thread, found: FoundThread) -> ResponseReturnValue:
    """Take what was written in a thread that takes no more along to a new message."""
    if writing.author.person_id is None or writing.draft is None:
        return _thread_page(found, writing, 409)
    submission = found.submission
    subject = subject_of(writing.desk.keyring, thread)
    topic = f"{CASE}{submission.reference}" if submission else thread.topic
    written = Written(text=writing.stored.text, subject=subject, topic=topic)
    move_to_new(writing.desk, thread, writing.draft, written)
    return redirect(url_for("messages.new_message"), 303)


# A new message


@blueprint.get("/messages/new")
@access(Access.MESSAGES_PERSON)
@activity(Activity.LOAD)
def new_message() -> ResponseReturnValue:
    """Show the form that begins a thread."""
    return _new_page(_writing(None))


@dataclass(frozen=True, kw_only=True)
class Offered:
    """One thing that a message may be about."""

    value: str
    label: str


def _offered() -> list[Offered]:
    """Return what a message may be about: the forms that its writer has sent, and the topics."""
    sent = submissions_of(db(), holder().person_id or 0, limit=MOST_CASES)
    titles = {each.reference: definition_of(each.version).title.in_(language()) for each in sent}
    cases = [Offered(value=f"{CASE}{reference}", label=f"{title}, {reference}") for reference, title in titles.items()]
    return [*cases, *(Offered(value=topic.name, label=topic.name) for topic in settings().topics)]


def _new_page(writing: Writing, status: int = 200) -> tuple[str, int]:
    asked = request.args.get("case", "")
    page = render_template(
        "messages/new.html",
        reply=writing.reply(),
        topics=[Offered(value="", label=_("Choose from the list")), *_offered()],
        asked_topic=f"{CASE}{asked.upper()}" if asked else "",
        reply_day=reply_day(None),
        team=None,
        emergency=emergency_line(),
    )
    return page, status


@blueprint.post("/messages/new")
@access(Access.MESSAGES_PERSON)
@by_button
@shows_form_again
@accepts_files(message_allowance)
def begin() -> ResponseReturnValue:
    """Keep what was written, and begin a thread with it if **Send** was pressed."""
    received, wait = receive(), _wait_to_send()
    writing = _writing(None)
    if not token_refused() and writing.wants_to_send:
        before = writing.sent_before()
        if before:
            return redirect(f"/messages/{before[1].reference}", 303)
    if not writing.keep(received):
        return _new_page(writing, 409)
    if writing.wants_to_send and wait:
        writing.errors["text"] = wait_text(wait)
        return *_new_page(writing, 429), retry_after(wait)
    if writing.wants_to_send:
        offered = [each.value for each in _offered()]
        if not writing.judge(offered):
            return _new_page(writing, 422 if writing.errors else 409)
        return _send(writing, _begun(writing))
    return _new_page(writing, 422) if writing.errors else _kept(writing)


def _begun(writing: Writing) -> Thread:
    """Begin the thread that a new message is about to be the first of."""
    written, person_id = writing.stored, writing.author.person_id or 0
    person = person_by_id(db(), person_id) or abort(404)
    is_case = written.topic.startswith(CASE)
    submission = find_submission(db(), written.topic.removeprefix(CASE), holder()) if is_case else None
    return begin_thread(
        writing.desk,
        customer=Customer(name=person.name, emails=(person.email,)),
        person_id=person_id,
        submission=submission,
        topic="" if submission else written.topic,
        subject=written.subject.strip(),
        language=language(),
        secret=app_state().configuration.secret_key,
    )


# What pages do by themselves


@blueprint.post("/messages/<reference>/autosave")
@access(Access.MESSAGES)
@activity(Activity.AUTOSAVE)
def autosave(reference: str) -> ResponseReturnValue:
    """Keep what is typed; only our script calls this, and it never counts as activity."""
    return _own_writing(reference).autosave()


@blueprint.post("/messages/<reference>/autosave/files")
@access(Access.MESSAGES)
@activity(Activity.AUTOSAVE)
@accepts_files(message_allowance)
def change_files(reference: str) -> ResponseReturnValue:
    """Add files, remove one or bring it back; return the question as it is now."""
    received = receive()
    return _own_writing(reference).change_files(received)


def _own_writing(reference: str) -> Writing:
    """Return what the page at this reference writes, for a request of its script."""
    if not is_htmx():
        abort(404)
    if reference == NEW:
        return _writing(None) if holder().person_id else abort(404)
    return _writing(_found(reference, locked=True).thread)


@blueprint.post("/messages/<reference>/read")
@access(Access.MESSAGES)
@activity(Activity.NONE)
def read(reference: str) -> ResponseReturnValue:
    """Note that the messages up to a number were shown, as the page says by itself, or **I have read this**."""
    thread = _found(reference, locked=True).thread
    up_to = request.form.get("number", default=0, type=int)
    note_read(desk(), thread, _author().holder, of_side=STAFF_SIDE, up_to=min(up_to, thread.last_number))
    return ("", 204) if is_htmx() else redirect(f"/messages/{thread.reference}", 303)


@blueprint.get("/messages/<reference>/files/<file_id>")
@access(Access.MESSAGES)
@activity(Activity.NAVIGATE)
def download(reference: str, file_id: str) -> ResponseReturnValue:
    """Download a file of a message that the customer can see, or of what they are writing."""
    thread = None if reference == NEW else _found(reference).thread
    files = DraftFiles(desk=desk(), thread=thread, holder=_author().holder, page="", person_id=holder().person_id)
    own = next((file for file in files.kept if file.name == file_id), None)
    if own:
        return file_answer(own)
    if thread is None:
        abort(404)
    return _sent_file(thread, file_id)


def _sent_file(thread: Thread, file_id: str) -> ResponseReturnValue:
    file = file_of(reading(), f"thread:{thread.reference}", file_id)
    number = file.place.removeprefix("message:") if file and file.place.startswith("message:") else ""
    message = message_of(reading(), thread, int(number)) if number else None
    if file is None or message is None or message.visible_at > now() or message.taken_back_at:
        abort(404)
    if message.author_kind == STAFF_SIDE and request.method == "GET" and not is_prefetch():
        with app_state().database.writing() as own:
            note_download(desk_at(own, settings(), now=now()), message, _author().holder)
    return file_answer(file)
