"""Which cases a list shows and how long they have waited. Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

PAGE_SIZE = 50
OPEN, ALL = "open", "all"
ME, NOBODY = "me", "nobody"
OLDEST, NEWEST = "oldest", "newest"
_NUMBER = re.compile("[1-9][0-9]{0,17}")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a work list shows, all of it in its address; an empty `form`, `assignee` or `find` means any.

    `assignee` is a person's number, `me` or `nobody`; `find` are the words searched for, sealed, so that no address
    tells a name; `after` is the last case of the page before.
    """

    form: str = ""
    status: str = OPEN
    assignee: str = ""
    overdue: str = ""
    order: str = OLDEST
    find: str = ""
    after: str = ""

    def with_(self, **changes: str) -> "Filter":
        """This filter with other values, from its first page."""
        return replace(self, **{"after": "", **changes})

    @property
    def address(self) -> str:
        """The address of the list; what is as it is by itself is left out."""
        chosen = {name: value for name, value in asdict(self).items() if value != getattr(NOTHING_CHOSEN, name)}
        return f"/hub?{urlencode(chosen)}" if chosen else "/hub"

    @property
    def after_id(self) -> int | None:
        """The number of the case after which the page begins."""
        return int(self.after) if self.after else None


NOTHING_CHOSEN = Filter()


def read_filter(given: Mapping[str, str], *, statuses: Collection[str]) -> Filter:
    """The filter that an address or a form asks for; what cannot be is left as if nobody had asked."""
    allowed = {
        "status": {OPEN, ALL, *statuses},
        "order": {OLDEST, NEWEST},
        "overdue": {"yes"},
    }
    values = {name: given.get(name, "").strip() for name in asdict(NOTHING_CHOSEN)}
    for name, words in allowed.items():
        if values[name] not in words:
            values[name] = getattr(NOTHING_CHOSEN, name)
    if values["assignee"] not in (ME, NOBODY) and not _NUMBER.fullmatch(values["assignee"]):
        values["assignee"] = ""
    if not _NUMBER.fullmatch(values["after"]):
        values["after"] = ""
    return Filter(**values)


def waiting_days(sent_on: date, today: date) -> int:
    """How many days a form has waited."""
    return max(0, (today - sent_on).days)


def is_overdue(sent_on: date, today: date, *, due_days: int) -> bool:
    """Whether a form has waited longer than it may."""
    return waiting_days(sent_on, today) > due_days


@dataclass(frozen=True, kw_only=True)
class Ages:
    """Where the three parts of the chart begin: younger than `half`, up to `due`, overdue; in days."""

    half: int
    due: int

    def young_from(self, today: date, zone: ZoneInfo) -> datetime:
        """From this instant on a form is in the youngest part."""
        return _midnight(today - timedelta(days=self.half - 1), zone)

    def overdue_before(self, today: date, zone: ZoneInfo) -> datetime:
        """What was sent before this instant is overdue."""
        return _midnight(today - timedelta(days=self.due), zone)


def ages(due_days: int) -> Ages:
    """The parts of the chart for a target in days."""
    return Ages(half=max(1, due_days // 2), due=due_days)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)
