"""The start page and the pages about privacy, cookies, accessibility, contact and staying signed in."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.accounts.cookies import DEVICE, SIGN_IN
from portal.accounts.known_devices import FORGOTTEN_AFTER
from portal.accounts.pending import LIFETIME as SIGN_IN_LIFETIME
from portal.form_definitions.queries import published_forms
from portal.home.own_texts import own_text
from portal.home.rules import spoken
from portal.home.wording import EXPLANATIONS
from portal.resume.devices import DEVICE_COOKIE, KNOWN_FOR
from portal.resume.rules import CODE_LIFETIME
from portal.resume.views import CODE_COOKIE
from portal.sessions.cookies import cookie_name
from portal.sessions.interface import EPOCH_COOKIE, SHARED_COOKIE, VISITOR_COOKIE, kind_of, policy_of
from portal.sessions.kept_work import REASONS
from portal.sessions.rules import EXPLAINED_FOR
from portal.site_settings.interface import settings
from portal.site_settings.times import language
from portal.web.declarations import CUSTOMER, HUB, Access, Activity, access, activity
from portal.web.languages import COOKIE as LANGUAGE_COOKIE
from portal.web.unit_of_work import now, reading

blueprint = Blueprint("home", __name__)


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
        customer_cookie=cookie_name(kind_of(CUSTOMER).cookie),
        staff_cookie=cookie_name(kind_of(HUB).cookie),
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
