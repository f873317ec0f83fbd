"""Whether a save may follow what is stored, and how two versions of a page differ. Pure."""

from dataclasses import dataclass
from enum import Enum

from portal.drafts.rules import Part
from portal.form_definitions.definition import SectionState


class Order(Enum):
    """Where a save stands to what is stored."""

    NEXT = "next"
    OVERTAKEN = "overtaken"
    STALE = "stale"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a page knew when it sent a save: the revision it showed, which page it is, and the number of the save."""

    revision: int
    page_id: str
    sequence: int


def order(part: Part, seen: Seen) -> Order:
    """A page follows itself whatever revision it names, as an answer may be lost; all others must name the stored one.

    A save that a later one of the same page has overtaken on the way is already part of it.
    """
    if part.page_id == seen.page_id and seen.page_id:
        return Order.OVERTAKEN if seen.sequence < part.sequence else Order.NEXT
    return Order.NEXT if seen.revision == part.revision else Order.STALE


def differing(stored: SectionState, mine: SectionState, fields: tuple[str, ...]) -> tuple[str, ...]:
    """The fields, in the order of the page, in which two versions hold something else."""
    return tuple(
        field
        for field in fields
        if stored.answers.get(field) != mine.answers.get(field) or stored.typed.get(field) != mine.typed.get(field)
    )
