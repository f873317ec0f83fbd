"""What a citizen reads off the portal's pages: inputs, the slip, and two versions side by side."""

import html
import re

SECTIONS = {"first": ("name", "street", "code", "story"), "second": ("work", "need")}
REQUIRED = {"first": ("name",), "second": ("work",)}
FORM = "/forms/fault-form"
PARKED = "It reached us after you were signed out. Check it and press Continue to save it."
KEPT = ("Kept for you, not sent, until", "What you typed is kept for a day")
_TAG = re.compile(r"<input\b[^>]*>")
_AREA = re.compile(r'<textarea\b[^>]*\bname="([^"]+)"[^>]*>\n?(.*?)</textarea>', re.S)
_ATTRIBUTE = re.compile(r'\b(name|value)="([^"]*)"')
_SLIP = re.compile(r'slip__value">([^<]+)<')
_CARD = re.compile(r'name="_keep_(\w+)" value="(mine|saved)"[^>]*>.*?choice-cards__value">([^<]*)<', re.S)


def inputs(text: str) -> dict[str, str]:
    """Return all inputs of the page with what they hold."""
    found: dict[str, str] = {}
    for tag in _TAG.findall(text):
        attributes = dict(_ATTRIBUTE.findall(tag))
        if "name" in attributes:
            found.setdefault(attributes["name"], html.unescape(attributes.get("value", "")))
    return found | {name: html.unescape(value).strip() for name, value in _AREA.findall(text)}


def slip(text: str) -> tuple[str, str] | None:
    """Return reference and return code, if the page shows them."""
    found = _SLIP.findall(text)
    return (found[0], found[1]) if len(found) > 1 else None


def sides(text: str) -> dict[str, dict[str, str]]:
    """Return both versions of each field in which they differ."""
    found: dict[str, dict[str, str]] = {}
    for name, side, value in _CARD.findall(text):
        found.setdefault(name, {})[side] = "" if value == "Not answered" else html.unescape(value)
    return found
