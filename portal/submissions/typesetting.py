"""Setting text of any script: faces and their glyphs, lines that fit, and how PDF shows them."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, cast

import uharfbuzz as harfbuzz
from fpdf import FPDF
from fpdf.bidi import BidiParagraph
from fpdf.enums import TextDirection
from fpdf.fonts import HarfBuzzFont, TTFFont
from fpdf.line_break import BREAKING_SPACE_SYMBOLS

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
REGULAR = VENDOR / "atkinson-hyperlegible-next-print" / "AtkinsonHyperlegibleNext_400Regular.ttf"
BOLD = VENDOR / "atkinson-hyperlegible-next-print" / "AtkinsonHyperlegibleNext_700Bold.ttf"
FALLBACKS: Mapping[str, Path] = {
    file.stem: file
    for file in (
        VENDOR / "noto-sans-print" / "NotoSans_400Regular.ttf",
        VENDOR / "noto-sans-arabic-print" / "NotoSansArabic_400Regular.ttf",
        VENDOR / "noto-sans-hebrew-print" / "NotoSansHebrew_400Regular.ttf",
        VENDOR / "noto-sans-bengali-print" / "NotoSansBengali_400Regular.ttf",
        VENDOR / "noto-sans-gujarati-print" / "NotoSansGujarati_400Regular.ttf",
        VENDOR / "noto-sans-gurmukhi-print" / "NotoSansGurmukhi_400Regular.ttf",
        VENDOR / "noto-sans-tamil-print" / "NotoSansTamil_400Regular.ttf",
        VENDOR / "noto-sans-thai-print" / "NotoSansThai_400Regular.ttf",
        VENDOR / "noto-sans-ethiopic-print" / "NotoSansEthiopic_400Regular.ttf",
        VENDOR / "droid-sans-fallback-print" / "DroidSansFallback.ttf",
        VENDOR / "noto-emoji-print" / "NotoEmoji_400Regular.ttf",
    )
}
"""The faces for letters that ours lacks, the first one that has a letter first; each is read only when it is needed."""
STRONG = frozenset({"L", "R", "AL", "AN", "EN"})
NEUTRAL = frozenset({"CS", "ES", "ET", "NSM", "ON", "WS"})
ONE_WAY: Mapping[TextDirection, frozenset[str]] = {
    TextDirection.LTR: NEUTRAL | {"L", "EN"},
    TextDirection.RTL: NEUTRAL | {"R", "AL"},
}
"""The classes of signs that all go the way of their line, if it has no others: numbers in Arabic go from the left."""
SPACES = frozenset(BREAKING_SPACE_SYMBOLS)
LAYOUT = frozenset({"GDEF", "GPOS", "GSUB"})
LARGE = 10_000
LONGEST_RUN = 100
MOST_REMEMBERED = 5000
THOUSANDTH = 0.001
"""The unit of a face: a part of the size in which it is printed."""
Step = tuple[str, float]
"""Letters that stay together, and their width."""


@dataclass(frozen=True)
class Line:
    """A line as it is printed; one with letters that our face lacks has a direction, and its letters are joined."""

    text: str
    direction: TextDirection | None = None


class Glyph(NamedTuple):
    """A glyph in its place: its number in the file (None: nothing to see) and its width there, in thousandths.

    `letter` is the place of its letter in the text, `advance` leads to the next glyph, and it stands so far to the
    `right` and so far `up`.
    """

    code: int | None
    width: float
    letter: int
    advance: float
    right: float
    up: float


@cache
def letters_of(face: Path) -> frozenset[str]:
    """Return the letters that a font can draw."""
    return frozenset(map(chr, _opened(face).unicodes))


def _opened(face: Path) -> Any:
    return harfbuzz.Face(harfbuzz.Blob.from_file_path(face))


@lru_cache(maxsize=MOST_REMEMBERED)
def fallback_of(letter: str) -> str | None:
    """Return the name of the first face that has a letter which ours lacks; None if no face has it."""
    return next((name for name, file in FALLBACKS.items() if letter in letters_of(file)), None)


class Face:
    """A font of one file, which shapes each run once for all its lines, and looks each glyph up once."""

    def __init__(self, font: TTFFont) -> None:
        self.font = font
        # Two things that would be taken apart for nothing when the file is written: glyphs know their bounds, and how
        # letters are joined is read by HarfBuzz, from the font's own file.
        font.ttfont.recalcBBoxes = False
        for table in LAYOUT.intersection(font.ttfont.keys()):
            del font.ttfont[table]
        self._shaped: dict[tuple[str, TextDirection | None], Sequence[Glyph]] = {}
        self._glyphs: dict[tuple[int, str], tuple[int | None, float]] = {}

    def steps(self, run: str, direction: TextDirection | None) -> Iterator[Step]:
        """Yield what of a run must not be torn, with its width in thousandths of the size.

        This is a letter with its marks, or letters that are one glyph.
        """
        widths: dict[int, float] = {}
        for glyph in self.shaped(run, direction):
            widths[glyph.letter] = widths.get(glyph.letter, 0) + glyph.advance
        begins = [begin for begin in sorted({0, *widths}) if not begin or unicodedata.category(run[begin])[0] != "M"]
        for begin, end in pairwise([*begins, len(run)]):
            yield run[begin:end], sum(widths.get(letter, 0) for letter in range(begin, end))

    def shaped(self, run: str, direction: TextDirection | None) -> Sequence[Glyph]:
        """Return the glyphs of a run from left to right; without a direction it is that of its script."""
        found = self._shaped.get((run, direction))
        if found is None:
            if len(self._shaped) >= MOST_REMEMBERED:
                self._shaped.clear()
            found = self._shaped[run, direction] = self._shape(run, direction)
        return found

    def _shape(self, run: str, direction: TextDirection | None) -> Sequence[Glyph]:
        asked: dict[str, Any] = {"features": {}, "fragment_direction": direction}
        infos, places = self.font.perform_harfbuzz_shaping(run, 1, asked)
        ends = dict(pairwise([*sorted({info.cluster for info in infos}), len(run)]))
        scale, glyphs = self.font.scale, []
        for info, at in zip(infos, places, strict=True):
            # Of several glyphs of one letter the first stands for it, where text is copied or read aloud.
            code, width = self._glyph(info.codepoint, run[info.cluster : ends.pop(info.cluster, 0)])
            moved = at.x_advance * scale, at.x_offset * scale, at.y_offset * scale
            glyphs.append(Glyph(code, width, info.cluster, *moved))
        return glyphs

    def _glyph(self, glyph: int, letters: str) -> tuple[int | None, float]:
        found = self._glyphs.get((glyph, letters))
        if found is None:
            name = self.font.ttfont.getGlyphName(glyph)
            width = round(self.font.scale * self.font.ttfont["hmtx"].metrics[name][0])
            unicode = tuple(map(ord, letters))
            picked = self.font.subset.get_glyph(glyph=glyph, unicode=unicode, glyph_name=name, glyph_width=width)
            found = self._glyphs[glyph, letters] = self.font.subset.pick_glyph(picked), width
        return found


Run = tuple[Face, Sequence[Glyph]]
"""What is printed in one face, from left to right."""


def fallback(pdf: FPDF, name: str, letters: Iterable[str]) -> Face:
    """Add a fallback face to a file, if it is very large only what it has for these letters; return it.

    To read all of thirty thousand signs takes a third of a second. No sign of a face that large is joined to another.
    """
    file, key = FALLBACKS[name], f"{name}-{len(pdf.fonts)}".lower()
    if len(letters_of(file)) < LARGE:
        pdf.add_font(key, "", file)
        return Face(cast("TTFFont", pdf.fonts[key]))
    wanted = harfbuzz.SubsetInput()
    wanted.unicode_set.update(map(ord, (" ", *letters)))
    part = harfbuzz.subset(_opened(file), wanted).blob.data
    font = TTFFont(pdf, cast("Path", BytesIO(part)), key, "")
    font._hbfont = HarfBuzzFont(harfbuzz.Face(harfbuzz.Blob(part)))
    pdf.fonts[key] = font
    return Face(font)


def without_endless_runs(line: str) -> Iterator[str]:
    """Yield a line in pieces, each without a long run of signs that have no direction, such as emoji.

    What finds their direction calls itself for each sign of the run, and looks through the run for each of them.
    """
    begin = run = 0
    for place, letter in enumerate(line):
        run = 0 if unicodedata.bidirectional(letter) in STRONG else run + 1
        if run > LONGEST_RUN:
            yield line[begin:place]
            begin, run = place, 1
    yield line[begin:]


def is_one_way(text: str, base: TextDirection) -> bool:
    """Return whether all of a text is read in the direction of its paragraph."""
    return ONE_WAY[base].issuperset(map(unicodedata.bidirectional, text))


def directions(text: str, base: TextDirection) -> Sequence[tuple[str, TextDirection]]:
    """Return the parts of a line that are read from one side each, in the order in which they are read."""
    if is_one_way(text, base):
        return ((text, base),)
    return BidiParagraph(text=text, base_direction=base, preserve_bn_chars=True).get_bidi_fragments()


def broken(steps: Iterable[Step], width: float) -> Iterator[str]:
    """Yield the lines of a paragraph that fit into a width.

    It is broken at a space, which is dropped, or anywhere in a word that fits into no line.
    """
    line: list[Step] = []
    used, space = 0.0, None
    for step in steps:
        letters, wide = step
        while line and used + wide > width:
            if letters in SPACES:
                space = len(line)
            yield "".join(each for each, _ in line[:space])
            line = [] if space is None else line[space + 1 :]
            used, space = sum(each for _, each in line), None
            if letters in SPACES:
                break
        else:
            space = len(line) if letters in SPACES else space
            line.append(step)
            used += wide
    yield "".join(each for each, _ in line)


def operators(runs: Sequence[Run], size: float) -> str:
    """Return the operators of PDF that show these runs one after the other, in a size in points."""
    words: list[str] = []
    ahead = up = 0.0
    for face, glyphs in runs:
        words.append(f"/F{face.font.i} {size:.2f} Tf [")
        for glyph in glyphs:
            if glyph.up != up:
                up = glyph.up
                words.append(f"] TJ {up * THOUSANDTH * size:.2f} Ts [")
            ahead += glyph.right
            if round(ahead):
                words.append(f"{-round(ahead)}")
                ahead -= round(ahead)
            ahead += glyph.advance - glyph.right
            if glyph.code is not None:
                words.append(f"({face.font.escape_text(chr(glyph.code))})")
                ahead -= glyph.width
        words.append("] TJ")
    return "".join(words)
