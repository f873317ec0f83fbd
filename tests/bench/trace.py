"""Which functions of the portal one Continue calls, redirect included, in the order of their first calls.

`python -m tests.bench.trace` prints them as a tree with their number; `docs/architecture.md` follows them in words.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click
from flask import Flask

from portal.commands.run import PROJECT_ROOT
from tests.bench.requests import prepared_app
from tests.citizen import Citizen, Page
from tests.journeys.housing import ABOUT_YOU, start

PORTAL = PROJECT_ROOT / "portal"
FORM = PORTAL / "demo_forms" / "housing-support.yaml"


class Call:
    """The first call of a function: its module as a path below `portal/`, its name, and how deep it was called."""

    def __init__(self, module: str, name: str, depth: int) -> None:
        self.module, self.name, self.depth = module, name, depth

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Record the first call of each named function of the portal; comprehensions and lambdas are left out."""
    calls: list[Call] = []
    seen: set[tuple[str, int]] = set()
    ours = str(PORTAL)

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        code = frame.f_code
        place = (code.co_filename, code.co_firstlineno)
        if event != "call" or place in seen or not code.co_filename.startswith(ours) or code.co_name.startswith("<"):
            return
        seen.add(place)
        module = str(Path(code.co_filename).relative_to(PORTAL).with_suffix(""))
        calls.append(Call(module, code.co_name, _depth(frame.f_back, ours)))

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def _depth(frame: FrameType | None, ours: str) -> int:
    depth = 0
    while frame is not None:
        depth += frame.f_code.co_filename.startswith(ours)
        frame = frame.f_back
    return depth


def trace(app: Flask) -> tuple[list[Call], Page]:
    """Press Continue on the first section of the housing form a third time; return its calls and the next page."""
    citizen = Citizen(app)
    section = f"{start(citizen)}/about_you"
    for _warm_up in range(2):
        citizen.open(section)
        citizen.press("Continue", **ABOUT_YOU)
    citizen.open(section)
    with recorded() as calls:
        page = citizen.press("Continue", **ABOUT_YOU)
    return calls, page


def main() -> None:
    """Print the tree, and how many functions in how many modules."""
    with tempfile.TemporaryDirectory(prefix="trace-") as data_dir:
        calls, page = trace(prepared_app({"DATA_DIR": data_dir}, FORM))
    for call in calls:
        click.echo(f"{'  ' * call.depth}{call}")
    modules = {call.module for call in calls}
    click.echo(f"{len(calls)} functions in {len(modules)} modules, to {page.path} ({page.status})")


if __name__ == "__main__":
    main()
