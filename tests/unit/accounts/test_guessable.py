"""Which passwords are refused because they are tried first."""

import pytest

from portal.accounts.passwords import GUESSABLE, OWN_ADDRESS, _most_used, guessable_fault
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
    words = _most_used().split()
    assert len(set(words)) > 3000
    assert min(map(len, words)) >= SHORTEST_PASSWORD
    assert [word for word in words if guessable_fault(word) != GUESSABLE] == []


@pytest.mark.parametrize("password", ["password\n", "passwor", ""])
def test_a_piece_of_the_list_is_no_password_of_it(password: str) -> None:
    assert guessable_fault(password) is None
