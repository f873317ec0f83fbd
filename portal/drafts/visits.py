"""What changed since a person last saw the check page, counted in edits of the draft, not in time. Pure."""

from collections.abc import Mapping
from enum import Enum

from portal.drafts.rules import WHOLE, Part
from portal.form_definitions.comparison import Effect
from portal.form_definitions.definition import SectionState

Edited = Mapping[str, tuple[int, int]]
NEVER = (0, 0)


class Mark(Enum):
    """What stands beside an answer on the check page."""

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
    """Which fields of a part were changed by which edits, once `edit` has put `state` into it.

    Before a part is confirmed for the first time nothing is noted: all of it is new then. What was seen on the check
    page, `checked` edits ago or more, is forgotten.
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
    """What a person should know of an answer when they read it again; `checked` None where they never did before."""
    asked = part.marks.get(field_id) or part.marks.get(WHOLE)
    if asked:
        return _BY_EFFECT[asked]
    if checked is None:
        return None
    first, last = part.edited.get(field_id, NEVER)
    if max(first, part.edited.get(WHOLE, NEVER)[0]) > checked:
        return Mark.NEW
    return Mark.CHANGED if last > checked else None
