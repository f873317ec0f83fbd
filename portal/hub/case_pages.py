"""One case as it is shown: its answers as they were sent, what can be done with it, and what has been done."""

from dataclasses import dataclass, field

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.models import Person
from portal.form_definitions.types.form_fields import FileView
from portal.form_definitions.versions.queries import definition_of
from portal.hub.forms import LONGEST_NOTE, NoteForm
from portal.hub.list_pages import Choice, days_text, status_choices
from portal.hub.operations import ASSIGNED, NOTE, STATUS, note_text
from portal.hub.queries import Told, history, staff
from portal.hub.rules import is_overdue, waiting_days
from portal.hub.work import person
from portal.sessions.late_forms import Parked, parked_on
from portal.site_settings.current import clock_time, day_text, local_day, moment_text, settings, today
from portal.submissions.answers import SectionAnswers, sent_sections
from portal.submissions.customers import customer_of
from portal.submissions.definition import STATUSES
from portal.submissions.files import files_of_submission
from portal.submissions.models import Submission
from portal.submissions.operations import sent_answers
from portal.tokens import new_token
from portal.web.app_state import app_state
from portal.web.languages import language
from portal.web.unit_of_work import db, now

PAGE_ID_LENGTH = 16


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


def answers_of(submission: Submission) -> list[SectionAnswers]:
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
