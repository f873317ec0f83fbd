"""Answers that are files: which ones were added, as the form keeps them beside its other answers."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.form_definitions.answers import Inputs, InvalidAnswerError, Translate, mark
from portal.form_definitions.definition import Answer, Field
from portal.form_definitions.file_kinds import size_text

FILE_MESSAGES = {
    "required": mark("Add a file for “%(label)s”"),
    "max": mark("“%(name)s” was not added: “%(label)s” takes %(limit)s at most"),
    "size": mark("“%(name)s” was not added: a file may have %(limit)s MB at most"),
    "empty": mark("“%(name)s” was not added: there is nothing in it"),
    "type": mark("“%(name)s” was not added: it must be %(kinds)s"),
    "content": mark("“%(name)s” was not added: what is in it is not what its name says"),
    "name": mark("“%(name)s” was not added: give the file another name, with letters, numbers and one full stop"),
    "damaged": mark("“%(name)s” was not added: it is damaged or not complete"),
    "locked": mark("“%(name)s” was not added: it is protected by a password"),
    "macros": mark("“%(name)s” was not added: it holds macros; save it without them"),
    "mixed": mark("“%(name)s” was not added: it hides another kind of file; save it again"),
    "pixels": mark("“%(name)s” was not added: the picture is too large; save it smaller"),
    "unpacked": mark("“%(name)s” was not added: it would be far too large when it is opened"),
    "infected": mark("“%(name)s” has a virus and was not kept; choose another file"),
    "infected.later": mark("“%(name)s” had a virus and was deleted: remove it, and choose another file"),
    "again": mark("“%(name)s” was not added: please choose it again"),
}
"""Each reason why a file was not kept has its sentence."""


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One added file: `id` names it in storage, `name` is the cleaned name it came with, `size` counts bytes."""

    id: str
    name: str
    kind: str
    size: int

    def stored(self) -> dict[str, str]:
        """The entry as an answer holds it."""
        return {"id": self.id, "name": self.name, "kind": self.kind, "size": str(self.size)}


def file_entries(answer: Any) -> tuple[FileEntry, ...]:
    """The files in a stored answer; none where it is no answer to a question for files."""
    if not isinstance(answer, list):
        return ()
    return tuple(_entry(each) for each in answer if isinstance(each, dict))


def _entry(stored: dict[str, str]) -> FileEntry:
    return FileEntry(id=stored["id"], name=stored["name"], kind=stored["kind"], size=int(stored["size"]))


def read_files(field: Field, inputs: Inputs, today: date) -> Answer | None:
    """The files that are kept already: what a browser sends becomes one of them elsewhere, and never here."""
    kept = [entry.stored() for text in inputs.get("") or () for entry in _entries_in(text)]
    if field.files and len(kept) > field.files.max:
        raise InvalidAnswerError("max", limit=field.files.max, name=kept[-1]["name"])
    return kept or None


def _entries_in(text: str) -> tuple[FileEntry, ...]:
    """The entry in a text that `show_files` made; none in what was typed when the question was another one."""
    try:
        return file_entries([json.loads(text)])
    except (ValueError, KeyError, TypeError):
        return ()


def show_files(field: Field, answer: Any) -> dict[str, list[str]]:
    """The kept files, one text each, as `read_files` reads them back."""
    return {"": [json.dumps(entry.stored(), sort_keys=True) for entry in file_entries(answer)]}


def display_files(field: Field, answer: Any, language: str, translate: Translate) -> list[str]:
    """The name and size of each file."""
    return [f"{entry.name} ({size_text(entry.size)})" for entry in file_entries(answer)]
