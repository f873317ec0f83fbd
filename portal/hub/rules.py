"""Which cases the work list shows and which threads the inbox, and how long a case has waited. Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from portal.characters import plain

CASES_A_PAGE = THREADS_A_PAGE = 50
OPEN, ALL = "open", "all"
ME, NOBODY = "me", "nobody"
OLDEST, NEWEST = "oldest", "newest"
MISSING = "missing"
_NUMBER = re.compile("[1-9][0-9]{0,17}")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What the work list shows, as in its address; an empty `form`, `assignee` or `find` means any.

    `assignee` is a person's number, `me` or `nobody`; `find` are the words of a search, encrypted, so that no address
    contains a name; `after` is the last case of the previous page.
    """

    form: str = ""
    status: str = OPEN
    assignee: str = ""
    overdue: str = ""
    signature: str = ""
    order: str = OLDEST
    find: str = ""
    after: str = ""

    def with_(self, **changes: str) -> "Filter":
        """Return this filter with other values, at its first page."""
        return replace(self, **{"after": "", **changes})

    @property
    def address(self) -> str:
        """The address of the list, without the default values."""
        chosen = {name: value for name, value in asdict(self).items() if value != getattr(NOTHING_CHOSEN, name)}
        return f"/hub?{urlencode(chosen)}" if chosen else "/hub"

    @property
    def after_id(self) -> int | None:
        """The number of the last case of the previous page."""
        return int(self.after) if self.after else None


NOTHING_CHOSEN = Filter()


def read_filter(given: Mapping[str, str], *, statuses: Collection[str]) -> Filter:
    """Read the filter of an address or a form; an impossible value counts as not given."""
    allowed = {
        "status": {OPEN, ALL, *statuses},
        "order": {OLDEST, NEWEST},
        "overdue": {"yes"},
        "signature": {MISSING},
    }
    values = {name: plain(given.get(name, "")) for name in asdict(NOTHING_CHOSEN)}
    for name, words in allowed.items():
        if values[name] not in words:
            values[name] = getattr(NOTHING_CHOSEN, name)
    if values["assignee"] not in (ME, NOBODY) and not _NUMBER.fullmatch(values["assignee"]):
        values["assignee"] = ""
    if not _NUMBER.fullmatch(values["after"]):
        values["after"] = ""
    return Filter(**values)


WAITS_FOR_US, WAITS_FOR_CUSTOMER, WAITS_FOR_NOBODY = "us", "customer", "nobody"


@dataclass(frozen=True, kw_only=True)
class ThreadFilter:
    """What the inbox shows, as in its address; an empty value means any.

    `assignee` and `find` are as in `Filter`; `case` is the reference of a case, `after` the last thread of the previous
    page.
    """

    topic: str = ""
    waits: str = ""
    assignee: str = ""
    case: str = ""
    find: str = ""
    after: str = ""

    def with_(self, **changes: str) -> "ThreadFilter":
        """Return this filter with other values, at its first page."""
        return replace(self, **{"after": "", **changes})

    @property
    def address(self) -> str:
        """The address of the inbox, without what is not chosen."""
        chosen = {name: value for name, value in asdict(self).items() if value}
        return f"/hub/messages?{urlencode(chosen)}" if chosen else "/hub/messages"

    @property
    def after_id(self) -> int | None:
        """The number of the last thread of the previous page."""
        return int(self.after) if self.after else None


def read_thread_filter(given: Mapping[str, str]) -> ThreadFilter:
    """Read the filter of an address or a form; an impossible value counts as not given."""
    values = {name: plain(given.get(name, "")) for name in asdict(ThreadFilter())}
    if values["waits"] not in (WAITS_FOR_US, WAITS_FOR_CUSTOMER, WAITS_FOR_NOBODY):
        values["waits"] = ""
    if values["assignee"] not in (ME, NOBODY) and not _NUMBER.fullmatch(values["assignee"]):
        values["assignee"] = ""
    if not _NUMBER.fullmatch(values["after"]):
        values["after"] = ""
    return ThreadFilter(**values)


def waiting_days(sent_on: date, today: date) -> int:
    """Return how many days a form has waited."""
    return max(0, (today - sent_on).days)


def is_overdue(sent_on: date, today: date, *, due_days: int) -> bool:
    """Return whether a form has waited longer than the target."""
    return waiting_days(sent_on, today) > due_days


@dataclass(frozen=True, kw_only=True)
class Ages:
    """The three parts of the chart in days: younger than `half`, up to `due`, overdue."""

    half: int
    due: int

    def young_from(self, today: date, zone: ZoneInfo) -> datetime:
        """Return the instant from which on a form is in the youngest part."""
        return _midnight(today - timedelta(days=self.half - 1), zone)

    def overdue_before(self, today: date, zone: ZoneInfo) -> datetime:
        """Return the instant before which a form is overdue."""
        return _midnight(today - timedelta(days=self.due), zone)


def ages(due_days: int) -> Ages:
    """Return the parts of the chart for a target in days."""
    return Ages(half=max(1, due_days // 2), due=due_days)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)
