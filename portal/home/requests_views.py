"""My Requests: what a person has begun, and what they have sent."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from portal.drafts import pages
from portal.drafts.models import Draft
from portal.drafts.opening import OpenDraft, holder
from portal.drafts.queries import answered_drafts
from portal.outbox.definition import Fate
from portal.resume.queries import fates_of_links
from portal.site_settings.times import language, moment_text
from portal.submissions.listing import sent_row
from portal.submissions.queries import submissions_of
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, now

blueprint = Blueprint("requests", __name__)
SOON = timedelta(days=7)
DRAFTS, SENT = 10, 20
"""How many a page shows."""


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
    longer: str | None
    """The day until which it would be kept if asked now; None where that is no later."""

    is_refused: bool
    """Whether our last mail about it was refused."""


@blueprint.get("/account")
@access(Access.PERSON)
@activity(Activity.NAVIGATE)
def my_requests() -> ResponseReturnValue:
    """Drafts to continue, and sent forms: of each the newest, and older ones a page at a time."""
    person_id, asked = holder().person_id or 0, request.args
    drafts = answered_drafts(db(), holder(), now=now(), before=asked.get("drafts_before"), limit=DRAFTS + 1)
    sent = submissions_of(db(), person_id, before=asked.get("sent_before"), limit=SENT + 1)
    fates = fates_of_links(db(), [draft.id for draft in drafts])
    return render_template(
        "home/my_requests.html",
        drafts=[_card(draft, fates.get(draft.id)) for draft in drafts[:DRAFTS]],
        older_drafts=drafts[DRAFTS - 1].reference if len(drafts) > DRAFTS else None,
        sent=[sent_row(submission) for submission in sent[:SENT]],
        older_sent=sent[SENT - 1].reference if len(sent) > SENT else None,
        is_first_page=not asked.keys() & {"drafts_before", "sent_before"},
        is_kept=asked.get("kept"),
    )


def _card(draft: Draft, fate: Fate | None) -> DraftCard:
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
        longer=pages.kept_longer_until(opened),
        is_refused=fate is Fate.REFUSED,
    )
