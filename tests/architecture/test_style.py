"""Few rooms, well filled: files and functions that can be read, one reader of the clock, no drawer for everything."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from portal.form_definitions.format.reference import REFERENCE_END, REFERENCE_START

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_FILE = 600
LONGEST_FUNCTION = 60
LEAST_FILE = 50
WIDEST_TEMPLATE = 160
WIDEST_PROSE = 100
NO_PROSE = re.compile(r"```.*?```|" + re.escape(REFERENCE_START) + ".*?" + re.escape(REFERENCE_END), re.DOTALL)
"""Blocks of code, and what a command writes."""
NO_PROSE_LINE = re.compile(r"\s*\||\[[^\]]+\]: |\S+$")
"""A row of a table, the definition of a link, and what cannot be broken."""
DRAWERS = {"helpers", "utils", "common", "manager", "managers", "misc"}
CLOCK_READERS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "perf_counter"),
    ("time", "sleep"),
    ("func", "now"),
    ("func", "current_timestamp"),
}
GENERATED = ROOT / "portal" / "migrations" / "versions"
PORTAL = sorted(path for path in (ROOT / "portal").rglob("*.py") if GENERATED not in path.parents)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
WRITTEN = [*PORTAL, ROOT / "wsgi.py", *TESTS, *SCRIPTS]
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())
DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def clock_reads(path: Path) -> list[str]:
    return [
        f"{name_of(path)}:{node.lineno}"
        for node in nodes(path)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in CLOCK_READERS
    ]


def long_functions(path: Path) -> list[str]:
    functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef)]
    return [
        f"{name_of(path)}:{node.name}" for node in functions if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imported_by(path: Path) -> set[str]:
    """The modules that a module imports, wherever in it that is."""
    imports = [node for node in nodes(path) if isinstance(node, ast.ImportFrom) and node.module]
    names = {f"{node.module}.{alias.name}" for node in imports for alias in node.names}
    return names | {node.module for node in imports if node.module}


def rooms() -> dict[str, Path]:
    """The modules of the portal by name, packages left out."""
    return {module_of(path): path for path in PORTAL if path.name != "__init__.py"}


def opening(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def test_no_file_is_too_long_to_read() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in WRITTEN}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_line_of_a_template_is_too_wide_to_review() -> None:
    lines = [(name_of(path), line) for path in TEMPLATES for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(name, line) for name, line in lines if len(line) > WIDEST_TEMPLATE] == []


def test_no_line_of_prose_is_too_wide_to_review() -> None:
    prose = {name_of(path): NO_PROSE.sub("", path.read_text(encoding="utf-8")).splitlines() for path in DOCS}
    wide = [(name, line) for name, lines in prose.items() for line in lines if len(line) > WIDEST_PROSE]
    assert [(name, line) for name, line in wide if not NO_PROSE_LINE.match(line)] == []


def test_no_function_is_too_long_to_see() -> None:
    assert [name for path in PORTAL for name in long_functions(path)] == []


def test_no_module_with_a_single_importer_is_smaller_than_a_room() -> None:
    modules = rooms()
    imports = {name: imported_by(path) for name, path in modules.items()}
    importers = {name: [other for other, found in imports.items() if name in found] for name in modules}
    lonely = {
        name: importers[name]
        for name, path in modules.items()
        if len(path.read_text(encoding="utf-8").splitlines()) < LEAST_FILE and len(importers[name]) == 1
    }
    assert lonely == {}


def test_every_module_opens_with_a_sentence() -> None:
    assert [name_of(path) for path in PORTAL if not opening(path).endswith((".", "?", ":"))] == []


def test_one_module_reads_the_clock() -> None:
    reads = [place for path in PORTAL for place in clock_reads(path)]
    assert [place.partition(":")[0] for place in reads] == ["portal/clock.py"]


def test_nothing_is_put_into_a_drawer_for_everything() -> None:
    assert [name_of(path) for path in WRITTEN if DRAWERS & {path.stem, path.parent.name}] == []
