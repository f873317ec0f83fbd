"""What a process has counted and not written yet; many threads count in it."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

WRITTEN_EVERY = timedelta(seconds=5)
MOST_WAITING = 200
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, kw_only=True, order=True)
class Counted:
    """What one number stands for: an event, the kind of session, and a form and section of ours or nothing.

    `day` is a day in UTC. Nobody is named, and there is no place for a name.
    """

    event: str
    kind: str
    form: str = ""
    section: str = ""
    day: date


class Tally:
    """Numbers on their way to the database: given away all at once when the first has waited long enough."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: Counter[Counted] = Counter()
        self._since: datetime | None = None
        self._remembered: OrderedDict[Hashable, None] = OrderedDict()

    def add(self, numbers: Mapping[Counted, int], *, now: datetime) -> None:
        """Count this much more."""
        with self._lock:
            self._numbers.update(numbers)
            self._since = self._since or now

    def take(self) -> Mapping[Counted, int]:
        """All that waits; whoever takes it writes it, or adds it again."""
        with self._lock:
            taken, self._numbers, self._since = self._numbers, Counter(), None
        return taken

    def is_due(self, now: datetime) -> bool:
        """Whether something has waited for five seconds, or much is waiting."""
        with self._lock:
            waited = self._since is not None and now - self._since >= WRITTEN_EVERY
            return waited or len(self._numbers) >= MOST_WAITING

    def is_first(self, mark: Hashable) -> bool:
        """Whether nobody asked this of the same mark before, as far as this process remembers."""
        with self._lock:
            is_new = mark not in self._remembered
            self._remembered[mark] = None
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return is_new
