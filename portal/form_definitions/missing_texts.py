"""Which texts of a form lack one of its languages: no fault, for the first language stands in, yet worth a list."""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel

from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.document import TextDocument
from portal.form_definitions.faults import Fault, Path, written
from portal.form_definitions.reading import document_of


def missing_texts(definition: FormDefinition) -> tuple[Fault, ...]:
    """One line for each text and language in which it is missing, by path, in the order of the document.

    A text that is written without a language is in the form's first.
    """
    others = definition.languages[1:]
    found = _texts(document_of(definition), ()) if others else ()
    return tuple(
        Fault(path=written(path), sentence=f"There is no text in {code}; people read it in {definition.languages[0]}.")
        for path, text in found
        for code in others
        if isinstance(text, str) or code not in text
    )


def _texts(part: Any, path: Path) -> Iterator[tuple[Path, str | dict[str, str]]]:
    """Every text of a part of the document, with its path."""
    if isinstance(part, BaseModel):
        for name, described in type(part).model_fields.items():
            value, place = getattr(part, name), (*path, described.alias or name)
            yield from _said(value, place) if name in _text_keys(type(part)) else _texts(value, place)
    elif isinstance(part, list | dict):
        for index, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _texts(value, (*path, index))


def _said(value: Any, path: Path) -> Iterator[tuple[Path, str | dict[str, str]]]:
    """The text of a key, or the texts where it holds a list of them or one for each of several messages."""
    if isinstance(value, list):
        yield from ((((*path, index)), text) for index, text in enumerate(value))
    elif path[-1] == "errors":
        yield from ((((*path, key)), text) for key, text in value.items())
    elif value:
        yield path, value


@cache
def _text_keys(kind: type[BaseModel]) -> frozenset[str]:
    """The keys of a part that hold texts, as its model declares them."""
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(name for name in kind.model_fields if _holds_text(hints[name]))


def _holds_text(hint: Any) -> bool:
    return hint == TextDocument or any(_holds_text(part) for part in get_args(hint))
