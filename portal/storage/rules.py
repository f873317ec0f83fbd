"""What a file's name may be, and how it is cleaned. Pure: no web, no database, no clock."""

import re
import unicodedata

LONGEST_NAME = 100
_SEPARATORS = re.compile(r"[/\\]")
_RESERVED = re.compile(r'[<>:"|?*]')
_SPACES = re.compile(r"\s+")
_PROGRAMS = frozenset(
    (
        *("apk", "app", "bat", "bin", "cgi", "cmd", "com", "cpl", "dll", "docm", "dotm", "exe", "gadget", "hta", "htm"),
        *("html", "inf", "jar", "js", "jse", "jsp", "lnk", "mjs", "msc", "msi", "msp", "php", "phtml", "pif", "pl"),
        *("ps1", "py", "rb", "reg", "scr", "sct", "sh", "svg", "svgz", "swf", "vb", "vbe", "vbs", "wsf", "wsh", "xht"),
        *("xhtml", "xlsm", "xml"),
    )
)
"""Endings that somebody might run or a browser might show, wherever they stand in a name: invoice.exe.pdf."""


def is_usable(name: str) -> bool:
    """Whether a name is one that a person's file may have.

    Refused are names with characters that nobody types, paths that climb, and a program's ending before the last one.
    """
    parts = _SEPARATORS.split(name)
    if any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") for char in name) or ".." in parts:
        return False
    if name.startswith("/") or ("/" in name and "\\" in name):
        return False
    return not _PROGRAMS.intersection(ending.strip().lower() for ending in parts[-1].split(".")[1:-1])


def clean_name(name: str) -> str:
    """A name to show and to download by: without folders, marks that turn text around, and what systems reserve."""
    last = _SEPARATORS.split(name)[-1]
    composed = unicodedata.normalize("NFC", last)
    plain = "".join(char for char in composed if unicodedata.category(char)[0] not in "CZ" or char == " ")
    tidy = _SPACES.sub(" ", _RESERVED.sub("-", plain)).rstrip(" .")
    stem, dot, ending = tidy.rpartition(".")
    if not dot:
        return tidy.strip()[:LONGEST_NAME] or "file"
    return f"{stem.strip(' .')[: LONGEST_NAME - len(ending) - 1] or 'file'}.{ending}"[:LONGEST_NAME]
