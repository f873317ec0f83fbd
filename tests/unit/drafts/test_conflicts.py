"""Which save may follow which, and where two versions of a page differ."""

import pytest

from portal.drafts.rules import Order, Part, Seen, differing, order
from portal.form_definitions.definition import SectionState

STORED = Part(section_id="rent", revision=5, page_id="this", sequence=3)


@pytest.mark.parametrize(
    ("revision", "page_id", "sequence", "expected"),
    [
        pytest.param(5, "other", 0, Order.NEXT, id="another page that saw the stored revision"),
        pytest.param(4, "other", 9, Order.STALE, id="another page that saw an older one"),
        pytest.param(4, "this", 4, Order.NEXT, id="the same page, whose answer was lost"),
        pytest.param(5, "this", 3, Order.NEXT, id="the same save once more"),
        pytest.param(5, "this", 2, Order.OVERTAKEN, id="an earlier save of the same page"),
        pytest.param(0, "", 0, Order.STALE, id="a page that names nothing"),
    ],
)
def test_a_save_is_accepted_only_if_its_page_saw_the_stored_revision_or_wrote_it(
    revision: int, page_id: str, sequence: int, expected: Order
) -> None:
    assert order(STORED, Seen(revision=revision, page_id=page_id, sequence=sequence)) is expected


def test_a_page_without_an_id_never_owns_a_part_that_no_page_wrote() -> None:
    seen = Seen(revision=0, page_id="", sequence=0)
    assert order(Part(section_id="rent", revision=1), seen) is Order.STALE


def test_versions_are_compared_by_answers_and_by_typed_text() -> None:
    stored = SectionState(answers={"a": "1", "b": "2"}, typed={"c": {"c": ["x"]}})
    mine = SectionState(answers={"a": "1", "b": "3", "d": "4"}, typed={"c": {"c": ["y"]}})
    assert differing(stored, mine, ("d", "c", "b", "a")) == ("d", "c", "b")
