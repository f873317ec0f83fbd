"""The rules of look-ups: when a failing service is paused, how postcodes compare, how results are read. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from urllib.parse import quote

from portal.characters import plain
from portal.integrations.definition import MOST_RESULTS, Found, FoundValue, LookupFailedError, LookupFailure

MAX_FAILURES = 3
PAUSE = timedelta(seconds=30)
LONGEST_TEXT = 500
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Path = tuple[str, ...]
"""The place of a value in an answer: keys, and positions in lists; the empty path is the whole answer."""


class BreakerState(Enum):
    """Whether a service is used: `closed` yes, `open` no, `trial` once, to see whether it works again."""

    CLOSED = "closed"
    OPEN = "open"
    TRIAL = "trial"


def breaker_state(failures_in_row: int, paused_until: datetime | None, now: datetime) -> BreakerState:
    """Return the state of a service from its failures in a row and the end of its pause."""
    if failures_in_row < MAX_FAILURES or paused_until is None:
        return BreakerState.CLOSED
    return BreakerState.OPEN if now < paused_until else BreakerState.TRIAL


def pause_after(failures_in_row: int, now: datetime) -> datetime | None:
    """Return until when a service is paused after so many failures in a row, or None where it is not."""
    return now + PAUSE if failures_in_row >= MAX_FAILURES else None


def postcode_key(typed: str) -> str:
    """Return a postcode as it is compared: `sk1 3xe`, `SK13XE` and `SK1-3XE` are the same."""
    return "".join(character for character in typed.upper() if character.isascii() and character.isalnum())


def placeholders(address: str) -> tuple[str, ...]:
    """Return the inputs that an address names in braces."""
    return tuple(_PLACEHOLDER.findall(address))


def filled_address(address: str, inputs: Mapping[str, str]) -> str:
    """Return the address with its inputs filled in, each as one segment of the path.

    Raises `LookupFailedError` for an input that would lead to another path, such as `..`.
    """
    for name in placeholders(address):
        if inputs[name].strip(".") == "":
            raise LookupFailedError(LookupFailure.REFUSED)
    return _PLACEHOLDER.sub(lambda match: quote(inputs[match[1]], safe=""), address)


def clean(value: Any) -> str:
    """Return a value of an answer as one line of text; empty for anything but texts, numbers and lists of them."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(filter(None, (clean(each) for each in value if not isinstance(each, list))))[:LONGEST_TEXT]
    text = str(value) if isinstance(value, str | int | float) else ""
    return _UNSTORABLE.sub(" ", text).strip()[:LONGEST_TEXT]


def at(answer: Any, path: Path) -> Any:
    """Return the value at a path of an answer, or None where there is none."""
    for key in path:
        if isinstance(answer, Mapping):
            answer = answer.get(key)
        elif isinstance(answer, list) and key.isdecimal() and int(key) < len(answer):
            answer = answer[int(key)]
        else:
            return None
    return answer


@dataclass(frozen=True, kw_only=True)
class ResultMapping:
    """The paths of the results in an answer, and of the label and the values in each result."""

    results: Path
    label: tuple[Path, ...]
    values: Mapping[str, Path | Mapping[str, Path]]

    def found(self, answer: Any) -> list[Found]:
        """Return the results in an answer; leave out those without a label.

        Raises `LookupFailedError` where the answer has neither a list of results nor a single one.
        """
        listed = at(answer, self.results)
        if isinstance(listed, Mapping):
            listed = [listed]
        if not isinstance(listed, list):
            raise LookupFailedError(LookupFailure.NOT_UNDERSTOOD)
        results = (self._result(each) for each in listed[:MOST_RESULTS])
        return [result for result in results if result.label]

    def _result(self, item: Any) -> Found:
        label = ", ".join(filter(None, (clean(at(item, path)) for path in self.label)))
        values = {name: _mapped_value(item, path) for name, path in self.values.items()}
        return Found(label=label[:LONGEST_TEXT], values=values)


def _mapped_value(item: Any, path: Path | Mapping[str, Path]) -> FoundValue:
    if isinstance(path, Mapping):
        return {part: clean(at(item, each)) for part, each in path.items()}
    return clean(at(item, path))


def missing_inputs(needed: Sequence[str], inputs: Mapping[str, str]) -> tuple[str, ...]:
    """Return the inputs that are needed and empty."""
    return tuple(name for name in needed if not plain(inputs.get(name, "")))
