"""Put one fault into a valid definition, and know the path that must be reported for it."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Draw = Any
Document = dict[str, Any]
Spoil = Callable[[Document, Any], str]
Part = Callable[[Document, Draw], tuple[str, dict[str, Any]]]


def _a_section(document: Document, draw: Draw) -> tuple[str, dict[str, Any]]:
    at = draw(st.integers(0, len(document["sections"]) - 1))
    return f"sections[{at}]", document["sections"][at]


def _a_field(document: Document, draw: Draw) -> tuple[str, dict[str, Any]]:
    path, section = _a_section(document, draw)
    at = draw(st.integers(0, len(section["fields"]) - 1))
    return f"{path}.fields[{at}]", section["fields"][at]


def _the_form(document: Document, _draw: Draw) -> tuple[str, dict[str, Any]]:
    return "form", document["form"]


def _written(part: Part, key: str, value: Any, place: str) -> Spoil:
    """Write this into some part; the fault is reported there, or at `place` in the part."""

    def spoil(document: Document, draw: Draw) -> str:
        path, found = part(document, draw)
        found[key] = value
        return f"{path}.{place or key}"

    return spoil


def in_field(key: str, value: Any, place: str = "") -> Spoil:
    return _written(_a_field, key, value, place)


def in_section(key: str, value: Any, place: str = "") -> Spoil:
    return _written(_a_section, key, value, place)


def in_form(key: str, value: Any, place: str = "") -> Spoil:
    return _written(_the_form, key, value, place)


def _missing(part: Part, key: str) -> Spoil:
    def spoil(document: Document, draw: Draw) -> str:
        path, found = part(document, draw)
        del found[key]
        return f"{path}.{key}"

    return spoil


def _same_field_twice(document: Document, draw: Draw) -> str:
    path, section = _a_section(document, draw)
    section["fields"].append(deepcopy(section["fields"][0]))
    return f"{path}.fields[{len(section['fields']) - 1}].id"


def _same_section_twice(document: Document, _draw: Draw) -> str:
    document["sections"].append({**deepcopy(document["sections"][0]), "when": None, "stop_when": []})
    del document["sections"][-1]["when"]
    return f"sections[{len(document['sections']) - 1}].id"


def _looks_forward(document: Document, draw: Draw) -> str:
    """Return a fault: a field whose condition refers to a later section."""
    path, asked = _a_field(document, draw)
    later = {"id": "later", "title": "Later", "fields": [{"id": "x", "type": "yes_no", "label": "X"}]}
    document["sections"].append(later)
    asked["when"] = {"all": [{"not": {"field": "later.x", "is": "true"}}]}
    return f"{path}.when.all[0].not.field"


def _looks_at_itself(document: Document, draw: Draw) -> str:
    path, asked = _a_field(document, draw)
    asked["when"] = {"field": f"./{asked['id']}", "answered": "true"}
    return f"{path}.when.field"


def _loop(document: Document, _draw: Draw) -> str:
    document["conditions"] |= {"one": {"not": {"condition": "two"}}, "two": {"any": [{"condition": "one"}]}}
    return "conditions.two.any[0].condition"


def _unknown_language(document: Document, draw: Draw) -> str:
    path, section = _a_section(document, draw)
    section["title"] = {"en": "Title", "xx": "?"}
    return f"{path}.title.xx"


def in_signer(key: str, value: Any, place: str = "") -> Spoil:
    """Add a signer with this in it; the fault is reported there, or at `place` in the signer."""

    def spoil(document: Document, _draw: Draw) -> str:
        asked = [{"id": "name", "type": "name", "label": "Name"}, {"id": "mail", "type": "email", "label": "Mail"}]
        document["sections"].append({"id": "signing", "title": "Signing", "fields": asked})
        signer = {"id": "signer", "role": "Signer", "name": "signing.name", "email": "signing.mail", "check": "code"}
        document["signers"] = [signer | {"statement": "I agree.", key: value}]
        return f"signers[0].{place or key}"

    return spoil


SPOILS: dict[str, Spoil] = {
    "unknown format": lambda document, _: document.update(format="2") or "format",
    "no form id": _missing(_the_form, "id"),
    "bad form id": in_form("id", "Form 1"),
    "unknown access": in_form("access", "nobody"),
    "too many minutes": in_form("expected_minutes", "601"),
    "no whole number": in_form("expected_minutes", "soon"),
    "unknown key of the form": in_form("colour", "blue"),
    "reminder after the end": in_form(
        "drafts", {"keep_days": "5", "remind_days_before": ["6"]}, "drafts.remind_days_before"
    ),
    "customer in no field": in_form("customer", {"email": "nowhere.mail"}, "customer.email"),
    "no section title": _missing(_a_section, "title"),
    "no fields": in_section("fields", []),
    "reserved section id": in_section("id", "autosave"),
    "section in the portal's own names": in_section("id", "_s"),
    "the same section twice": _same_section_twice,
    "unknown need": in_section("needs", ["nowhere"], "needs[0]"),
    "more than at most": in_section("repeat", {"item": "thing", "min": "3", "max": "2"}, "repeat.min"),
    "no item word": in_section("repeat", {"min": "1"}, "repeat.item"),
    "label of nothing": in_section("repeat", {"item": "thing", "label_from": "nothing"}, "repeat.label_from"),
    "unknown language": _unknown_language,
    "no label": _missing(_a_field, "label"),
    "empty label": in_field("label", "  "),
    "unknown type": in_field("type", "slider"),
    "no type": _missing(_a_field, "type"),
    "reserved field id": in_field("id", "csrf_token"),
    "the same field twice": _same_field_twice,
    "unknown key of a field": in_field("colour", "blue"),
    "flag that is none": in_field("required", "maybe"),
    "error that cannot happen": in_field("errors", {"too_blue": "Less blue"}, "errors"),
    "not a mapping": in_field("errors", ["required"]),
    "unknown list": in_field("options", "no_such_list"),
    "no limits for this": in_field("files", {"max": "0"}, "files"),
    "condition of two kinds": in_field("when", {"all": [], "any": []}),
    "condition on nothing": in_field("when", {"field": "./nothing", "is": "x"}, "when.field"),
    "condition without operator": in_field("when", {"field": "./nothing"}),
    "no such reference": in_field("required_when", {"field": "nothing", "is": "x"}, "required_when.field"),
    "no such condition": in_field("when", {"condition": "nothing"}, "when.condition"),
    "no such repeat": in_field("when", {"some_item": "nothing", "when": {"condition": "x"}}, "when.some_item"),
    "signer in no field": in_signer("name", "nowhere.name"),
    "signer's address is a name": in_signer("email", "signing.name"),
    "signer checked by nothing": in_signer("check", {"fact": "nowhere.born"}, "check.fact"),
    "signer shown nothing that is": in_signer("shows", ["nowhere"], "shows[0]"),
    "signer asked what they wait for": in_signer("asks", "signing"),
    "signer with no days": in_signer("days", "0"),
    "signer after themselves": in_signer("after", ["signer"], "after[0]"),
    "unknown key of a signer": in_signer("colour", "blue"),
    "looks forward": _looks_forward,
    "looks at itself": _looks_at_itself,
    "loop": _loop,
}
