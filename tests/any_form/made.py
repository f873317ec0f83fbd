"""Make valid definitions at random: every type, nested conditions, repeats, lists, needs and stops."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.any_form.answers import EMAILS, MADE, PATTERNS, PHONES, PICKED, WORDS

Draw = Any
LABELS = ("Name", "How <much>?", "50% & more", "“Quoted” %(label)s", "Łódź 😀", "{x}", "A very long question " * 6, "ŵ")
VALUES = ("a", "b", "none", "no", "12:30", "007", "two words", "x,y", 'q"', "<i>", "Ł")
MARKDOWN = ("Plain.", "# Big\n\n* one\n* [two](https://a.example)\n\n<script>x</script>", "**%(x)s** {y}")
ORDERED = ("is", "is_not", "at_least", "at_most", "more_than", "less_than")
TEXTS = ("text", "long_text", "name", "email", "phone")
DATES = ("today", "2000-02-29", "2026-11-20", "1984-12-31")
BOUNDS = {"number": ("-5", "0", "2.5", "400"), "money": ("0", "0.01", "650", "1000000"), "date": DATES}
MOST_FIELDS, MOST_SECTIONS, MOST_ITEMS, DEEPEST = 5, 4, 3, 3


@dataclass
class Made:
    """A definition in the making: the next condition may refer to whatever it holds so far."""

    draw: Draw
    document: dict[str, Any]
    favoured: tuple[str, ...] = ()

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def pick(self, values: Any) -> Any:
        return self.draw(st.sampled_from(tuple(values)))

    def text(self) -> Any:
        """Draw a text, or one for each language."""
        languages = self.document["form"].get("languages", ["en"])
        if len(languages) > 1 and self.chance(2):
            return {code: self.pick(LABELS) for code in languages}
        return self.pick(LABELS)


@st.composite
def documents(draw: Draw, favoured: tuple[str, ...] = ()) -> dict[str, Any]:
    """Draw a valid document with every value as text; `@options` also holds the options of choices, resolved.

    Half of its fields are of the `favoured` types, if there are any.
    """
    form = {"id": "made_form", "title": "Made"}
    made = Made(draw, {"format": "1", "form": form, "conditions": {}, "lists": {}}, favoured)
    header, sections = made.document["form"], made.document.setdefault("sections", [])
    if made.chance(3):
        header["languages"] = ["en", "cy"]
    if made.chance(2):
        header["declaration"] = made.text()
    for key, value in (("summary", made.text()), ("expected_minutes", "35"), ("you_will_need", [made.text()])):
        if made.chance(3):
            header[key] = value
    for number in range(draw(st.integers(1, MOST_SECTIONS))):
        sections.append(_section(made, f"s{number}"))
    if made.chance(2):
        header |= _customer(made)
    return made.document


def _customer(made: Made) -> dict[str, Any]:
    """Draw whose form it is, from the fields that are asked once."""
    plain = [each for each in made.document["sections"] if "repeat" not in each]
    asked = [(f"{each['id']}.{field['id']}", field["type"]) for each in plain for field in each["fields"]]
    emails, names = ([place for place, kind in asked if kind in kinds] for kinds in (("email",), ("name", "text")))
    found: dict[str, Any] = {"email": made.pick(emails)} if emails else {}
    if names and (made.chance(2) or not found):
        several = made.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        found["name"] = several if len(several) > 1 or made.chance(2) else several[0]
    return {"customer": found} if found else {}


def _section(made: Made, section_id: str) -> dict[str, Any]:
    section: dict[str, Any] = {"id": section_id, "title": f"Section {section_id}", "fields": []}
    earlier = list(made.document["sections"])
    if made.chance(3):
        section["repeat"] = _repeat(made)
    if _places(made, []) and made.chance(3):
        section["when"] = _condition(made, section, [])
    if earlier and made.chance(3):
        section["needs"] = sorted({made.pick(each["id"] for each in earlier)})
    if made.chance(3):
        section["intro"] = made.pick(MARKDOWN)
    for number in range(made.draw(st.integers(1, MOST_FIELDS))):
        section["fields"].append(_field(made, section, f"f{number}"))
    named = [each["id"] for each in section["fields"] if each["type"] in MADE]
    if "repeat" in section and named and made.chance(2):
        section["repeat"]["label_from"] = made.pick(named)
    if _places(made, section["fields"]) and made.chance(6):
        stop = {"when": _condition(made, section, section["fields"]), "title": f"Stop {section_id}"}
        section["stop_when"] = [stop | ({"body": made.pick(MARKDOWN)} if made.chance(2) else {})]
    return section


def _repeat(made: Made) -> dict[str, Any]:
    least = made.draw(st.integers(0, 2))
    return {"item": made.text(), "min": str(least), "max": str(made.draw(st.integers(max(1, least), MOST_ITEMS)))}


def _field(made: Made, section: dict[str, Any], field_id: str) -> dict[str, Any]:
    kind = made.pick(made.favoured if made.favoured and made.chance(2) else (*MADE, *MADE, "note"))
    asked: dict[str, Any] = {"id": field_id, "type": kind, "label": made.text()}
    before = list(section["fields"])
    can_look_back = bool(_places(made, before))
    if can_look_back and made.chance(3):
        asked["when"] = _condition(made, section, before)
    if made.chance(3):
        asked["hint"] = made.text()
    if kind == "note":
        return asked | {"label": made.pick(MARKDOWN)}
    if made.chance(2):
        asked["required"] = "true"
    elif can_look_back and made.chance(4):
        asked["required_when"] = _condition(made, section, before)
    if made.chance(6):
        asked["errors"] = {"required": made.text()}
    return asked | _limits(made, kind)


def _limits(made: Made, kind: str) -> dict[str, Any]:
    """Draw the keys that only some types take, so that some answer always fits."""
    if kind in ("choice", "choices"):
        return _options(made, kind)
    if kind in BOUNDS and made.chance(2):
        return _bounds(made, kind)
    if kind not in ("text", "name", "long_text"):
        return {}
    if made.chance(3):
        return {"pattern": made.pick(PATTERNS)}
    return ({"max_length": "5"} if made.chance(4) else {}) | ({"max_words": "1"} if made.chance(4) else {})


def _bounds(made: Made, kind: str) -> dict[str, str]:
    if kind == "date":
        return made.pick(({"min": "1984-12-31", "max": "today"}, {"max": "2026-11-20"}, {"min": "today"}))
    low, high = sorted(made.draw(st.lists(st.sampled_from(range(4)), min_size=2, max_size=2)))
    found = {"min": BOUNDS[kind][low], "max": BOUNDS[kind][high]}
    return {key: value for key, value in found.items() if made.chance(2)}


def _options(made: Made, kind: str) -> dict[str, Any]:
    values = made.draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=4, unique=True))
    options = [{"value": value, "label": made.text()} for value in values]
    if kind == "choices" and made.chance(3):
        options[-1]["exclusive"] = "true"
    if not made.chance(2):
        return {"options": options, "@options": options}
    name = f"list{len(made.document['lists'])}"
    made.document["lists"][name] = options
    return {"options": name, "@options": options}


def _condition(made: Made, section: dict[str, Any], before: list[dict[str, Any]], deep: int = 0) -> dict[str, Any]:
    """Draw a condition that is allowed here, now and then under a name."""
    found = _joined(made, section, before, deep) if deep < DEEPEST and made.chance(2) else None
    found = found or _about_an_answer(made, section, before)
    if "./" not in repr(found) and made.chance(4):
        name = f"c{len(made.document['conditions'])}"
        made.document["conditions"][name] = found
        return {"condition": name}
    return found


def _joined(made: Made, section: dict[str, Any], before: list[dict[str, Any]], deep: int) -> dict[str, Any]:
    word = made.pick(("all", "any", "not"))
    if word == "not":
        return {word: _condition(made, section, before, deep + 1)}
    parts = range(made.draw(st.integers(1, 3)))
    return {word: [_condition(made, section, before, deep + 1) for _ in parts]}


def _about_an_answer(made: Made, section: dict[str, Any], before: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw a comparison with an earlier field; with an item's field if that section repeats."""
    other, asked = made.pick(_places(made, before))
    if other is None:
        own = "repeat" in section or made.chance(2)
        return {"field": f"./{asked['id']}" if own else f"{section['id']}.{asked['id']}"} | _compared(made, asked)
    if "repeat" not in other:
        return {"field": f"{other['id']}.{asked['id']}"} | _compared(made, asked)
    inner = {"field": f"./{asked['id']}"} | _compared(made, asked)
    return {"some_item": other["id"], "when": {"not": inner} if made.chance(4) else inner}


def _places(made: Made, before: list[dict[str, Any]]) -> list[tuple[dict[str, Any] | None, dict[str, Any]]]:
    """Yield the fields that a condition may compare: earlier ones of its section (None), all of earlier sections."""
    own = [(None, asked) for asked in before if asked["type"] in MADE]
    return own + [
        (each, asked) for each in made.document["sections"] for asked in each["fields"] if asked["type"] in MADE
    ]


def _compared(made: Made, asked: dict[str, Any]) -> dict[str, Any]:
    kind = asked["type"]
    if kind == "address" or made.chance(5):
        return {"answered": made.pick(("true", "false"))}
    if kind == "choices":
        return {"includes": made.pick(option["value"] for option in asked["@options"])}
    if kind == "date" and made.chance(3):
        return {"years_ago_at_least": made.pick(("0", "18", "42"))}
    values = _values(asked)
    if kind in BOUNDS:
        word = made.pick(ORDERED)
    else:
        word = made.pick(("is", "is_not") if kind in PICKED - {"choice"} else ("is", "is_not", "one_of"))
    return {word: [made.pick(values), made.pick(values)] if word == "one_of" else made.pick(values)}


def _values(asked: dict[str, Any]) -> tuple[str, ...]:
    """Draw values that answers to this field often have."""
    if asked["type"] in ("yes_no", "declaration"):
        return ("true", "false")
    if asked["type"] in BOUNDS:
        return BOUNDS[asked["type"]]
    if "@options" in asked:
        return tuple(option["value"] for option in asked["@options"])
    texts = {"email": tuple(EMAILS.values()), "phone": tuple(PHONES.values())}
    return texts.get(asked["type"], PATTERNS.get(asked.get("pattern", ""), WORDS))


def as_written(node: Any) -> Any:
    """Return the document as its author writes it, without the resolved options."""
    if isinstance(node, dict):
        return {key: as_written(value) for key, value in node.items() if not key.startswith("@")}
    return [as_written(each) for each in node] if isinstance(node, list) else node
