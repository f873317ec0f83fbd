"""Site settings: shown with their effect and history, saved, undone and applied."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError

from portal.admin.people_views import me, my_id, staff_day
from portal.admin.queries import counted_since, named_changes
from portal.audit import AuditEvent, record
from portal.form_definitions.versions.queries import current_versions, definition_of
from portal.sessions.browser_sessions import apply_lifetime_now, policy_of
from portal.sessions.gate import token_refused
from portal.site_settings.current import clock_time, settings
from portal.site_settings.definition import BY_NAME, SETTINGS, TABS, Setting, Settings, SettingValue
from portal.site_settings.operations import change_settings, undo_change
from portal.site_settings.queries import change_by_id
from portal.site_settings.rules import RefusedSettingError, advice_on, as_typed, parse, time_zones, unix_lines
from portal.web.counters import Event
from portal.web.declarations import CUSTOMER, HUB, Access, Activity, access, activity, shows_form_again
from portal.web.languages import language
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now, reading

DAYS = 30
MOST_SECTIONS = 5
FormSection = tuple[str, str]
SEEN_PREFIX = "_seen_"
"""The prefix of the hidden inputs with the values that the page showed when it was loaded."""
blueprint = Blueprint("admin", __name__)
FIRST_TAB = "general"
LIFETIME_OF_TAB = {"messages": "messages_lifetime", "signing": "signing_lifetime"}
"""Tabs that show how long something other than a customer's session lasts."""
ABOUT_SESSIONS = frozenset({"general", "sessions"})
NUMBER_TEXT = re.compile("[0-9]{1,9}")
SHOWN_LENGTH = 80


@dataclass(frozen=True, kw_only=True)
class SessionEnds:
    """Numbers by event; `sections` are those in which most sessions ended, with how many did."""

    numbers: Mapping[Event, int]
    sections: list[tuple[str, int]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted."""
        return not any(self.numbers.values())

    @property
    def parts(self) -> list[tuple[str, int]]:
        """How often people stayed, and how often their time ran out."""
        return [
            (_("“Stay signed in” was pressed"), self.numbers[Event.EXTENDED]),
            (_("Time ran out"), self.numbers[Event.ENDED]),
        ]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The other numbers, with their words."""
        rows = (
            (_("Warnings shown"), Event.WARNING),
            (_("Late pages that were kept"), Event.PARKED),
            (_("Late pages that were kept and saved later"), Event.RESTORED),
            (_("Pages that could not check the time"), Event.POLL_FAILURE),
        )
        return [(label, str(self.numbers[event])) for label, event in rows]


def session_ends() -> SessionEnds:
    """Return what was counted in citizens' sessions, today and on the days before it in UTC."""
    found = counted_since(reading(), now().date() - timedelta(days=DAYS - 1), kind=CUSTOMER)
    numbers: Counter[Event] = Counter()
    ends: Counter[FormSection] = Counter()
    for event, form, section, number in found:
        numbers[Event(event)] += number
        if event == Event.ENDED.value:
            ends[form, section] += number
    return SessionEnds(numbers=numbers, sections=_ranked_sections(ends))


def _ranked_sections(ends: Counter[FormSection]) -> list[tuple[str, int]]:
    """Return the sections in which most sessions ended, in words; most first."""
    ranked = sorted(ends.items(), key=lambda item: (-item[1], item[0]))[:MOST_SECTIONS]
    titles = _titles() if any(form for (form, _section), _number in ranked) else {}
    return [(_words(place, titles), number) for place, number in ranked]


def _titles() -> Mapping[FormSection, str]:
    """Return the titles of all forms, and of their sections, by their ids."""
    definitions = [definition_of(version) for version in current_versions(reading())]
    forms = {(each.id, ""): each.title.in_(language()) for each in definitions}
    sections = {(form.id, each.id): each.title.in_(language()) for form in definitions for each in form.sections}
    return forms | sections


def _words(place: FormSection, titles: Mapping[FormSection, str]) -> str:
    form, section = place
    if not form:
        return _("No form was open")
    title = titles.get((form, ""), form)
    return f"{title}: {titles.get(place, section)}" if section else title


def tab_settings(tab: str) -> list[Setting]:
    """Return the settings of a tab, in their order."""
    return [setting for setting in SETTINGS if setting.tab == tab]


@dataclass(frozen=True, kw_only=True)
class SettingRow:
    """One setting as shown on the page: the value in its control, and the value when the page was loaded."""

    setting: Setting
    typed: str
    seen: str
    error: str | None

    @property
    def advice(self) -> str | None:
        """The first sentence of the advice on the value in the control."""
        return advice_on(self.setting, self.typed)


class SettingsForm:
    """The values typed on a tab; each is checked by the rule of its setting, and all or none are saved."""

    def __init__(self, tab: str, current: Settings, posted: Mapping[str, str]) -> None:
        self._settings = tab_settings(tab)
        self._seen = {
            setting.name: unix_lines(
                posted.get(SEEN_PREFIX + setting.name, as_typed(setting, getattr(current, setting.name)))
            )
            for setting in self._settings
        }
        fields = {setting.name: StringField(validators=[_validator(setting)]) for setting in self._settings}
        form_class: Any = type("TabForm", (FlaskForm,), fields)
        self._form = form_class(data=self._seen)

    @property
    def rows(self) -> list[SettingRow]:
        """The settings as shown on the page."""
        return [self._setting_row(setting) for setting in self._settings]

    def _setting_row(self, setting: Setting) -> SettingRow:
        field = self._form[setting.name]
        error = str(field.errors[0]) if field.errors else None
        return SettingRow(setting=setting, typed=unix_lines(field.data), seen=self._seen[setting.name], error=error)

    def validate(self) -> bool:
        """Check every value and return whether all are valid."""
        valid: bool = self._form.validate()
        return valid

    def changed(self) -> dict[str, SettingValue]:
        """Return the valid values that differ from those that the page showed.

        Two administrators with the page open then never undo each other's change by accident.
        """
        return {row.setting.name: parse(row.setting, row.typed) for row in self.rows if row.typed != row.seen}


def _validator(setting: Setting) -> Callable[[Any, Any], None]:
    def judge(_form: Any, field: Any) -> None:
        try:
            parse(setting, field.data)
        except RefusedSettingError as refusal:
            raise ValidationError(_(refusal.template, **refusal.values)) from refusal

    return judge


@dataclass(frozen=True, kw_only=True)
class SettingChange:
    """One line of the history, in words."""

    setting: str
    day: str
    time: str
    who: str
    old: str
    new: str
    id: int
    can_undo: bool
    """Whether the setting still has the new value of this change."""


def setting_history(shown: list[Setting]) -> list[SettingChange]:
    """Return the latest changes of these settings, newest first."""
    return [_setting_change(event, who) for event, who in named_changes(reading(), [setting.name for setting in shown])]


def _setting_change(event: AuditEvent, who: str | None) -> SettingChange:
    setting = BY_NAME[event.subject or ""]
    return SettingChange(
        setting=str(setting.label),
        day=staff_day(event.at),
        time=clock_time(event.at),
        who=_who_changed(event, who),
        old=_short(event.details["old"]),
        new=_short(event.details["new"]),
        id=event.id,
        can_undo=as_typed(setting, getattr(settings(), setting.name)) == event.details["new"],
    )


def _short(value: str) -> str:
    """Return a value cut for a line of the history; the audit log has all of it."""
    return value if len(value) <= SHOWN_LENGTH else value[:SHOWN_LENGTH].rstrip() + "…"


def _who_changed(event: AuditEvent, name: str | None) -> str:
    if event.person_id is None:
        return _("the command line")
    return _("you") if event.person_id == my_id() else name or _("somebody who has left")


@blueprint.get("/admin/self")
@access(Access.ADMINISTRATOR)
@activity(Activity.NAVIGATE)
def show_first_tab() -> ResponseReturnValue:
    """Redirect to the general settings, where the administration begins."""
    return redirect(url_for("admin.show_tab", tab=FIRST_TAB))


@blueprint.get("/admin/self/site-settings/<tab>")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_tab(tab: str) -> ResponseReturnValue:
    """Show the settings of a tab as they are now."""
    done = next((word for word in ("saved", "applied") if word in request.args), None)
    return _settings_page(_tab_or_404(tab), SettingsForm(tab, settings(), {}), outcome=done)


@blueprint.post("/admin/self/site-settings/<tab>")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
@shows_form_again
def save_settings(tab: str) -> ResponseReturnValue:
    """Save all values, or none where one is wrong."""
    require_end_marker()
    if repeated({setting.name for setting in tab_settings(_tab_or_404(tab))}):
        abort(400)
    form = SettingsForm(tab, settings(), request.form)
    if token_refused():
        return _settings_page(tab, form, outcome="out_of_date"), 409
    if not form.validate():
        return _settings_page(tab, form), 422
    change_settings(db(), form.changed(), by=me(), now=now())
    return redirect(url_for("admin.show_tab", tab=tab, saved=1), 303)


@blueprint.post("/admin/self/site-settings/<tab>/undo")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def undo_setting(tab: str) -> ResponseReturnValue:
    """Undo a change of the history; refuse where the setting was changed since."""
    names = [setting.name for setting in tab_settings(_tab_or_404(tab))]
    asked = request.form.get("_change", "")
    change = change_by_id(db(), int(asked), names) if NUMBER_TEXT.fullmatch(asked) else None
    if change is None:
        abort(404)
    if not undo_change(db(), change, by=me(), now=now()):
        return _settings_page(tab, SettingsForm(tab, settings(), {}), outcome="changed_since"), 409
    return redirect(url_for("admin.show_tab", tab=tab, saved=1), 303)


@blueprint.post("/admin/self/site-settings/general/apply-now")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def apply_now() -> ResponseReturnValue:
    """Apply the saved lifetime to citizens who are signed in, none of whom misses the warning."""
    number = apply_lifetime_now(db())
    minutes = settings().session_lifetime_minutes
    record(db(), "session_lifetime_applied", by=me(), now=now(), minutes=minutes, sessions=number)
    return redirect(url_for("admin.show_tab", tab=FIRST_TAB, applied=number), 303)


def _tab_or_404(tab: str) -> str:
    if tab not in TABS:
        abort(404)
    return tab


def _settings_page(tab: str, form: SettingsForm, *, outcome: str | None = None) -> str:
    lifetime: timedelta = getattr(settings(), LIFETIME_OF_TAB.get(tab, "session_lifetime"))
    return render_template(
        "admin/site_settings.html",
        tab=tab,
        tabs=TABS,
        rows=form.rows,
        outcome=outcome,
        shortened=int(applied) if NUMBER_TEXT.fullmatch(applied := request.args.get("applied", "")) else 0,
        changes=setting_history(tab_settings(tab)),
        time_zones=time_zones(),
        time_now=clock_time(now()),
        minutes=int(lifetime.total_seconds()) // 60,
        stay_until=clock_time(now() + lifetime),
        promised=settings().messages_reply_days,
        emergency=settings().messages_emergency,
        hub=policy_of(HUB),
        ends=session_ends() if tab in ABOUT_SESSIONS else None,
    )
