"""Which passwords are refused because they are easy to guess."""

import pytest

from portal.accounts.passwords import GUESSABLE, OWN_ADDRESS, _most_used, guessable_fault
from portal.accounts.rules import SHORTEST_PASSWORD


@pytest.mark.parametrize("password", ["password", "12345678", "PassWord1", "qwertyuiop", "ｐａｓｓｗｏｒｄ"])
def test_a_guessable_password_is_refused_however_it_is_written(password: str) -> None:
    assert guessable_fault(password) == GUESSABLE


@pytest.mark.parametrize("password", ["ada.byron@example.test", "Ada.Byron"])
def test_the_persons_own_address_is_refused_as_a_password(password: str) -> None:
    assert guessable_fault(password, "ada.byron@example.test") == OWN_ADDRESS
    assert guessable_fault(password, "somebody.else@example.test") is None


@pytest.mark.parametrize("password", ["correct horse battery", "aaaaaaaaaaaa", "        ", "пароль пароль"])
def test_any_other_password_is_accepted_whatever_its_characters(password: str) -> None:
    assert guessable_fault(password) is None


def test_the_list_holds_more_than_three_thousand_of_the_most_used_passwords() -> None:
    words = _most_used().split()
    assert len(set(words)) > 3000
    assert min(map(len, words)) >= SHORTEST_PASSWORD
    assert [word for word in words if guessable_fault(word) != GUESSABLE] == []


@pytest.mark.parametrize("password", ["password\n", "passwor", ""])
def test_a_fragment_of_a_listed_password_is_not_listed(password: str) -> None:
    assert guessable_fault(password) is None
