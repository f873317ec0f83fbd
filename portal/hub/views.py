"""The work list and one case, to read."""

import re
from dataclasses import dataclass

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from portal.form_definitions.queries import definition_of
from portal.site_settings.times import clock_time, day_text, language, local_day, short_day_text
from portal.submissions.answers import sent_sections
from portal.submissions.models import Submission
from portal.submissions.queries import PAGE_SIZE, submission_by_reference, submissions_before
from portal.submissions.sealing import sent_answers
from portal.web.declarations import Access, Activity, access, activity
from portal.web.portal import portal
from portal.web.unit_of_work import db

blueprint = Blueprint("hub", __name__)
ROW_ID = re.compile("[1-9][0-9]{0,17}")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the work list."""

    reference: str
    form_title: str
    sent_on: str


@blueprint.get("/hub")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def work_list() -> ResponseReturnValue:
    """What was sent, newest first; pages are told apart by the last row shown, so that none is counted twice."""
    before = _row_id(request.args.get("before", ""))
    found = submissions_before(db(), before)
    shown = found[:PAGE_SIZE]
    return render_template(
        "hub/work_list.html",
        cases=[_case(submission) for submission in shown],
        next_before=shown[-1].id if len(found) > PAGE_SIZE else None,
        is_first_page=before is None,
    )


def _row_id(typed: str) -> int | None:
    """The id in a page's address; what cannot be one leads to the first page, as nothing does."""
    return int(typed) if ROW_ID.fullmatch(typed) else None


def _case(submission: Submission) -> Case:
    return Case(
        reference=submission.reference,
        form_title=definition_of(submission.version).title.in_(language()),
        sent_on=short_day_text(local_day(submission.sent_at)),
    )


@blueprint.get("/hub/cases/<reference>")
@access(Access.STAFF)
@activity(Activity.NAVIGATE)
def case(reference: str) -> ResponseReturnValue:
    """One case: the answers as they were sent."""
    submission = submission_by_reference(db(), reference) or abort(404)
    definition = definition_of(submission.version)
    return render_template(
        "hub/case.html",
        submission=submission,
        title=definition.title.in_(language()),
        sections=sent_sections(definition, sent_answers(portal().configuration.keyring, submission)),
        sent_on=day_text(local_day(submission.sent_at)),
        sent_time=clock_time(submission.sent_at),
    )
