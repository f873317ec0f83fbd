"""The start page, the public pages with their texts, and My Requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString
from markupsafe import Markup

from portal.accounts.remembered import FORGOTTEN_AFTER
from portal.accounts.sign_in_steps import LIFETIME as SIGN_IN_LIFETIME
from portal.accounts.signed_in import DEVICE, SIGN_IN
from portal.drafts import pages
from portal.drafts.open_draft import OpenDraft, holder
from portal.drafts.queries import WholeDraft, whole_drafts
from portal.form_definitions.definition import ForeignText
from portal.form_definitions.rich_text import rich_text
from portal.form_definitions.versions.queries import published_forms
from portal.mail.rules import CODE_LIFETIME
from portal.resume.coming_back import DEVICE_COOKIE, KNOWN_FOR
from portal.resume.queries import MAIL_IS_REFUSED
from portal.resume.views import CODE_COOKIE
from portal.sessions.browser_sessions import (
    EPOCH_COOKIE,
    LEFT_COOKIE,
    SHARED_COOKIE,
    VISITOR_COOKIE,
    cookie_name,
    policy_of,
)
from portal.sessions.late_forms import REASONS
from portal.sessions.rules import EXPLAINED_FOR, EndReason
from portal.signing.landing import LINK_COOKIE
from portal.signing.queries import ASKED_NUMBER, SIGNED_NUMBER
from portal.site_settings.current import moment_text, settings
from portal.submissions.queries import sent_row, submissions_of
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, HUB, MESSAGES, SIGNING, Access, Activity, access, activity
from portal.web.languages import COOKIE as LANGUAGE_COOKIE
from portal.web.languages import DEFAULT, language
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("home", __name__)
ENDING_SOON = timedelta(days=7)
DRAFTS, SENT = 10, 20
"""How many a page shows."""


@dataclass(frozen=True, kw_only=True)
class DurationParts:
    """A duration as whole hours, minutes and seconds; pages leave out parts that are zero."""

    hours: int
    minutes: int
    seconds: int


def duration_parts(duration: timedelta) -> DurationParts:
    """Return the parts of a duration, rounded down to a second."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return DurationParts(hours=hours, minutes=minutes, seconds=seconds)


def own_text(page: str) -> Markup | None:
    """Return an administrator's text of a page as safe HTML, or None where there is none.

    It is in the reader's language, or else marked as English. `page` is the first word of its settings, such as
    `privacy` of `privacy_text` and `privacy_text_cy`.
    """
    english = getattr(settings(), f"{page}_text")
    if language() == DEFAULT:
        return rich_text(english) if english else None
    own = getattr(settings(), f"{page}_text_{language()}", "")
    if own or not english:
        return rich_text(own) if own else None
    return rich_text(ForeignText(english, DEFAULT))


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a session ended and what to do now, in more detail than on the page after the end."""

    why: LazyString
    what_to_do: LazyString


EXPLANATIONS: Mapping[EndReason, Explanation] = MappingProxyType(
    {
        EndReason.IDLE: Explanation(
            why=_("We sign you out after a while, unless you press “Stay signed in”."),
            what_to_do=_(
                "Sign in again, or use your link or your reference and return code, and carry on where you were."
            ),
        ),
        EndReason.ABSOLUTE_LIMIT: Explanation(
            why=_("There is a limit to how long you can stay signed in."),
            what_to_do=_("Sign in again, or open your form again. You then have the full time."),
        ),
        EndReason.SIGNED_OUT: Explanation(
            why=_("You, or somebody at this computer, pressed “Sign out” in this browser."),
            what_to_do=_("Sign in again whenever you want to carry on."),
        ),
        EndReason.SIGNED_OUT_ELSEWHERE: Explanation(
            why=_("You signed in later on another device or in another browser."),
            what_to_do=_(
                "Sign in again here, or carry on there. If it was not you, change your password straight away."
            ),
        ),
        EndReason.REPLACED: Explanation(
            why=_("One browser can have one account or saved form open at a time."),
            what_to_do=_("Carry on with that one. You may have to load older pages again."),
        ),
        EndReason.NETWORK: Explanation(
            why=_("A sudden change can mean that somebody else is using your account."),
            what_to_do=_("Sign in again and carry on."),
        ),
        EndReason.STAFF: Explanation(
            why=_("Our staff signed you out, changed what your account can do, or closed it."),
            what_to_do=_("Try to sign in again. Contact us if that does not work or if you do not know why."),
        ),
        EndReason.PASSWORD_CHANGED: Explanation(
            why=_("When a password changes, everybody who signed in with the old one is signed out."),
            what_to_do=_("Sign in with the new password. If you did not change it, contact us straight away."),
        ),
        EndReason.COOKIES_BLOCKED: Explanation(
            why=_("Without the cookie we cannot tell that it is still you."),
            what_to_do=_("Allow cookies for this site in your browser’s settings, then sign in again."),
        ),
        EndReason.ENDED_BY_OWNER: Explanation(
            why=_("Somebody with your password pressed “End” on the page “Where you are signed in”."),
            what_to_do=_("Sign in again whenever you want to. If it was not you, set a new password straight away."),
        ),
        EndReason.OBJECTED: Explanation(
            why=_(
                "Somebody used the link in the e-mail to your old address to say that they did not ask for the change."
            ),
            what_to_do=_("Set a new password. We send the link to your old address."),
        ),
        EndReason.ACCOUNT_DELETED: Explanation(
            why=_("Somebody with your password asked us to delete it."),
            what_to_do=_("Contact us if it was not you. You may register again."),
        ),
        EndReason.TAKEN_BACK: Explanation(
            why=_("The person who filled in the form told us that its link went to a wrong e-mail address."),
            what_to_do=_(
                "If the form is yours, open it with the new return code. We showed it when you told us that the "
                "address was wrong."
            ),
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class DraftCard:
    """A draft as shown on its card."""

    reference: str
    title: str
    changed: str
    progress: str
    rows: tuple[pages.Segment, ...]
    keep_until: str
    days_left: int
    is_ending: bool
    longer: str | None
    """The day until which it can be kept longer; None where that is no later than now."""

    is_refused: bool
    """Whether our last e-mail about it was refused."""


@blueprint.get("/account")
@access(Access.PERSON)
@activity(Activity.NAVIGATE)
def my_requests() -> ResponseReturnValue:
    """Show drafts to continue and sent forms: the newest of each, and older ones a page at a time."""
    person_id, asked = holder().person_id or 0, request.args
    before = asked.get("drafts_before")
    drafts = whole_drafts(db(), holder(), now=now(), before=before, limit=DRAFTS + 1, refused=MAIL_IS_REFUSED)
    before_sent, signed_of = asked.get("sent_before"), (SIGNED_NUMBER, ASKED_NUMBER)
    sent = submissions_of(db(), person_id, before=before_sent, limit=SENT + 1, signed_of=signed_of)
    return render_template(
        "home/my_requests.html",
        drafts=[_draft_card(whole) for whole in drafts[:DRAFTS]],
        older_drafts=drafts[DRAFTS - 1].draft.reference if len(drafts) > DRAFTS else None,
        sent=[sent_row(submission) for submission in sent[:SENT]],
        older_sent=sent[SENT - 1].reference if len(sent) > SENT else None,
        is_first_page=not asked.keys() & {"drafts_before", "sent_before"},
        is_kept=asked.get("kept"),
    )


def _draft_card(whole: WholeDraft) -> DraftCard:
    draft, opened = whole.draft, OpenDraft(whole.draft, whole=whole)
    return DraftCard(
        reference=draft.reference,
        title=opened.definition.title.in_(language()),
        changed=moment_text(draft.changed_at),
        progress=pages.progress_text(opened.filled),
        rows=pages.segments(opened.filled),
        keep_until=pages.keep_until(opened),
        days_left=(draft.expires_at - now()).days,
        is_ending=draft.expires_at - now() <= ENDING_SOON,
        longer=pages.kept_longer_until(opened),
        is_refused=draft.mail_is_refused,
    )


@blueprint.get("/")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def start() -> ResponseReturnValue:
    """Show the forms that can be filled in, and the ways back to saved ones."""
    return render_template("home/start.html", forms=published_forms(reading(), language()))


@blueprint.get("/privacy")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def privacy() -> ResponseReturnValue:
    """Show what is stored, how it is protected, and for how long."""
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
    """Show every cookie by its name in this installation."""
    return render_template(
        "home/cookies.html",
        customer_cookie=cookie_name(app_state().policies[CUSTOMER].cookie),
        messages_cookie=cookie_name(app_state().policies[MESSAGES].cookie),
        signing_cookie=cookie_name(app_state().policies[SIGNING].cookie),
        staff_cookie=cookie_name(app_state().policies[HUB].cookie),
        signing_link_cookie=cookie_name(LINK_COOKIE),
        visitor_cookie=cookie_name(VISITOR_COOKIE),
        epoch_cookie=cookie_name(EPOCH_COOKIE),
        language_cookie=cookie_name(LANGUAGE_COOKIE),
        code_cookie=cookie_name(CODE_COOKIE),
        code_lifetime=duration_parts(CODE_LIFETIME),
        link_cookie=cookie_name(DEVICE_COOKIE),
        link_known_for=KNOWN_FOR.days,
        left_cookie=cookie_name(LEFT_COOKIE),
        shared_cookie=cookie_name(SHARED_COOKIE),
        device_cookie=cookie_name(DEVICE),
        device_known_for=FORGOTTEN_AFTER.days,
        sign_in_cookie=cookie_name(SIGN_IN),
        sign_in_lifetime=duration_parts(SIGN_IN_LIFETIME),
        lifetime=duration_parts(policy_of(CUSTOMER).idle_timeout),
        messages_lifetime=duration_parts(policy_of(MESSAGES).idle_timeout),
        signing_lifetime=duration_parts(policy_of(SIGNING).idle_timeout),
        staff_lifetime=duration_parts(policy_of(HUB).idle_timeout),
        explained_for=duration_parts(EXPLAINED_FOR),
        own_text=own_text("cookies"),
    )


@blueprint.get("/accessibility")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def accessibility() -> ResponseReturnValue:
    """Show the accessibility statement, with the known limits."""
    return render_template("home/accessibility.html", own_text=own_text("accessibility"))


@blueprint.get("/contact")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def contact() -> ResponseReturnValue:
    """Show how to contact us."""
    return render_template(
        "home/contact.html", address=settings().postal_address.splitlines(), own_text=own_text("contact")
    )


@blueprint.get("/help/sessions")
@access(Access.PUBLIC)
@activity(Activity.NAVIGATE)
def help_sessions() -> ResponseReturnValue:
    """Show how long a session lasts, what renews it, and why it ends."""
    policy = policy_of(CUSTOMER)
    renewal_window = policy.idle_timeout * policy.renewal_share
    absolute_end = policy.absolute_end(now())
    return render_template(
        "home/help_sessions.html",
        lifetime=duration_parts(policy.idle_timeout),
        renews_after=duration_parts(policy.idle_timeout - renewal_window),
        renewal_window=duration_parts(renewal_window),
        warning=duration_parts(policy.warning),
        absolute_limit=duration_parts(absolute_end - now()) if absolute_end else None,
        continue_counts=settings().continue_counts,
        staff_lifetime=duration_parts(policy_of(HUB).idle_timeout),
        staff_grace=duration_parts(policy_of(HUB).grace),
        shared_lifetime=duration_parts(min(policy.idle_timeout, settings().shared_lifetime)),
        one_sign_in=settings().one_sign_in,
        network_rule=settings().customer_network_rule,
        messages_lifetime=duration_parts(policy_of(MESSAGES).idle_timeout),
        signing_lifetime=duration_parts(policy_of(SIGNING).idle_timeout),
        messages_network_rule=settings().messages_network_rule,
        reasons=REASONS,
        explanations=EXPLANATIONS,
    )
