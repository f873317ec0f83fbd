"""Third-party files are kept as they were published, with their licences."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = [ROOT / "static" / "vendor", ROOT / "portal" / "accounts" / "vendor"]
ENTRIES = [
    {**entry, "path": folder / entry["file"]}
    for folder in FOLDERS
    for entry in json.loads((folder / "VENDOR.json").read_text())
]
NOT_LISTED = {"README.md", "VENDOR.json"}
each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])


@each_entry
def test_a_vendored_file_matches_its_checksum(entry: dict[str, Any]) -> None:
    assert hashlib.sha256(entry["path"].read_bytes()).hexdigest() == entry["sha256"]


@each_entry
def test_a_vendored_file_states_its_source_and_licence(entry: dict[str, Any]) -> None:
    assert all(entry[key] for key in ("name", "version", "licence", "source"))
    assert entry["path"].with_name("LICENSE").is_file()


def test_every_vendored_file_is_listed() -> None:
    present = {path for folder in FOLDERS for path in folder.rglob("*") if path.is_file()}
    assert {path for path in present if path.name not in NOT_LISTED} == {entry["path"] for entry in ENTRIES}


def test_htmx_is_the_release_that_was_reviewed() -> None:
    [htmx] = [entry for entry in ENTRIES if entry["file"] == "htmx/htmx.min.js"]
    assert htmx["version"] == "2.0.11"
    assert htmx["sha256"] == "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


@pytest.mark.parametrize("unwanted", ["GDS Transport", "crown", "url(", "@font-face"])
def test_the_styles_contain_no_brand(unwanted: str) -> None:
    assert unwanted not in (FOLDERS[0] / "govuk-frontend" / "govuk-frontend.css").read_text()
