"""Whose right to a guest's draft comes from whose."""

import pytest

from portal.drafts.rules import Grant, Grants, next_number

HOME, WORK = b"home", b"work"
GRANTS = Grants(
    [
        Grant(guest_id="starter", number=1),
        Grant(guest_id="early slip", number=2),
        Grant(guest_id="at home", number=3, made_by="starter", through=HOME),
        Grant(guest_id="at home again", number=4, made_by="at home"),
        Grant(guest_id="at work", number=5, made_by="at home again", through=WORK),
        Grant(guest_id="late slip", number=6),
        Grant(guest_id="starter again", number=7, made_by="starter"),
        Grant(guest_id="by a lost link", number=8, through=WORK),
    ]
)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (HOME, {"at home", "at home again", "at work", "late slip"}),
        (WORK, {"at work", "late slip", "by a lost link"}),
        (None, {"at home", "at home again", "at work", "late slip", "by a lost link"}),
        (b"elsewhere", set()),
    ],
)
def test_right_that_comes_from_an_address_is_known(address: bytes | None, expected: set[str]) -> None:
    assert GRANTS.made_through(address) == expected
    assert GRANTS.made_through(address, by_slip=False) == expected - {"late slip"}


def test_whoever_takes_an_address_back_is_left_out() -> None:
    assert GRANTS.made_through(HOME, but="late slip") == {"at home", "at home again", "at work"}


@pytest.mark.parametrize(
    ("guest_id", "expected"),
    [
        ("starter", {"starter"}),
        ("starter again", {"starter", "starter again"}),
        ("early slip", {"starter", "early slip"}),
        ("at work", {"starter", "at home", "at home again", "at work"}),
        ("by a lost link", {"starter", "by a lost link"}),
        (None, {"starter"}),
    ],
)
def test_same_person_is_whoever_a_right_comes_from(guest_id: str | None, expected: set[str]) -> None:
    assert GRANTS.same_person(guest_id) == expected


@pytest.mark.parametrize(
    ("guest_id", "expected"),
    [("at home again", HOME), ("at home", HOME), ("starter again", None), ("late slip", None), ("nobody", None)],
)
def test_browser_knows_the_address_by_which_it_came(guest_id: str, expected: bytes | None) -> None:
    assert GRANTS.came_through(guest_id) == expected


@pytest.mark.parametrize(("last", "is_first"), [(None, True), (0, False), (1, False), (7, False)])
def test_only_the_first_grant_of_a_draft_is_that_of_whoever_began_it(last: int | None, *, is_first: bool) -> None:
    """A grant from before grants were numbered has number 0."""
    assert Grant(guest_id="next", number=next_number(last)).is_first is is_first
    assert next_number(last) > (0 if last is None else last)
