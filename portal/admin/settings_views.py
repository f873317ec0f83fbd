"""Site settings: shown with their effect and history, saved, undone and applied."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError

from portal.admin.history import history
from portal.admin.queries import counted_since
from portal.audit import record
from portal.form_definitions.versions.queries import current_versions, definition_of
from portal.sessions.browser_sessions import apply_lifetime_now, browser, policy_of
from portal.sessions.gate import token_refused
from portal.site_settings.current import clock_time, settings
from portal.site_settings.definition import SETTINGS, TABS, Setting, Settings, SettingValue
from portal.site_settings.operations import change_settings, undo_change
from portal.site_settings.queries import change_by_id
from portal.site_settings.rules import RefusedSettingError, advice_on, as_typed, parse, time_zones, unix_lines
from portal.web.addresses import actor
from portal.web.counters import Event
from portal.web.declarations import CUSTOMER, HUB, Access, Activity, access, activity, shows_form_again
from portal.web.languages import language
from portal.web.strict_input import repeated, require_end_marker
from portal.web.unit_of_work import db, now, reading

DAYS = 30
MOST_SECTIONS = 5
Place = tuple[str, str]
SEEN = "_seen_"
"""Begins the hidden inputs that say which value the page showed when it was loaded."""
blueprint = Blueprint("admin", __name__)
FIRST_TAB = "general"
ABOUT_SESSIONS = frozenset({"general", "sessions"})
DIGITS = re.compile("[0-9]{1,9}")


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
            (_("Pages that came too late and were kept"), Event.PARKED),
            (_("Kept pages that were saved later"), Event.RESTORED),
            (_("Times a page got no answer about its time"), Event.POLL_FAILURE),
        )
        return [(label, str(self.numbers[event])) for label, event in rows]


def session_ends() -> SessionEnds:
    """What was counted of citizens' sessions, today and the days before it in UTC."""
    found = counted_since(reading(), now().date() - timedelta(days=DAYS - 1), kind=CUSTOMER)
    numbers: Counter[Event] = Counter()
    ends: Counter[Place] = Counter()
    for event, form, section, number in found:
        numbers[Event(event)] += number
        if event == Event.ENDED.value:
            ends[form, section] += number
    return SessionEnds(numbers=numbers, sections=_named(ends))


def _named(ends: Counter[Place]) -> list[tuple[str, int]]:
    """The places where most sessions ended, in words; most first."""
    ranked = sorted(ends.items(), key=lambda item: (-item[1], item[0]))[:MOST_SECTIONS]
    titles = _titles() if any(form for (form, _section), _number in ranked) else {}
    return [(_words(place, titles), number) for place, number in ranked]


def _titles() -> Mapping[Place, str]:
    """The titles of all forms, and of their sections, by their ids."""
    definitions = [definition_of(version) for version in current_versions(reading())]
    forms = {(each.id, ""): each.title.in_(language()) for each in definitions}
    sections = {(form.id, each.id): each.title.in_(language()) for form in definitions for each in form.sections}
    return forms | sections


def _words(place: Place, titles: Mapping[Place, str]) -> str:
    form, section = place
    if not form:
        return _("No form was open")
    title = titles.get((form, ""), form)
    return f"{title}: {titles.get(place, section)}" if section else title


def tab_settings(tab: str) -> list[Setting]:
    """The settings of a tab, in their order."""
    return [setting for setting in SETTINGS if setting.tab == tab]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One setting as the page shows it: what stands in the control, what was seen when the page was loaded."""

    setting: Setting
    typed: str
    seen: str
    error: str | None

    @property
    def advice(self) -> str | None:
        """The first sentence of the advice on what stands in the control."""
        return advice_on(self.setting, self.typed)


class SettingsForm:
    """What somebody typed on a tab; each value is judged by its setting's own rule, all of them or none are taken."""

    def __init__(self, tab: str, current: Settings, posted: Mapping[str, str]) -> None:
        self._settings = tab_settings(tab)
        self._seen = {
            setting.name: unix_lines(posted.get(SEEN + setting.name, as_typed(setting, getattr(current, setting.name))))
            for setting in self._settings
        }
        self._form = _form_class(self._settings)(data=self._seen)

    @property
    def rows(self) -> list[Row]:
        """The settings as the page shows them."""
        return [self._row(setting) for setting in self._settings]

    def _row(self, setting: Setting) -> Row:
        field = self._form[setting.name]
        error = str(field.errors[0]) if field.errors else None
        return Row(setting=setting, typed=unix_lines(field.data), seen=self._seen[setting.name], error=error)

    def validate(self) -> bool:
        """Judge every value."""
        valid: bool = self._form.validate()
        return valid

    def changed(self) -> dict[str, SettingValue]:
        """The valid values that differ from what the page showed: what nobody touched here stays as it is now.

        So two administrators with the page open never undo each other's change without meaning to.
        """
        return {row.setting.name: parse(row.setting, row.typed) for row in self.rows if row.typed != row.seen}


def _form_class(settings: Sequence[Setting]) -> Any:
    fields = {setting.name: StringField(validators=[_judge(setting)]) for setting in settings}
    return type("TabForm", (FlaskForm,), fields)


def _judge(setting: Setting) -> Callable[[Any, Any], None]:
    def judge(_form: Any, field: Any) -> None:
        try:
            parse(setting, field.data)
        except RefusedSettingError as refusal:
            raise ValidationError(_(refusal.template, **refusal.values)) from refusal

    return judge


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
    live = browser().live()
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
