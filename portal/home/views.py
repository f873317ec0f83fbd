"""The start page, the public pages, and My Requests."""

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from portal.accounts.known_devices import FORGOTTEN_AFTER
from portal.accounts.sign_in_steps import LIFETIME as SIGN_IN_LIFETIME
from portal.accounts.signed_in import DEVICE, SIGN_IN
from portal.drafts import pages
from portal.drafts.models import Draft
from portal.drafts.open_draft import OpenDraft, holder
from portal.drafts.queries import answered_drafts
from portal.form_definitions.versions.queries import published_forms
from portal.home.texts import EXPLANATIONS, own_text, spoken
from portal.outbox.definition import Fate
from portal.resume.coming_back import DEVICE_COOKIE, KNOWN_FOR
from portal.resume.queries import fates_of_links
from portal.resume.rules import CODE_LIFETIME
from portal.resume.views import CODE_COOKIE
from portal.sessions.browser_sessions import (
    EPOCH_COOKIE,
    SHARED_COOKIE,
    VISITOR_COOKIE,
    cookie_name,
    policy_of,
)
from portal.sessions.late_forms import REASONS
from portal.sessions.rules import EXPLAINED_FOR
from portal.site_settings.current import moment_text, settings
from portal.submissions.queries import sent_row, submissions_of
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, HUB, Access, Activity, access, activity
from portal.web.languages import COOKIE as LANGUAGE_COOKIE
from portal.web.languages import language
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("home", __name__)
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


@blueprint.get("/")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def start() -> ResponseReturnValue:
    """The forms that can be filled, and the ways back to what was begun."""
    return render_template("home/start.html", forms=published_forms(reading(), language()))


@blueprint.get("/privacy")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def privacy() -> ResponseReturnValue:
    """What is stored, how it is protected, and for how long."""
    return render_template(
        "home/privacy.html",
        forms=published_forms(reading(), language()),
        most_days=settings().draft_most_days,
        own_text=own_text("privacy"),
    )


@blueprint.get("/cookies")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def cookies() -> ResponseReturnValue:
    """Every cookie by the name that it has in this installation."""
    return render_template(
        "home/cookies.html",
        customer_cookie=cookie_name(app_state().policies[CUSTOMER].cookie),
        staff_cookie=cookie_name(app_state().policies[HUB].cookie),
        visitor_cookie=cookie_name(VISITOR_COOKIE),
        epoch_cookie=cookie_name(EPOCH_COOKIE),
        language_cookie=cookie_name(LANGUAGE_COOKIE),
        code_cookie=cookie_name(CODE_COOKIE),
        code_lifetime=spoken(CODE_LIFETIME),
        link_cookie=cookie_name(DEVICE_COOKIE),
        link_known_for=KNOWN_FOR.days,
        shared_cookie=cookie_name(SHARED_COOKIE),
        device_cookie=cookie_name(DEVICE),
        device_known_for=FORGOTTEN_AFTER.days,
        sign_in_cookie=cookie_name(SIGN_IN),
        sign_in_lifetime=spoken(SIGN_IN_LIFETIME),
        lifetime=spoken(policy_of(CUSTOMER).idle_timeout),
        staff_lifetime=spoken(policy_of(HUB).idle_timeout),
        explained_for=spoken(EXPLAINED_FOR),
        own_text=own_text("cookies"),
    )


@blueprint.get("/accessibility")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def accessibility() -> ResponseReturnValue:
    """What we aim for, and the limits that we know."""
    return render_template("home/accessibility.html", own_text=own_text("accessibility"))


@blueprint.get("/contact")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def contact() -> ResponseReturnValue:
    """How to reach people."""
    return render_template(
        "home/contact.html", address=settings().postal_address.splitlines(), own_text=own_text("contact")
    )


@blueprint.get("/help/sessions")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def help_sessions() -> ResponseReturnValue:
    """How long a session lasts here, what renews it, and why it ends."""
    policy = policy_of(CUSTOMER)
    renewal_window = policy.idle_timeout * policy.renewal_share
    absolute_end = policy.absolute_end(now())
    return render_template(
        "home/help_sessions.html",
        lifetime=spoken(policy.idle_timeout),
        renews_after=spoken(policy.idle_timeout - renewal_window),
        renewal_window=spoken(renewal_window),
        warning=spoken(policy.warning),
        absolute_limit=spoken(absolute_end - now()) if absolute_end else None,
        continue_counts=settings().continue_counts,
        staff_lifetime=spoken(policy_of(HUB).idle_timeout),
        staff_grace=spoken(policy_of(HUB).grace),
        shared_lifetime=spoken(min(policy.idle_timeout, settings().shared_lifetime)),
        one_sign_in=settings().one_sign_in,
        network_rule=settings().customer_network_rule,
        reasons=REASONS,
        explanations=EXPLANATIONS,
    )
