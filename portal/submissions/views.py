"""Check your answers, Send, and the confirmation."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.queries import person_by_id
from portal.drafts import pages
from portal.drafts.models import Draft
from portal.drafts.opening import OpenDraft, closed_page, holder, open_draft
from portal.drafts.rules import Filled
from portal.drafts.sealing import save_address
from portal.form_definitions.definition import Answer, Field, FormAnswers, FormDefinition, Section
from portal.form_definitions.queries import definition_of
from portal.mail import messages
from portal.sessions.gate import token_refused
from portal.site_settings.times import clock_time, day_text, language, local_day
from portal.submissions.answers import (
    Link,
    SectionAnswers,
    first_email,
    is_asked,
    section_answers,
    sent_sections,
)
from portal.submissions.models import Submission
from portal.submissions.operations import send
from portal.submissions.queries import find_submission
from portal.submissions.sealing import sent_answers
from portal.tokens import new_token
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.portal import portal
from portal.web.strict_input import require_end_marker
from portal.web.unit_of_work import db, now

blueprint = Blueprint("submissions", __name__)


@dataclass(frozen=True)
class Fault:
    """What keeps the form from being sent: where to put it right, and the sentence."""

    href: str
    text: str


@blueprint.get("/drafts/<reference>/check")
@access(Access.DRAFT_OWNER)
@activity(Activity.LOAD)
def check(reference: str) -> ResponseReturnValue:
    """All answers, to be read once more before they are sent."""
    opened = open_draft(reference)
    return closed_page(opened) or _check_page(opened)


@blueprint.post("/drafts/<reference>/check")
@access(Access.DRAFT_OWNER)
@activity(Activity.SUBMIT)
@shows_form_again
def send_form(reference: str) -> ResponseReturnValue:
    """Send, exactly once; what is missing is named."""
    opened = open_draft(reference)
    if opened.draft.sent_at:
        return redirect(f"/submissions/{opened.reference}", 303)
    closed = closed_page(opened)
    if closed:
        return closed
    require_end_marker()
    if token_refused():
        return _check_page(opened, status=409)
    faults = _faults(opened)
    if faults:
        return _check_page(opened, faults=faults, status=422)
    _send(opened)
    return redirect(f"/submissions/{opened.reference}", 303)


def _faults(opened: OpenDraft) -> list[Fault]:
    unfinished = [
        Fault(_address(opened, section), _("Finish “%(title)s”", title=section.title.in_(language())))
        for section in opened.filled.unfinished()
    ]
    stop = opened.filled.first_stop()
    stops = [Fault(_address(opened, stop[0]), stop[1].title.in_(language()))] if stop else []
    return [*unfinished, *stops, *_declaration_faults(opened)]


def _declaration_faults(opened: OpenDraft) -> list[Fault]:
    if opened.definition.declaration is None or request.form.get("declaration") == "yes":
        return []
    return [Fault("#declaration", _("Tick the box to confirm the declaration"))]


def _address(opened: OpenDraft, section: Section) -> str:
    """Where a section is put right: its page, or the task list while it cannot be opened."""
    return f"{opened.address(section.id)}?from=check" if opened.filled.is_open(section) else opened.address()


def _send(opened: OpenDraft) -> None:
    keyring = portal().configuration.keyring
    recipient = _recipient(opened.draft, opened.definition, opened.filled.shown.answers)
    key = request.form.get("_key") or new_token()
    submission = send(db(), opened.draft, opened.filled, key=key, keyring=keyring, now=now())
    if recipient:
        title = opened.definition.title.in_(language())
        messages.received(db(), to=recipient, title=title, reference=submission.reference, sent_at=now(), now=now())


def _recipient(draft: Draft, definition: FormDefinition, answers: FormAnswers) -> str | None:
    """Where the confirmation goes: the account, else the save address, else the first answered e-mail field."""
    person = person_by_id(db(), draft.person_id) if draft.person_id else None
    if person:
        return person.email
    return save_address(portal().configuration.keyring, draft) or first_email(definition, answers)


def _check_page(opened: OpenDraft, *, faults: list[Fault] | None = None, status: int = 200) -> ResponseReturnValue:
    declaration = opened.definition.declaration
    fault = next((fault for fault in faults or [] if fault.href == "#declaration"), None)
    page = render_template(
        "submissions/check.html",
        opened=opened,
        band=pages.band(opened),
        sections=_sections(opened),
        faults=[(fault.href, fault.text) for fault in faults or []],
        declaration=declaration.in_(language()) if declaration else None,
        is_declared=request.form.get("declaration") == "yes",
        declaration_error=fault.text if fault else None,
        key=request.form.get("_key") or new_token(),
        is_out_of_date=status == 409,
    )
    return page, status


def _sections(opened: OpenDraft) -> list[SectionAnswers]:
    def change(section: Section, item_id: str, field: Field) -> list[Link]:
        address = opened.address(section.id, item_id)
        return [(_("Change"), f"{address}?from=check", field.label.in_(language()))]

    return [
        section_answers(section, _shown_pages(opened.filled, section), change)
        for section in opened.definition.sections
        if opened.filled.is_shown(section)
    ]


def _shown_pages(filled: Filled, section: Section) -> list[tuple[str, tuple[Field, ...], Mapping[str, Answer]]]:
    return [
        (item_id, tuple(filter(is_asked, page.fields)), page.answers)
        for item_id, page in filled.shown.pages[section.id].items()
    ]


@blueprint.get("/submissions/<reference>")
@access(Access.DRAFT_OWNER)
@activity(Activity.NAVIGATE)
def confirmation(reference: str) -> ResponseReturnValue:
    """We have received your form: the reference, when, and what was sent."""
    submission = find_submission(db(), reference, holder()) or abort(404)
    return render_template("submissions/confirmation.html", **_shown(submission))


def _shown(submission: Submission) -> dict[str, object]:
    definition = definition_of(submission.version)
    answers = sent_answers(portal().configuration.keyring, submission)
    draft = db().get_one(Draft, submission.draft_id)
    return {
        "is_mailed": _recipient(draft, definition, answers) is not None,
        "submission": submission,
        "title": definition.title.in_(language()),
        "sections": sent_sections(definition, answers),
        "sent_on": day_text(local_day(submission.sent_at)),
        "sent_time": clock_time(submission.sent_at),
    }
