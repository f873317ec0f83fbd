"""What a newcomer reads names what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PATH = re.compile(r"`((?:portal|templates|tests|static|docs)/[\w./-]+)(?:::\w+)?`")
LINK = re.compile(r"\]\(([\w./@-]+)(?:#[\w-]+)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = [ROOT / path for path in PATH.findall(text)] + [page.parent / link for link in LINK.findall(text)]
    assert [str(path) for path in named if not path.exists()] == []


def test_every_make_command_that_a_newcomer_is_told_exists() -> None:
    told = re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {*told} <= {*targets}


def test_hooks_run_what_the_check_runs() -> None:
    hooks = re.findall(r"entry: \.venv/bin/([\w-]+)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    checked = re.findall(r"^\t\$\(VENV\)/bin/([\w-]+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(hooks) == sorted(checked)


def test_make_exports_nothing_that_configures_the_portal() -> None:
    exported = re.findall(r"^export (\w+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    readers = [*(ROOT / "portal" / "commands").glob("*.py"), ROOT / "portal" / "config.py"]
    source = "\n".join(path.read_text(encoding="utf-8") for path in readers)
    assert exported
    assert [name for name in exported if f'"{name}"' in source] == []
