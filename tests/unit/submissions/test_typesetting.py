"""Setting text: lines that fit, letters that are not torn from their marks, and the side from which they are read."""

from collections.abc import Callable, Iterator

import pytest
from fpdf import FPDF
from fpdf.bidi import BidiParagraph
from fpdf.enums import TextDirection

from portal.submissions import typesetting
from portal.submissions.typesetting import FALLBACKS, Face, broken, directions, fallback, operators

Brought = Callable[[str, str], Face]
LTR, RTL = TextDirection.LTR, TextDirection.RTL


def lines(text: str, width: float) -> list[str]:
    """Break a text whose letters are all one wide."""
    return list(broken([(letter, 1.0) for letter in text], width))


@pytest.fixture
def face() -> Iterator[Brought]:
    """Return what brings a face with these letters; its file is closed afterwards."""
    brought: list[Face] = []

    def bring(name: str, letters: str) -> Face:
        brought.append(fallback(FPDF(), name, letters))
        return brought[-1]

    yield bring
    for each in brought:
        each.font.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        ("one", ["one"]),
        ("one two", ["one", "two"]),
        ("one  two", ["one ", "two"]),
        ("a b c d e", ["a b", "c d", "e"]),
        ("onetwothree", ["onet", "woth", "ree"]),
        ("a onetwothree", ["a", "onet", "woth", "ree"]),
        ("onet woth", ["onet", "woth"]),
        ("one tw o", ["one", "tw o"]),
        (" onetwo", ["", "onet", "wo"]),
    ],
)
def test_line_is_broken_at_a_space_or_in_a_word_that_fits_in_none(text: str, expected: list[str]) -> None:
    assert lines(text, 4) == expected


def test_sign_wider_than_a_line_has_one_of_its_own() -> None:
    assert list(broken([("wide", 9), ("wide", 9), ("a", 1)], 4)) == ["wide", "wide", "a"]


@pytest.mark.parametrize(
    ("name", "word", "whole"),
    [
        ("NotoSans_400Regular", "क्षत्रि", ["क्ष", "त्रि"]),
        ("NotoSansThai_400Regular", "น้ำ", ["น้ำ"]),
        ("NotoSansTamil_400Regular", "கோவி", ["கோ", "வி"]),
    ],
)
def test_letter_is_not_torn_from_its_marks(face: Brought, name: str, word: str, whole: list[str]) -> None:
    assert "".join(letters for letters, _ in face(name, word).steps(word, LTR)) == word
    assert [letters for letters, _ in face(name, word).steps(word, LTR)] == whole


@pytest.mark.parametrize(("text", "base"), [("Ελλ, 12 (中)!", LTR), ("שלום (עולם) - مرحبا!", RTL)])
def test_text_that_is_read_from_one_side_is_one_part(text: str, base: TextDirection) -> None:
    whole = BidiParagraph(text=text, base_direction=base, preserve_bn_chars=True)
    assert tuple(directions(text, base)) == tuple(whole.get_bidi_fragments()) == ((text, base),)


@pytest.mark.parametrize(("text", "base"), [("abc שלום", LTR), ("שלום 12", RTL), ("a\u202eb", LTR)])
def test_text_that_is_read_from_both_sides_is_taken_apart(text: str, base: TextDirection) -> None:
    whole = BidiParagraph(text=text, base_direction=base, preserve_bn_chars=True)
    assert tuple(directions(text, base)) == tuple(whole.get_bidi_fragments()) != ((text, base),)


def test_part_of_a_large_face_draws_as_the_whole_does(face: Brought, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "王小明 陳大文さくら山田김민준、。「」\u200d"
    part = face("DroidSansFallback", words)
    monkeypatch.setattr(typesetting, "LARGE", 100_000)
    whole = face("DroidSansFallback", words)
    places = [[glyph[1:] for glyph in each.shaped(words, LTR)] for each in (part, whole)]
    assert places[0] == places[1]
    assert len(part.font.ttfont.getGlyphOrder()) < 100 < len(whole.font.ttfont.getGlyphOrder())


@pytest.mark.parametrize("name", FALLBACKS)
def test_no_face_is_read_whole_that_has_very_many_signs(face: Brought, name: str) -> None:
    letter = max(typesetting.letters_of(FALLBACKS[name]))
    assert len(face(name, letter).font.ttfont.getGlyphOrder()) < typesetting.LARGE


def test_glyphs_stand_where_the_face_says(face: Brought) -> None:
    thai = face("NotoSansThai_400Regular", "ปั้น")
    shown = operators([(thai, thai.shaped("ปั้น", LTR))], 10)
    assert shown.startswith(f"/F{thai.font.i} 10.00 Tf [")
    assert shown.endswith("] TJ")
    assert shown.count("(") == len(thai.shaped("ปั้น", LTR))
