"""One case: what was sent, its files and receipt, notes, status and assignment."""

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.signed_in import active_person
from portal.audit import record
from portal.drafts.models import Draft
from portal.form_definitions.versions.queries import definition_of
from portal.hub.case_pages import PAGE_ID_LENGTH, Refusal, address_of, assignee_choices, case_page, who_of
from portal.hub.forms import NoteForm
from portal.hub.operations import ASSIGNED, STATUS, add_note, assign, change_status
from portal.hub.queries import case_of, last_change, staff
from portal.hub.work import by_me, note_look, person
from portal.mail import messages
from portal.sessions.gate import token_refused
from portal.sessions.late_forms import forget_parked, parked_on
from portal.storage.uploads import file_answer
from portal.submissions.customers import customer_of
from portal.submissions.definition import STATUSES
from portal.submissions.downloads import receipt_answer
from portal.submissions.files import sent_file
from portal.submissions.models import Submission
from portal.submissions.queries import submission_by_reference
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.languages import speaking
from portal.web.strict_input import require_end_marker
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("cases", __name__)


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
