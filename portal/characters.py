"""Characters that nobody sees in what people type or paste: which are dropped, and which belong to a letter. Pure."""

import re
import unicodedata

JOINERS = "\u200c\u200d"
"""Names and texts in many scripts need them, and so do pictures made of several."""
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Signs around numbers, which Unicode counts among the format characters all the same."""
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Fillers and variants of the letter before: nothing is seen of them alone."""
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+$")
"""The flags of England, Scotland and Wales are spelled in format characters."""
_VIRAMA = 9
_ONE_SPACE = re.compile(r"[^\S\n]")


def trimmed(text: str) -> str:
    """Return a text without spaces and format characters at its ends; empty where nothing is seen of it."""
    if text.isprintable() and not _BLANK.search(text):  # then nothing but its spaces is unseen
        return text.strip()
    start, end = 0, len(text)
    while start < end and _is_outside(text[start]):
        start += 1
    while start < end and _is_outside(text[end - 1]) and not _belongs_to_letter(text[start:end]):
        end -= 1
    found = text[start:end]
    return found if any(_is_seen(character) for character in found) else ""


def plain(text: str, *, keep: str = "") -> str:
    """Return a text as a code or number is read: what nobody sees is dropped, but for `keep`, and spaces are all one.

    Line feeds stay.
    """
    return trimmed(_ONE_SPACE.sub(" ", without_unseen(text, keep=keep)))


def without_unseen(text: str, *, keep: str = "") -> str:
    """Return a text without what nobody sees, but for `keep`; spaces stay as they are, at the ends too."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each for each in text if each in keep or each.isspace() or _is_seen(each))


def _is_outside(character: str) -> bool:
    return character.isspace() or (unicodedata.category(character) in ("Cf", "Cc") and character not in _SEEN)


def _is_seen(character: str) -> bool:
    return not _is_outside(character) and not _BLANK.match(character)


def _belongs_to_letter(text: str) -> bool:
    """Return whether the format character at the end shapes what stands before it.

    A joiner after a virama makes final letters of Malayalam, Bengali and Sinhala.
    """
    is_final_form = text[-1] in JOINERS and unicodedata.combining(text[-2:-1] or " ") == _VIRAMA
    return is_final_form or _FLAG.search(text) is not None
