"""One case: its answers, files and receipt, notes, status and assignment, and messages to its customer."""

import re
from dataclasses import dataclass, field

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import TextAreaField
from wtforms.validators import Length

from portal.accounts.forms import AccountForm, Needed, typed_text
from portal.accounts.models import Person
from portal.accounts.signed_in import active_person
from portal.audit import record
from portal.characters import trimmed
from portal.drafts.models import Draft
from portal.drafts.open_draft import PAGE_ID_CHARACTERS
from portal.form_definitions.types.form_fields import FileView
from portal.form_definitions.versions.queries import definition_of
from portal.hub.case_messages import (
    Addressee,
    addressee_of,
    link_to,
    locked_thread,
    note_told,
    open_thread,
    page_state,
    sent_from_page,
    threads_beside,
    write,
)
from portal.hub.operations import ASSIGNED, NOTE, STATUS, add_note, assign, change_status, note_text
from portal.hub.queries import NamedEvent, case_history, case_of, last_change, staff
from portal.hub.rules import is_overdue, waiting_days
from portal.hub.views import acting, assignee_choices, days_text, person, record_view, status_choices
from portal.mail import messages
from portal.messages.definition import LONGEST_TEXT
from portal.messages.models import Message, Thread
from portal.messages.pages import desk
from portal.messages.queries import threads_of_case
from portal.messages.telling import tell_customer
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import ParkablePage, Parked, forget_parked, parked_on
from portal.sessions.queries import FoundSession
from portal.signing.applicant import signatures
from portal.site_settings.current import clock_time, day_text, local_day, moment_text, settings, today
from portal.storage.uploads import file_answer
from portal.submissions.answers import AnsweredSection, sent_sections
from portal.submissions.customers import customer_of
from portal.submissions.definition import STATUSES
from portal.submissions.downloads import receipt_answer
from portal.submissions.files import files_of_submission, sent_file
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers
from portal.submissions.queries import submission_by_reference
from portal.tokens import clean_reference, new_token
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import HUB, Access, Activity, access, activity, shows_form_again
from portal.web.languages import language, speaking
from portal.web.strict_input import require_end_marker
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("cases", __name__)
LONGEST_NOTE = 4000
LONG_TEXTS = ("note", "message", "text")
"""What somebody types on the page of a case and must not lose."""
NOBODY_TO_WRITE_TO = lazy_gettext("We have neither an account nor an e-mail address, so nobody can be written to.")
_CASE = re.compile(r"/hub/cases/(?P<reference>[^/]+)")


class NoteForm(AccountForm):
    """A note about a case."""

    note = TextAreaField(
        validators=[
            Needed(lazy_gettext("Write a note")),  # type: ignore[arg-type]  # lazy texts are texts
            Length(max=LONGEST_NOTE, message=lazy_gettext("Write at most %(max)d characters")),  # type: ignore[arg-type]
        ]
    )


class MessageForm(AccountForm):
    """A message to the customer of a case."""

    text = TextAreaField(
        validators=[
            Needed(lazy_gettext("Write your message")),  # type: ignore[arg-type]
            Length(max=LONGEST_TEXT, message=lazy_gettext("Write at most %(max)d characters")),  # type: ignore[arg-type]
        ]
    )


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One entry of the history: what was done, by whom and when, and the text of a note."""

    title: str
    moment: str
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class RefusedChange:
    """A change that was not made: the value in its control, and the reason to show."""

    status: int
    control: str
    typed: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Controls:
    """The values of the controls; `seen` is the stored value at the time, sent along with each change.

    `message` goes with a new status, `text` alone.
    """

    note: str = ""
    message: str = ""
    text: str = ""
    status: str
    assignee: str
    seen_status: str
    seen_assignee: str
    errors: dict[str, str] = field(default_factory=dict)


def address_of(submission: Submission) -> str:
    """Return the address of a case."""
    return f"/hub/cases/{submission.reference}"


def case_page(
    submission: Submission, *, form: NoteForm | None = None, refusal: RefusedChange | None = None
) -> ResponseReturnValue:
    """Return the page of a case; `form` is a note that was not added, `refusal` a change that was not made."""
    customer = customer_of(app_state().configuration.keyring, submission.reference, submission.case)
    definition = definition_of(submission.version)
    people = staff(db())
    parked = _parked(submission) if form is None and refusal is None else None
    threads, addressee = threads_of_case(db(), submission.id), addressee_of(db(), submission)
    page = render_template(
        "hub/case.html",
        submission=submission,
        address=address_of(submission),
        title=definition.title.in_(language()),
        customer=customer,
        is_told=_told_at(submission) is not None,
        sections=case_answers(submission),
        files=case_files(submission),
        sent_on=day_text(local_day(submission.sent_at)),
        sent_time=clock_time(submission.sent_at),
        status=STATUSES[submission.case.status],
        waiting=_waiting_text(submission),
        is_overdue=_is_overdue(submission),
        controls=_controls(submission, form, refusal, parked),
        refusal=refusal,
        page_is_old=form is not None and not form.errors,
        parked_time=clock_time(parked.parked_at) if parked else None,
        statuses=status_choices(),
        assignees=assignee_choices(submission.case.assignee_id, people),
        longest_note=LONGEST_NOTE,
        entries=[
            *(_entry(submission, found, people) for found in case_history(db(), submission.id)),
            _first_entry(submission),
        ],
        page_id=parked.tab if parked else new_token()[:PAGE_ID_CHARACTERS],
        signatures=signatures(db(), submission),
        threads=threads_beside(threads),
        can_write=addressee is not None,
        key=new_token(),
        seen_thread=page_state(open_thread(threads, addressee)),
        sent_in=_sent_in(),
        nobody_to_write_to=NOBODY_TO_WRITE_TO,
    )
    return page, _status(form, refusal)


def _sent_in() -> str | None:
    """Return the reference of the thread in which a message was just sent."""
    sent = request.args.get("sent", "")
    return sent if sent and clean_reference(sent) == sent else None


def _status(form: NoteForm | None, refusal: RefusedChange | None) -> int:
    if refusal:
        return refusal.status
    return 422 if form and form.errors else 409 if form else 200


def case_answers(submission: Submission) -> list[AnsweredSection]:
    """Return the answers as they were sent, with the questions of that version of the form."""
    answers = sent_answers(app_state().configuration.keyring, submission)
    return sent_sections(definition_of(submission.version), answers)


def case_files(submission: Submission) -> dict[str, FileView]:
    """Return the files that were sent, by their ids, with the addresses at which staff download them."""
    answers = sent_answers(app_state().configuration.keyring, submission)
    return files_of_submission(submission, answers, f"{address_of(submission)}/files")


def _parked(submission: Submission) -> Parked | None:
    """Return the text that this person sent too late, the latest of several tabs, or None."""
    keyring, page = app_state().configuration.keyring, address_of(submission)
    found = parked_on(db(), keyring, page, now=now(), person_id=person().id)
    return next((parked for parked in found if any(map(trimmed, _late(parked).values()))), None)


def _late(parked: Parked | None) -> dict[str, str]:
    return {name: value for name, value in parked.form.pairs if name in LONG_TEXTS} if parked else {}


def parkable_case_page(found: FoundSession, path: str) -> ParkablePage | None:
    """Return the page of the case whose note or message was sent too late."""
    case = _CASE.fullmatch(path)
    typed = frozenset(name for name in LONG_TEXTS if trimmed(request.form.get(name, "")))
    if case is None or found.kind != HUB or found.person_id is None or not typed:
        return None
    return ParkablePage(address=path, fields=typed) if case_of(reading(), case["reference"]) else None


def _controls(
    submission: Submission, form: NoteForm | None, refusal: RefusedChange | None, parked: Parked | None
) -> Controls:
    status, assignee = submission.case.status, str(submission.case.assignee_id or "")
    typed = {refusal.control: refusal.typed} if refusal else {}
    late = _late(parked)
    if refusal:  # of a form with two controls the other one stays as it was chosen
        typed = {name: request.form[name] for name in ("status", "message") if name in request.form} | typed
    errors = {refusal.control: refusal.text} if refusal and refusal.status == 422 else {}
    if form and form.error_of("note"):
        errors["note"] = form.error_of("note") or ""
    return Controls(
        note=str(form.note.data or "") if form else late.get("note", ""),
        message=typed.get("message", late.get("message", "")),
        text=typed.get("text", late.get("text", "")),
        status=typed.get("status", status),
        assignee=typed.get("assignee", assignee),
        seen_status=status,
        seen_assignee=assignee,
        errors=errors,
    )


def _waiting_text(submission: Submission) -> str | None:
    """Return how long an open case has waited, None for a closed one."""
    is_open = STATUSES[submission.case.status].is_open
    return days_text(waiting_days(local_day(submission.sent_at), today())) if is_open else None


def _is_overdue(submission: Submission) -> bool:
    is_open = STATUSES[submission.case.status].is_open
    return is_open and is_overdue(local_day(submission.sent_at), today(), due_days=settings().case_due_days)


def _entry(submission: Submission, found: NamedEvent, people: list[Person]) -> HistoryEntry:
    moment, who = moment_text(found.event.at), who_of(found)
    if found.event.kind == NOTE:
        text = note_text(app_state().configuration.keyring, submission, found.event)
        return HistoryEntry(title=_("Note by %(who)s", who=who), moment=moment, text=text)
    if found.event.kind == STATUS:
        return HistoryEntry(title=str(STATUSES[found.event.value or ""].staff_words), moment=moment, text=_by(who))
    return HistoryEntry(title=assigned_text(found, people), moment=moment, text=_by(who))


def assigned_text(found: NamedEvent, people: list[Person]) -> str:
    """Return to whom a case was assigned, in words."""
    if found.event.kind != ASSIGNED or found.event.value is None:
        return _("Assigned to nobody")
    names = {str(each.id): _("you") if each.id == person().id else each.shown_name for each in people}
    return _("Assigned to %(name)s", name=names.get(found.event.value, _("somebody who has left")))


def who_of(found: NamedEvent) -> str:
    """Return who did it, in words."""
    return _("you") if found.event.person_id == person().id else found.who or _("somebody who has left")


def _by(who: str) -> str:
    return _("By %(who)s", who=who)


def _first_entry(submission: Submission) -> HistoryEntry:
    """Return the first entry of every history."""
    begun = submission.begun_by_name
    text = _("Started for the customer by %(who)s", who=begun) if begun else None
    return HistoryEntry(title=_("Sent"), moment=moment_text(submission.sent_at), text=text)


@blueprint.get("/hub/cases/<reference>")
@access(Access.STAFF)
@activity(Activity.LOAD)
def show_case(reference: str) -> ResponseReturnValue:
    """Show the answers as they were sent, and the case beside them; record the view."""
    submission = case_of(reading(), reference) or abort(404)
    record_view("case_viewed", submission.reference)
    return case_page(submission)


@blueprint.post("/hub/cases/<reference>")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
@shows_form_again
def save_case(reference: str) -> ResponseReturnValue:
    """Add a note, save a status, assign the case or send a message, according to the field that was sent."""
    submission = case_of(db(), reference, locked=True) or abort(404)
    require_end_marker()
    actions = {"note": _save_note, "status": _save_status, "assignee": _save_assignee, "text": _send_message}
    sent = [name for name in actions if name in request.form]
    if len(sent) != 1:
        abort(400)
    return actions[sent[0]](submission)


def _back(submission: Submission, *, sent: str | None = None) -> ResponseReturnValue:
    return redirect(f"{address_of(submission)}?sent={sent}" if sent else address_of(submission), 303)


def _save_note(submission: Submission) -> ResponseReturnValue:
    form = NoteForm()
    if token_refused() or not form.validate():
        return case_page(submission, form=form)
    keyring = app_state().configuration.keyring
    key = request.form.get("_page", "")[:PAGE_ID_CHARACTERS] or abort(400)
    text = trimmed(typed_text(form.note)).replace("\r\n", "\n")
    if add_note(db(), app_state().database, submission, text, key=key, keyring=keyring, by=acting()):
        record(db(), "case_note_added", by=actor(person().id), now=now(), subject=submission.reference)
    _forget_parked(submission)
    return _back(submission)


def _forget_parked(submission: Submission) -> None:
    """Forget the text that was parked from this page, as it is sent now."""
    keyring, page = app_state().configuration.keyring, address_of(submission)
    tab = request.form.get("_page", "")[:PAGE_ID_CHARACTERS]
    for parked in parked_on(db(), keyring, page, now=now(), person_id=person().id):
        if tab and parked.tab == tab:
            forget_parked(db(), parked)


def _save_status(submission: Submission) -> ResponseReturnValue:
    """Save another status, and send the message that was written with it; one e-mail tells of both."""
    wanted, stored = request.form["status"], submission.case.status
    text, key = trimmed(request.form.get("message", "")).replace("\r\n", "\n"), request.form.get("_key", "")
    if text and sent_from_page(submission, key, text):
        return _back(submission)
    addressee = addressee_of(db(), submission) if text else None
    thread = locked_thread(submission, addressee) if addressee else None
    refusal = _refused_change(submission, "status", wanted, stored, known=wanted in STATUSES)
    refusal = refusal or (_refused_message("message", text, addressee, thread) if text else None)
    if refusal:
        return case_page(submission, refusal=refusal)
    sent = write(submission, addressee, thread, text, key=key) if addressee else None
    if wanted != stored:
        change_status(db(), submission, wanted, by=acting())
        record(
            db(), "case_status_changed", by=actor(person().id), now=now(), subject=submission.reference, status=wanted
        )
        mail_new_status(submission, sent)
    elif sent:
        tell_customer(desk(), *sent)
    _forget_parked(submission)
    return _back(submission, sent=sent[0].reference if sent else None)


def _send_message(submission: Submission) -> ResponseReturnValue:
    """Send a message to the customer; the same page sent twice sends one."""
    form, key = MessageForm(), request.form.get("_key", "")
    typed = typed_text(form.text)
    if not form.validate():
        refusal = RefusedChange(status=422, control="text", typed=typed, text=form.error_of("text") or "")
        return case_page(submission, refusal=refusal)
    text = trimmed(typed).replace("\r\n", "\n")
    if sent_from_page(submission, key, text):
        return _back(submission)
    addressee = addressee_of(db(), submission)
    thread = locked_thread(submission, addressee) if addressee else None
    refused = _refused_message("text", typed, addressee, thread)
    if refused or addressee is None:
        return case_page(submission, refusal=refused)
    thread, message = write(submission, addressee, thread, text, key=key)
    tell_customer(desk(), thread, message)
    _forget_parked(submission)
    return _back(submission, sent=thread.reference)


def _refused_message(
    control: str, typed: str, addressee: Addressee | None, thread: Thread | None
) -> RefusedChange | None:
    """Return why a message is not sent (too long, nobody to write to, an old page), or None where it can be."""
    if len(trimmed(typed)) > LONGEST_TEXT:
        text = _("Write at most %(max)d characters", max=LONGEST_TEXT)
        return RefusedChange(status=422, control=control, typed=typed, text=text)
    if addressee is None:
        return RefusedChange(status=409, control=control, typed=typed, text=str(NOBODY_TO_WRITE_TO))
    if token_refused():
        text = _("This page was out of date. Nothing was sent.")
        return RefusedChange(status=409, control=control, typed=typed, text=text)
    if request.form.get("_seen_thread", "") != page_state(thread):
        text = _("There is a newer message about this case. Read it before you send yours.")
        return RefusedChange(status=409, control=control, typed=typed, text=text)
    return None


def _save_assignee(submission: Submission) -> ResponseReturnValue:
    wanted, stored = request.form["assignee"], str(submission.case.assignee_id or "")
    known = {choice.value for choice in assignee_choices(submission.case.assignee_id, staff(db()))}
    refusal = _refused_change(submission, "assignee", wanted, stored, known=wanted in known)
    if refusal:
        return case_page(submission, refusal=refusal)
    if wanted != stored:
        assign(db(), submission, int(wanted) if wanted else None, by=acting())
        record(db(), "case_assigned", by=actor(person().id), now=now(), subject=submission.reference, assignee=wanted)
    return _back(submission)


def _refused_change(
    submission: Submission, control: str, wanted: str, stored: str, *, known: bool
) -> RefusedChange | None:
    """Return why a choice is not saved (unknown, from an old page, or overtaken), or None where it can be."""
    if not known:
        return RefusedChange(status=422, control=control, typed=stored, text=_("Choose from the list"))
    if token_refused():
        text = _("This page was out of date. Nothing was changed. Check your choice and press again.")
        return RefusedChange(status=409, control=control, typed=wanted, text=text)
    if wanted != stored and request.form.get("_seen", "") != stored:
        return RefusedChange(status=409, control=control, typed=wanted, text=_overtaken(submission, control))
    return None


def _overtaken(submission: Submission, control: str) -> str:
    found = last_change(db(), submission.id, {"status": STATUS, "assignee": ASSIGNED}[control])
    who = who_of(found) if found else _("somebody")
    if control == "status":
        words = STATUSES[submission.case.status].staff_words
        return _("%(who)s changed the status to “%(status)s” after you opened this page.", status=words, who=who)
    return _("%(who)s assigned this case to somebody else after you opened this page.", who=who)


def mail_new_status(submission: Submission, sent: tuple[Thread, Message] | None = None) -> None:
    """E-mail the new status to the person who sent the form, in the language of their form.

    Of a message that was `sent` with it the e-mail says that it is there, once they can see it.
    """
    draft, status = db().get_one(Draft, submission.draft_id), STATUSES[submission.case.status]
    address = _told_at(submission)
    if address is None:
        return
    with speaking(draft.language):
        delivery = messages.status_changed(
            db(),
            to=address,
            title=definition_of(submission.version).title.in_(draft.language),
            reference=submission.reference,
            status=str(status.words),
            explanation=str(status.explanation),
            now=now(),
            link=link_to(sent[0]) if sent else None,
            due_at=sent[1].visible_at if sent else None,
        )
    if sent:
        note_told(*sent, delivery)


def _told_at(submission: Submission) -> str | None:
    """Return where the customer is told of a new status: at the account that has the form now, else as it was sent."""
    owner = active_person(db().get_one(Draft, submission.draft_id).person_id)
    customer = customer_of(app_state().configuration.keyring, submission.reference, submission.case)
    return owner.email if owner else customer.email


@blueprint.get("/hub/cases/<reference>/files/<file_id>")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def download_case_file(reference: str, file_id: str) -> ResponseReturnValue:
    """Download one file as it was sent; record the view."""
    submission = submission_by_reference(db(), reference) or abort(404)
    file = sent_file(submission.reference, file_id) or abort(404)
    record_view("file_downloaded", submission.reference)
    return file_answer(file)


@blueprint.get("/hub/cases/<reference>/receipt.pdf")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def download_case_receipt(reference: str) -> ResponseReturnValue:
    """Download all answers of a case as they were sent; record the view."""
    submission = submission_by_reference(db(), reference) or abort(404)
    record_view("receipt_viewed", submission.reference)
    return receipt_answer(submission)
