"""The colours keep their contrast in both schemes, and are defined in one file."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[3] / "static" / "css"
TEXT, EDGE = 4.5, 3.0

TEXT_PAIRS = [
    ("text", "page"),
    ("text", "surface"),
    ("text", "surface-2"),
    ("text", "tint"),
    ("text", "success-tint"),
    ("text", "warning-tint"),
    ("text", "error-tint"),
    ("muted", "page"),
    ("muted", "surface"),
    ("muted", "tint"),
    ("link", "page"),
    ("link", "surface"),
    ("link", "tint"),
    ("visited", "page"),
    ("on-primary", "primary"),
    ("on-primary", "primary-hover"),
    ("primary", "page"),
    ("success", "page"),
    ("success", "success-tint"),
    ("warning", "page"),
    ("warning", "surface"),
    ("warning", "warning-tint"),
    ("error", "page"),
    ("error", "error-tint"),
    ("page", "error"),
    ("page", "error-hover"),
    ("on-bar", "bar"),
]
EDGE_PAIRS = [
    ("line", "page"),
    ("line", "surface"),
    ("line", "tint"),
    ("focus", "page"),
    ("focus", "surface"),
    ("focus", "tint"),
    ("bar-focus", "bar"),
    ("bar-mark", "bar"),
    ("accent", "page"),
    ("chart-1", "page"),
    ("primary", "tint"),
    ("primary", "surface"),
    ("logo-accent", "primary"),
    ("bar-arc", "bar-ground"),
]


def _tokens(selector: str) -> dict[str, str]:
    css = (CSS / "tokens.css").read_text()
    block = re.search(re.escape(selector) + r" \{(.*?)\}", css, re.DOTALL)
    assert block, selector
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6}|rgba\([^)]*\));", block[1]))


LIGHT = _tokens(":root")
DARK = LIGHT | _tokens(':root[data-scheme="dark"]')
SCHEMES = {"light": LIGHT, "dark": DARK}


def _luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, as WCAG 2.2 defines it."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _pairs() -> Iterator[object]:
    for needed, pairs in ((TEXT, TEXT_PAIRS), (EDGE, EDGE_PAIRS)):
        for scheme in SCHEMES:
            for front, ground in pairs:
                yield pytest.param(scheme, front, ground, needed, id=f"{scheme}: {front} on {ground}")


@pytest.mark.parametrize(("scheme", "front", "ground", "needed"), list(_pairs()))
def test_every_colour_has_enough_contrast_with_its_background(
    scheme: str, front: str, ground: str, needed: float
) -> None:
    tokens = SCHEMES[scheme]
    assert _contrast(tokens[front], tokens[ground]) >= needed


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#16252a", "#ffffff", 15.8)],
)
def test_the_contrast_ratio_is_computed_as_wcag_defines_it(one: str, other: str, ratio: float) -> None:
    assert _contrast(one, other) == pytest.approx(ratio, abs=0.05)


def test_the_dark_scheme_is_the_same_whether_preferred_or_forced() -> None:
    assert _tokens(':root:not([data-scheme="light"])') == _tokens(':root[data-scheme="dark"]')


def test_the_dark_scheme_has_the_same_tokens() -> None:
    assert set(DARK) == set(LIGHT)


COLOUR = re.compile(
    r"#[0-9a-f]{3,8}\b(?=[^{}]*[;}])|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch|color|color-mix)\("
    r"|:[^;{}]*\b(?:black|white|red|green|blue|gr[ae]y|silver|yellow|orange|purple|teal|navy)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("file", sorted(CSS.glob("*.css")), ids=lambda file: file.name)
def test_only_the_token_file_contains_colour_literals(file: Path) -> None:
    rules = re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.DOTALL)
    found = COLOUR.findall(rules)
    assert bool(found) == (file.name == "tokens.css"), found


def test_mails_have_only_colours_of_the_light_scheme() -> None:
    mails = "".join(file.read_text() for file in (CSS.parents[1] / "templates" / "mail").rglob("*.html"))
    assert set(re.findall(r"#[0-9a-f]{6}\b", mails)) <= set(LIGHT.values())
