"""From text to a plain tree of strings, lists and mappings; limits and duplicate keys are judged here."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from portal.form_definitions.faults import Fault, FaultyDefinitionError, Path, written

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")

Tree = Any  # str, list[Tree] or dict[str, Tree]


def yaml_tree(text: str) -> Tree:
    """Read YAML with every scalar a string, so that `no`, `12:30` and `007` stay what the author wrote.

    Works on the parser's events: nothing recurses, aliases cannot multiply, duplicate keys are seen.
    """
    _refuse_large(text)
    try:
        return _Builder().build(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        _refuse((), f"This is not YAML that we can read: {_first_line(error)}.")
    except UnicodeEncodeError:
        _refuse((), "The text holds characters that cannot be stored.")


def json_tree(text: str) -> Tree:
    """Read JSON as the same tree of strings; numbers keep their spelling."""
    _refuse_large(text)
    try:
        tree = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_mapping_without_duplicates
        )
    except ValueError as error:
        _refuse((), f"This is not JSON that we can read: {error}.")
    except RecursionError:
        _refuse((), _TOO_DEEP)
    return _strings_only(tree, ())


_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_TOO_DEEP = f"The document is nested more than {MAX_DEPTH} levels deep."
_JSON_WORDS = {True: "true", False: "false", None: ""}


def _refuse(path: Path, sentence: str) -> NoReturn:
    raise FaultyDefinitionError((Fault(path=written(path), sentence=sentence),))


def _refuse_large(text: str) -> None:
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        _refuse((), f"The document is larger than {MAX_BYTES // 1000} kB.")


def _first_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, {problem}" if mark else problem


def _checked(text: str, path: Path) -> str:
    if UNSTORABLE.search(text):
        _refuse(path, "The text holds control characters that cannot be stored.")
    return text


class _Builder:
    """Builds the tree from parser events with an explicit stack of open lists and mappings."""

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
            _refuse(self._where(), f"Aliases such as *{event.anchor} are not allowed; write the part out.")

    def _where(self) -> Path:
        return tuple(part for part in self._path if part is not None)

    def _enter(self, node: Tree) -> None:
        if len(self._open) >= MAX_DEPTH:
            _refuse(self._where()[:3], _TOO_DEEP)
        self._add(node)
        self._open.append(node)
        self._path.append(None)

    def _add(self, node: Tree) -> None:
        if not self._open:
            self._add_root(node)
        elif isinstance(self._open[-1], list):
            self._path[-1] = len(self._open[-1])
            self._open[-1].append(_checked(node, self._where()) if isinstance(node, str) else node)
        else:
            self._add_to_mapping(self._open[-1], node)

    def _add_root(self, node: Tree) -> None:
        if self._root:
            _refuse((), "The file holds more than one document.")
        self._root.append(node)

    def _add_to_mapping(self, mapping: dict[str, Tree], node: Tree) -> None:
        key = self._path[-1]
        if key is not None and key in mapping and mapping[str(key)] is _PENDING:
            mapping[str(key)] = _checked(node, self._where()) if isinstance(node, str) else node
            return
        self._open_key(mapping, node)

    def _open_key(self, mapping: dict[str, Tree], key: Tree) -> None:
        self._path[-1] = None
        if not isinstance(key, str):
            _refuse(self._where(), "A key must be text, not a list or a mapping.")
        _refuse_bad_key(key, key in mapping, self._where())
        mapping[key] = _PENDING
        self._path[-1] = key


_PENDING = object()


def _refuse_bad_key(key: str, duplicate: bool, where: Path) -> None:
    _checked(key, where)
    if duplicate:
        _refuse((*where, key), "This key is written twice in the same mapping.")


def _mapping_without_duplicates(pairs: list[tuple[str, Tree]]) -> dict[str, Tree]:
    mapping: dict[str, Tree] = {}
    for key, value in pairs:
        _refuse_bad_key(key, key in mapping, ())
        mapping[key] = value
    return mapping


def _strings_only(node: Tree, path: Path) -> Tree:
    if len(path) > MAX_DEPTH:
        _refuse(path[:3], _TOO_DEEP)
    if isinstance(node, dict):
        return {key: _strings_only(value, (*path, key)) for key, value in node.items()}
    if isinstance(node, list):
        return [_strings_only(value, (*path, index)) for index, value in enumerate(node)]
    return _checked(node if isinstance(node, str) else _JSON_WORDS[node], path)
