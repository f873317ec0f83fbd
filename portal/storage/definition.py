"""The port that files are kept behind, and what has become of a file's scan."""

from collections.abc import Iterable
from enum import Enum
from typing import BinaryIO, Protocol

STAGED = "staged"
RELEASED = "gone"
"""What files belong to that are not kept yet, or no longer."""


class Storage(Protocol):
    """Where sealed files lie. Names are ours (32 hexadecimal digits), contents are encrypted before they come here."""

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Keep a file for good once this returns; a file that was not written whole does not exist."""

    def open(self, name: str) -> BinaryIO:
        """The file to read from its beginning; raises `FileNotFoundError`."""

    def delete(self, name: str) -> None:
        """Delete a file and what a broken-off `put` of it left; one that is not there is no error."""

    def check(self) -> None:
        """Raise `ConfigurationError` where files could not be kept."""


class Scan(Enum):
    """What is known of a file's viruses; the values are stored."""

    CLEAN = "clean"
    NOT_SCANNED = "not_scanned"
    """There was no scanner, or it cannot scan such a file."""
    WAITING = "waiting"
    """The scanner did not answer; the worker scans it when it is back."""
    INFECTED = "infected"
