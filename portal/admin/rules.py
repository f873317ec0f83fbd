"""Which events the audit log shows, as in its address. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from portal.characters import plain

EVENTS_A_PAGE = 50
LONGEST_SUBJECT = 128
LONGEST_NUMBER = 18
"""Digits of the number of a person or an event."""


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which events are shown; empty means any.

    `person` is a number, so that no address contains a name; `subject` is what the action was about, such as a
    reference; `since` and `until` are days, both included; `before` is the last event of the previous page.
    """

    action: str = ""
    person: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""
    before: str = ""

    def with_(self, **changes: str) -> "AuditFilter":
        """Return this filter with other values, at its first page."""
        return replace(self, **{"before": "", **changes})

    @property
    def address(self) -> str:
        """The address of the page with this filter."""
        chosen = {name: value for name, value in asdict(self).items() if value}
        return f"/admin/self/audit?{urlencode(chosen)}" if chosen else "/admin/self/audit"

    @property
    def person_id(self) -> int | None:
        """The number of the person, or None."""
        return int(self.person) if self.person else None

    @property
    def before_id(self) -> int | None:
        """The number of the last event of the previous page, or None."""
        return int(self.before) if self.before else None

    def period(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """Return from which instant on and before which instant events are shown (None: no limit)."""
        since, until = _day(self.since), _day(self.until)
        return (
            datetime.combine(since, time(), zone) if since else None,
            datetime.combine(until + timedelta(days=1), time(), zone) if until else None,
        )


def read_audit_filter(given: Mapping[str, str]) -> AuditFilter:
    """Read the filter of an address or a form; an impossible value counts as not given."""
    values = {name: plain(given.get(name, "")) for name in asdict(AuditFilter())}
    for name in ("person", "before"):
        number = values[name]
        values[name] = number if number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER else ""
    for name in ("since", "until"):
        values[name] = values[name] if _day(values[name]) else ""
    for name in ("action", "subject"):
        values[name] = values[name][:LONGEST_SUBJECT] if values[name].isprintable() else ""
    return AuditFilter(**values)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-11-21") else None
    except ValueError:
        return None


def words_of(action: str) -> str:
    """Return a stored action, like `signed_in`, as words."""
    return action.replace("_", " ").capitalize()
