"""Rules of a draft, pure: its parts, the status of each section, the order of saves, how long it is kept, by whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from portal.form_definitions.conditions import (
    PageCondition,
    Scope,
    conditions_of,
    dependence,
    evaluate,
    remaining,
    sections_of,
)
from portal.form_definitions.definition import Drafts, Field, FormDefinition, Section, SectionState, Typed
from portal.form_definitions.rules import (
    PLAIN,
    Problem,
    Shown,
    section_problems,
    shown,
    unmet_needs,
)
from portal.form_definitions.versions.comparison import Effect

SEAL_LENGTH = 16
"""Bytes of the authentication tag at the end of a ciphertext; different contents have different tags."""
MOST_OF_A_SECTION = 2000
NO_REVISION = 0
WHOLE = ""  # the key for the part itself, beside the ids of its fields
REMOVED = "-"  # the key for the removal of an item, in its `edited`
Edited = Mapping[str, tuple[int, int]]
NEVER = (0, 0)


@dataclass(frozen=True)
class SectionVerdict:
    """Whether one section shows, and whether its answers are right."""

    is_shown: bool
    is_right: bool


_JUDGED: WeakKeyDictionary[Section, dict[tuple[date, bytes], SectionVerdict]] = WeakKeyDictionary()
"""Earlier verdicts on each section, by the day and the seals of all parts that decide about it."""


def expiry(rules: Drafts, now: datetime) -> datetime:
    """Return when a draft expires that was changed, or kept longer, at `now`."""
    return now + timedelta(days=rules.keep_days)


def next_reminder(rules: Drafts, expires_at: datetime, now: datetime) -> datetime | None:
    """Return when to send the next reminder after `now`; None if only the end is left.

    Reminders that were due while nothing could be sent are skipped, not sent one after the other.
    """
    reminders = (expires_at - timedelta(days=days) for days in rules.remind_days_before)
    return min((at for at in reminders if at > now), default=None)


class Status(Enum):
    """The status of a section on the task list."""

    COMPLETE = "complete"
    IN_PROGRESS = "in_progress"
    NOT_STARTED = "not_started"
    CANNOT_START = "cannot_start"
    NOT_NEEDED = "not_needed"
    CHECK_AGAIN = "check_again"


DONE = (Status.COMPLETE, Status.NOT_NEEDED)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is stored of one section, of one item of a repeat, or of a repeat as a whole (its `item_id` is `PLAIN`).

    `is_confirmed`: the person pressed Continue and nothing was wrong; for a repeat as a whole, everyone is listed.
    `marks`: by field (`WHOLE` for the part), what a new version of the form asks, until the person presses Continue.
    `edited`: by field, which edits of the draft first answered and last changed it, counted from the part's first
    confirmation (`WHOLE`). An item with an edit that removed it (`REMOVED`) is kept aside until the form is sent.
    """

    section_id: str
    item_id: str = PLAIN
    state: SectionState = field(default_factory=SectionState)
    revision: int = NO_REVISION
    is_confirmed: bool = False
    changed_at: datetime | None = None
    page_id: str = ""
    sequence: int = 0
    marks: Mapping[str, str] = field(default_factory=dict)
    edited: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed."""
        return not self.state.answers and not self.state.typed

    @property
    def removed_by(self) -> int:
        """The edit of the draft that removed this item; 0 if it was not removed."""
        return self.edited.get(REMOVED, NEVER)[1]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A form with the answers so far, judged on one day; `parts` are in the order in which they were made.

    `removed` are the items that were removed and can be brought back; they count for nothing.
    """

    definition: FormDefinition
    parts: tuple[Part, ...]
    today: date
    removed: tuple[Part, ...] = ()

    def part(self, section_id: str, item_id: str = PLAIN) -> Part:
        """Return the part of this section and item; an empty one if nothing is stored."""
        return next(
            (part for part in self._parts_of.get(section_id, ()) if part.item_id == item_id),
            Part(section_id=section_id, item_id=item_id),
        )

    def items(self, section: Section) -> tuple[Part, ...]:
        """Return the stored items of a repeat, in order."""
        return tuple(part for part in self._parts_of.get(section.id, ()) if part.item_id != PLAIN)

    def removed_items(self, section: Section) -> tuple[Part, ...]:
        """Return the items of a repeat that were removed and can be brought back, the latest first."""
        removed = (part for part in self.removed if part.section_id == section.id)
        return tuple(sorted(removed, key=lambda part: -part.removed_by))

    @cached_property
    def answers(self) -> Mapping[str, Mapping[str, Any]]:
        """All stored answers, hidden ones too, in the shape that conditions read."""
        return {
            section.id: {part.item_id: part.state.answers for part in self.items(section)}
            if section.repeat
            else self.part(section.id).state.answers
            for section in self.definition.sections
        }

    @cached_property
    def typed(self) -> Mapping[str, Mapping[str, Typed]]:
        """What was typed and is not a valid answer, by section and item, in hidden questions too."""
        return {
            section_id: {part.item_id: part.state.typed for part in parts}
            for section_id, parts in self._parts_of.items()
        }

    @cached_property
    def shown(self) -> Shown:
        """What shows for these answers."""
        return shown(self.definition, self.answers, self.today, typed=self.typed)

    @cached_property
    def statuses(self) -> Mapping[str, Status]:
        """The status of each section, in order; a section may need only earlier ones."""
        found: dict[str, Status] = {}
        for section in self.definition.sections:
            found[section.id] = self._status(section, found)
        return found

    @cached_property
    def _parts_of(self) -> Mapping[str, list[Part]]:
        """The parts of each section that has any, in order."""
        found: dict[str, list[Part]] = {}
        for part in self.parts:
            found.setdefault(part.section_id, []).append(part)
        return found

    def _judged(self, section: Section) -> SectionVerdict:
        """Return whether a section shows and whether its answers are right; equal answers are judged once a day."""
        # The seals identify the stored answers that decide about this section, so equal seals mean an equal verdict. A
        # part that is not stored yet has no seal: then `all(seals)` is false and nothing is read from the cache or put
        # into it. A section without parts adds no seal, because it has no answers.
        deciding = (section.id, *dependence(self.definition).rests_on[section.id])
        seals = [seal for seal in map(self._seals.get, deciding) if seal is not None]
        known, key = _JUDGED.setdefault(section, {}), (self.today, b"".join(seals))
        found = known.get(key) if all(seals) else None
        if found is None:
            found = SectionVerdict(is_shown=section.id in self.shown.pages, is_right=not self.problems(section))
            if len(known) >= MOST_OF_A_SECTION:
                known.clear()
            if all(seals):
                known[key] = found
        return found

    @cached_property
    def _seals(self) -> Mapping[str, bytes]:
        """The seals of each section's parts, joined; empty if one of the parts is not stored yet."""
        return {
            section_id: b"".join(part.state.seal for part in parts) if all(part.state.seal for part in parts) else b""
            for section_id, parts in self._parts_of.items()
        }

    def _status(self, section: Section, earlier: Mapping[str, Status]) -> Status:
        found = self._judged(section)
        if not found.is_shown:
            return Status.CANNOT_START if self._may_show_later(section, earlier) else Status.NOT_NEEDED
        if section.needs and unmet_needs(section, self.shown, _complete(earlier)):
            return Status.CANNOT_START
        stored = self._parts_of.get(section.id)
        if not stored:
            return Status.NOT_STARTED
        if any(part.marks for part in stored):
            return Status.CHECK_AGAIN
        done = self.part(section.id).is_confirmed and found.is_right
        return Status.COMPLETE if done else Status.IN_PROGRESS

    def _may_show_later(self, section: Section, earlier: Mapping[str, Status]) -> bool:
        """Return whether this section may show once earlier sections are answered."""
        unfinished = frozenset(key for key, status in earlier.items() if status not in DONE)
        scope = replace(self.shown.scope, unfinished=unfinished)
        if section.when is None or evaluate(section.when, scope) is False:
            return False
        return self._undecided(section, earlier) is not None

    def _undecided(self, section: Section, statuses: Mapping[str, Status]) -> str | None:
        deciding = dependence(self.definition).opened_by[section.id]
        waiting = (section_id for section_id, status in statuses.items() if status not in DONE)
        return next((section_id for section_id in waiting if section_id in deciding), None)

    def deciding_section(self, section: Section) -> str | None:
        """Return the id of the first unfinished section whose answers decide whether this one shows."""
        return self._undecided(section, self.statuses)

    def problems(self, section: Section) -> tuple[Problem, ...]:
        """Return what is wrong with the answers of a shown section."""
        return section_problems(section, self.shown, self.typed.get(section.id))

    def unmet_needs(self, section: Section) -> tuple[str, ...]:
        """Return the ids of the sections to complete before this one."""
        return unmet_needs(section, self.shown, _complete(self.statuses))

    def is_open(self, section: Section) -> bool:
        """Return whether the section can be filled in now: it shows, and all that it needs is complete."""
        return self.statuses[section.id] not in (Status.CANNOT_START, Status.NOT_NEEDED)

    def next_section(self, section: Section) -> Section | None:
        """Return the next section that can be filled in, complete or not."""
        after = self.definition.sections[self.definition.sections.index(section) + 1 :]
        return next(filter(self.is_open, after), None)

    def previous_section(self, section: Section) -> Section | None:
        """Return the nearest earlier section that can be filled in."""
        position = self.definition.sections.index(section)
        return next(filter(self.is_open, reversed(self.definition.sections[:position])), None)

    def first_unfinished(self) -> Section | None:
        """Return the first section that can be filled in and is not complete."""
        return next(
            (
                each
                for each in self.definition.sections
                if self.is_open(each) and self.statuses[each.id] is not Status.COMPLETE
            ),
            None,
        )

    def newly_asked(self) -> Section | None:
        """Return the first unfinished section that other sections' answers may have opened, or asked more of."""
        for each in self.definition.sections:
            is_unfinished = self.is_open(each) and self.statuses[each.id] not in DONE
            if is_unfinished and any(sections_of(condition) - {each.id} for condition in conditions_of(each)):
                return each
        return None

    def unfinished(self) -> tuple[Section, ...]:
        """Return the sections that keep the form from being sent.

        A section that may show later is left out, because the ones that decide about it are in the list.
        """
        return tuple(
            each
            for each in self.definition.sections
            if each.id in self.shown.pages and self.statuses[each.id] not in DONE
        )

    def hidden_by_changing(
        self, section: Section, field: Field, item_id: str = PLAIN
    ) -> tuple[tuple[Section | Field, PageCondition], ...]:
        """Return the sections and fields whose answers count now and may not if the answer to `field` changes.

        With each comes what is left of its condition on this page: while that is true, its answers count.
        """
        found = dependence(self.definition).readers[section.id, field.id]
        pages, scope = self.shown.pages, self.shown.scope
        whole = [each for each in found.sections if any(page.answers for page in pages.get(each.id, {}).values())]
        counting: list[tuple[Section | Field, Scope]] = [(each, scope) for each in whole]
        counting += (
            (other, scope.within(each.id, page.said))
            for each, fields in found.fields.items()
            if each not in whole
            for key, page in pages.get(each.id, {}).items()
            if each is not section or key == item_id
            for other in fields
            if other.id in page.answers
        )
        hidden = ((other, remaining(other.when, inside, section.id, item_id)) for other, inside in counting)
        return tuple((other, left) for other, left in hidden if left is not True)

    def is_set_aside(self, section: Section) -> bool:
        """Return whether a hidden section still holds answers, which come back if it shows again."""
        return not self._judged(section).is_shown and any(
            not part.is_empty for part in self._parts_of.get(section.id, ())
        )

    def counts(self) -> tuple[int, int]:
        """Return how many sections are complete, and how many are still to do."""
        values = list(self.statuses.values())
        complete = values.count(Status.COMPLETE)
        return complete, len(values) - complete - values.count(Status.NOT_NEEDED)


def _complete(statuses: Mapping[str, Status]) -> frozenset[str]:
    return frozenset(key for key, status in statuses.items() if status is Status.COMPLETE)


def reference_prefix(form_id: str) -> str:
    """Return two capitals for a form: HS for `housing_support`, SU for `survey`."""
    words = [word for word in form_id.split("_") if word]
    return (words[0][0] + words[-1][0] if len(words) > 1 else words[0][:2].ljust(2, "x")).upper()


class Order(Enum):
    """How a save relates to what is stored."""

    NEXT = "next"
    OVERTAKEN = "overtaken"
    STALE = "stale"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a page knew when it sent a save: the revision it showed, its own id, and the number of the save."""

    revision: int
    page_id: str
    sequence: int


def order(part: Part, seen: Seen) -> Order:
    """Return how a save relates to the stored part, from what its page had `seen`."""
    # A page follows its own saves whatever revision it names: it may never have got our response to the last one. Its
    # sequence tells a late arrival, whose answers the stored save already has. Any other page must name the stored
    # revision, or it would undo a change that it has not seen.
    if part.page_id == seen.page_id and seen.page_id:
        return Order.OVERTAKEN if seen.sequence < part.sequence else Order.NEXT
    return Order.NEXT if seen.revision == part.revision else Order.STALE


def differing(stored: SectionState, mine: SectionState, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields in which two versions differ, in the order of the page."""
    return tuple(
        field
        for field in fields
        if stored.answers.get(field) != mine.answers.get(field) or stored.typed.get(field) != mine.typed.get(field)
    )


class Mark(Enum):
    """The mark beside an answer on the check page."""

    NEW = "new"
    CHANGED = "changed"
    CHECK_AGAIN = "check_again"


_BY_EFFECT = {
    Effect.MUST_ANSWER.value: Mark.NEW,
    Effect.MAY_ANSWER.value: Mark.NEW,
    Effect.ANSWER_AGAIN.value: Mark.CHECK_AGAIN,
    Effect.CHECK.value: Mark.CHECK_AGAIN,
}


def edited_after(before: Part, state: SectionState, *, is_confirmed: bool, edit: int, checked: int) -> Edited:
    """Return which edits changed which fields of a part, once edit number `edit` has put `state` into it.

    Nothing is noted before a part is first confirmed, because all of it is new until then. Edits up to number `checked`
    are dropped, because the person has seen them on the check page.
    """
    if WHOLE not in before.edited:
        return {WHOLE: (edit, edit)} if is_confirmed else {}
    recent = {key: edits for key, edits in before.edited.items() if key == WHOLE or edits[1] > checked}
    old, new = before.state.answers, state.answers
    for field_id in [key for key in {**old, **new} if old.get(key) != new.get(key)]:
        first, _ = recent.get(field_id, NEVER if field_id in old else (edit, edit))
        recent[field_id] = (first, edit)
    return recent


def mark_of(part: Part, field_id: str, checked: int | None) -> Mark | None:
    """Return the mark for an answer that the person reads again.

    `checked` is the number of edits when they last saw the check page; None if they never did.
    """
    asked = part.marks.get(field_id) or part.marks.get(WHOLE)
    if asked:
        return _BY_EFFECT[asked]
    if checked is None:
        return None
    first, last = part.edited.get(field_id, NEVER)
    if max(first, part.edited.get(WHOLE, NEVER)[0]) > checked:
        return Mark.NEW
    return Mark.CHANGED if last > checked else None


@dataclass(frozen=True, kw_only=True)
class Grant:
    """How a guest came to hold a draft; `number` counts the draft's grants.

    `through` names the address whose e-mailed code let them in from another browser; `made_by` is then the guest who
    asked for that link. Without `through`, `made_by` is the guest who worked in the same browser before. A guest with
    neither began the draft, or had its reference and return code.
    """

    guest_id: str
    number: int = 0
    made_by: str | None = None
    through: bytes | None = None

    @property
    def is_first(self) -> bool:
        """Whether the guest began the draft, as far as we know."""
        return self.number <= 1 and self.through is None


def next_number(last: int | None) -> int:
    """Return the number of a draft's next grant; `last` is the highest that there is, None before the first.

    Grants older than their numbers have 0: whoever comes after one of them did not begin the draft.
    """
    return 1 if last is None else max(last, 1) + 1


class Grants:
    """Who holds a guest's draft, and whose right comes from whose."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._by_guest = {grant.guest_id: grant for grant in sorted(grants, key=lambda each: each.number)}

    def __contains__(self, guest_id: str | None) -> bool:
        return guest_id in self._by_guest

    def in_browser_of(self, guest_id: str | None) -> list[Grant]:
        """Return the grants of a guest and of those who worked in the same browser before, the latest first."""
        found: list[Grant] = []
        while (grant := self._by_guest.get(guest_id or "")) and grant not in found:
            found.append(grant)
            guest_id = None if grant.through else grant.made_by
        return found

    def came_through(self, guest_id: str | None) -> bytes | None:
        """Return the address whose code let this guest's browser in; None if they began the draft or had its code."""
        return next((grant.through for grant in self.in_browser_of(guest_id) if grant.through), None)

    def same_person(self, guest_id: str | None) -> frozenset[str]:
        """Return the guests whom we take for the person of this one.

        These are the guests in the same browser, those who asked for the link by which that browser came in, and so on,
        and whoever began the draft. Anybody else may be somebody else.
        """
        found = {grant.guest_id for grant in self._by_guest.values() if grant.is_first}
        grant = self._by_guest.get(guest_id or "")
        while grant:
            found.add(grant.guest_id)
            before = self._by_guest.get(grant.made_by or "")
            grant = before if before and before.number < grant.number else None
        return frozenset(found)

    def made_through(
        self, address: bytes | None = None, *, but: str | None = None, by_slip: bool = True
    ) -> frozenset[str]:
        """Return the guests whose right comes from the reader of an address (None: of any), except `but`.

        These are those whom a code to that address let in, and everybody to whom they passed it on: in the same browser
        or by a link that they asked for. Where `by_slip`, also by the return code, which they have seen: so whoever
        used that since.
        """
        found: set[str] = set()
        for grant in self._by_guest.values():
            has_slip = by_slip and bool(found) and not grant.is_first and not (grant.made_by or grant.through)
            is_reader = grant.through is not None and address in (None, grant.through)
            if grant.guest_id != but and (is_reader or grant.made_by in found or has_slip):
                found.add(grant.guest_id)
        return frozenset(found)
