"""The start page of a form, and Start now."""

from datetime import timedelta
from math import ceil

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.drafts.open_draft import holder, kept_by
from portal.drafts.operations import start_draft
from portal.drafts.queries import drafts_of_form
from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.versions.models import FormVersion
from portal.form_definitions.versions.queries import current_version, definition_of
from portal.sessions.browser_sessions import browser
from portal.sessions.operations import Holder
from portal.site_settings.current import day_text, local_day, moment_text, settings
from portal.tokens import new_token
from portal.web.addresses import sign_in_page
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, Access, Activity, access, activity
from portal.web.languages import language, name_of
from portal.web.unit_of_work import db, now

blueprint = Blueprint("forms", __name__)


@blueprint.get("/forms/<slug>")
@access(Access.PUBLIC)
@activity(Activity.LOAD)
def start_page(slug: str) -> ResponseReturnValue:
    """What the form needs, how long it takes, how long a session lasts, and the person's own drafts of it."""
    definition = definition_of(_published(slug))
    drafts = drafts_of_form(db(), holder(), definition.id, now=now())
    return render_template(
        "drafts/start.html",
        form=definition,
        foreign_language=_foreign_language(definition),
        lifetime=settings().session_lifetime_minutes,
        minutes_left=_minutes_left(),
        is_short=_is_short(definition),
        drafts=[(draft, moment_text(draft.changed_at), day_text(local_day(draft.expires_at))) for draft in drafts],
    )


@blueprint.post("/forms/<slug>")
@access(Access.PUBLIC)
@activity(Activity.SUBMIT)
def start_now(slug: str) -> ResponseReturnValue:
    """Make another draft and open it; a form for accounts sends signed-out people to sign in first."""
    version = _published(slug)
    definition = definition_of(version)
    if definition.access == "account" and not holder().person_id:
        return redirect(sign_in_page(url_for("forms.start_page", slug=slug)), 303)
    keyring = app_state().configuration.keyring
    draft = start_draft(
        db(),
        version,
        definition,
        _session_holder(),
        rules=kept_by(definition),
        keyring=keyring,
        now=now(),
        language=language(),
    )
    return redirect(f"/drafts/{draft.reference}", 303)


def _published(slug: str) -> FormVersion:
    return current_version(db(), slug) or abort(404)


def _session_holder() -> Holder:
    """Whose draft it will be: the live session's holder, else a new guest with a new session."""
    current = holder()
    if current.person_id or current.guest_id:
        return current
    guest = Holder(guest_id=new_token())
    browser().open(CUSTOMER, guest)
    return guest


def _foreign_language(definition: FormDefinition) -> str | None:
    """The name of the language that the questions are in, where it is not the reader's."""
    return None if language() in definition.languages else name_of(definition.languages[0])


def _minutes_left() -> int | None:
    live = browser().live()
    return ceil((live.times.expires_at - now()) / timedelta(minutes=1)) if live else None


def _is_short(definition: FormDefinition) -> bool:
    """Whether the form is expected to take longer than the session that is already running lasts."""
    left = _minutes_left()
    return left is not None and bool(definition.expected_minutes) and (definition.expected_minutes or 0) > left
