"""The administration: site settings, one tab a page."""

import re

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.admin.forms import SettingsForm, tab_settings
from portal.admin.interface import history
from portal.admin.session_ends import session_ends
from portal.audit import record
from portal.sessions.gate import token_refused
from portal.sessions.interface import apply_lifetime_now, policy_of, visit
from portal.site_settings.definition import TABS
from portal.site_settings.interface import settings
from portal.site_settings.operations import change_settings, undo_change
from portal.site_settings.queries import change_by_id
from portal.site_settings.rules import time_zones
from portal.site_settings.times import clock_time
from portal.web.addresses import actor
from portal.web.declarations import HUB, Access, Activity, access, activity, shows_form_again
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now

blueprint = Blueprint("admin", __name__)
FIRST_TAB = "general"
ABOUT_SESSIONS = frozenset({"general", "sessions"})
DIGITS = re.compile("[0-9]{1,9}")


@blueprint.get("/admin/self")
@access(Access.ADMINISTRATOR)
@activity(Activity.NAVIGATE)
def start() -> ResponseReturnValue:
    """The administration begins with the general settings."""
    return redirect(url_for("admin.show_settings", tab=FIRST_TAB))


@blueprint.get("/admin/self/site-settings/<tab>")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_settings(tab: str) -> ResponseReturnValue:
    """The settings of a tab as they are in force."""
    return _page(_known(tab), SettingsForm(tab, settings(), {}), outcome=_outcome())


@blueprint.post("/admin/self/site-settings/<tab>")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
@shows_form_again
def save_settings(tab: str) -> ResponseReturnValue:
    """Take all values or none."""
    require_end_marker()
    if repeated({setting.name for setting in tab_settings(_known(tab))}):
        abort(400)
    form = SettingsForm(tab, settings(), request.form)
    if token_refused():
        return _page(tab, form, outcome="out_of_date"), 409
    if not form.validate():
        return _page(tab, form), 422
    change_settings(db(), form.changed(), by=actor(_person_id()), now=now())
    return redirect(url_for("admin.show_settings", tab=tab, saved=1), 303)


@blueprint.post("/admin/self/site-settings/<tab>/undo")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def undo_setting(tab: str) -> ResponseReturnValue:
    """Put back what a line of the history replaced; refused where the setting has been changed since."""
    names = [setting.name for setting in tab_settings(_known(tab))]
    asked = request.form.get("_change", "")
    change = change_by_id(db(), int(asked), names) if DIGITS.fullmatch(asked) else None
    if change is None:
        abort(404)
    if not undo_change(db(), change, by=actor(_person_id()), now=now()):
        return _page(tab, SettingsForm(tab, settings(), {}), outcome="changed_since"), 409
    return redirect(url_for("admin.show_settings", tab=tab, saved=1), 303)


@blueprint.post("/admin/self/site-settings/general/apply-now")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def apply_now() -> ResponseReturnValue:
    """Give the saved lifetime to citizens who are signed in already, each with the whole warning ahead."""
    number = apply_lifetime_now(db())
    minutes = settings().session_lifetime_minutes
    record(db(), "session_lifetime_applied", by=actor(_person_id()), now=now(), minutes=minutes, sessions=number)
    return redirect(url_for("admin.show_settings", tab=FIRST_TAB, applied=number), 303)


def _known(tab: str) -> str:
    if tab not in TABS:
        abort(404)
    return tab


def _person_id() -> int | None:
    live = visit().live
    return live.person_id if live else None


def _outcome() -> str | None:
    """What the page has to say of what was just done."""
    return next((word for word in ("saved", "applied") if word in request.args), None)


def _page(tab: str, form: SettingsForm, *, outcome: str | None = None) -> str:
    return render_template(
        "admin/site_settings.html",
        tab=tab,
        tabs=TABS,
        rows=form.rows,
        outcome=outcome,
        shortened=int(applied) if DIGITS.fullmatch(applied := request.args.get("applied", "")) else 0,
        changes=history(tab_settings(tab)),
        time_zones=time_zones(),
        time_now=clock_time(now()),
        minutes=settings().session_lifetime_minutes,
        stay_until=clock_time(now() + settings().session_lifetime),
        hub=policy_of(HUB),
        ends=session_ends() if tab in ABOUT_SESSIONS else None,
    )
