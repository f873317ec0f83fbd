"""Which passwords are refused because they are tried first."""

import pytest

from portal.accounts.passwords import GUESSABLE, OWN_ADDRESS, guessable_fault
from portal.accounts.rules import SHORTEST_PASSWORD


@pytest.mark.parametrize("password", ["password", "12345678", "PassWord1", "qwertyuiop", "ｐａｓｓｗｏｒｄ"])
def test_a_password_that_is_tried_first_is_refused_however_it_is_written(password: str) -> None:
    assert guessable_fault(password) == GUESSABLE


@pytest.mark.parametrize("password", ["ada.byron@example.test", "Ada.Byron"])
def test_the_own_address_is_no_password(password: str) -> None:
    assert guessable_fault(password, "ada.byron@example.test") == OWN_ADDRESS
    assert guessable_fault(password, "somebody.else@example.test") is None


@pytest.mark.parametrize("password", ["correct horse battery", "aaaaaaaaaaaa", "        ", "пароль пароль"])
def test_anything_else_goes_whatever_it_is_made_of(password: str) -> None:
    assert guessable_fault(password) is None


def test_at_least_the_three_thousand_most_used_ones_are_known() -> None:
    from portal.accounts.passwords import _most_used

    assert len(_most_used()) > 3000
    assert min(map(len, _most_used())) >= SHORTEST_PASSWORD
