"""Every site setting, declared once: a new setting is a new row."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

Kind = Literal["whole_number", "text", "yes_no", "time_zone"]
Value = int | str | bool


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting: its name (also the command's NAME), where it is shown, and what it accepts.

    `low` and `high` bound a number by value and a text by length; `advice` says when a good value could be better.
    """

    name: str
    tab: str
    kind: Kind
    default: Value
    label: LazyString
    help: LazyString | None = None
    low: int | None = None
    high: int | None = None
    advice: Callable[[Any], LazyString | None] = field(default=lambda _value: None)


def _lifetime_advice(minutes: int) -> LazyString | None:
    return _("On a shared computer a long session leaves somebody’s answers open for longer.") if minutes >= 60 else None


SETTINGS = (
    Setting(
        name="session_lifetime_minutes",
        tab="general",
        kind="whole_number",
        default=30,
        low=10,
        high=360,
        label=_("Session lifetime in minutes"),
        help=_("A whole number from 10 to 360. It applies when people next sign in or renew; nobody is signed out sooner."),
        advice=_lifetime_advice,
    ),
    Setting(
        name="site_name", tab="general", kind="text", default="Ashmere Council", low=1, high=80, label=_("Site name")
    ),
    Setting(
        name="time_zone",
        tab="general",
        kind="time_zone",
        default="Europe/London",
        label=_("Time zone"),
        help=_("Used for every clock time that people see."),
    ),
    Setting(
        name="support_contact",
        tab="general",
        kind="text",
        default="01632 960 114",
        low=1,
        high=200,
        label=_("Support contact"),
        help=_("Shown beside each form and on pages about errors"),
    ),
    Setting(
        name="absolute_limit_hours",
        tab="sessions",
        kind="whole_number",
        default=20,
        low=0,
        high=168,
        label=_("Longest session in hours"),
        help=_("However often somebody stays signed in, the session ends after this time. 0 means no limit."),
    ),
    Setting(
        name="continue_counts",
        tab="sessions",
        kind="yes_no",
        default=False,
        label=_("Continuing to another section counts as activity"),
        help=_("Off: only opening, saving and sending renew a session, and “Stay signed in” at any time."),
    ),
)
BY_NAME = MappingProxyType({setting.name: setting for setting in SETTINGS})
TABS = MappingProxyType({"general": _("General"), "sessions": _("Sessions")})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values in force, typed."""

    session_lifetime_minutes: int
    site_name: str
    time_zone: str
    support_contact: str
    absolute_limit_hours: int
    continue_counts: bool

    @property
    def session_lifetime(self) -> timedelta:
        """How long a customer's session lasts without activity."""
        return timedelta(minutes=self.session_lifetime_minutes)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of every clock time on the screen."""
        return ZoneInfo(self.time_zone)
