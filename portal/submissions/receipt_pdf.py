"""Draw the receipt as a PDF, with our own fonts, so that every name is printed as its owner writes it."""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import cast

from flask_babel import gettext as _
from fpdf import FPDF, ViewerPreferences
from fpdf.bidi import auto_detect_base_direction
from fpdf.enums import PDFResourceType, TextDirection
from fpdf.fonts import TTFFont

from portal.submissions.answers import AnswerRow
from portal.submissions.receipt import Receipt
from portal.submissions.typesetting import (
    BOLD,
    REGULAR,
    THOUSANDTH,
    VENDOR,
    Face,
    Line,
    Run,
    Step,
    broken,
    directions,
    fallback,
    fallback_of,
    is_one_way,
    letters_of,
    operators,
    without_endless_runs,
)

LOGO = VENDOR.parent / "images" / "logo-print.svg"
FACE = "Atkinson"
NO_LETTER = "\N{REPLACEMENT CHARACTER}"
"""Printed for a letter that no face has; Noto Sans has this one."""
INVISIBLE = frozenset({"Cf", "Mn", "Me"})
"""Marks that are drawn with the letter before them; if a font has no such mark, the letter is drawn alone."""

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


class ReceiptPages(FPDF):
    """The pages of one receipt, from the letterhead to the foot."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(unit="mm", format="A4")
        self._receipt = receipt
        self._typed = _letters_in(receipt) - letters_of(REGULAR)
        self._own_faces: dict[str, Face] = {}
        self._face_of: dict[str, Face] = {}
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
        self.add_font(name, style, file)
        font = cast("TTFFont", self.fonts[f"{name.lower()}{style}"])
        self._own_faces[font.fontkey] = Face(font)

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
        key = self._lines(row.key, KEY_WIDTH - 4)
        value = self._lines("\n".join(row.value_lines) or _("Not answered"), VALUE_WIDTH)
        self._make_room(max(len(key), len(value)) * self._line_height + 2 * PADDING)
        page, top = self.page, self.y + PADDING
        self._print(SIDE, top, KEY_WIDTH - 4, key)
        end_of_key = self.page, self.y
        self.page = page
        self._print(SIDE + KEY_WIDTH, top, VALUE_WIDTH, value)
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

    @property
    def _chosen(self) -> Face:
        return self._own_faces[cast("TTFFont", self.current_font).fontkey]

    @property
    def _line_height(self) -> float:
        return self.font_size * LINE_HEIGHT

    def _text(self, left: float, top: float, width: float, text: str, align: str = "L") -> None:
        self._print(left, top, width, self._lines(text, width), align)

    def _print(self, left: float, top: float, width: float, lines: Sequence[Line], align: str = "L") -> None:
        self.set_y(top)
        for line in lines:
            if self.will_page_break(self._line_height):
                self.add_page(same=True)
            if line.text:
                self._show(left, width, line, align)
            self.set_y(self.y + self._line_height)

    def _show(self, left: float, width: float, line: Line, align: str) -> None:
        """Show a line here, with no more of the state of a page than it has itself."""
        runs: list[Run] = []
        if line.direction:
            runs = self._runs(line.text, line.direction)
            wide = sum(glyph.advance for _face, glyphs in runs for glyph in glyphs) * THOUSANDTH * self.font_size
            shown = operators(runs, self.font_size_pt)
        else:
            wide = sum(step for _, step in self._plain_steps(line.text))
            shown = f"/F{self._chosen.font.i} {self.font_size_pt:.2f} Tf {self._chosen.font.encode_text(line.text)}"
        if align == "R" or line.direction is TextDirection.RTL:
            left += width - wide
        base = self.h - self.y - 0.5 * self._line_height - 0.3 * self.font_size
        for face in {face for face, _glyphs in runs} or {self._chosen}:
            self._resource_catalog.add(PDFResourceType.FONT, face.font.i, self.page)
        self._out(f"q BT {left * self.k:.2f} {base * self.k:.2f} Td {shown} ET Q")

    def _runs(self, text: str, direction: TextDirection) -> list[Run]:
        """Return what is printed in one face each, from left to right."""
        runs: list[list[Run]] = []
        for towards, together in groupby(directions(text, direction), lambda part: part[1]):
            found = [run for part, _ in together for run in self._runs_of_faces(part, towards)]
            runs.append(found[::-1] if towards is TextDirection.RTL else found)
        return [run for found in (runs[::-1] if direction is TextDirection.RTL else runs) for run in found]

    def _runs_of_faces(self, text: str, direction: TextDirection) -> Iterator[Run]:
        for face, letters in self._by_face(text):
            yield face, face.shaped(letters, direction)

    def _by_face(self, text: str) -> Iterator[tuple[Face, str]]:
        chosen = self._chosen
        return ((face or chosen, "".join(letters)) for face, letters in groupby(text, self._face_of.get))

    def _rule(self, y: float, width: float) -> None:
        self.set_line_width(width)
        self.line(SIDE, y, SIDE + WIDTH, y)
        self.set_y(y)

    def _make_room(self, height: float) -> None:
        """Begin a new page if this would not fit, unless it fits on no page."""
        if self.y + height > self.page_break_trigger and height < self.page_break_trigger - TOP:
            self.add_page()

    def _lines(self, text: str, width: float) -> list[Line]:
        """Return a text in lines that are no wider than this in the face that is chosen.

        A paragraph in letters of other scripts is shaped: they are joined, and each line is in its own direction.
        """
        lines: list[Line] = []
        for paragraph in text.split("\n"):
            printable = self._printable(paragraph)
            if letters_of(REGULAR).issuperset(printable):
                lines += (Line(line) for line in broken(self._plain_steps(printable), width))
                continue
            for piece in without_endless_runs(printable):
                direction = auto_detect_base_direction(piece)
                lines += (Line(line, direction) for line in broken(self._shaped_steps(piece, direction), width))
        return lines

    def _plain_steps(self, text: str) -> Iterator[Step]:
        widths, scale = self._chosen.font.cw, THOUSANDTH * self.font_size
        return ((letter, widths[ord(letter)] * scale) for letter in text)

    def _shaped_steps(self, text: str, base: TextDirection) -> Iterator[Step]:
        scale, direction = THOUSANDTH * self.font_size, base if is_one_way(text, base) else None
        return ((step, wide * scale) for face, run in self._by_face(text) for step, wide in face.steps(run, direction))

    def _printable(self, text: str) -> str:
        """Return the text in letters that our fonts have, with a sign for each letter that none has."""
        composed = unicodedata.normalize("NFC", text)
        return composed if letters_of(REGULAR).issuperset(composed) else "".join(map(self._letter, composed))

    def _letter(self, letter: str) -> str:
        if letter in letters_of(REGULAR) or letter in self._face_of:
            return letter
        name = fallback_of(letter)
        if name:
            self._bring(name, letter)
            return letter
        category = unicodedata.category(letter)
        if letter.isspace() or category == "Cc":
            return " "
        if category in INVISIBLE:
            return ""
        self._lacks_letters = True
        return self._letter(NO_LETTER)

    def _bring(self, name: str, letter: str) -> None:
        """Bring a fallback face with a letter, and with all others of its letters that somebody typed."""
        letters = {letter, *(each for each in self._typed if fallback_of(each) == name)}
        self._face_of.update(dict.fromkeys(letters, fallback(self, name, letters)))


def _letters_in(receipt: Receipt) -> frozenset[str]:
    """Return the letters of all that people and forms say in a receipt."""
    return frozenset(unicodedata.normalize("NFC", json.dumps(asdict(receipt), ensure_ascii=False, default=str)))


def drawn(receipt: Receipt) -> bytes:
    """Return a receipt as a PDF."""
    return ReceiptPages(receipt).drawn()
