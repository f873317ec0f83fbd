"""Patterns mean what they mean in Python, take linear time, and are refused with an explanation if unsupported."""

import re

import pytest

from portal.form_definitions.format.patterns import MAX_PATTERN, read_pattern

TEXTS = [
    *("", "a", "aa", "aaaa", "AB12", "AB 12", "Zoë Łukasz", "Ελένη", "שלום", "a_1", "a-b", "\n", "a\n", "x", "]", "\\"),
    *("é", "É", "٣", "12", "１２", " ", "\u00a0", "\t", "\v", "\x1c", "\x85", "\u2028", "{,3}", "Ⅷ", "½", "…", "😀"),
]
ALIKE = [
    *(r"\w+", r"\W+", r"\d+", r"\D+", r"\s+", r"\S+", r"[\w ]+", r"[^\w]+", r"[\d-]+", r"[^\s\d]+", r"[\D]", r"[]\w]+"),
    *(r"a{,3}", r"[a{,3}]+", r"\{,3\}", r"\\w", r"\\\w", r"[\\w]", r"\[\w\]?", r"^a$", r"(?i)é", ".", r"(?s)."),
    *(r"(\w+)( \w+)?", r"(?P<first>\w+) (?:\w+)", r"\w{2,4}", r"\x41.*", "…", "[A-Z]{2} ?[0-9]{2}"),
]


@pytest.mark.parametrize("pattern", ALIKE)
def test_a_pattern_matches_the_same_texts_as_in_python(pattern: str) -> None:
    expected = [text for text in TEXTS if re.fullmatch(pattern, text)]
    assert [text for text in TEXTS if read_pattern(pattern).fits(text)] == expected


@pytest.mark.parametrize("pattern", [r"(?:[A-Za-z]+\s?)+", "(a+)+", "(a|a)*", "(a*)*b?", r"(\w+,?)*"])
def test_nested_repeats_take_time_in_proportion_to_the_text(pattern: str) -> None:
    """An engine that tries every way to divide the text would need 2 to the power of 20 000 steps."""
    read = read_pattern(pattern)
    assert read.fits("a" * 20_000)
    assert not read.fits("a" * 20_000 + "!")


REFUSED = [
    ("look-ahead", r"(?=.*[0-9])[a-z0-9]+", "look ahead or behind"),
    ("negative look-ahead", r"(?!0)[0-9]+", "look ahead or behind"),
    ("look-behind", r"a(?<=a)b", "look ahead or behind"),
    ("back-reference", r"(a)\1", "write the group out once more"),
    ("named back-reference", r"(?P<x>a)(?P=x)", "write the group out once more"),
    ("question about a group", r"(a)?(?(1)b|c)", "write out the alternatives"),
    ("end of the text", r"a\Z", r"Leave out \Z"),
    ("possessive", r"a++", "Leave out the second sign"),
    ("possessive with bounds", r"a{1,2}+", "Leave out the second sign"),
    ("atomic group", r"(?>a)b", "Write (?:…)"),
    ("comment", r"a(?#letter)", "Leave out the comment"),
    ("flag", r"(?x)a b", "flags of a pattern are i, m and s"),
    ("character by number", "\\u20ac", r"\x{20ac}"),
    ("no word in brackets", r"[^\W\d_]+", r"\p{L} for any letter"),
    ("anything in brackets", r"[\s\S]*", "(?s:.) for any character"),
    ("too many", "a{1001}", "to 1000 at most"),
    ("too many inside", "(a{100}){11}", "to 1000 at most"),
    ("too large", r"\w{1,900}", "leave long repetitions to max_length"),
    ("open bracket", "(a", "not a regular expression: missing )"),
    ("nothing to repeat", "*a", "not a regular expression: no argument"),
    ("long", "a" * (MAX_PATTERN + 1), "longer than 500 characters"),
]


@pytest.mark.parametrize(("pattern", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_an_unsupported_pattern_is_refused_with_what_to_write_instead(pattern: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        read_pattern(pattern)


def test_patterns_with_the_same_source_are_equal() -> None:
    assert read_pattern("a+") == read_pattern("a+") != read_pattern("a*")
