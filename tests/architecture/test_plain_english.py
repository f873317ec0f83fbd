"""The texts of pages, mails and commands say things as people say them."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from babel.messages.extract import extract_from_dir

from portal.app import COMMANDS
from tests.catalogues import read_catalogue

PORTAL = Path(__file__).resolve().parents[2]
PLACE = re.compile(r"%\(\w+\)s")
UNUSUAL = (
    (r"\b(bears?|deeds?|owes?)\b", "has, form, waiting: the words that people use"),
    (r"\bstands?\b", "is, or is shown"),
    (r"\blets? go of\b", "ends"),
    (r"\b(tells|shows|asks?) whether\b", "says if"),
    (r"\bgives\b", "you have, you get"),
    (r"\btook over\b", "replaced"),
    (r"\b(nobody tells|we hope you|is mailed)\b", "say who does what"),
    (r"(?<!e-)\bmail(s|ed|ing)?\b(?! server)", "e-mail"),
    (r"\bunwanted mail\b", "spam folder"),
    (r"\b(belong together|is among those)\b", "is wrong, is easy to guess"),
    (r"\bwhoever\b", "people who, the person who"),
    (r"\b(lies|left) (untouched|alone)\b", "open, paused"),
    (r"\bits name says\b", "it is not a real PDF file"),
    (r"\btypes? (the|your) (password|code)\b", "enter"),
    (r"“%\(label\)s”", "the question's short name, or the label first: “Full name: enter an answer”"),
)
"""Words that nobody says aloud, and what to say instead."""
INSIDE = (
    (r"\bversions?\b", "the form has changed"),
    (r"\brevisions?\b", "the page was out of date"),
    (r"\bscan(s|ned|ner|ners)?\b(?! with your app)", "check for viruses"),
    (r"\b(last|first) third\b", "the last 10 minutes"),
    (r"\b(renews?|renewed)\b", "get more time"),
)
"""How the portal works inside, which citizens never read about."""


def citizens_texts() -> Iterator[str]:
    for message in read_catalogue("cy"):
        yield from filter(None, message.id if isinstance(message.id, tuple) else [str(message.id)])


def staff_texts() -> Iterator[str]:
    keywords = {"_": None, "gettext": None, "lazy_gettext": None, "mark": None, "ngettext": (1, 2)}
    methods = [("portal/**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2")]
    for _file, _line, message, _comments, _context in extract_from_dir(PORTAL, methods, keywords=keywords):
        yield from filter(None, message if isinstance(message, tuple) else (message,))


def commands_texts() -> Iterator[str]:
    waiting: list[click.Command] = list(COMMANDS)
    while waiting:
        command = waiting.pop()
        waiting += command.commands.values() if isinstance(command, click.Group) else []
        yield command.help or ""
        yield from (option.help or "" for option in command.params if isinstance(option, click.Option))


def said(texts: Iterator[str], words: tuple[tuple[str, str], ...]) -> list[str]:
    """Return each text with a word from the table, and what to say instead."""
    bare = {text: PLACE.sub("", text) if "label" not in text else text for text in texts}
    return sorted(
        f"{text!r}: {instead}"
        for text, plain in bare.items()
        for pattern, instead in words
        if re.search(pattern, plain, re.IGNORECASE)
    )


def test_citizens_read_the_usual_words() -> None:
    assert said(citizens_texts(), UNUSUAL) == []


def test_citizens_never_read_how_the_portal_works_inside() -> None:
    assert said(citizens_texts(), INSIDE) == []


def test_pages_promise_to_save_as_people_type_only_where_script_runs() -> None:
    templates = sorted((PORTAL / "templates").rglob("*.html"))
    lines = [line for file in templates for line in file.read_text().splitlines() if "your answers as you type" in line]
    assert len(lines) == 1
    assert 'class="js-only"' in lines[0]


def test_staff_read_the_usual_words() -> None:
    assert said(staff_texts(), UNUSUAL) == []


def test_commands_use_the_usual_words() -> None:
    assert said(commands_texts(), UNUSUAL) == []


@pytest.mark.parametrize(
    "text",
    [
        "Enter an answer to “%(label)s”",
        "Look in the folder for unwanted mail",
        "type what stands on your slip",
        "We have no e-mail address: nobody tells the customer.",
        "The reference and the return code do not belong together",
        "Somebody, we hope you, wants an account",
        "“Stay signed in” gives you the full time",
    ],
)
def test_the_table_knows_texts_that_were_written_otherwise_once(text: str) -> None:
    assert said(iter([text]), UNUSUAL)


@pytest.mark.parametrize("text", ["I understand", "E-mail address", "What you typed is kept", "The mail server said"])
def test_the_table_leaves_usual_words_alone(text: str) -> None:
    assert not said(iter([text]), UNUSUAL)
