"""The views of sending a form: check your answers, send, confirmation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest

from portal.drafts import pages
from portal.drafts.open_draft import OpenDraft, from_check, holder, open_draft, require_open
from portal.drafts.rules import Status
from portal.form_definitions.definition import Section
from portal.form_definitions.rules import first_stop
from portal.form_definitions.versions.queries import definition_of
from portal.mail import messages
from portal.sessions.gate import token_refused
from portal.site_settings.current import clock_time, day_text, local_day
from portal.submissions.answers import sent_sections
from portal.submissions.check_page import (
    SHOWN,
    Moved,
    as_input,
    checked_sections,
    confirmation_plan,
    fingerprints,
    waiting_pages,
)
from portal.submissions.customers import customer_of, sender
from portal.submissions.definition import STATUSES
from portal.submissions.files import files_of_draft, files_of_submission, infected_answers
from portal.submissions.models import Submission
from portal.submissions.operations import send, sent_answers
from portal.submissions.queries import find_submission
from portal.tokens import new_token
from portal.web.app_state import app_state
from portal.web.declarations import Access, Activity, access, activity, shows_form_again
from portal.web.languages import language
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now

blueprint = Blueprint("submissions", __name__)


@dataclass(frozen=True)
class CheckFault:
    """What keeps the form from being sent: the address where to put it right, and a sentence."""

    href: str
    text: str


@blueprint.get("/drafts/<reference>/check")
@access(Access.DRAFT_OWNER)
@activity(Activity.LOAD)
def check(reference: str) -> ResponseReturnValue:
    """Show all answers, to be read once more before they are sent."""
    opened = open_draft(reference)
    require_open(opened)
    return _check_page(opened)


@blueprint.post("/drafts/<reference>/check")
@access(Access.DRAFT_OWNER)
@activity(Activity.SUBMIT)
@shows_form_again
def send_form(reference: str) -> ResponseReturnValue:
    """Send the form exactly once, if it is as the page showed it; else say what is missing or has changed."""
    opened = open_draft(reference)
    if opened.draft.sent_at:
        return redirect(f"/submissions/{opened.reference}", 303)
    require_open(opened)
    require_end_marker()
    if repeated({"declaration", "_key", SHOWN}):
        raise BadRequest("An answer was sent twice.")
    moved = Moved.since(request.form.get(SHOWN), fingerprints(opened, waiting_pages(opened)))
    if token_refused() or opened.is_of_other_version or moved:
        return _check_page(opened, moved=moved, status=409)
    faults = _faults(opened)
    if faults:
        return _check_page(opened, faults=faults, status=422)
    _submit(opened)
    return redirect(f"/submissions/{opened.reference}", 303)


def _faults(opened: OpenDraft) -> list[CheckFault]:
    unfinished = [
        CheckFault(_fault_address(opened, section), _unfinished(opened, section))
        for section in opened.filled.unfinished()
    ]
    stop = first_stop(opened.definition, opened.filled.shown)
    stops = [CheckFault(_fault_address(opened, stop[0]), stop[1].title.in_(language()))] if stop else []
    infected = [CheckFault(_fault_address(opened, section), text) for section, text in infected_answers(opened)]
    return [*unfinished, *infected, *stops, *_signer_faults(opened), *_declaration_faults(opened)]


def _signer_faults(opened: OpenDraft) -> Iterator[CheckFault]:
    if opened.definition.signers:
        for problem in app_state().hooks.signing_plan(opened, sender(db(), opened).emails).problems:
            yield CheckFault(_fault_address(opened, opened.section(problem.section_id)), problem.text)


def _unfinished(opened: OpenDraft, section: Section) -> str:
    title = section.title.in_(language())
    if opened.filled.statuses[section.id] is Status.CHECK_AGAIN:
        return _("Check “%(title)s” again: the form has changed", title=title)
    return _("Finish “%(title)s”", title=title)


def _declaration_faults(opened: OpenDraft) -> list[CheckFault]:
    if opened.definition.declaration is None or request.form.get("declaration") == "yes":
        return []
    return [CheckFault("#declaration", _("Tick the box to confirm the declaration"))]


def _fault_address(opened: OpenDraft, section: Section) -> str:
    """Return where to put a section right: its page, or the task list while it cannot be opened."""
    return from_check(opened, section.id) if opened.filled.is_open(section) else opened.address()


def _submit(opened: OpenDraft) -> None:
    keyring = app_state().configuration.keyring
    customer = sender(db(), opened)
    key = request.form.get("_key") or new_token()
    opened.draft.language = language()
    submission = send(
        db(),
        opened.draft,
        opened.filled,
        key=key,
        customer=customer,
        keyring=keyring,
        secret=app_state().configuration.secret_key,
        now=now(),
    )
    app_state().hooks.invite_signers(db(), submission, opened.filled)
    recipient = customer.email
    if recipient:
        title = opened.definition.title.in_(language())
        messages.received(db(), to=recipient, title=title, reference=submission.reference, sent_at=now(), now=now())


def _check_page(
    opened: OpenDraft, *, faults: Sequence[CheckFault] = (), moved: Moved | None = None, status: int = 200
) -> ResponseReturnValue:
    declaration = opened.definition.declaration
    fault = next((fault for fault in faults if fault.href == "#declaration"), None)
    waiting = waiting_pages(opened)
    is_other_version = opened.is_of_other_version
    customer = sender(db(), opened)
    page = render_template(
        "submissions/check.html",
        opened=opened,
        band=pages.band(opened),
        sections=checked_sections(opened, moved),
        waiting=waiting,
        shown=as_input(fingerprints(opened, waiting)),
        moved=moved,
        gone=moved.gone_from(opened.definition) if moved else [],
        plan=confirmation_plan(opened, customer),
        signing=app_state().hooks.signing_plan(opened, customer.emails),
        faults=[(fault.href, fault.text) for fault in faults],
        declaration=declaration.in_(language()) if declaration else None,
        # Nobody has declared anything about answers that they have not seen.
        is_declared=request.form.get("declaration") == "yes" and not moved and not is_other_version,
        declaration_error=fault.text if fault else None,
        key=request.form.get("_key") or new_token(),
        is_out_of_date=status == 409,
        is_other_version=is_other_version,
        files=files_of_draft(opened),
    )
    return page, status


@blueprint.get("/submissions/<reference>")
@access(Access.DRAFT_OWNER)
@activity(Activity.NAVIGATE)
def confirmation(reference: str) -> ResponseReturnValue:
    """Show that we have received the form: reference, time, and what was sent."""
    submission = find_submission(db(), reference, holder()) or abort(404)
    return render_template("submissions/confirmation.html", **_shown(submission))


def _shown(submission: Submission) -> dict[str, object]:
    definition = definition_of(submission.version)
    keyring = app_state().configuration.keyring
    answers = sent_answers(keyring, submission)
    return {
        "mailed_to": customer_of(keyring, submission.reference, submission.case).email,
        "submission": submission,
        "title": definition.title.in_(language()),
        "signatures": app_state().hooks.signatures(db(), submission),
        "status": STATUSES[submission.case.status],
        "status_on": day_text(local_day(submission.case.status_at)),
        "sections": sent_sections(definition, answers),
        "files": files_of_submission(submission, answers, f"/files/{submission.reference}"),
        "sent_on": day_text(local_day(submission.sent_at)),
        "sent_time": clock_time(submission.sent_at),
    }
