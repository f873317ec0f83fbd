"""What the pages of the administration show besides their forms: dates, and who changed what."""

from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_date
from flask_babel import get_locale
from flask_babel import gettext as _

from portal.admin.queries import named_changes
from portal.audit import AuditEvent
from portal.sessions.browser_sessions import browser
from portal.site_settings.current import clock_time, day_text, local_day, settings, today
from portal.site_settings.definition import BY_NAME, Setting
from portal.site_settings.rules import as_typed
from portal.web.unit_of_work import reading

SHOWN_LENGTH = 80


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line of the history, in words."""

    setting: str
    day: str
    time: str
    who: str
    old: str
    new: str
    id: int
    can_undo: bool
    """Whether the setting still has the value that this change gave it."""


def history(shown: list[Setting]) -> list[Change]:
    """The latest changes of these settings, newest first."""
    return [_change(event, who) for event, who in named_changes(reading(), [setting.name for setting in shown])]


def _change(event: AuditEvent, who: str | None) -> Change:
    setting = BY_NAME[event.subject or ""]
    return Change(
        setting=str(setting.label),
        day=staff_day(event.at),
        time=clock_time(event.at),
        who=_who(event, who),
        old=_short(event.details["old"]),
        new=_short(event.details["new"]),
        id=event.id,
        can_undo=as_typed(setting, getattr(settings(), setting.name)) == event.details["new"],
    )


def _short(value: str) -> str:
    """A value as a line of the history shows it; the audit log has all of it."""
    return value if len(value) <= SHOWN_LENGTH else value[:SHOWN_LENGTH].rstrip() + "…"


def _who(event: AuditEvent, name: str | None) -> str:
    if event.person_id is None:
        return _("the command line")
    live = browser().live()
    return _("you") if live and live.person_id == event.person_id else name or _("somebody who has left")


def staff_day(instant: datetime) -> str:
    """A day as staff read it: the year stands there only where it is another one."""
    day = local_day(instant)
    return str(format_date(day, "d MMMM", locale=get_locale())) if day.year == today().year else day_text(day)
