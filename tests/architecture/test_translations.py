"""Every text that a citizen may read is translated, and the compiled catalogues match their sources."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from portal.web.languages import DEFAULT, LANGUAGES
from tests.catalogues import CATALOGUES, read_catalogue

PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")
TAG = re.compile(r"<[^>]+>")
SAME_IN_BOTH = frozenset({"%(item)s %(number)s", "Help"})
"""Texts that may read alike in two languages."""
every_translation = pytest.mark.parametrize("code", [code for code in LANGUAGES if code != DEFAULT])
HINT = "run `make translations`, translate, and run it again (docs/languages.md)"


def _ids(catalogue: Catalog) -> set[str]:
    return {str(message.id) for message in catalogue if message.id}


def _pairs(message: Message) -> Iterator[tuple[str, str]]:
    """Yield a text and its translation; for a text with a number, each plural form with the plural."""
    if isinstance(message.id, tuple):
        yield from ((message.id[1], form) for form in message.string)
    else:
        yield str(message.id), str(message.string or "")


def _all_pairs(code: str) -> list[tuple[str, str]]:
    return [pair for message in read_catalogue(code) if message.id for pair in _pairs(message)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run `make translations` on a copy of the catalogues; return the copy."""
    copy = tmp_path_factory.mktemp("made") / "translations"
    shutil.copytree(CATALOGUES, copy)
    values = [f"VENV={sys.prefix}", f"CATALOGUES={copy}", f"TEXTS={copy.parent / 'texts.pot'}"]
    ready = f"--old-file={sys.prefix}/ready-to-run"  # no package is installed for it
    subprocess.run(["make", "translations", ready, *values], cwd=CATALOGUES.parents[1], check=True, capture_output=True)
    return copy


@every_translation
def test_the_command_finds_texts_for_citizens_and_skips_staff_pages(made: Path, code: str) -> None:
    found = _ids(read_catalogue(code, made))
    assert {"Start now", "Your code", "January", "Page not found"} <= found
    assert "Work list" not in found, "staff pages stay in the default language"


@every_translation
def test_the_catalogue_lists_exactly_the_texts_in_the_sources(made: Path, code: str) -> None:
    listed, wanted = _ids(read_catalogue(code)), _ids(read_catalogue(code, made))
    assert wanted - listed == set(), f"not in the catalogue: {HINT}"
    assert listed - wanted == set(), f"in the catalogue and nowhere else: {HINT}"


@pytest.mark.parametrize("name", ["messages.po", "messages.mo"])
@every_translation
def test_the_catalogue_matches_what_the_command_writes(made: Path, code: str, name: str) -> None:
    place = Path(code) / "LC_MESSAGES" / name
    assert (CATALOGUES / place).read_bytes() == (made / place).read_bytes(), HINT


@every_translation
def test_every_text_for_citizens_is_translated(code: str) -> None:
    assert [text for text, translated in _all_pairs(code) if not translated] == []


@every_translation
def test_no_translation_repeats_the_default_language(code: str) -> None:
    assert [text for text, translated in _all_pairs(code) if text == translated and text not in SAME_IN_BOTH] == []


@every_translation
def test_translations_use_the_same_placeholders(code: str) -> None:
    wrong = [
        (text, translated)
        for text, translated in _all_pairs(code)
        if not set(PLACEHOLDER.findall(translated)) <= set(PLACEHOLDER.findall(text))
        or set(PLACEHOLDER.findall(text)) - set(PLACEHOLDER.findall(translated)) - {"num"}
    ]
    assert wrong == []


@every_translation
def test_translations_keep_the_markup_and_the_spaces_at_both_ends(code: str) -> None:
    for text, translated in _all_pairs(code):
        assert TAG.findall(text) == TAG.findall(translated), translated
        assert text[: len(text) - len(text.lstrip())] == translated[: len(translated) - len(translated.lstrip())]
        assert text[len(text.rstrip()) :] == translated[len(translated.rstrip()) :], translated


@every_translation
def test_every_plural_form_of_the_language_is_translated(code: str) -> None:
    catalogue = read_catalogue(code)
    for message in catalogue:
        if isinstance(message.id, tuple):
            assert len(message.string) == catalogue.num_plurals, message.id
