"""Passwords: hashed, compared, and refused where they are easy to guess."""

import threading
import unicodedata
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw

from portal.accounts.rules import LONGEST_PASSWORD
from portal.characters import without_unseen
from portal.form_definitions.types.answers import mark
from portal.tokens import new_token

GUESSABLE = mark("This password is easy to guess. Choose another")
OWN_ADDRESS = mark("Choose a password that is not your e-mail address")
HASHED_AT_ONCE = 2
"""How many hashes a process works on at the same time: each takes 19 MiB and a whole core for some 17 ms."""
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_hashing = threading.BoundedSemaphore(HASHED_AT_ONCE)


def guessable_fault(password: str, email: str = "") -> str | None:
    """Why a new password is easy to guess, or None (ASVS 5.0 6.2.4, 6.2.12); what it is made of does not count."""
    plain = _normalised(without_unseen(password)).lower()
    if f"\n{plain}\n" in _most_used():
        return GUESSABLE
    own = email.lower()
    return OWN_ADDRESS if own and plain in (own, own.partition("@")[0]) else None


@cache
def _most_used() -> str:
    """The passwords at the top of leaked lists that are long enough to be chosen, each between two line ends.

    One text that is searched as it is: 0.1 MB stay, and a question costs a tenth of a millisecond.
    """
    return "\n" + (Path(__file__).parent / "vendor" / "common_passwords.txt").read_text(encoding="utf-8")


def hash_password(password: str) -> str:
    """A new password as it is stored, without what nobody sees of it; call it outside any write transaction."""
    with _hashing:
        return _hasher.hash(_normalised(without_unseen(password)))


def password_matches(password: str, stored: str | None) -> bool:
    """Whether a typed password is the stored one; without a stored one the answer takes as long and is no.

    It counts as it was typed, and without characters that nobody sees, which pasting adds.
    """
    spellings = dict.fromkeys((password, without_unseen(password)))
    with _hashing:
        found = [_verifies(stored or _nobodys_hash(), _normalised(spelling)) for spelling in spellings]
    return any(found) and stored is not None


def hash_code(code: str, salt: bytes) -> bytes:
    """What we store of a code that people copy by hand, which is short enough to be guessed (ASVS 5.0 6.5.2)."""
    cost = {"time_cost": _hasher.time_cost, "memory_cost": _hasher.memory_cost, "parallelism": _hasher.parallelism}
    with _hashing:
        return hash_secret_raw(code.encode(), salt, **cost, hash_len=_hasher.hash_len, type=Type.ID)


def _verifies(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _normalised(password: str) -> str:
    """One spelling for characters that keyboards compose differently; what is too long stays too long, and cheap."""
    return unicodedata.normalize("NFKC", password[: LONGEST_PASSWORD + 1])


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(new_token())
