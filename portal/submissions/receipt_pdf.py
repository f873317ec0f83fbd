"""Draw the receipt as a PDF, with our own fonts, so that every name is printed as its owner writes it."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

from flask_babel import gettext as _
from fontTools.ttLib import TTFont
from fpdf import FPDF, ViewerPreferences
from fpdf.bidi import auto_detect_base_direction
from fpdf.enums import MethodReturnValue, TextDirection, YPos
from fpdf.fonts import TTFFont

from portal.submissions.answers import AnswerRow
from portal.submissions.receipt import Receipt

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
REGULAR = VENDOR / "atkinson-hyperlegible-next-print" / "AtkinsonHyperlegibleNext_400Regular.ttf"
BOLD = VENDOR / "atkinson-hyperlegible-next-print" / "AtkinsonHyperlegibleNext_700Bold.ttf"
LOGO = VENDOR.parent / "images" / "logo-print.svg"
FACE = "Atkinson"
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
NO_LETTER = "\N{REPLACEMENT CHARACTER}"
INVISIBLE = frozenset({"Cf", "Mn", "Me"})
"""Marks that are drawn with the letter before them; if a font has no such mark, the letter is drawn alone."""
STRONG = frozenset({"L", "R", "AL", "AN", "EN"})
LONGEST_RUN = 100
MOST_WIDTHS = 5000

TOP, SIDE, BOTTOM, FOOT = 16.0, 14.0, 26.0, 14.0
WIDTH = 210 - 2 * SIDE
KEY_WIDTH, VALUE_WIDTH = WIDTH * 0.42, WIDTH * 0.58
FACT_COLUMNS = ((SIDE + 4, 50.0), (SIDE + 58, 120.0))
LOGO_SIZE, PADDING, LINE_HEIGHT = 9.0, 1.4, 1.4
TEXT_PT, SMALL_PT, TITLE_PT, NAME_PT, SECTION_PT, ITEM_PT = 10.5, 9.5, 19.0, 13.0, 13.0, 11.0
MM_PER_PT = 25.4 / 72
THIN, THICK = 0.5 * MM_PER_PT, 1 * MM_PER_PT
FIRST_ROWS = 22.0
"""Millimetres that must be free below a heading, so that it is never alone at the foot of a page."""


@cache
def _letters(face: Path) -> frozenset[str]:
    """Return the letters that a font can draw."""
    with TTFont(face, lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


class ReceiptPages(FPDF):
    """The pages of one receipt, from the letterhead to the foot."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(unit="mm", format="A4")
        self._receipt = receipt
        self._fallbacks: list[str] = []
        self._lacks_letters = False
        self.set_margins(SIDE, TOP)
        self.c_margin = 0.0
        self.set_auto_page_break(True, margin=BOTTOM)
        # Switch off the placeholder for the number of pages, because an answer may contain it.
        self.str_alias_nb_pages = ""
        self._add_face(FACE, "", REGULAR)
        self._add_face(FACE, "B", BOLD)
        self._describe(receipt.received_at)

    def _add_face(self, name: str, style: str, file: Path) -> None:
        before = set(self.fonts)
        self.add_font(name, style, file)
        for key in self.fonts.keys() - before:
            font: Any = self.fonts[key]
            font.__class__, font.cw = _RememberingFont, _Widths(font.cw)

    def _describe(self, received_at: datetime) -> None:
        """Set title and language, which a screen reader reads first; the file's date is the day of the form."""
        self.set_title(f"{self._receipt.heading}: {self._receipt.reference}")
        self.set_author(self._receipt.site_name)
        self.set_lang(self._receipt.language)
        self.set_creation_date(received_at)
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)

    def drawn(self) -> bytes:
        """Draw all pages; return the bytes of the file."""
        self.add_page()
        self._letterhead()
        self._facts()
        for section in self._receipt.sections:
            self._heading(section.title, SECTION_PT, has_outline=True)
            for block in section.blocks:
                if block.name:
                    self._heading(block.name, ITEM_PT)
                for row in block.rows:
                    self._row(row)
        self._explain_missing_letters()
        self._feet()
        return bytes(self.output())

    def _letterhead(self) -> None:
        self.image(LOGO, x=SIDE, y=TOP, w=LOGO_SIZE)
        middle = TOP + (LOGO_SIZE - self._face(NAME_PT, "B")) / 2
        self._text(SIDE + LOGO_SIZE + 3, middle, WIDTH / 2, self._receipt.site_name)
        self._face(TEXT_PT)
        self._text(SIDE + WIDTH / 2, middle, WIDTH / 2, self._receipt.support_contact, align="R")
        self._rule(TOP + LOGO_SIZE + 3, THICK)
        self._face(TITLE_PT, "B")
        self._text(SIDE, TOP + LOGO_SIZE + 8, WIDTH, self._receipt.heading)
        self._face(TEXT_PT)
        self._text(SIDE, self.y + 1, WIDTH, self._receipt.remark)

    def _facts(self) -> None:
        """Draw reference and time in a frame."""
        top, lowest = self.y + 4, self.y
        for (left, width), (label, value) in zip(FACT_COLUMNS, self._receipt.facts, strict=True):
            self._face(SMALL_PT)
            self._text(left, top + 3, width, label)
            self._face(NAME_PT, "B")
            self._text(left, self.y + 0.5, width, value)
            lowest = max(lowest, self.y)
        self.set_line_width(THICK)
        self.rect(SIDE, top, WIDTH, lowest + 3 - top)
        self.set_y(lowest + 5)

    def _heading(self, text: str, size: float, *, has_outline: bool = False) -> None:
        height = self._face(size, "B")
        self._make_room(height + FIRST_ROWS)
        if has_outline:
            self.start_section(self._printable(text))
        self._face(size, "B")
        self._text(SIDE, self.y + (4 if has_outline else 2), WIDTH, text)
        self._rule(self.y + PADDING, THICK if has_outline else THIN)

    def _row(self, row: AnswerRow) -> None:
        """Draw a question and its answer side by side; only an answer longer than a page is split."""
        self._face(TEXT_PT)
        value = "\n".join(row.value_lines) or _("Not answered")
        heights = self._height(KEY_WIDTH - 4, row.key), self._height(VALUE_WIDTH, value)
        self._make_room(max(heights) + 2 * PADDING)
        page, top = self.page, self.y + PADDING
        self._text(SIDE, top, KEY_WIDTH - 4, row.key)
        end_of_key = self.page, self.y
        self.page = page
        self._text(SIDE + KEY_WIDTH, top, VALUE_WIDTH, value)
        self.page, lowest = max(end_of_key, (self.page, self.y))
        self._rule(lowest + PADDING, THIN)

    def _explain_missing_letters(self) -> None:
        if self._lacks_letters:
            self._face(SMALL_PT)
            words = _(
                "We cannot print some of the characters that you typed. Each of them is shown as %(sign)s.",
                sign=NO_LETTER,
            )
            self._text(SIDE, self.y + 3, WIDTH, words)

    def _feet(self) -> None:
        """Draw reference and page number below every page, now that the number of pages is known."""
        self.set_auto_page_break(False)
        for number in range(1, self.pages_count + 1):
            self.page = number
            self._rule(self.h - FOOT - 2, THICK)
            self._face(SMALL_PT)
            top = self.h - FOOT
            self._text(SIDE, top, WIDTH * 0.7, self._receipt.foot)
            words = _("Page %(number)s of %(total)s", number=number, total=self.pages_count)
            self._text(SIDE + WIDTH * 0.7, top, WIDTH * 0.3, words, align="R")

    def _face(self, size: float, style: str = "") -> float:
        """Choose size and weight; return the height of a line in millimetres.

        The family is chosen each time, because a page to which we return does not know what was chosen on another.
        """
        self.font_family = ""
        self.set_font(FACE, style, size)
        return size * MM_PER_PT * LINE_HEIGHT

    def _height(self, width: float, text: str) -> float:
        height = 0.0
        for line in self._lines(text):
            found = self.multi_cell(width, self._line_height, line, dry_run=True, output=MethodReturnValue.HEIGHT)
            height += float(found)  # type: ignore[arg-type]  # what `output` asks for
        return height

    @property
    def _line_height(self) -> float:
        return self.font_size * LINE_HEIGHT

    def _text(self, left: float, top: float, width: float, text: str, align: str = "L") -> None:
        self.set_y(top)
        for line in self._lines(text):
            is_leftwards = bool(self.text_shaping) and auto_detect_base_direction(line) is TextDirection.RTL
            self.set_x(left)
            self.multi_cell(
                width, self._line_height, line, align="R" if is_leftwards else align, new_y=YPos.NEXT, padding=0
            )

    def _rule(self, y: float, width: float) -> None:
        self.set_line_width(width)
        self.line(SIDE, y, SIDE + WIDTH, y)
        self.set_y(y)

    def _make_room(self, height: float) -> None:
        """Begin a new page if this would not fit, unless it fits on no page."""
        if self.y + height > self.page_break_trigger and height < self.page_break_trigger - TOP:
            self.add_page()

    def _lines(self, text: str) -> Iterator[str]:
        """Yield each line as it is printed, with the letters of other scripts joined and in their direction."""
        for line in text.split("\n"):
            printable = self._printable(line)
            is_plain = _letters(REGULAR).issuperset(printable)
            self.set_text_shaping(not is_plain)
            yield from (printable,) if is_plain else _without_endless_runs(printable)

    def _printable(self, text: str) -> str:
        """Return the text in letters that our fonts have, with a sign for each letter that none has."""
        composed = unicodedata.normalize("NFC", text)
        return composed if _letters(REGULAR).issuperset(composed) else "".join(map(self._letter, composed))

    def _letter(self, letter: str) -> str:
        if letter in _letters(REGULAR):
            return letter
        name = next((name for name, file in FALLBACKS.items() if letter in _letters(file)), None)
        if name:
            self._bring(name)
            return letter
        category = unicodedata.category(letter)
        if letter.isspace() or category == "Cc":
            return " "
        if category in INVISIBLE:
            return ""
        self._lacks_letters = True
        return NO_LETTER

    def _bring(self, name: str) -> None:
        if name not in self._fallbacks:
            self._add_face(name, "", FALLBACKS[name])
            self._fallbacks = [each for each in FALLBACKS if each in (name, *self._fallbacks)]
            self.set_fallback_fonts(self._fallbacks, exact_match=False)


def _without_endless_runs(line: str) -> Iterator[str]:
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


class _Widths(defaultdict[int, float]):
    """The widths of a font's letters, and those of the texts that were measured in it."""

    def __init__(self, of_letters: Any) -> None:
        super().__init__(of_letters.default_factory, of_letters)
        self.of_texts: dict[tuple[str, float, Any], tuple[int, float]] = {}


class _RememberingFont(TTFFont):
    """A font that remembers how wide a text is: to break a line, each of its words is measured for each letter."""

    __slots__ = ()

    def get_text_width(
        self, text: str, font_size_pt: float, text_shaping_params: dict[str, Any] | None
    ) -> tuple[int, float]:
        known = cast("_Widths", self.cw).of_texts  # with the letters' widths, because fonts have no place of their own
        key = text, font_size_pt, text_shaping_params and text_shaping_params["fragment_direction"]
        found = known.get(key)
        if found is None:
            if len(known) >= MOST_WIDTHS:
                known.clear()
            found = known[key] = super().get_text_width(text, font_size_pt, text_shaping_params)
        return found


def drawn(receipt: Receipt) -> bytes:
    """Return a receipt as a PDF."""
    return ReceiptPages(receipt).drawn()
