"""Passwords that are tried first: a list that comes with a library, and what everybody knows of the person.

Asking costs one look into a set. The first question of a process reads the list: some 10 ms (a third of a second where
the library's own entrance is used, which ranks five more lists) and 2 MB that stay.
"""

import unicodedata
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from runpy import run_path

from portal.accounts.rules import SHORTEST_PASSWORD

GUESSABLE = "Choose another password: this one is among those that are tried first"
OWN_ADDRESS = "Choose a password that is not your e-mail address"


def guessable_fault(password: str, email: str = "") -> str | None:
    """Why a new password is easy to guess, or None (ASVS 5.0 6.2.4, 6.2.12); what it is made of does not count."""
    plain = unicodedata.normalize("NFKC", password).lower()
    if plain in _most_used():
        return GUESSABLE
    own = email.lower()
    return OWN_ADDRESS if own and plain in (own, own.partition("@")[0]) else None


@cache
def _most_used() -> frozenset[str]:
    """The 30 000 passwords that stand at the top of leaked lists, as far as they are long enough to be chosen."""
    folder = Path(str(distribution("zxcvbn").locate_file("zxcvbn")))
    lists = run_path(str(folder / "frequency_lists.py"))
    return frozenset(word for word in lists["FREQUENCY_LISTS"]["passwords"] if len(word) >= SHORTEST_PASSWORD)
