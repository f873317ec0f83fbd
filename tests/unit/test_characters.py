"""What nobody sees is dropped from what people type; what belongs to a letter or a picture stays."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.characters import plain, trimmed

FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"
UNSEEN = [
    "\u00ad",
    "\u200b",
    "\u200d",
    "\u200e",
    "\u202e",
    "\u2060",
    "\u2069",
    "\ufeff",
    "\U000e0041",
    "\0",
    "\x07",
    "\x9f",
]
SPACES = [" ", "\t", "\n", "\u00a0", "\u1680", "\u2009", "\u202f", "\u205f", "\u3000", "\u2028", "\x85", "\x1c"]
BLANK = ["\u034f", "\u115f", "\u2800", "\u3164", "\ufe0f", "\uffa0"]


@pytest.mark.parametrize("odd", UNSEEN + SPACES, ids=ascii)
def test_unseen_characters_and_spaces_at_the_ends_are_dropped(odd: str) -> None:
    assert trimmed(f"{odd}Zofia{odd}{odd}") == "Zofia"
    assert plain(f"{odd}12{odd}") == "12"


@pytest.mark.parametrize("odd", UNSEEN + SPACES + BLANK, ids=ascii)
def test_text_of_which_nothing_is_seen_is_empty(odd: str) -> None:
    assert trimmed(odd * 3) == trimmed(f"{odd}\u200b {odd}") == plain(odd) == ""


@pytest.mark.parametrize("odd", UNSEEN + BLANK, ids=ascii)
def test_unseen_characters_inside_a_code_are_dropped(odd: str) -> None:
    assert plain(f"QQ{odd} 12{odd}3") == "QQ 123"


@pytest.mark.parametrize("space", [space for space in SPACES if space != "\n"], ids=ascii)
def test_any_space_inside_a_code_is_a_space(space: str) -> None:
    assert plain(f"12{space}34") == "12 34"


@pytest.mark.parametrize(
    "text",
    [
        "مینا\u200cجان",
        "क\u094d\u200dष",
        "അരുണ\u0d4d\u200d",
        "👩\u200d👧",
        "❤\ufe0f",
        FLAG,
        f"Cymru {FLAG}",
        "soft\u00adhyphen",
        "\u06dd",
    ],
    ids=ascii,
)
def test_what_shapes_letters_and_pictures_stays_in_texts(text: str) -> None:
    assert trimmed(f"\u200b {text} \ufeff") == text


def test_joiners_may_be_kept_where_all_else_is_dropped() -> None:
    assert plain("\u202eمینا\u200cجان\u00a0\u200b", keep="\u200c\u200d") == "مینا\u200cجان"


@given(st.text(max_size=20))
def test_nothing_seen_is_ever_dropped(text: str) -> None:
    seen = [each for each in text if unicodedata.category(each)[0] in "LNPS" and plain(each)]
    assert [each for each in trimmed(text) if each in seen] == seen
    assert [each for each in plain(text) if each in seen] == seen
    assert trimmed(trimmed(text)) == trimmed(text)
    assert plain(plain(text)) == plain(text)
