"""Look-ups of a form: what they are asked with, how a result becomes answers, and what will not work."""

import re
from collections.abc import Iterator, Mapping

from portal.form_definitions.definition import Answer, Field, FormDefinition, Lookup
from portal.form_definitions.format.source import Fault, KeyPath, path_text
from portal.form_definitions.types.answers import ADDRESS_KEYS

LookupValue = str | Mapping[str, str]
Offered = Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]]
"""By name of an integration: the inputs that it needs, and the values that it offers with their shapes."""

_DATE = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
_FLAG_TEXTS = {True: "yes", False: "no"}


def input_text(answer: Answer | None) -> str:
    """Return an answer as the one text with which an integration is asked; an address is put on one line."""
    if isinstance(answer, bool):
        return _FLAG_TEXTS[answer]
    if isinstance(answer, dict):
        return ", ".join(answer[part] for part in ADDRESS_KEYS if answer.get(part))
    return answer if isinstance(answer, str) else ""


def filled_inputs(field: Field, value: LookupValue) -> dict[str, list[str]]:
    """Return the inputs that a value of a result fills in, by suffix; nothing is judged here.

    A text fills the first line of an address; an address fills a text as one line; a date is YYYY-MM-DD.
    """
    if field.type == "address":
        parts = value if isinstance(value, Mapping) else {"line_1": value}
        return {part: [parts.get(part, "")] for part in ADDRESS_KEYS}
    text = input_text(dict(value)) if isinstance(value, Mapping) else value
    if field.type == "date":
        is_date = _DATE.fullmatch(text)
        return {part: [is_date[part].lstrip("0") if is_date else ""] for part in ("day", "month", "year")}
    return {"": [_option_value(field, text)]}


def _option_value(field: Field, text: str) -> str:
    """Return the option that a text names by its value or its label; else the text itself."""
    meant = text.casefold()
    for option in field.options:
        if meant in (option.value.casefold(), *(label.casefold() for _, label in option.label.by_language)):
            return option.value
    return text


def lookups_of(definition: FormDefinition) -> list[tuple[KeyPath, Field]]:
    """Return the look-ups of a form, each with its path in the document."""
    return [
        (("sections", section.place, "fields", index), field)
        for section in definition.sections
        for index, field in enumerate(section.fields)
        if field.lookup
    ]


def doubts(definition: FormDefinition, offered: Offered) -> list[Fault]:
    """Return what will not work with this installation's integrations; the form may be published all the same."""
    return [
        Fault(path=path_text((*place, *path)), sentence=sentence)
        for place, field in lookups_of(definition)
        for path, sentence in _doubts(definition, field, field.lookup, offered)
    ]


def _doubts(
    definition: FormDefinition, field: Field, lookup: Lookup | None, offered: Offered
) -> Iterator[tuple[KeyPath, str]]:
    if lookup is None:
        return
    if lookup.integration not in offered:
        yield ("integration",), f"This portal has no integration named {lookup.integration}."
        return
    needed, outputs = offered[lookup.integration]
    section = next(each for each in definition.sections if field in each.fields)
    yield from _input_doubts(lookup, needed)
    for target, output in lookup.fills.items():
        sentence = _misfit(section.field(target), output, lookup.integration, outputs)
        if sentence:
            yield ("fills", f"./{target}"), sentence


def _input_doubts(lookup: Lookup, needed: tuple[str, ...]) -> Iterator[tuple[KeyPath, str]]:
    for name in needed:
        if name not in lookup.inputs:
            yield ("inputs",), f"{lookup.integration} needs the input {name}."
    for name in lookup.inputs:
        if name not in needed:
            yield ("inputs", name), f"{lookup.integration} takes no input {name}."


def _misfit(target: Field | None, output: str, integration: str, outputs: Mapping[str, str]) -> str | None:
    if output not in outputs:
        return f"{integration} offers no {output}; it offers {', '.join(outputs)}."
    if outputs[output] == "address" and target and target.type not in ("address", "text", "long_text"):
        return f"{output} is an address and does not fit a field of type {target.type}."
    return None
