"""How look-ups are judged: when a failing service is left alone, how postcodes compare, what a result is made of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from urllib.parse import quote

from portal.integrations.definition import MOST_RESULTS, Failure, Found, LookupFailedError, Value

MAX_FAILURES = 3
PAUSE = timedelta(seconds=30)
LONGEST_TEXT = 500
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Path = tuple[str, ...]
"""Where a value stands in an answer: keys, and places in lists; the empty path is the whole."""


class BreakerState(Enum):
    """Whether a service is asked: `closed` yes, `open` no, `trial` once, to see whether it is back."""

    CLOSED = "closed"
    OPEN = "open"
    TRIAL = "trial"


def breaker_state(failures_in_row: int, paused_until: datetime | None, now: datetime) -> BreakerState:
    """The state of a service that has failed so often in a row and is left alone until that instant."""
    if failures_in_row < MAX_FAILURES or paused_until is None:
        return BreakerState.CLOSED
    return BreakerState.OPEN if now < paused_until else BreakerState.TRIAL


def pause_after(failures_in_row: int, now: datetime) -> datetime | None:
    """Until when a service is left alone after so many failures in a row; None: it is asked on."""
    return now + PAUSE if failures_in_row >= MAX_FAILURES else None


def postcode_key(typed: str) -> str:
    """A postcode as it is compared: `sk1 3xe`, `SK13XE` and `SK1-3XE` are one."""
    return "".join(character for character in typed.upper() if character.isascii() and character.isalnum())


def placeholders(address: str) -> tuple[str, ...]:
    """The inputs that an address names in braces."""
    return tuple(_PLACEHOLDER.findall(address))


def filled_address(address: str, inputs: Mapping[str, str]) -> str:
    """The address with its inputs put in, each as one segment of the path and never more.

    Raises `LookupFailedError` for an input that would be read as a way to another path.
    """
    for name in placeholders(address):
        if inputs[name].strip(".") == "":
            raise LookupFailedError(Failure.REFUSED)
    return _PLACEHOLDER.sub(lambda match: quote(inputs[match[1]], safe=""), address)


def clean(value: Any) -> str:
    """A value of an answer as one line of text; what is no text, number or list of such is empty."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(filter(None, (clean(each) for each in value if not isinstance(each, list))))[:LONGEST_TEXT]
    text = str(value) if isinstance(value, str | int | float) else ""
    return _UNSTORABLE.sub(" ", text).strip()[:LONGEST_TEXT]


def at(answer: Any, path: Path) -> Any:
    """What stands at a path of an answer; None where there is nothing."""
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
    """Where an answer holds its results, and what each of them says: label and values by path."""

    results: Path
    label: tuple[Path, ...]
    values: Mapping[str, Path | Mapping[str, Path]]

    def found(self, answer: Any) -> list[Found]:
        """The results in an answer, those without a label left out.

        Raises `LookupFailedError` where there is neither a list of results nor a single one.
        """
        listed = at(answer, self.results)
        if isinstance(listed, Mapping):
            listed = [listed]
        if not isinstance(listed, list):
            raise LookupFailedError(Failure.NOT_UNDERSTOOD)
        results = (self._result(each) for each in listed[:MOST_RESULTS])
        return [result for result in results if result.label]

    def _result(self, item: Any) -> Found:
        label = ", ".join(filter(None, (clean(at(item, path)) for path in self.label)))
        values = {name: _value(item, path) for name, path in self.values.items()}
        return Found(label=label[:LONGEST_TEXT], values=values)


def _value(item: Any, path: Path | Mapping[str, Path]) -> Value:
    if isinstance(path, Mapping):
        return {part: clean(at(item, each)) for part, each in path.items()}
    return clean(at(item, path))


def missing_inputs(needed: Sequence[str], inputs: Mapping[str, str]) -> tuple[str, ...]:
    """The inputs that are needed and empty."""
    return tuple(name for name in needed if not inputs.get(name, "").strip())
