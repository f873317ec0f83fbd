"""The page of session rules names for each rule tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "session-rules.md").read_text(encoding="utf-8")
CHAPTERS = ["Kinds", "Arithmetic", "What counts", "The end", "Grace"]
CHAPTERS += ["Several sessions, several people, one computer", "Networks"]
ROW = re.compile(r"^\| (.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rules() -> list[tuple[str, str]]:
    return [(rule, shown_by) for rule, shown_by in ROW.findall(PAGE) if rule not in ("rule", "---")]


def test_every_chapter_of_the_rules_is_there() -> None:
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == CHAPTERS


def test_every_rule_names_a_test() -> None:
    assert len(rules()) > 40
    assert [rule for rule, shown_by in rules() if not TEST.search(shown_by)] == []


def test_every_test_that_the_table_names_exists() -> None:
    named = [found for _rule, shown_by in rules() for found in TEST.findall(shown_by)]
    missing = [(path, name) for path, name in named if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")]
    assert missing == []
