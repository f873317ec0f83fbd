"""What a look-up is: from named inputs to labelled results with named values, or a known kind of failure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from portal.errors import PortalError

MOST_RESULTS = 100

FoundValue = str | Mapping[str, str]
"""A text, or an address in its parts."""


class Output(Enum):
    """The shape of a value of a result."""

    TEXT = "text"
    ADDRESS = "address"


@dataclass(frozen=True, kw_only=True)
class Found:
    """One result: the label that people read, and its values by name."""

    label: str
    values: Mapping[str, FoundValue]


class LookupFailure(Enum):
    """Why a look-up failed; the values are stored and logged."""

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


NOT_ASKED = frozenset({LookupFailure.UNKNOWN, LookupFailure.PAUSED, LookupFailure.BUSY})
"""The service was not asked, so we learn nothing about it."""
NOT_ITS_FAULT = frozenset({LookupFailure.REFUSED})
"""The service answered but refused this request: no reason to pause it."""


class LookupFailedError(PortalError):
    """A look-up without an answer."""

    def __init__(self, failure: LookupFailure) -> None:
        super().__init__(failure.value)
        self.failure = failure


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a look-up: results (possibly none), missing inputs, or a failure."""

    results: Sequence[Found] = ()
    missing: tuple[str, ...] = ()
    failure: LookupFailure | None = None


class Adapter(Protocol):
    """One integration: our own register, or another service."""

    @property
    def name(self) -> str:
        """The name by which forms use it."""

    @property
    def kind(self) -> str:
        """The kind of adapter."""

    @property
    def address(self) -> str:
        """Where it sends its requests, as shown to administrators: never with a secret."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """All the inputs that it needs."""

    @property
    def outputs(self) -> Mapping[str, Output]:
        """The values of each result, by name, and their shape."""

    @property
    def care(self) -> "Care":
        """How carefully it is used."""

    def find(self, inputs: Mapping[str, str]) -> Sequence[Found]:
        """Return the results, at most `MOST_RESULTS`; raise `LookupFailedError` where there is no answer."""


@dataclass(frozen=True, kw_only=True)
class Care:
    """How an integration is used: whether it is another service, and for how many seconds its answers are kept."""

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
    """One request to another service; its headers and body are never shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
