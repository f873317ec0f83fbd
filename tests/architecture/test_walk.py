"""`docs/architecture.md` follows one request as it really runs."""

import re
from pathlib import Path

from flask import Flask

from tests.bench.trace import trace

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"
NAMED = re.compile(r"`([a-z_]+(?:/[a-z_]+)*\.[a-z_]+)`")


def test_the_walk_names_functions_in_the_order_in_which_they_run(app: Flask, demo_forms: None) -> None:
    walk = PAGE.read_text(encoding="utf-8").partition("## One request")[2].partition("A GET's own")[0]
    named = [found.removesuffix("()") for found in NAMED.findall(walk) if not found.startswith("web/app_state")]
    called = [str(call) for call in trace(app)[0]]
    assert len(named) > 20
    assert [name for name in named if name not in called] == []
    assert (
        sorted(named[: named.index("drafts/views.section_page")], key=called.index)
        == named[: named.index("drafts/views.section_page")]
    )
    assert (
        sorted(named[named.index("drafts/views.section_page") :], key=called.index)
        == named[named.index("drafts/views.section_page") :]
    )
