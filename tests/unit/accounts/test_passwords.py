"""Hashing: its cost, what matches, and how many run at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from portal.accounts import passwords
from portal.accounts.passwords import HASHED_AT_ONCE, hash_password, password_matches

pytestmark = pytest.mark.usefixtures("whole_hashes")
PASSWORD = "correct horse battery"
COST = "$argon2id$v=19$m=19456,t=2,p=1$"


def test_a_password_matches_only_its_own_hash() -> None:
    stored = hash_password(PASSWORD)
    assert password_matches(PASSWORD, stored)
    assert not password_matches(PASSWORD + " ", stored)


def test_hashes_have_the_chosen_cost_and_a_salt() -> None:
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)
    assert first.startswith(COST)
    assert second.startswith(COST)
    assert first != second


def test_a_missing_account_matches_no_password_and_costs_the_same_check() -> None:
    assert not password_matches(PASSWORD, None)
    assert passwords._nobodys_hash().startswith(COST)


@pytest.mark.parametrize("stored", ["", "not a hash", "$argon2id$v=19$m=19456,t=2,p=1$broken"])
def test_a_damaged_hash_matches_nothing(stored: str) -> None:
    assert not password_matches(PASSWORD, stored)


def test_a_password_matches_however_the_keyboard_composes_its_letters() -> None:
    assert password_matches("cafe\u0301 cafe\u0301", hash_password("caf\u00e9 caf\u00e9"))


def test_a_password_that_is_too_long_never_matches_its_beginning() -> None:
    assert not password_matches("a" * 129, hash_password("a" * 128))


def test_at_most_two_threads_hash_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = _Counting(passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", counter)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(hash_password, [PASSWORD] * 12))
    assert counter.most == HASHED_AT_ONCE == 2


class _Counting:
    """The real hasher, with a count of how many calls run at once."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher, self._lock, self._inside, self.most = hasher, threading.Lock(), 0, 0

    def hash(self, password: str) -> str:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        found = self._hasher.hash(password)
        with self._lock:
            self._inside -= 1
        return found
