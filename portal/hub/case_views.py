"""One case: what was sent, its files and receipt, notes, status and assignment."""

from dataclasses import dataclass, field

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.models import Person
from portal.accounts.signed_in import active_person
from portal.audit import record
from portal.drafts.models import Draft
from portal.form_definitions.types.form_fields import FileView
from portal.form_definitions.versions.queries import definition_of
from portal.hub.forms import LONGEST_NOTE, NoteForm
from portal.hub.operations import ASSIGNED, NOTE, STATUS, add_note, assign, change_status, note_text
from portal.hub.queries import Told, case_of, history, last_change, staff
from portal.hub.rules import is_overdue, waiting_days
from portal.hub.views import Choice, days_text, status_choices
from portal.hub.work import by_me, note_look, person
from portal.mail import messages
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import Parked, forget_parked, parked_on
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
from portal.tokens import new_token
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.languages import language, speaking
from portal.web.strict_input import require_end_marker
from portal.web.unit_of_work import db, now, reading

PAGE_ID_LENGTH = 16
blueprint = Blueprint("cases", __name__)


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """One entry of the history: what, who, when, and the words of a note."""

    title: str
    moment: str
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a change was not made: what stands in the control, and what the page says of it."""

    status: int
    control: str
    typed: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Controls:
    """What stands in the controls; `seen` is what the page believes to be stored, sent along with each change."""

    note: str = ""
    status: str
    assignee: str
    seen_status: str
    seen_assignee: str
    errors: dict[str, str] = field(default_factory=dict)


def address_of(submission: Submission) -> str:
    """Where a case is shown."""
    return f"/hub/cases/{submission.reference}"


def case_page(
    submission: Submission, *, form: NoteForm | None = None, refusal: Refusal | None = None
) -> ResponseReturnValue:
    """The page of a case; `form` is a note that was not taken, `refusal` a change that was not made."""
    customer = customer_of(app_state().configuration.keyring, submission.reference, submission.case)
    definition = definition_of(submission.version)
    people = staff(db())
    parked = _parked(submission) if form is None and refusal is None else None
    page = render_template(
        "hub/case.html",
        submission=submission,
        address=address_of(submission),
        title=definition.title.in_(language()),
        customer=customer,
        sections=answers_of(submission),
        files=files_of(submission),
        sent_on=day_text(local_day(submission.sent_at)),
        sent_time=clock_time(submission.sent_at),
        status=STATUSES[submission.case.status],
        waiting=_waiting(submission),
        is_overdue=_is_overdue(submission),
        controls=_controls(submission, form, refusal, parked),
        refusal=refusal,
        page_is_old=form is not None and not form.errors,
        parked_time=clock_time(parked.parked_at) if parked else None,
        statuses=status_choices(),
        assignees=assignee_choices(submission, people),
        longest_note=LONGEST_NOTE,
        history=[
            *(_history_line(submission, told, people) for told in history(db(), submission.id)),
            _sent(submission),
        ],
        page_id=parked.tab if parked else new_token()[:PAGE_ID_LENGTH],
    )
    return page, _status(form, refusal)


def _status(form: NoteForm | None, refusal: Refusal | None) -> int:
    if refusal:
        return refusal.status
    return 422 if form and form.errors else 409 if form else 200


def answers_of(submission: Submission) -> list[AnsweredSection]:
    """The answers as they were sent, in the words of the version that asked for them."""
    answers = sent_answers(app_state().configuration.keyring, submission)
    return sent_sections(definition_of(submission.version), answers)


def files_of(submission: Submission) -> dict[str, FileView]:
    """The files that were sent, by their ids, each with where staff download it."""
    answers = sent_answers(app_state().configuration.keyring, submission)
    return files_of_submission(submission, answers, f"{address_of(submission)}/files")


def _parked(submission: Submission) -> Parked | None:
    """A note that this person sent after the session's end and its grace; the latest of several tabs."""
    keyring, page = app_state().configuration.keyring, address_of(submission)
    found = parked_on(db(), keyring, page, now=now(), person_id=person().id)
    return next((parked for parked in found if dict(parked.form.pairs).get("note", "").strip()), None)


def _controls(
    submission: Submission, form: NoteForm | None, refusal: Refusal | None, parked: Parked | None
) -> Controls:
    status, assignee = submission.case.status, str(submission.case.assignee_id or "")
    typed = {refusal.control: refusal.typed} if refusal else {}
    note = str(form.note.data or "") if form else dict(parked.form.pairs)["note"] if parked else ""
    errors = {refusal.control: refusal.text} if refusal and refusal.status == 422 else {}
    if form and form.error_of("note"):
        errors["note"] = form.error_of("note") or ""
    return Controls(
        note=note,
        status=typed.get("status", status),
        assignee=typed.get("assignee", assignee),
        seen_status=status,
        seen_assignee=assignee,
        errors=errors,
    )


def assignee_choices(submission: Submission, people: list[Person]) -> list[Choice]:
    """Nobody, you, all others who work here, and whoever has the case even if they have left."""
    known = [Choice(value=str(each.id), label=_name(each)) for each in people]
    holder = str(submission.case.assignee_id or "")
    left = [Choice(value=holder, label=_("Somebody who has left"))] if holder else []
    mine = [choice for choice in known if choice.value == str(person().id)]
    others = [choice for choice in known if choice not in mine]
    gone = [] if any(choice.value == holder for choice in known) else left
    return [Choice(value="", label=_("Nobody")), *mine, *others, *gone]


def _name(each: Person) -> str:
    return _("You") if each.id == person().id else each.shown_name


def _waiting(submission: Submission) -> str | None:
    """How long an open case has waited."""
    is_open = STATUSES[submission.case.status].is_open
    return days_text(waiting_days(local_day(submission.sent_at), today())) if is_open else None


def _is_overdue(submission: Submission) -> bool:
    is_open = STATUSES[submission.case.status].is_open
    return is_open and is_overdue(local_day(submission.sent_at), today(), due_days=settings().case_due_days)


def _history_line(submission: Submission, told: Told, people: list[Person]) -> HistoryLine:
    moment, who = moment_text(told.event.at), who_of(told)
    if told.event.kind == NOTE:
        text = note_text(app_state().configuration.keyring, submission, told.event)
        return HistoryLine(title=_("Note by %(who)s", who=who), moment=moment, text=text)
    if told.event.kind == STATUS:
        return HistoryLine(title=str(STATUSES[told.event.value or ""].staff_words), moment=moment, text=_by(who))
    return HistoryLine(title=assigned_text(told, people), moment=moment, text=_by(who))


def assigned_text(told: Told, people: list[Person]) -> str:
    """To whom a case was given."""
    if told.event.kind != ASSIGNED or told.event.value is None:
        return _("Assigned to nobody")
    names = {str(each.id): _("you") if each.id == person().id else each.shown_name for each in people}
    return _("Assigned to %(name)s", name=names.get(told.event.value, _("somebody who has left")))


def who_of(told: Told) -> str:
    """Who did it."""
    return _("you") if told.event.person_id == person().id else told.who or _("somebody who has left")


def _by(who: str) -> str:
    return _("By %(who)s", who=who)


def _sent(submission: Submission) -> HistoryLine:
    """The first entry of every history."""
    begun = submission.begun_by_name
    text = _("Begun for the customer by %(who)s", who=begun) if begun else None
    return HistoryLine(title=_("Sent"), moment=moment_text(submission.sent_at), text=text)


@blueprint.get("/hub/cases/<reference>")
@access(Access.STAFF)
@activity(Activity.LOAD)
def show_case(reference: str) -> ResponseReturnValue:
    """The answers as they were sent, and the case beside them; the look is recorded."""
    submission = case_of(reading(), reference) or abort(404)
    note_look("case_viewed", submission.reference)
    return case_page(submission)


@blueprint.post("/hub/cases/<reference>")
@access(Access.STAFF)
@activity(Activity.SUBMIT)
@shows_form_again
def save_case(reference: str) -> ResponseReturnValue:
    """Add a note, save a status or assign: which of them, the button pressed says, else the field that was sent."""
    submission = case_of(db(), reference, locked=True) or abort(404)
    require_end_marker()
    actions = {"note": _take_note, "status": _take_status, "assignee": _take_assignee}
    sent = [name for name in actions if name in request.form]
    if len(sent) != 1:
        abort(400)
    return actions[sent[0]](submission)


def _back(submission: Submission) -> ResponseReturnValue:
    return redirect(address_of(submission), 303)


def _take_note(submission: Submission) -> ResponseReturnValue:
    form = NoteForm()
    if token_refused() or not form.validate():
        return case_page(submission, form=form)
    keyring, key = app_state().configuration.keyring, _page_id()
    text = str(form.note.data).replace("\r\n", "\n").strip()
    if add_note(db(), app_state().database, submission, text, key=key, keyring=keyring, by=by_me()):
        record(db(), "case_note_added", by=actor(person().id), now=now(), subject=submission.reference)
    _let_go_of_parked(submission, key)
    return _back(submission)


def _page_id() -> str:
    return request.form.get("_page", "")[:PAGE_ID_LENGTH] or abort(400)


def _let_go_of_parked(submission: Submission, tab: str) -> None:
    """What this page had parked is sent now."""
    keyring, page = app_state().configuration.keyring, address_of(submission)
    for parked in parked_on(db(), keyring, page, now=now(), person_id=person().id):
        if parked.tab == tab:
            forget_parked(db(), parked)


def _take_status(submission: Submission) -> ResponseReturnValue:
    wanted, stored = request.form["status"], submission.case.status
    refusal = _refusal(submission, "status", wanted, stored, known=wanted in STATUSES)
    if refusal:
        return case_page(submission, refusal=refusal)
    if wanted != stored:
        change_status(db(), submission, wanted, by=by_me())
        record(
            db(), "case_status_changed", by=actor(person().id), now=now(), subject=submission.reference, status=wanted
        )
        _tell_customer(submission)
    return _back(submission)


def _take_assignee(submission: Submission) -> ResponseReturnValue:
    wanted, stored = request.form["assignee"], str(submission.case.assignee_id or "")
    known = {choice.value for choice in assignee_choices(submission, staff(db()))}
    refusal = _refusal(submission, "assignee", wanted, stored, known=wanted in known)
    if refusal:
        return case_page(submission, refusal=refusal)
    if wanted != stored:
        assign(db(), submission, int(wanted) if wanted else None, by=by_me())
        record(db(), "case_assigned", by=actor(person().id), now=now(), subject=submission.reference, assignee=wanted)
    return _back(submission)


def _refusal(submission: Submission, control: str, wanted: str, stored: str, *, known: bool) -> Refusal | None:
    """Why a choice is not taken: it is none, its page is old, or somebody else chose differently meanwhile."""
    if not known:
        return Refusal(status=422, control=control, typed=stored, text=_("Choose from the list"))
    if token_refused():
        text = _("This page was out of date. Nothing was changed: check your choice and press again.")
        return Refusal(status=409, control=control, typed=wanted, text=text)
    if wanted != stored and request.form.get("_seen", "") != stored:
        return Refusal(status=409, control=control, typed=wanted, text=_overtaken(submission, control))
    return None


def _overtaken(submission: Submission, control: str) -> str:
    told = last_change(db(), submission.id, {"status": STATUS, "assignee": ASSIGNED}[control])
    who = who_of(told) if told else _("somebody")
    if control == "status":
        words = STATUSES[submission.case.status].staff_words
        return _("Since you opened this page the status was changed to “%(status)s” by %(who)s.", status=words, who=who)
    return _("Since you opened this page the case was given to somebody else by %(who)s.", who=who)


def _tell_customer(submission: Submission) -> None:
    """Mail the new status to whoever sent the form, in the language in which they filled it."""
    draft, status = db().get_one(Draft, submission.draft_id), STATUSES[submission.case.status]
    owner = active_person(draft.person_id)
    customer = customer_of(app_state().configuration.keyring, submission.reference, submission.case)
    address = owner.email if owner else customer.email
    if address is None:
        return
    with speaking(draft.language):
        messages.status_changed(
            db(),
            to=address,
            title=definition_of(submission.version).title.in_(draft.language),
            reference=submission.reference,
            status=str(status.words),
            explanation=str(status.explanation),
            now=now(),
        )


@blueprint.get("/hub/cases/<reference>/files/<file_id>")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def download(reference: str, file_id: str) -> ResponseReturnValue:
    """One file as it was sent; the look is recorded."""
    submission = submission_by_reference(db(), reference) or abort(404)
    file = sent_file(submission.reference, file_id) or abort(404)
    note_look("file_downloaded", submission.reference)
    return file_answer(file)


@blueprint.get("/hub/cases/<reference>/receipt.pdf")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def receipt(reference: str) -> ResponseReturnValue:
    """All answers of a case as they were sent; the look is recorded."""
    submission = submission_by_reference(db(), reference) or abort(404)
    note_look("receipt_viewed", submission.reference)
    return receipt_answer(submission)
