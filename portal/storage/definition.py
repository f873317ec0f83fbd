"""The interface of a file storage, and the results of a scan."""

from collections.abc import Iterable
from enum import Enum
from typing import BinaryIO, Protocol

STAGED = "staged"
RELEASED = "gone"
"""The owner of files that are not claimed yet, and of files that are to be deleted."""


class Storage(Protocol):
    """Where encrypted files are stored; we choose their names (32 hexadecimal digits)."""

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Store a file for good; if it is not written whole, it does not exist."""

    def open(self, name: str) -> BinaryIO:
        """Open a file to read from its beginning; raise `FileNotFoundError` if there is none."""

    def delete(self, name: str) -> None:
        """Delete a file and what an interrupted `put` of it left; do nothing if there is none."""

    def check(self) -> None:
        """Raise `ConfigurationError` if files could not be stored."""


class Scan(Enum):
    """What the virus scan found; the values are stored."""

    CLEAN = "clean"
    NOT_SCANNED = "not_scanned"
    """There was no scanner, or it cannot scan such a file."""
    WAITING = "waiting"
    """The scanner did not answer; the worker asks again later."""
    INFECTED = "infected"
