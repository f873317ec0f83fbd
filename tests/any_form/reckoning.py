"""Work out a second time, from the document alone, what shows and what is sent, to compare with the portal."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from tests.any_form.answers import TODAY, Typed, day

Truth = bool | None
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "is": operator.eq,
    "is_not": operator.ne,
    "at_least": operator.ge,
    "at_most": operator.le,
    "more_than": operator.gt,
    "less_than": operator.lt,
}
AS_NUMBER, AS_DATE, AS_FLAG = ("number", "money"), ("date",), ("yes_no", "declaration")


@dataclass
class Reckoning:
    """One form being filled: `stored` holds the last answer of each field, whether it shows or not.

    A section that repeats holds one mapping for each item.
    """

    document: dict[str, Any]
    stored: dict[str, Any] = field(default_factory=dict)

    @property
    def sections(self) -> list[dict[str, Any]]:
        return self.document["sections"]

    def section(self, section_id: str) -> dict[str, Any]:
        return next(section for section in self.sections if section["id"] == section_id)

    def post(self, section_id: str, typed: Mapping[str, Typed], item: int | None = None) -> None:
        """Store what Continue stores: what was typed into each field.

        Nothing typed into a field that does not show for the values posted with it leaves what is stored of it.
        """
        section, before = self.section(section_id), self.visible(until=section_id)
        held = self.stored.setdefault(section_id, [] if "repeat" in section else {})
        if item is not None:
            held += [{}] * (item == len(held))
            held = held[item]
        here: dict[str, Any] = {}
        for asked in section["fields"]:
            name = asked["id"]
            shows = self._holds(asked.get("when"), before, section_id, here)
            if name in typed and (shows or typed[name].answer is not None):
                held.pop(name, None)
                held |= {name: typed[name].answer} if typed[name].answer is not None else {}
            here |= {name: held[name]} if shows and name in held else {}

    def visible(self, until: str | None = None) -> dict[str, Any]:
        """Return the answers that count, section by section; `until` leaves out that section and all after it."""
        found: dict[str, Any] = {}
        for section in self.sections:
            if section["id"] == until:
                break
            if self._holds(section.get("when"), found, section["id"], {}):
                found[section["id"]] = self._visible_in(section, found)
        return found

    def shows(self, section_id: str) -> bool:
        return section_id in self.visible()

    def _visible_in(self, section: dict[str, Any], before: dict[str, Any]) -> Any:
        held = self.stored.get(section["id"], [] if "repeat" in section else {})
        if "repeat" in section:
            return [self._visible_fields(section, item, before) for item in held]
        return self._visible_fields(section, held, before)

    def _visible_fields(self, section: dict[str, Any], held: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
        here: dict[str, Any] = {}
        for asked in section["fields"]:
            if asked["id"] in held and self._holds(asked.get("when"), before, section["id"], here):
                here[asked["id"]] = held[asked["id"]]
        return here

    def requires(self, section_id: str, asked: dict[str, Any], typed: Mapping[str, Typed]) -> bool:
        """Return whether a field must be answered on a page with these values, if it shows."""
        here = {name: each.answer for name, each in typed.items() if each.answer is not None}
        before = self.visible(until=section_id)
        when = asked.get("required_when")
        return asked.get("required") == "true" or (when is not None and self._holds(when, before, section_id, here))

    def shows_field(self, section_id: str, asked: dict[str, Any], typed: Mapping[str, Typed]) -> bool:
        """Return whether a field shows on a page with these values above it."""
        here = {name: each.answer for name, each in typed.items() if each.answer is not None}
        return self._holds(asked.get("when"), self.visible(until=section_id), section_id, here)

    def stop(self, section_id: str) -> dict[str, Any] | None:
        """Return the first stop of a section that its answers lead to."""
        section, found = self.section(section_id), self.visible()
        if section_id not in found:
            return None
        pages = (found[section_id] or [{}]) if "repeat" in section else [found[section_id]]
        stops = section.get("stop_when", [])
        return next((s for s in stops if any(self._holds(s["when"], found, section_id, page) for page in pages)), None)

    def first_stop(self) -> dict[str, Any] | None:
        return next((stop for section in self.sections if (stop := self.stop(section["id"]))), None)

    def _holds(self, when: Any, found: dict[str, Any], own: str, here: dict[str, Any]) -> bool:
        return when is None or self._truth(when, found, own, here) is True

    def _truth(self, when: dict[str, Any], found: dict[str, Any], own: str, here: dict[str, Any]) -> Truth:
        if "condition" in when:
            return self._truth(self.document["conditions"][when["condition"]], found, own, here)
        if "not" in when:
            inner = self._truth(when["not"], found, own, here)
            return None if inner is None else not inner
        if "all" in when:
            return _all([self._truth(part, found, own, here) for part in when["all"]])
        if "any" in when:
            return _any([self._truth(part, found, own, here) for part in when["any"]])
        if "some_item" in when:
            name = when["some_item"]
            return _any([self._truth(when["when"], found, name, item) for item in found.get(name, [])])
        return self._compare(when, found, own, here)

    def _compare(self, when: dict[str, Any], found: dict[str, Any], own: str, here: dict[str, Any]) -> Truth:
        section_id, _, name = when["field"].replace("./", f"{own}.").partition(".")
        answer = (here if section_id == own else found.get(section_id, {})).get(name)
        [(word, value)] = ((key, value) for key, value in when.items() if key != "field")
        if word == "answered":
            return (answer is not None) is (value == "true")
        if answer is None:
            return None
        asked = next(each for each in self.section(section_id)["fields"] if each["id"] == name)
        return _judge(word, asked["type"], answer, value)


def _judge(word: str, kind: str, answer: Any, value: Any) -> bool:
    if word == "includes":
        return value in answer
    if word == "years_ago_at_least":
        return _age(date.fromisoformat(answer)) >= int(value)
    if word == "one_of":
        return any(_judge("is", kind, answer, each) for each in value)
    read: Callable[[Any], Any] = (
        Decimal if kind in AS_NUMBER else day if kind in AS_DATE else _flag if kind in AS_FLAG else str
    )
    return ORDER[word](answer if kind in AS_FLAG else read(answer), read(value))


def _age(born: date) -> int:
    return TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))


def _flag(written: str) -> bool:
    return written == "true"


def _all(parts: list[Truth]) -> Truth:
    return False if False in parts else None if None in parts else True


def _any(parts: list[Truth]) -> Truth:
    return True if True in parts else None if None in parts else False
