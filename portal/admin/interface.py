"""What the pages of the administration show besides their forms: dates, and who changed what."""

from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_date
from flask_babel import get_locale
from flask_babel import gettext as _

from portal.admin.queries import named_changes
from portal.audit import AuditEvent
from portal.sessions.interface import visit
from portal.site_settings.definition import BY_NAME, Setting
from portal.site_settings.times import clock_time, day_text, local_day, today
from portal.web.unit_of_work import reading


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line of the history, in words."""

    setting: str
    day: str
    time: str
    who: str
    old: str
    new: str


def history(shown: list[Setting]) -> list[Change]:
    """The latest changes of these settings, newest first."""
    return [_change(event, who) for event, who in named_changes(reading(), [setting.name for setting in shown])]


def _change(event: AuditEvent, who: str | None) -> Change:
    return Change(
        setting=str(BY_NAME[event.subject or ""].label),
        day=staff_day(event.at),
        time=clock_time(event.at),
        who=_who(event, who),
        old=event.details["old"],
        new=event.details["new"],
    )


def _who(event: AuditEvent, name: str | None) -> str:
    if event.person_id is None:
        return _("the command line")
    live = visit().live
    return _("you") if live and live.person_id == event.person_id else name or _("somebody who has left")


def staff_day(instant: datetime) -> str:
    """A day as staff read it: the year stands there only where it is another one."""
    day = local_day(instant)
    return str(format_date(day, "d MMMM", locale=get_locale())) if day.year == today().year else day_text(day)
