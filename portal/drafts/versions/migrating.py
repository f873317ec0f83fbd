"""Carry answers from one version of a form to the next, without touching the database."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from portal.drafts.rules import DONE, REMOVED, WHOLE, Filled, Part
from portal.form_definitions.conditions import FieldPlace, Scope, evaluate, fields_of
from portal.form_definitions.definition import Answer, Field, Section, SectionState
from portal.form_definitions.rules import PLAIN, ShownPage, is_required
from portal.form_definitions.types.answers import Inputs, InvalidAnswerError, inputs_by_suffix, named_inputs
from portal.form_definitions.types.field_types import FIELD_TYPES, answer_problem, inputs_of, read_answer
from portal.form_definitions.types.form_fields import PickedField
from portal.form_definitions.versions.comparison import ChangeKind, Differences, Effect

FIRST_ITEM = "00000001"
MARKED = (Effect.MUST_ANSWER, Effect.ANSWER_AGAIN, Effect.CHECK, Effect.MAY_ANSWER)
_ASKS_TO_CHECK = frozenset({ChangeKind.WORDING, ChangeKind.OPTIONS_ADDED})


def carried(old: Section, new: Section, origin: Mapping[str, str], state: SectionState, today: date) -> SectionState:
    """Return what the new version of a section or item holds, from the `state` of the old one.

    `origin` maps new field ids to old ones. An answer is kept only if it is valid in the new version. Otherwise its
    text stays in the inputs, if the field still has the same inputs, so that the person can put it right.
    """
    answers: dict[str, Answer] = {}
    typed: dict[str, Inputs] = {}
    for field in new.fields:
        before = old.field(origin.get(field.id, ""))
        if before:
            answer, inputs = _carried(before, field, state, today)
            answers |= {} if answer is None else {field.id: answer}
            typed |= {field.id: named_inputs(field.id, inputs)} if any(map(any, inputs.values())) else {}
    return SectionState(answers=answers, typed=typed)


def _carried(old: Field, new: Field, state: SectionState, today: date) -> tuple[Answer | None, Inputs]:
    """Return the answer, or else what the inputs hold."""
    answer = state.answers.get(old.id)
    if answer is not None and old.type == new.type and answer_problem(new, answer, today) is None:
        return answer, {}
    if old.type == new.type == "file":
        return _files_that_stay(new, answer, today), {}
    inputs = inputs_of(old, answer) if answer is not None else inputs_by_suffix(old.id, state.typed.get(old.id, {}))
    if not _takes_inputs_of(new, old):
        return None, {}
    if FIELD_TYPES[new.type].form_field is PickedField and (answer is not None or old.type != new.type):
        return _picked(new, inputs, today), {}
    try:
        return read_answer(new, inputs, today), {}
    except InvalidAnswerError:
        return None, inputs


def _files_that_stay(new: Field, answer: Answer | None, today: date) -> Answer | None:
    """Return the first files that the new limits allow."""
    kept: list[Any] = []
    for file in answer if isinstance(answer, list) else ():
        if answer_problem(new, [*kept, file], today) is None:
            kept.append(file)
    return kept or None


def _takes_inputs_of(new: Field, old: Field) -> bool:
    """Return whether the new field can show the old inputs; consent never carries over to a new declaration."""
    same_inputs = FIELD_TYPES[new.type].form_field is FIELD_TYPES[old.type].form_field
    return same_inputs and (new.type != "declaration" or old.type == "declaration")


def _picked(new: Field, inputs: Inputs, today: date) -> Answer | None:
    """Return which of the chosen options are left; None if one of several would have to be chosen."""
    chosen = [value for value in inputs.get("", ()) if not new.options or new.option(value)]
    if len(chosen) > 1 and new.type != "choices":
        return None
    try:
        return read_answer(new, {"": chosen}, today)
    except InvalidAnswerError:
        return None


@dataclass(frozen=True, kw_only=True)
class Touch:
    """One thing that the new version asks of this person; without a `field` it concerns the whole section.

    `section` and `field` are those of the new version, or of the old one if the answer will not be sent. `answer` is
    the old answer, and `former` the old question. `waits_for` are the questions, and lists of items, that decide
    whether a kept answer is asked for again.
    """

    effect: Effect
    section: Section
    field: Field | None = None
    item_id: str = PLAIN
    former: Field | None = None
    answer: Answer | None = None
    waits_for: tuple[Field | Section, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MovedDraft:
    """A draft after the move, and all that the move touched, in the order of the form."""

    filled: Filled
    touches: tuple[Touch, ...]


def move(before: Filled, differences: Differences) -> MovedDraft:
    """Carry all answers into the new version, and find what to tell the person.

    A changed part gets a mark for each touched field and a new revision, so that a page that is still open conflicts
    and does not undo the move.
    """
    parts = tuple(part for part in (_moved(before, differences, part) for part in before.parts) if part)
    removed = tuple(part for part in (_moved(before, differences, part) for part in before.removed) if part)
    after = Filled(definition=differences.new, parts=parts, today=before.today, removed=removed)
    touches = tuple(_touches(before, after, differences))
    marked = tuple(_marked(part, touches, before, differences) for part in parts)
    return MovedDraft(filled=replace(after, parts=marked), touches=touches)


def _moved(before: Filled, differences: Differences, part: Part) -> Part | None:
    """Return a part as the new version holds it; None if the new version has no place for it."""
    old, new = differences.old.section(part.section_id), differences.new.section(part.section_id)
    item_id = _new_item(before, old, new, part.item_id) if old and new else None
    if old is None or new is None or item_id is None:
        return None
    origin = differences.origins[new.id]
    if item_id != part.item_id:
        # A file is encrypted for its section and item, so it cannot move to another item.
        origin = {key: was for key, was in origin.items() if not (field := old.field(was)) or field.type != "file"}
    names = {WHOLE: WHOLE, REMOVED: REMOVED} | {was: field_id for field_id, was in origin.items()}
    return replace(
        part,
        item_id=item_id,
        state=carried(old, new, origin, part.state, before.today),
        is_confirmed=part.is_confirmed and item_id == part.item_id,
        marks={names[key]: mark for key, mark in part.marks.items() if key in names},
        edited={names[key]: when for key, when in part.edited.items() if key in names},
    )


def _new_item(before: Filled, old: Section, new: Section, item_id: str) -> str | None:
    """Return the new item id of a part; None if it has no place.

    If a section became a repeat, its one page becomes the first item. If it stopped repeating, the first item is kept.
    """
    if bool(old.repeat) is bool(new.repeat):
        return item_id
    if new.repeat:
        return None if before.part(old.id).is_empty else FIRST_ITEM
    first = next((item.item_id for item in before.items(old)), None)
    return PLAIN if item_id == first else None


def _marked(part: Part, touches: Iterable[Touch], before: Filled, differences: Differences) -> Part:
    asked = {
        touch.field.id if touch.field else WHOLE: touch.effect.value
        for touch in touches
        if (touch.section.id, touch.item_id) == (part.section_id, part.item_id) and touch.effect in MARKED
    }
    marks = {**part.marks, **asked}
    is_same = part.state == before.part(part.section_id, part.item_id).state
    if is_same and marks == part.marks and not differences.touches(part.section_id):
        return part
    # Clear the page as well: the page that last wrote this part shows the old version, so it must conflict, too.
    return replace(part, marks=marks, revision=part.revision + 1, page_id="", sequence=0)


def _touches(before: Filled, after: Filled, differences: Differences) -> Iterator[Touch]:
    for section in differences.new.sections:
        old = differences.old.section(section.id)
        if old:
            yield from _section_touches(before, after, differences, old, section)
        else:
            for item_id, page in after.shown.pages.get(section.id, {}).items():
                yield from _new_questions(after, section, page, {}, item_id)
    for old in differences.old.sections:
        if differences.new.section(old.id) is None:
            for item_id, page in before.shown.pages.get(old.id, {}).items():
                yield from (_not_sent(old, field, page, item_id) for field in page.fields if field.id in page.answers)


def _section_touches(
    before: Filled, after: Filled, differences: Differences, old: Section, new: Section
) -> Iterator[Touch]:
    pages, former = after.shown.pages.get(new.id, {}), before.shown.pages.get(old.id, {})
    if pages and any(page.answers for page in former.values()) and ChangeKind.SECTION_WORDING in differences.of(new.id):
        yield Touch(effect=Effect.CHECK, section=new)
    places = {item_id: _new_item(before, old, new, item_id) for item_id in former}
    for item_id, was in former.items():
        target = places[item_id]
        page = pages.get(target) if target is not None else None
        for field in was.fields:
            if field.id in was.answers:
                place = NewPlace(
                    after, new, item_id if target is None else target, page if target is not None else None
                )
                yield from _answered(differences, old, field, was, place)
    came_from = {target: item_id for item_id, target in places.items()}
    for item_id, page in pages.items():
        was_page = former.get(came_from.get(item_id, item_id))
        asked = _asked_before(before, old, was_page, differences.origins[new.id]) if was_page else {}
        yield from _new_questions(after, new, page, asked, item_id)


@dataclass(frozen=True)
class NewPlace:
    """A section or item of the draft after the move; it has no `page` if it does not show."""

    after: Filled
    section: Section
    item_id: str
    page: ShownPage | None

    def field(self, field_id: str) -> Field | None:
        """Return the field with this id if it shows."""
        return next((each for each in self.page.fields if each.id == field_id), None) if self.page else None

    def waits_for(self, field: Field) -> tuple[Field | Section, ...]:
        """Return what decides whether a field that does not show, and whose answer was kept, will show.

        Return nothing if this is decided already: its answer will not be sent.
        """
        state = self.after.part(self.section.id, self.item_id).state
        if field.id not in state.answers and field.id not in state.typed:
            return ()
        return tuple({id(each): each for each in self._undecided(self.section, field, frozenset())}.values())

    def _undecided(self, section: Section, field: Field, seen: frozenset[FieldPlace]) -> Iterator[Field | Section]:
        """Yield the unanswered questions that decide whether a field shows; nothing if it certainly does not."""
        conditions = [each for each in (section.when, field.when) if each]
        if any(evaluate(each, self._scope(section)) is False for each in conditions):
            return
        for place in sorted(set().union(*map(fields_of, conditions)) - seen, key=self._position):
            yield from self._unanswered(place, seen | {place})

    def _unanswered(self, place: FieldPlace, seen: frozenset[FieldPlace]) -> Iterator[Field | Section]:
        """Yield a question if it shows and has no answer, or what decides whether it will show."""
        section = self.after.definition.section(place[0])
        asked = section.field(place[1]) if section else None
        if section is None or asked is None:
            return
        if section.repeat and section is not self.section:
            if self.after.statuses[section.id] not in DONE:
                yield section
            return
        page = self.page if section is self.section else self.after.shown.pages.get(section.id, {}).get(PLAIN)
        if page is None or asked not in page.fields:
            yield from self._undecided(section, asked, seen)
        elif asked.id not in page.answers:
            yield asked

    def _scope(self, section: Section) -> Scope:
        """Return what conditions can read, where a missing answer may still be given."""
        sections = self.after.definition.sections
        done = [each.id for each in sections if each.repeat and self.after.statuses[each.id] in DONE]
        scope = replace(self.after.shown.scope, unfinished=frozenset(each.id for each in sections) - frozenset(done))
        return scope.within(self.section.id, self.page.answers) if self.page and section is self.section else scope

    def _position(self, place: FieldPlace) -> tuple[int, int]:
        section = self.after.definition.section(place[0])
        if section is None:
            return 0, 0
        ids = [field.id for field in section.fields]
        return self.after.definition.sections.index(section), ids.index(place[1]) if place[1] in ids else 0


def _answered(differences: Differences, old: Section, field: Field, was: ShownPage, place: NewPlace) -> Iterator[Touch]:
    """Yield what a question that was answered asks now."""
    new, item_id, answer = place.section, place.item_id, was.answers[field.id]
    now_called = next((key for key, former in differences.origins[new.id].items() if former == field.id), "")
    asked = place.field(now_called)
    if asked is None or place.page is None:
        hidden = new.field(now_called)
        waits_for = place.waits_for(hidden) if hidden else ()
        if hidden and waits_for:
            kept = Touch(effect=Effect.KEPT, section=new, field=hidden, item_id=item_id, former=field, answer=answer)
            yield replace(kept, waits_for=waits_for)
        else:
            yield _not_sent(old, field, was, item_id)
        return
    kinds = differences.of(new.id, asked.id)
    is_again = ChangeKind.TYPE in kinds or place.page.answers.get(asked.id) != answer
    if is_again or kinds & _ASKS_TO_CHECK:
        effect = Effect.ANSWER_AGAIN if is_again else Effect.CHECK
        yield Touch(effect=effect, section=new, field=asked, item_id=item_id, former=field, answer=answer)


def _not_sent(old: Section, field: Field, was: ShownPage, item_id: str) -> Touch:
    answer = was.answers[field.id]
    return Touch(effect=Effect.NOT_SENT, section=old, field=field, item_id=item_id, former=field, answer=answer)


def _asked_before(before: Filled, old: Section, was: ShownPage, origin: Mapping[str, str]) -> Mapping[str, bool]:
    """Return the new ids of the fields on the old page, each with whether it was required or answered."""
    scope = before.shown.scope.within(old.id, was.said)
    needed = {field.id: is_required(field, scope) or field.id in was.answers for field in was.fields}
    return {field_id: needed.get(former, False) for field_id, former in origin.items()}


def _new_questions(
    after: Filled, section: Section, page: ShownPage, asked: Mapping[str, bool], item_id: str
) -> Iterator[Touch]:
    """Yield unanswered questions that are required now and were not before, and new ones on a page that was begun."""
    scope = after.shown.scope.within(section.id, page.said)
    is_begun = not after.part(section.id, item_id).is_empty
    for field in page.fields:
        if field.id in page.answers or asked.get(field.id):
            continue
        if is_required(field, scope):
            yield Touch(effect=Effect.MUST_ANSWER, section=section, field=field, item_id=item_id)
        elif field.id not in asked and is_begun and FIELD_TYPES[field.type].answerable:
            yield Touch(effect=Effect.MAY_ANSWER, section=section, field=field, item_id=item_id)
