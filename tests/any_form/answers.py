"""What somebody may type into each field of a random form, and the answer that must be stored for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

TODAY = date(2026, 11, 21)
PATTERNS = {
    "[A-Z]{2}[0-9]{3}": ("AB123", "ZZ000"),
    "(?i)[a-z]+( [a-z]+)*": ("one", "Two words"),
    ".*\\?": ("why?", "%(label)s?"),
}
WORDS = ("O’Neill", "a<b>&c", "50%", "{x}", "Łukasz 😀", "שלום", "no", "0", "12:30", "x" * 12, '"quoted"', "ŵ\u0301")
EMAILS = {"zoe@mail.example": "zoe@mail.example", " Zoe@Mail.EXAMPLE ": "Zoe@mail.example"}
PHONES = {"07700 900123": "07700 900123", "+44 (0)1632 960001": "01632 960001", "+1 202-555-0143": "+1 202-555-0143"}
ADDRESS = ("line_1", "line_2", "town", "postcode")


@dataclass(frozen=True)
class Typed:
    """What is typed into the inputs of one field, by suffix, and the answer it makes; None is no answer."""

    inputs: dict[str, str | list[str]] = field(default_factory=dict)
    answer: Any = None

    def named(self, field_id: str) -> dict[str, str | list[str]]:
        """Return the typed values by the names of their inputs."""
        return {f"{field_id}-{suffix}" if suffix else field_id: value for suffix, value in self.inputs.items()}


def _one(text: str, answer: Any) -> Typed:
    return Typed({"": text}, answer)


def _texts(asked: dict[str, Any]) -> st.SearchStrategy[Typed]:
    found = PATTERNS[asked["pattern"]] if "pattern" in asked else WORDS
    most, words = int(asked.get("max_length", 500)), int(asked.get("max_words", 500))
    fitting = [text for text in found if len(text) <= most and len(text.split()) <= words]
    return st.sampled_from([_one(f" {text} " if len(text) < 5 else text, text) for text in fitting])


def _long_texts(asked: dict[str, Any]) -> st.SearchStrategy[Typed]:
    lines = [_one("two\r\nlines", "two\nlines")] if not {"pattern", "max_length", "max_words"} & set(asked) else []
    return _texts(asked) | st.sampled_from(lines) if lines else _texts(asked)


def _decimals(asked: dict[str, Any], least: str) -> st.SearchStrategy[Decimal]:
    low, high = Decimal(asked.get("min", least)), Decimal(asked.get("max", "2000000"))
    return st.decimals(low, high, places=2)


def _numbers(asked: dict[str, Any]) -> st.SearchStrategy[Typed]:
    return _decimals(asked, "-999").map(lambda value: _one(f"{value:,f}", plain(value)))


def plain(value: Decimal) -> str:
    """Return a number without unnecessary zeros."""
    text = f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    return "0" if text in ("-0", "") else text


def _amounts(asked: dict[str, Any]) -> st.SearchStrategy[Typed]:
    return _decimals(asked, "0").map(lambda value: _one(f"£{value:,.2f}", f"{abs(value):.2f}"))


def _dates(asked: dict[str, Any]) -> st.SearchStrategy[Typed]:
    low = day(asked["min"]) if "min" in asked else date(1910, 1, 1)
    high = day(asked["max"]) if "max" in asked else TODAY + timedelta(days=2000)
    return st.dates(low, high).map(
        lambda d: Typed({"day": str(d.day), "month": f"{d:%B}", "year": str(d.year)}, d.isoformat())
    )


def day(written: str) -> date:
    """Return a date of a definition."""
    return TODAY if written == "today" else date.fromisoformat(written)


def _several(asked: dict[str, Any]) -> st.SearchStrategy[Typed]:
    alone = [option["value"] for option in asked["@options"] if option.get("exclusive") == "true"]
    others = [option["value"] for option in asked["@options"] if option["value"] not in alone]
    some = [st.sets(st.sampled_from(others), min_size=1)] if others else []
    chosen = st.one_of(*some, *([st.sampled_from(alone).map(lambda value: {value})] if alone else []))
    return chosen.map(lambda values: Typed({"": sorted(values)}, [v for v in others + alone if v in values])).map(
        lambda typed: Typed(typed.inputs, [o["value"] for o in asked["@options"] if o["value"] in typed.answer])
    )


def _addresses(_asked: dict[str, Any]) -> st.SearchStrategy[Typed]:
    second = st.sampled_from(["", "The <Old> Mill"])
    parts = second.map(lambda line: dict(zip(ADDRESS, ("18 Weir Lane", line, "Łódź", "AS4 2LN"), strict=True)))
    return parts.map(lambda found: Typed({suffix: f" {text}" for suffix, text in found.items()}, found))


def _chosen(asked: dict[str, Any]) -> st.SearchStrategy[Typed]:
    return st.sampled_from([_one(option["value"], option["value"]) for option in asked["@options"]])


EVERYBODYS = st.integers(1, 9999).map(lambda number: _one(f"p{number}@mail.example", f"p{number}@mail.example"))
"""Addresses of so many people that two fields rarely hold the same."""

MADE: dict[str, Callable[[dict[str, Any]], st.SearchStrategy[Typed]]] = {
    "text": _texts,
    "name": _texts,
    "long_text": _long_texts,
    "email": lambda _: st.sampled_from([_one(*pair) for pair in EMAILS.items()]) | EVERYBODYS,
    "phone": lambda _: st.sampled_from([_one(*pair) for pair in PHONES.items()]),
    "number": _numbers,
    "money": _amounts,
    "date": _dates,
    "yes_no": lambda _: st.sampled_from([_one("yes", True), _one("no", False)]),
    "declaration": lambda _: st.just(Typed({"": ["yes"]}, True)),
    "choice": _chosen,
    "choices": _several,
    "address": _addresses,
}
"""Types that are not listed hold no answer in these journeys."""
PICKED = frozenset({"yes_no", "declaration", "choice", "choices"})
PARTS = {"date": ("day", "month", "year"), "address": ADDRESS}


def nothing(asked: dict[str, Any]) -> Typed:
    """Return the empty field."""
    if asked["type"] in PICKED:
        return Typed({"": []})
    return Typed(dict.fromkeys(PARTS.get(asked["type"], ("",)), ""))


def typed_into(asked: dict[str, Any], *, may_be_empty: bool) -> st.SearchStrategy[Typed]:
    """Draw what somebody types into this field."""
    found = MADE[asked["type"]](asked)
    return st.one_of(found, found, st.just(nothing(asked))) if may_be_empty else found
