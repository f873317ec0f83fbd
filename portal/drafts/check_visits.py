"""The way from the check page to one section and back, and what had been seen there."""

from flask import request

from portal.drafts.opening import OpenDraft
from portal.drafts.operations import note_check


def is_from_check() -> bool:
    """Whether this page was opened from the check page, to which it leads back."""
    return request.args.get("from") == "check"


def from_check(opened: OpenDraft, *place: str) -> str:
    """The address of a section or an item, as the check page gives it: with what has been seen by then."""
    return f"{opened.address(*place)}?from=check&seen={opened.draft.edits}"


def with_origin(address: str) -> str:
    """The address with the way back to the check page, where this page has it."""
    if not is_from_check():
        return address
    seen = request.args.get("seen", type=int)
    return f"{address}?from=check" if seen is None else f"{address}?from=check&seen={seen}"


def note_visit(opened: OpenDraft) -> None:
    """Remember that the check page was seen, as the page says that was opened from it."""
    seen = request.args.get("seen", type=int)
    if is_from_check() and seen is not None:
        note_check(opened.draft, seen)
