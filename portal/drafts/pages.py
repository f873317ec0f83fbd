"""What the pages of a draft show: the band, the task list, the items of a repeat, what a new version asks."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from portal.drafts.open_draft import OpenDraft, kept_by
from portal.drafts.rules import WHOLE, Filled, Part, Status, expiry
from portal.drafts.versions.migrating import Touch, move
from portal.form_definitions.definition import Field, Section
from portal.form_definitions.rules import PLAIN, item_name
from portal.form_definitions.types.field_types import answer_lines
from portal.form_definitions.versions.comparison import Effect
from portal.site_settings.current import day_text, local_day, saved_text
from portal.web.addresses import public_url, qr_picture
from portal.web.languages import language
from portal.web.unit_of_work import now


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One bar of the progress row."""

    state: str


@dataclass(frozen=True, kw_only=True)
class Band:
    """The band under the header of a form's pages."""

    title: str
    position: str
    rows: tuple[Segment, ...]
    all_sections_href: str | None
    saved: str | None
    saved_state: str | None


@dataclass(frozen=True, kw_only=True)
class Task:
    """One row of the task list."""

    number: int
    title: str
    href: str | None
    reason: str | None
    status: str
    status_text: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item in the list of a repeat."""

    id: str
    name: str
    href: str
    has_problem: bool
    is_asked_again: bool


@dataclass(frozen=True, kw_only=True)
class RemovedItem:
    """An item that can be brought back; `is_latest` if nothing was changed since it was removed."""

    id: str
    sentence: str
    is_latest: bool


@dataclass(frozen=True, kw_only=True)
class MayHide:
    """What a change may hide; `sent_when` says, as JSON, for which answers of this page it is sent all the same."""

    title: str
    sent_when: str


@dataclass(frozen=True, kw_only=True)
class ChangeHint:
    """Other answers that may no longer be sent if the answer to one field changes."""

    field_id: str
    question: str
    hides: list[MayHide]


@dataclass(frozen=True, kw_only=True)
class Slip:
    """What a guest copies by hand to come back."""

    reference: str
    return_code: str
    address: str
    last_day: str
    picture: Markup
    """The address as a QR code, for a phone."""


def status_text(status: Status) -> str:
    """Return a status in words."""
    return {
        Status.COMPLETE: _("Complete"),
        Status.IN_PROGRESS: _("In progress"),
        Status.NOT_STARTED: _("Not started"),
        Status.CANNOT_START: _("Cannot start yet"),
        Status.NOT_NEEDED: _("Not needed"),
        Status.CHECK_AGAIN: _("Check again"),
    }[status]


def progress_text(filled: Filled) -> str:
    """Return how many sections are complete, in words."""
    complete, to_go = filled.counts()
    if not to_go:
        return _("All sections are complete.")
    if not complete:
        return ngettext("%(num)s section to fill in.", "%(num)s sections to fill in.", to_go)
    return _("%(complete)s of %(total)s sections complete.", complete=complete, total=complete + to_go)


def segments(filled: Filled, current: Section | None = None) -> tuple[Segment, ...]:
    """Return the progress row; the `current` section stands out."""
    return tuple(
        Segment(state="current" if section is current else filled.statuses[section.id].value)
        for section in filled.definition.sections
    )


def saved(opened: OpenDraft) -> str | None:
    """Return when the draft was last saved, in words; None before the first answer."""
    return saved_text(opened.draft.changed_at) if opened.draft.answered_at else None


def band(opened: OpenDraft, section: Section | None = None, saved_state: str | None = None) -> Band:
    """Return the band for the page of a section, or for another page of the form."""
    definition = opened.definition
    number = definition.sections.index(section) + 1 if section else 0
    position = _("Section %(number)s of %(total)s", number=number, total=len(definition.sections))
    return Band(
        title=definition.title.in_(language()),
        position=position if section else progress_text(opened.filled),
        rows=segments(opened.filled, section),
        all_sections_href=opened.address(),
        saved=saved(opened),
        saved_state=saved_state,
    )


def tasks(opened: OpenDraft, late: Collection[str] = ()) -> list[Task]:
    """Return the rows of the task list; `late` are the sections in which late answers wait to be saved."""
    sections = opened.definition.sections
    return [_task(opened, number, section, section.id in late) for number, section in enumerate(sections, start=1)]


def _task(opened: OpenDraft, number: int, section: Section, is_late: bool) -> Task:
    status = opened.filled.statuses[section.id]
    if is_late and status is Status.NOT_STARTED:
        status = Status.IN_PROGRESS
    return Task(
        number=number,
        title=section.title.in_(language()),
        href=opened.address(section.id) if opened.filled.is_open(section) else None,
        reason=_("What you typed here is not saved yet") if is_late else _reason(opened.filled, section, status),
        status=status.value,
        status_text=status_text(status),
    )


def _reason(filled: Filled, section: Section, status: Status) -> str | None:
    if status is Status.CANNOT_START:
        return _what_to_finish(filled, section)
    if filled.is_set_aside(section):
        return _("You do not need to fill this in. We keep your answers but will not send them")
    if status is Status.NOT_NEEDED:
        return _("You do not need to fill this in")
    if section.repeat and filled.items(section):
        return _("%(count)s added", count=len(filled.items(section)))
    return None


def _what_to_finish(filled: Filled, section: Section) -> str:
    waiting = next(iter(filled.unmet_needs(section)), None) or filled.deciding_section(section)
    needed = filled.definition.section(waiting) if waiting else None
    if needed is None:
        return _("It depends on your other answers")
    return _("Finish “%(title)s” first", title=needed.title.in_(language()))


def items(opened: OpenDraft, section: Section) -> list[Item]:
    """Return the items of a repeat, each with a name."""
    troubled = {problem.item_id for problem in opened.filled.problems(section)}
    return [
        Item(
            id=part.item_id,
            name=_item_title(section, part, number),
            href=opened.address(section.id, part.item_id),
            has_problem=part.item_id in troubled,
            is_asked_again=bool(part.marks),
        )
        for number, part in enumerate(opened.filled.items(section), start=1)
    ]


def removed_items(opened: OpenDraft, section: Section) -> list[RemovedItem]:
    """Return the removed items of a repeat, the latest first."""
    unnamed = _("one %(item)s", item=item_word(section))
    return [
        RemovedItem(
            id=part.item_id,
            sentence=_("You removed %(name)s.", name=item_name(section, part.state.answers, language(), _) or unnamed),
            is_latest=part.removed_by == opened.draft.edits,
        )
        for part in opened.filled.removed_items(section)
    ]


def _item_title(section: Section, part: Part, number: int) -> str:
    unnamed = _("%(item)s %(number)s", item=item_word(section).capitalize(), number=number)
    return item_name(section, part.state.answers, language(), _) or unnamed


def hints_of_change(opened: OpenDraft, section: Section, part: Part) -> list[ChangeHint]:
    """Return, for each answered field of a page, which other answers a change could hide."""
    hints = ((each, opened.filled.hidden_by_changing(section, each, part.item_id)) for each in section.fields)
    return [
        ChangeHint(
            field_id=each.id,
            question=each.in_sentence(language()),
            hides=[MayHide(title=_label_or_title(other), sent_when=json.dumps(left)) for other, left in hidden],
        )
        for each, hidden in hints
        if hidden
    ]


def _label_or_title(other: Section | Field) -> str:
    """Return what a section or a question is called on its page."""
    return (other.title if isinstance(other, Section) else other.label).in_(language())


def part_title(opened: OpenDraft, section: Section, part: Part) -> str:
    """Return the heading of a section's page; for an item its name, or its number if it has no name yet."""
    if not section.repeat:
        return section.title.in_(language())
    known = [item.item_id for item in opened.filled.items(section)]
    number = known.index(part.item_id) + 1 if part.item_id in known else len(known) + 1
    return _item_title(section, part, number)


def item_word(section: Section) -> str:
    """Return what one item of a repeat is called."""
    return section.repeat.item.in_(language()) if section.repeat else ""


def add_words(section: Section, *, is_first: bool) -> str:
    """Return what the button says that adds an item: the first, or one more. English has an article before a vowel."""
    item = item_word(section)
    if not is_first:
        return _("Add another %(item)s", item=item)
    return _("Add an %(item)s", item=item) if item[:1].lower() in "aeiou" else _("Add a %(item)s", item=item)


def slip(opened: OpenDraft) -> Slip | None:
    """Return what a guest needs to come back; None if there is no return code."""
    code = opened.return_code
    if code is None:
        return None
    return Slip(
        reference=opened.reference,
        return_code=code,
        address=public_url("/resume").split("://", 1)[1],
        last_day=keep_until(opened),
        picture=_picture(public_url("/resume")),
    )


@cache
def _picture(address: str) -> Markup:
    """The same for everybody, so it is drawn once; the SVG is our own, and says nothing that anybody typed."""
    return Markup(qr_picture(address))  # noqa: S704


def kept_longer_until(opened: OpenDraft) -> str | None:
    """Return the day until which the draft would be kept if its person asked now; None if that is no later."""
    later = local_day(expiry(kept_by(opened.definition), now()))
    return day_text(later) if later > local_day(opened.draft.expires_at) else None


def keep_until(opened: OpenDraft) -> str:
    """Return the day until which the draft is kept, in words."""
    return day_text(local_day(opened.draft.expires_at))


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a new version asks about one question, or about a whole section (then `label` is None).

    `was` holds the lines of the old answer, if it will not be sent as it is.
    """

    label: str | None
    sentence: str
    was: Sequence[str] = ()


def asked_sentence(effect: Effect, waits_for: Sequence[Section | Field] = ()) -> str:
    """Return what a change asks, as a sentence for the person; `waits_for` is what a kept answer waits for."""
    questions = ", ".join(
        each.in_sentence(language()) if isinstance(each, Field) else f"“{each.title.in_(language())}”"
        for each in waits_for
    )
    return {
        Effect.MUST_ANSWER: _("This is new, or needed now: it must be answered."),
        Effect.ANSWER_AGAIN: _("The question takes other answers now: answer again."),
        Effect.NOT_SENT: _("This is no longer asked: your answer will not be sent."),
        Effect.CHECK: _("The wording has changed: check your answer."),
        Effect.KEPT: _(
            "Your answer is kept. You may be asked again after you answer %(questions)s.", questions=questions
        ),
        Effect.MAY_ANSWER: _("This is new: you may answer it."),
    }[effect]


def asked_again(section: Section, part: Part) -> list[Asked]:
    """Return what a new version asks on this page, until the person presses Continue."""
    order = [WHOLE, *(field.id for field in section.fields)]
    marks = sorted((key for key in part.marks if key in order), key=order.index)
    fields = {field.id: field.label.in_(language()) for field in section.fields}
    return [Asked(label=fields.get(key), sentence=asked_sentence(Effect(part.marks[key]))) for key in marks]


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
        sentence=asked_sentence(touch.effect, touch.waits_for),
        was=_was(touch) if touch.effect in (Effect.NOT_SENT, Effect.KEPT, Effect.ANSWER_AGAIN) else (),
    )


def _was(touch: Touch) -> Sequence[str]:
    """Return the old answer as lines to read."""
    if touch.former is None or touch.answer is None:
        return ()
    return answer_lines(touch.former, touch.answer, language(), _)
