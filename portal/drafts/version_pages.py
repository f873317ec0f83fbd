"""Say what a new version of a form asks: all of it on the task list, each section's on its page."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.drafts.open_draft import OpenDraft
from portal.drafts.operations import keep_version
from portal.drafts.pages import Asked, asked_sentence, label_or_title
from portal.drafts.rules import Filled
from portal.drafts.versions.migrating import Touch, move
from portal.form_definitions.rules import PLAIN, item_name
from portal.form_definitions.types.field_types import answer_lines
from portal.form_definitions.versions.comparison import Effect
from portal.web.languages import language


@dataclass(frozen=True, kw_only=True)
class ChangedSection:
    """A section, or one item of it, with all that is asked about it."""

    title: str
    rows: Sequence[Asked]


def changed_sections(opened: OpenDraft) -> list[ChangedSection]:
    """Return what the newer version changes for this draft, if its person has to decide about it."""
    newer = opened.asked_about
    if newer is None:
        return []
    moved = move(opened.filled, newer.differences)
    places: dict[tuple[str, str], list[Touch]] = {}
    for touch in moved.touches:
        places.setdefault((touch.section.id, touch.item_id), []).append(touch)
    return [
        ChangedSection(
            title=_place_title(touches[0], opened.filled, moved.filled), rows=[_asked(touch) for touch in touches]
        )
        for touches in places.values()
    ]


def _place_title(touch: Touch, before: Filled, after: Filled) -> str:
    title = touch.section.title.in_(language())
    if touch.item_id == PLAIN:
        return title
    parts = (filled.part(touch.section.id, touch.item_id) for filled in (after, before))
    names = (item_name(touch.section, part.state.answers, language(), _) for part in parts)
    name = next(filter(None, names), None)
    return f"{title}: {name}" if name else title


def _asked(touch: Touch) -> Asked:
    return Asked(
        label=touch.field.label.in_(language()) if touch.field else None,
        sentence=asked_sentence(touch.effect, [label_or_title(each) for each in touch.waits_for]),
        was=_was(touch) if touch.effect in (Effect.NOT_SENT, Effect.KEPT, Effect.ANSWER_AGAIN) else (),
    )


def _was(touch: Touch) -> Sequence[str]:
    """Return the old answer as lines to read."""
    if touch.former is None or touch.answer is None:
        return ()
    return answer_lines(touch.former, touch.answer, language(), _)


def decide(opened: OpenDraft) -> ResponseReturnValue:
    """Take the new version of the form, or keep the old one; show the task list if another version came meanwhile."""
    newer = opened.asked_about
    if newer is None or request.form.get("_newest") != str(newer.newest.number):
        return redirect(opened.address(), 303)
    if request.form["_action"] == "keep_version":
        keep_version(opened.draft, newer.newest)
        return redirect(opened.continue_address(), 303)
    opened.move()
    return redirect(opened.address(), 303)
