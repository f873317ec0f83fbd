"""The settings in force in this request, and instants as people in the site's time zone read them."""

from datetime import date, datetime

from babel.dates import format_date
from flask import g
from flask_babel import gettext as _

from portal.site_settings.definition import Settings
from portal.site_settings.queries import current_settings
from portal.web.languages import language
from portal.web.unit_of_work import now, reading


def settings() -> Settings:
    """The settings of this request; a session's own query may have brought them already (`use_settings`)."""
    found: Settings | None = g.get("settings")
    if found is None:
        found = g.settings = current_settings(reading())
    return found


def use_settings(found: Settings) -> None:
    """Take the settings that another query of this request brought along."""
    g.settings = found


def today() -> date:
    """The day of this request, where the site is."""
    return local_day(now())


def local_day(instant: datetime) -> date:
    """The day of an instant, where the site is."""
    return instant.astimezone(settings().zone).date()


def clock_time(instant: datetime) -> str:
    """An instant as the clock on the wall shows it: 14:47."""
    return f"{instant.astimezone(settings().zone):%H:%M}"


def day_text(day: date) -> str:
    """A day with its year: 21 December 2026."""
    return format_date(day, "d MMMM y", locale=language())


def short_day_text(day: date) -> str:
    """A day for dense lists: 3 Nov, with its year unless that is this year."""
    return format_date(day, "d MMM" if day.year == today().year else "d MMM y", locale=language())


def moment_text(instant: datetime, *, inside: bool = False) -> str:
    """A recent instant: "Today at 14:02", or the day and the time; `inside` a sentence if so."""
    day, time = local_day(instant), clock_time(instant)
    if day == today():
        return _("today at %(time)s", time=time) if inside else _("Today at %(time)s", time=time)
    return _("%(day)s at %(time)s", day=day_text(day), time=time)


def saved_text(instant: datetime) -> str:
    """When something was saved, as short as it can be: the time today, else the day."""
    return clock_time(instant) if local_day(instant) == today() else day_text(local_day(instant))
