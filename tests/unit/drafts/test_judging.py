"""A section is judged once for its stored answers, and again for any others."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from portal.drafts.rules import Filled, Part, Status
from portal.form_definitions.definition import FormDefinition, SectionState
from tests.unit.form_definitions.making import TODAY, ask, definition, section

YES = {"field": "a.q", "is": True}
FORM = definition(
    section("a", ask("yes_no", required=True)),
    section("b", ask("text", "x"), ask("text", required_when=YES), when={"field": "a.q", "answered": True}),
    section("c", ask("text"), when={"field": "b.x", "is": "more"}),
)


def stored(place: str, name: str, **answers: Any) -> Part:
    """Return a part as it is read from the database, with a seal of this name."""
    state = SectionState(answers=answers, seal=name.encode().ljust(16))
    return Part(section_id=place, state=state, revision=1, is_confirmed=True)


def statuses(*parts: Part, form: FormDefinition = FORM, days: int = 0) -> list[Status]:
    filled = Filled(definition=form, parts=parts, today=TODAY + timedelta(days=days))
    return list(filled.statuses.values())


COMPLETE, IN_PROGRESS, NOT_NEEDED, CANNOT = (
    Status.COMPLETE,
    Status.IN_PROGRESS,
    Status.NOT_NEEDED,
    Status.CANNOT_START,
)


def test_a_section_is_judged_again_when_its_stored_answers_change() -> None:
    assert statuses(stored("a", "one", q=True))[0] is COMPLETE
    assert statuses(stored("a", "two"))[0] is IN_PROGRESS
    assert statuses(stored("a", "one", q=True))[0] is COMPLETE


def test_unsaved_answers_are_judged_apart_from_the_stored_ones() -> None:
    part = stored("a", "three", q=True)
    assert statuses(part)[0] is COMPLETE
    assert statuses(replace(part, state=SectionState()))[0] is IN_PROGRESS


def test_a_section_is_judged_again_when_a_section_it_depends_on_changes() -> None:
    own = stored("b", "own")
    assert statuses(stored("a", "no", q=False), own)[1] is COMPLETE
    assert statuses(stored("a", "yes", q=True), own)[1] is IN_PROGRESS


def test_a_section_is_judged_again_when_it_depends_on_a_change_indirectly() -> None:
    more, own = stored("b", "more", x="more", q="?"), stored("c", "own", q="?")
    assert statuses(stored("a", "shown", q=True), more, own)[2] is COMPLETE
    assert statuses(stored("a", "hidden"), more, own)[2] is CANNOT


def test_a_section_is_judged_again_on_another_day() -> None:
    form = definition(section("a", ask("date", max="today"), ask("date", "until", min="today")))
    part = stored("a", "day", q="2026-11-21", until="2026-11-21")
    assert statuses(part, form=form)[0] is COMPLETE
    assert statuses(part, form=form, days=1)[0] is IN_PROGRESS


def test_a_long_chain_of_conditions_is_judged_without_recursion() -> None:
    links = range(400)
    form = definition(
        section("s0", ask("yes_no")),
        *[section(f"s{at + 1}", ask("yes_no"), when={"field": f"s{at}.q", "is": True}) for at in links],
    )
    parts = [stored(f"s{at}", f"link {at}", q=True) for at in range(401)]
    assert set(statuses(*parts, form=form)) == {COMPLETE}
