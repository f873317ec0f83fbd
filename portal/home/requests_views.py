"""My Requests: what a person has begun, and what they have sent."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.drafts import pages
from portal.drafts.models import Draft
from portal.drafts.opening import OpenDraft, holder
from portal.drafts.queries import answered_drafts
from portal.form_definitions.queries import definition_of
from portal.site_settings.times import day_text, language, local_day, moment_text
from portal.submissions.definition import STATUSES, Status
from portal.submissions.models import Submission
from portal.submissions.queries import submissions_of
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, now

blueprint = Blueprint("requests", __name__)
SOON = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class DraftCard:
    """A draft as its card shows it."""

    reference: str
    title: str
    changed: str
    progress: str
    rows: tuple[pages.Segment, ...]
    keep_until: str
    days_left: int
    is_ending: bool


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A sent form as the table shows it."""

    reference: str
    title: str
    sent_on: str
    status: Status


@blueprint.get("/account")
@access(Access.PERSON)
@activity(Activity.NAVIGATE)
def my_requests() -> ResponseReturnValue:
    """Drafts to continue, and sent forms."""
    person_id = holder().person_id or 0
    return render_template(
        "home/my_requests.html",
        drafts=[_card(draft) for draft in answered_drafts(db(), holder(), now=now())],
        sent=[_sent(submission) for submission in submissions_of(db(), person_id)],
    )


def _card(draft: Draft) -> DraftCard:
    opened = OpenDraft(draft)
    return DraftCard(
        reference=draft.reference,
        title=opened.definition.title.in_(language()),
        changed=moment_text(draft.changed_at),
        progress=pages.progress_text(opened.filled),
        rows=pages.segments(opened.filled),
        keep_until=pages.keep_until(opened),
        days_left=(draft.expires_at - now()).days,
        is_ending=draft.expires_at - now() <= SOON,
    )


def _sent(submission: Submission) -> Sent:
    return Sent(
        reference=submission.reference,
        title=definition_of(submission.version).title.in_(language()),
        sent_on=day_text(local_day(submission.sent_at)),
        status=STATUSES[submission.case.status],
    )
