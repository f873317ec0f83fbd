"""Remembers of each section whether it shows and is right, for as long as nothing that decides about it changes.

Holds no answers: a section is known by the seals of what is stored of it and of the sections that it rests on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from weakref import WeakKeyDictionary

from portal.form_definitions.definition import Section

SEAL_LENGTH = 16
"""Bytes at the end of what was encrypted: its authentication tag, which no other contents share."""

MOST_OF_A_SECTION = 2000
Key = tuple[date, bytes]


@dataclass(frozen=True)
class Judged:
    """What the judging of one section found."""

    is_shown: bool
    is_right: bool


_JUDGED: WeakKeyDictionary[Section, dict[Key, Judged]] = WeakKeyDictionary()


def judged(section: Section, key: Key | None, judge: Callable[[], Judged]) -> Judged:
    """What was found before, else found now; without a key, for what is not stored yet, always found now."""
    if key is None:
        return judge()
    known = _JUDGED.setdefault(section, {})
    found = known.get(key)
    if found is None:
        if len(known) >= MOST_OF_A_SECTION:
            known.clear()
        found = known[key] = judge()
    return found
