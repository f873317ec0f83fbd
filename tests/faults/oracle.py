"""What one citizen was promised: kept beside the portal, compared with every page that the portal shows.

Each field has the value that was last acknowledged and those that may have arrived since. A page knows, of each field,
what it was served with and what it sent itself; a save that overwrites anything else without asking is silent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from tests.faults.pages import SECTIONS

Values = Mapping[str, str]


class Fault(Enum):
    """What must never happen."""

    LOST = "answers acknowledged and lost"
    CUT = "answers typed more than 5 s before a cut and lost"
    SILENT = "silent overwrites"
    TWICE = "submissions made twice"
    RECEIPT = "receipts without a row"
    LEAK = "answers shown to someone else"
    STUCK = "citizens who could not continue"


@dataclass
class Place:
    """One field as it may be stored."""

    sure: str = ""
    maybe: list[str] = field(default_factory=list)

    @property
    def possible(self) -> set[str]:
        """Return what may be stored now."""
        return {self.sure, *self.maybe}

    def saw(self, value: str) -> None:
        """Note that the server showed this value, so whatever was sent before it is settled."""
        if value in self.maybe:
            self.maybe = self.maybe[self.maybe.index(value) + 1 :]
        self.sure = value


@dataclass
class Late:
    """What may be parked of one page: the values of each field that may be shown, and what its page knew.

    `tabs` are the pages that were late: each is kept for itself and shown in its turn.
    """

    values: dict[str, set[str]] = field(default_factory=dict)
    known: dict[str, set[str]] = field(default_factory=dict)
    is_sure: bool = False
    tabs: set[int] = field(default_factory=set)


@dataclass
class Known:
    """What an open page knows of each field; `version` is the section's as it was served.

    `shows_late` where it shows what came too late from another page, or from this one.
    """

    section: str
    fields: dict[str, set[str]]
    version: int
    shows_late: bool = False


@dataclass
class Owed:
    """Values whose request went out whole, and whose response nobody read."""

    values: dict[str, str]
    at: float


class Oracle:
    """Everything that one citizen knows, and what was broken of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.places = {name: {each: Place() for each in fields} for name, fields in SECTIONS.items()}
        self.late: dict[str, Late | None] = dict.fromkeys(SECTIONS)
        self.floating = {name: Late() for name in SECTIONS}
        self.version = dict.fromkeys(SECTIONS, 0)
        self.owed: dict[str, Owed | None] = dict.fromkeys(SECTIONS)
        self.faults: list[tuple[Fault, str]] = []
        self.history: list[str] = []
        self.acknowledged = self.before_cuts = self.parked = self.conflicts = 0

    def note(self, words: str) -> None:
        """Add one line to the citizen's story."""
        self.history.append(words)

    def fault(self, kind: Fault, words: str) -> None:
        """Note a fault."""
        self.faults.append((kind, f"citizen {self.number}: {words}"))
        self.note(f"!! {kind.value}: {words}")

    # What the server shows

    def shown(self, section: str, values: Values, *, is_parked: bool) -> Known:
        """Note a page that was served; return what it knows."""
        self.note(f"shown {section} {dict(values)} parked={is_parked} late={self.late[section]}")
        late = self.late[section]
        if late and late.is_sure and not is_parked and self._says_more(section, late):
            self.fault(Fault.CUT, f"what was parked of {section} is not shown: {late.values}")
        over = late if is_parked else None
        if is_parked and late is None:
            over = self.late[section] = self._arrived_late(section)
        if over:
            over.is_sure = True
        fields = {name: self._shown(section, name, values.get(name, ""), over) for name in SECTIONS[section]}
        return Known(section=section, fields=fields, version=self.version[section], shows_late=is_parked)

    def _says_more(self, section: str, late: Late) -> bool:
        """Return whether late values differ from what is stored; else they need not be shown."""
        return any(not values & self.places[section][name].possible for name, values in late.values.items())

    def _arrived_late(self, section: str) -> Late:
        """Note that values on their way when the session ended may be parked, though nobody was told."""
        floating = self.floating[section]
        if not floating.values:
            self.fault(Fault.LOST, f"{section} shows as parked what was not sent late")
        values = {name: values | self.places[section][name].possible for name, values in floating.values.items()}
        return Late(values=values, known={name: set(known) for name, known in floating.known.items()})

    def _shown(self, section: str, name: str, value: str, late: Late | None) -> set[str]:
        place, floating = self.places[section][name], self.floating[section]
        if late and value in late.values.get(name, set()) | floating.values.get(name, set()):
            return {value, *late.known.get(name, ()), *floating.known.get(name, ())}
        if late and late.is_sure and name in late.values:
            self.fault(Fault.CUT, f"{section}.{name} shows “{value}”, parked was {late.values[name]}")
        elif value not in place.possible:
            self.fault(Fault.LOST, f"{section}.{name} shows “{value}”, stored is one of {sorted(place.possible)}")
        place.saw(value)
        return {value}

    def differs(self, section: str, sides: Mapping[str, Mapping[str, str]]) -> None:
        """Check a page with two versions: nothing was changed, and the stored one must be there."""
        self.conflicts += 1
        self.note(f"conflict {section} {dict(sides)}")
        for name, both in sides.items():
            place, value = self.places[section][name], both["saved"]
            if value not in place.possible:
                self.fault(Fault.LOST, f"{section}.{name} is saved as “{value}”, not {sorted(place.possible)}")
            place.saw(value)

    # What the citizen sends

    def saved(self, known: Known, values: Values, *, whole: bool) -> None:
        """Note that the server acknowledged these values."""
        self.acknowledged += len(values)
        self.note(f"saved {known.section} {dict(values)} whole={whole} known={known.fields}")
        places = self.places[known.section]
        for name, value in values.items():
            possible = places[name].possible
            if value not in possible and not possible & known.fields[name]:
                self.fault(Fault.SILENT, f"{known.section}.{name}: “{value}” over {sorted(possible)}, known: {known}")
        self._settle_late(known, values, whole=whole)
        changed = any(places[name].sure != value for name, value in values.items())
        for name, value in values.items():
            known.fields[name] = {value}
            places[name].sure = value
            places[name].maybe = [] if changed else places[name].maybe
        self.owed[known.section] = None
        self._settled(known.section)
        self._moved(known)

    def _settle_late(self, known: Known, values: Values, *, whole: bool) -> None:
        """Settle the late values that a page showed and saved; another tab's late page stays."""
        late = self.late[known.section]
        if late is None or not known.shows_late:
            return
        if whole and len(late.tabs) <= 1:
            self.late[known.section] = None
        elif whole:
            late.tabs.pop()
            late.is_sure = False
        for name in () if whole else values:
            late.values.pop(name, None)
            late.known.pop(name, None)

    def _settled(self, section: str) -> None:
        """Settle late values that say no more than what is stored: they may be gone by now."""
        late = self.late[section]
        if late and not self._says_more(section, late):
            late.is_sure = False

    def perhaps(self, known: Known, values: Values, *, whole: bool) -> None:
        """Note that these values may have arrived, now or a little later."""
        self.note(f"perhaps {known.section} {dict(values)} whole={whole}")
        floating = self.floating[known.section]
        for name, value in values.items():
            floating.values[name] = floating.values.get(name, set()) | {value}
            floating.known[name] = floating.known.get(name, set()) | known.fields[name]
            known.fields[name] = known.fields[name] | {value}
            self.places[known.section][name].maybe.append(value)
        self.owed[known.section] = None
        self._moved(known)
        late = self.late[known.section]
        if late and (whole or any(late.values.get(name, set()) & known.fields[name] for name in values)):
            late.is_sure = False

    def _moved(self, known: Known) -> None:
        fresh = known.version == self.version[known.section]
        self.version[known.section] += 1
        if fresh:
            known.version += 1

    def is_fresh(self, known: Known) -> bool:
        """Return whether only this page can have saved the section since it was served."""
        return known.version == self.version[known.section]

    def came_late(self, known: Known, values: Values, *, whole: bool, is_sure: bool) -> None:
        """Note that these values came after the session had ended, and are parked (or may be)."""
        self.parked += len(values)
        self.note(f"late {known.section} {dict(values)} whole={whole} sure={is_sure}")
        before = self.late[known.section] or Late()
        is_alone = is_sure and before.tabs <= {id(known)}
        if is_alone and whole:
            before = Late()
        for name, value in values.items():
            unsure = set() if is_sure else self.places[known.section][name].possible
            earlier = set() if is_alone else before.values.get(name, unsure)
            before.values[name] = earlier | {value}
            before.known[name] = set(known.fields[name]) | (set() if is_alone else before.known.get(name, set()))
        before.tabs.add(id(known))
        before.is_sure = before.is_sure or is_sure
        self.late[known.section] = before

    # Requests that went out whole before a cut

    def owes(self, section: str, values: Values, at: float) -> None:
        """Note that the server owes these values, unless it was killed just then."""
        self.owed[section] = Owed(dict(values), at)

    def judge_owed(self, section: str, shown: Values, killed: bool) -> bool:
        """Check that the page shows what is owed; after a kill or a later save nothing is owed."""
        owed, late = self.owed[section], self.late[section]
        if owed is None or killed or late:
            self.owed[section] = None
            return True
        return all(shown.get(name) == value for name, value in owed.values.items())

    def settle(self, section: str, lost: Iterable[str] = ()) -> None:
        """Settle what is owed of a section."""
        owed = self.owed[section]
        self.before_cuts += len(owed.values) if owed else 0
        self.owed[section] = None
        for name in lost:
            self.fault(Fault.CUT, f"{section}.{name} went out whole and is not there")
