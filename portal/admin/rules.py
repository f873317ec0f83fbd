"""What a look at the audit log asks for, all of it in its address. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

PAGE_SIZE = 50
LONGEST_SUBJECT = 128
LONGEST_NUMBER = 18


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which events are shown; empty means any.

    `person` is a number, and never a name, so that no address tells one; `subject` is what the action was done to, such
    as a reference; `since` and `until` are days, both included; `before` is the last event of the page before.
    """

    action: str = ""
    person: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""
    before: str = ""

    def with_(self, **changes: str) -> "AuditFilter":
        """This filter with other values, from its first page."""
        return replace(self, **{"before": "", **changes})

    @property
    def address(self) -> str:
        """The address of the page that shows this."""
        chosen = {name: value for name, value in asdict(self).items() if value}
        return f"/admin/self/audit?{urlencode(chosen)}" if chosen else "/admin/self/audit"

    @property
    def person_id(self) -> int | None:
        """The number of the person, where one is asked for."""
        return int(self.person) if self.person else None

    @property
    def before_id(self) -> int | None:
        """The number of the event before which the page begins, where one is given."""
        return int(self.before) if self.before else None

    def period(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """The instants from which on and before which events are shown; None where no day is given."""
        since, until = _day(self.since), _day(self.until)
        return (
            datetime.combine(since, time(), zone) if since else None,
            datetime.combine(until + timedelta(days=1), time(), zone) if until else None,
        )


def read_audit_filter(given: Mapping[str, str]) -> AuditFilter:
    """The filter that an address or a form asks for; what cannot be is left as if nobody had asked."""
    values = {name: given.get(name, "").strip() for name in asdict(AuditFilter())}
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
    """An action as it is stored, like `signed_in`, as words."""
    return action.replace("_", " ").capitalize()
