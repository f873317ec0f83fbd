"""The tables of ASVS 5.0 V7 and V8 list every requirement, each with a test that exists or with a reason."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
WANTED = {"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2, "8.1": 4, "8.2": 4, "8.3": 3, "8.4": 2}
ROW = re.compile(r"^\| ([78]\.\d\.\d) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_the_tables_list_every_requirement_once_and_in_order() -> None:
    numbers = [f"{chapter}.{number}" for chapter, most in WANTED.items() for number in range(1, most + 1)]
    assert [number for number, _how in ROW.findall(PAGE)] == numbers
    assert len(numbers) == 19 + 13


def test_every_test_that_the_table_names_exists() -> None:
    named = [found for _number, how in ROW.findall(PAGE) for found in TEST.findall(how)]
    missing = [(path, name) for path, name in named if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")]
    assert len(named) >= 16 + 10
    assert missing == []


def test_only_reviewed_rows_have_no_test() -> None:
    bare = {number for number, how in ROW.findall(PAGE) if not TEST.search(how)}
    assert bare == {"7.1.1", "7.1.3", "7.6.1", "8.1.3", "8.1.4", "8.3.3", "8.4.1"}
