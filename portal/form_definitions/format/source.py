"""Read the text of a form definition, YAML or JSON, into strings, and collect faults with their paths."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from portal.errors import PortalError

KeyPath = tuple[str | int, ...]
MAX_BYTES = 1_000_000
MAX_DEPTH = 40
UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
Tree = Any  # str, list[Tree] or dict[str, Tree]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault; `path` reads like `sections[2].fields[0].options` and is empty for the document as a whole."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}" if self.path else self.sentence


class FaultyDefinitionError(PortalError):
    """A definition that is refused as a whole."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class Faults:
    """A list of faults; nothing is added inside a part that could not be read at all."""

    def __init__(self) -> None:
        self._found: dict[Fault, None] = {}
        self._unreadable: set[KeyPath] = set()

    def add(self, path: KeyPath, sentence: str) -> None:
        """Note one fault, unless it lies in a part that could not be read."""
        if not any(path[:length] in self._unreadable for length in range(len(path) + 1)):
            self._found[Fault(path=path_text(path), sentence=sentence)] = None

    def add_unreadable(self, path: KeyPath, sentence: str) -> None:
        """Note a part that has the wrong shape."""
        self.add(path, sentence)
        self._unreadable.add(path)

    def refuse(self) -> None:
        """Raise `FaultyDefinitionError` if there is any fault."""
        if self._found:
            raise FaultyDefinitionError(tuple(self._found))


def path_text(path: KeyPath) -> str:
    """Return the path as authors read it: `sections[2].fields[0].options`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def yaml_tree(text: str) -> Tree:
    """Read YAML with every scalar as a string, so that `no`, `12:30` and `007` stay what the author wrote.

    This works on the parser's events: nothing recurses, aliases cannot multiply, and duplicate keys are found.
    """
    _refuse_large(text)
    try:
        return _Builder().build(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        _refuse_document((), f"This is not YAML that we can read: {_first_line(error)}.")
    except UnicodeEncodeError:
        _refuse_document((), "The text holds characters that cannot be stored.")


def json_tree(text: str) -> Tree:
    """Read JSON into the same tree of strings; numbers keep their spelling."""
    _refuse_large(text)
    try:
        tree = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_mapping_without_duplicates
        )
    except ValueError as error:
        _refuse_document((), f"This is not JSON that we can read: {error}.")
    except RecursionError:
        _refuse_document((), _TOO_DEEP)
    return _strings_only(tree, ())


_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


_TOO_DEEP = f"The document is nested more than {MAX_DEPTH} levels deep."


_JSON_WORDS = {True: "true", False: "false", None: ""}


def _refuse_document(path: KeyPath, sentence: str) -> NoReturn:
    raise FaultyDefinitionError((Fault(path=path_text(path), sentence=sentence),))


def _refuse_large(text: str) -> None:
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        _refuse_document((), f"The document is larger than {MAX_BYTES // 1000} kB.")


def _first_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, {problem}" if mark else problem


def _storable(text: str, path: KeyPath) -> str:
    if UNSTORABLE.search(text):
        _refuse_document(path, "The text holds control characters that cannot be stored.")
    return text


class _Builder:
    """Build the tree from parser events, with an explicit stack of open lists and mappings."""

    def __init__(self) -> None:
        self._open: list[Tree] = []
        self._path: list[str | int | None] = []
        self._root: list[Tree] = []

    def build(self, events: Iterator[yaml.Event]) -> Tree:
        for event in events:
            self._take(event)
        return self._root[0] if self._root else {}

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._add(event.value)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._enter([])
        elif isinstance(event, yaml.MappingStartEvent):
            self._enter({})
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._path.pop()
        elif isinstance(event, yaml.AliasEvent):
            _refuse_document(self._where(), f"Aliases such as *{event.anchor} are not allowed; write the part out.")

    def _where(self) -> KeyPath:
        return tuple(part for part in self._path if part is not None)

    def _enter(self, node: Tree) -> None:
        if len(self._open) >= MAX_DEPTH:
            _refuse_document(self._where()[:3], _TOO_DEEP)
        self._add(node)
        self._open.append(node)
        self._path.append(None)

    def _add(self, node: Tree) -> None:
        if not self._open:
            if self._root:
                _refuse_document((), "The file holds more than one document.")
            self._root.append(node)
        elif isinstance(self._open[-1], list):
            self._path[-1] = len(self._open[-1])
            self._open[-1].append(_storable(node, self._where()) if isinstance(node, str) else node)
        else:
            self._add_to_mapping(self._open[-1], node)

    def _add_to_mapping(self, mapping: dict[str, Tree], node: Tree) -> None:
        key = self._path[-1]
        if key is not None and key in mapping and mapping[str(key)] is _PENDING:
            mapping[str(key)] = _storable(node, self._where()) if isinstance(node, str) else node
            return
        self._open_key(mapping, node)

    def _open_key(self, mapping: dict[str, Tree], key: Tree) -> None:
        self._path[-1] = None
        if not isinstance(key, str):
            _refuse_document(self._where(), "A key must be text, not a list or a mapping.")
        _refuse_bad_key(key, key in mapping, self._where())
        mapping[key] = _PENDING
        self._path[-1] = key


_PENDING = object()


def _refuse_bad_key(key: str, duplicate: bool, where: KeyPath) -> None:
    _storable(key, where)
    if duplicate:
        _refuse_document((*where, key), "This key is written twice in the same mapping.")


def _mapping_without_duplicates(pairs: list[tuple[str, Tree]]) -> dict[str, Tree]:
    mapping: dict[str, Tree] = {}
    for key, value in pairs:
        _refuse_bad_key(key, key in mapping, ())
        mapping[key] = value
    return mapping


def _strings_only(node: Tree, path: KeyPath) -> Tree:
    if len(path) > MAX_DEPTH:
        _refuse_document(path[:3], _TOO_DEEP)
    if isinstance(node, dict):
        return {key: _strings_only(value, (*path, key)) for key, value in node.items()}
    if isinstance(node, list):
        return [_strings_only(value, (*path, index)) for index, value in enumerate(node)]
    return _storable(node if isinstance(node, str) else _JSON_WORDS[node], path)
