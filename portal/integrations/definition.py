"""The port of look-ups: named inputs go in, labelled results with named values come out, or a known kind of failure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from portal.errors import PortalError

ADDRESS_PARTS = ("line_1", "line_2", "town", "postcode")
MOST_RESULTS = 100

Value = str | Mapping[str, str]
"""A text, or an address in its parts."""


class Output(Enum):
    """The shape of a value that a result offers."""

    TEXT = "text"
    ADDRESS = "address"


@dataclass(frozen=True, kw_only=True)
class Found:
    """One result: what people read of it, and what it offers by name."""

    label: str
    values: Mapping[str, Value]


class Failure(Enum):
    """Why a look-up gave no answer; the names stand in the database, in logs and in the administration."""

    UNKNOWN = "unknown"
    PAUSED = "paused"
    BUSY = "busy"
    SLOW = "slow"
    UNREACHABLE = "unreachable"
    FORBIDDEN = "forbidden"
    REDIRECTED = "redirected"
    STATUS = "status"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    NOT_UNDERSTOOD = "not_understood"


NOT_ASKED = frozenset({Failure.UNKNOWN, Failure.PAUSED, Failure.BUSY})
"""Nobody was asked, so nothing is learnt about the service."""
NOT_ITS_FAULT = frozenset({Failure.REFUSED})
"""The service answered and refused this one question: no reason to leave it alone."""


class LookupFailedError(PortalError):
    """A look-up that gave no answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a look-up: results (none is an answer too), inputs that were missing, or a failure."""

    results: Sequence[Found] = ()
    missing: tuple[str, ...] = ()
    failure: Failure | None = None


class Adapter(Protocol):
    """One integration: a register of ours or a service of somebody else."""

    @property
    def name(self) -> str:
        """What forms call it."""

    @property
    def kind(self) -> str:
        """Its row in the table of adapters."""

    @property
    def address(self) -> str:
        """Where it asks, to be shown: never with a secret."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that it needs, all of them."""

    @property
    def outputs(self) -> Mapping[str, Output]:
        """The values that each of its results offers."""

    @property
    def care(self) -> "Care":
        """How it is asked."""

    def find(self, inputs: Mapping[str, str]) -> Sequence[Found]:
        """The results, at most `MOST_RESULTS`; raises `LookupFailedError`."""


@dataclass(frozen=True, kw_only=True)
class Care:
    """How an integration is asked: whether it may fail for a while, and how long its answers are kept, in seconds."""

    is_outside: bool = False
    cache_s: int = 0


@dataclass(frozen=True, kw_only=True)
class AddressRow:
    """One address of the register."""

    line_1: str
    line_2: str
    town: str
    postcode: str


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to somebody else's service; what it holds beside the address is never shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
