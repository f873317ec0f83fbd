"""From typed text to the answer, for every type; and back to what people read."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.form_definitions.types.answers import InvalidAnswerError
from portal.form_definitions.types.field_types import (
    FIELD_TYPES,
    answer_lines,
    answer_problem,
    inputs_of,
    message,
    read_answer,
)
from tests.unit.form_definitions.making import TODAY, field


def read(kind, typed, **more):
    inputs = typed if isinstance(typed, dict) else {"": typed if isinstance(typed, list) else [typed]}
    return read_answer(field(kind, **more), inputs, TODAY)


def day(text):
    return dict(zip(("day", "month", "year"), ([part] for part in text.split("/")), strict=True))


def address(*parts):
    return dict(zip(("line_1", "line_2", "town", "postcode"), ([part] for part in parts), strict=True))


ACCEPTED = [
    ("text", "  Zoë \r\n Łukasz ", {}, "Zoë Łukasz"),
    ("text", "   ", {}, None),
    ("text", "QQ 12 34 56 C", {"pattern": "[A-Z0-9 ]+"}, "QQ 12 34 56 C"),
    ("text", "a" * 500, {}, "a" * 500),
    ("long_text", " one\r\ntwo\rthree ", {}, "one\ntwo\nthree"),
    ("long_text", "one two", {"max_words": 2}, "one two"),
    ("name", "O’Brien", {}, "O’Brien"),
    ("email", " Some.One@EXAMPLE.com ", {}, "Some.One@example.com"),
    ("text", "\u200bQQ\u00a012\u200b 34\u202f56 C\u2060", {"pattern": "[A-Z0-9 ]+"}, "QQ 12 34 56 C"),
    ("text", "AS1\u200b 1AA", {"max_length": 7}, "AS1 1AA"),
    ("text", "\ufeffsoft\u00adhyphen\u200e", {}, "soft\u00adhyphen"),
    ("text", "\u200b", {}, None),
    ("name", "\u200b\u3164\u2800", {}, None),
    ("name", "\u2067مینا\u200cجان\u2069", {}, "مینا\u200cجان"),
    ("name", "مینا\u200cجان", {"pattern": "[\\w ]+"}, "میناجان"),
    ("long_text", "\u200b क\u094d\u200dष\n👩\u200d👧 \u200b", {}, "क\u094d\u200dष\n👩\u200d👧"),
    ("long_text", "a\u200bb\nc", {"pattern": "[a-z\n]+"}, "ab\nc"),
    ("email", "zo\u200be@mail\u2060.example\ufeff", {}, "zoe@mail.example"),
    ("email", "\u00a0zoe@mail.example\u200b", {}, "zoe@mail.example"),
    ("email", "\u200b", {}, None),
    ("email", "a@portal.test", {}, "a@portal.test"),
    ("email", "a@sub.example", {}, "a@sub.example"),
    ("phone", "07700 900123", {}, "07700 900123"),
    ("phone", "+44 (0)7700 900123", {}, "07700 900123"),
    ("phone", "+1 202-555-0143", {}, "+1 202-555-0143"),
    ("phone", "(+44) 161 496 0000", {}, "0161 496 0000"),
    ("phone", "020 7946 0018 ext. 12", {}, "020 7946 0018 x12"),
    ("phone", "07700 900 12", {}, "07700 900 12"),
    ("phone", "0161 496 000", {}, "0161 496 000"),
    ("phone", "+44 (0)161 496 000", {}, "+44 (0)161 496 000"),
    ("phone", "01 234 5678", {}, "01 234 5678"),
    ("phone", "077009001", {}, "077009001"),
    ("phone", "0770\u200b0\u00a0900123\u2060", {}, "07700 900123"),
    ("number", "1,300.00", {}, "1300"),
    ("number", " 2.50 ", {}, "2.5"),
    ("number", "-0", {}, "0"),
    ("number", ".5", {}, "0.5"),
    ("number", "\u22124", {}, "-4"),
    ("number", "100", {"max": 100}, "100"),
    ("number", "12 345 678.9", {}, "12345678.9"),
    ("number", "1\u202f300", {}, "1300"),
    ("number", "\ufeff3\u200b0\u00a0", {}, "30"),
    ("money", "£1 300", {}, "1300.00"),
    ("money", "£ 650", {}, "650.00"),
    ("money", "-£5", {}, "-5.00"),
    ("money", "£-5", {}, "-5.00"),
    ("money", "£1\u00a0300.50", {}, "1300.50"),
    ("money", "\u200b£\u2060650\ufeff", {}, "650.00"),
    ("money", "1,300.5", {}, "1300.50"),
    ("money", "-0", {"min": 0}, "0.00"),
    ("money", "0", {"min": 0}, "0.00"),
    ("date", day("5/May/1990"), {}, "1990-05-05"),
    ("date", day("05/05/1990"), {}, "1990-05-05"),
    ("date", day("\u200b5/M\u00aday\ufeff/19\u206090"), {}, "1990-05-05"),
    ("date", day("\u200b/\u2800/ "), {}, None),
    ("date", day("1/sept./2026"), {}, "2026-09-01"),
    ("date", day("1/Mawrth/2026"), {}, "2026-03-01"),
    ("date", day("29/2/2024"), {}, "2024-02-29"),
    ("date", day("21/11/2026"), {"min": "today", "max": "today"}, "2026-11-21"),
    ("date", day("//"), {}, None),
    ("yes_no", "yes", {}, True),
    ("yes_no", "no", {}, False),
    ("yes_no", [], {}, None),
    ("choice", "b", {}, "b"),
    ("choices", ["b", "a", "b"], {}, ["a", "b"]),
    ("choices", ["none"], {}, ["none"]),
    ("choices", [], {}, None),
    ("declaration", "yes", {}, True),
    ("declaration", [], {}, None),
    (
        "address",
        address("1 Road", "", "Town", "AB1 2CD"),
        {},
        {"line_1": "1 Road", "line_2": "", "town": "Town", "postcode": "AB1 2CD"},
    ),
    (
        "address",
        address("\u200b1 Road", "\u200b", "Town\ufeff", "AB\u200b1\u00a02CD"),
        {},
        {"line_1": "1 Road", "line_2": "", "town": "Town", "postcode": "AB1 2CD"},
    ),
    ("address", address("", " ", "", ""), {}, None),
    ("file", "x", {}, None),
    ("note", "x", {}, None),
    ("lookup", "x", {}, None),
]
REFUSED = [
    ("text", "a" * 501, {}, "max_length", ()),
    ("text", "abcd", {"max_length": 3}, "max_length", ()),
    ("text", "abc1", {"pattern": "[a-z]+"}, "pattern", ()),
    ("long_text", "a" * 20_001, {}, "max_length", ()),
    ("long_text", "one two three", {"max_words": 2}, "max_words", ()),
    ("email", "a@b@c", {}, "invalid", ()),
    ("email", "a@example.com, b@example.com", {}, "invalid", ()),
    ("email", "A <a@example.com>", {}, "invalid", ()),
    ("email", "a@localhost", {}, "invalid", ()),
    ("phone", "12345", {}, "invalid", ()),
    ("phone", "0000000000", {}, "invalid", ()),
    ("phone", "ring me", {}, "invalid", ()),
    ("phone", "0770o 900123", {}, "invalid", ()),
    ("phone", "07700 9O0123", {}, "invalid", ()),
    ("phone", "O7700 900123", {}, "invalid", ()),
    ("phone", "0800 FLOWERS", {}, "invalid", ()),
    ("phone", "07700 900123 (mum)", {}, "invalid", ()),
    ("phone", "07700 900123 or 020 7946 0018", {}, "invalid", ()),
    ("phone", "07700 900123 / 020 7946 0018", {}, "invalid", ()),
    ("phone", "07700 900123 & 4", {}, "invalid", ()),
    ("number", "NaN", {}, "invalid", ()),
    ("number", "inf", {}, "invalid", ()),
    ("number", "1e5", {}, "invalid", ()),
    ("number", "1,30", {}, "invalid", ()),
    ("number", "-", {}, "invalid", ()),
    ("number", ".", {}, "invalid", ()),
    ("number", "٣", {}, "invalid", ()),
    ("number", "9" * 16, {}, "invalid", ()),
    ("number", "101", {"max": 100}, "max", ()),
    ("number", "12 50", {}, "invalid", ()),
    ("money", "12 50", {}, "invalid", ()),
    ("number", "3 4", {}, "invalid", ()),
    ("money", "3 4", {}, "invalid", ()),
    ("number", "1 2345", {}, "invalid", ()),
    ("money", "1 2345", {}, "invalid", ()),
    ("number", "1234 567", {}, "invalid", ()),
    ("money", "1234 567", {}, "invalid", ()),
    ("number", "1  300", {}, "invalid", ()),
    ("money", "1  300", {}, "invalid", ()),
    ("number", "1 300 .50", {}, "invalid", ()),
    ("money", "1 300 .50", {}, "invalid", ()),
    ("number", "650. 50", {}, "invalid", ()),
    ("money", "650. 50", {}, "invalid", ()),
    ("number", "1,234 567", {}, "invalid", ()),
    ("money", "1,234 567", {}, "invalid", ()),
    ("number", "1 23", {}, "invalid", ()),
    ("money", "1 23", {}, "invalid", ()),
    ("number", "12 34 56", {}, "invalid", ()),
    ("money", "12 34 56", {}, "invalid", ()),
    ("money", "£", {}, "invalid", ()),
    ("money", "£ ", {}, "invalid", ()),
    ("money", "-£", {}, "invalid", ()),
    ("money", "£\u200b", {}, "invalid", ()),
    ("money", "650£", {}, "invalid", ()),
    ("money", "6£50", {}, "invalid", ()),
    ("money", "£6£50", {}, "invalid", ()),
    ("money", "£-£5", {}, "invalid", ()),
    ("money", "650 £", {}, "invalid", ()),
    ("money", "£650 pounds", {}, "invalid", ()),
    ("money", "650p", {}, "invalid", ()),
    ("money", "6o0", {}, "invalid", ()),
    ("number", "£5", {}, "invalid", ()),
    ("money", "1.005", {}, "invalid", ()),
    ("money", "££5", {}, "invalid", ()),
    ("money", "0", {"min": 1}, "min", ()),
    ("date", day("31/2/2026"), {}, "invalid", ("day",)),
    ("date", day("32/1/2026"), {}, "invalid", ("day",)),
    ("date", day("1/13/2026"), {}, "invalid", ("month",)),
    ("date", day("1/Brumaire/2026"), {}, "invalid", ("month",)),
    ("date", day("1/1/26"), {}, "invalid.year", ("year",)),
    ("date", day("1//2026"), {}, "incomplete.month", ("month",)),
    ("date", day("//2026"), {}, "incomplete.day_month", ("day", "month")),
    ("date", day("22/11/2026"), {"max": "today"}, "max.today", ("day", "month", "year")),
    ("date", day("20/11/2026"), {"min": "2026-11-21"}, "min", ("day", "month", "year")),
    ("yes_no", "true", {}, "invalid", ()),
    ("choice", "z", {}, "invalid", ()),
    ("choices", ["a", "z"], {}, "invalid", ()),
    ("choices", ["a", "none"], {}, "exclusive", ()),
    ("declaration", "no", {}, "invalid", ()),
    ("address", address("1 Road", "", "", ""), {}, "incomplete.town", ("town", "postcode")),
    ("address", address("x" * 201, "", "Town", "AB1"), {}, "max_length", ("line_1",)),
]


@pytest.mark.parametrize(("kind", "typed", "more", "answer"), ACCEPTED)
def test_typed_text_becomes_the_answer(kind, typed, more, answer):
    assert read(kind, typed, **more) == answer


@pytest.mark.parametrize(("kind", "typed", "more", "key", "parts"), REFUSED)
def test_an_invalid_answer_is_refused_with_its_reason_and_the_wrong_parts(kind, typed, more, key, parts):
    with pytest.raises(InvalidAnswerError) as refused:
        read(kind, typed, **more)
    assert (refused.value.key, refused.value.parts) == (key, parts)
    assert "%(" not in message(field(kind, **more), refused.value, "en", str)


@pytest.mark.parametrize(("kind", "typed", "more", "answer"), [case for case in ACCEPTED if case[3] is not None])
def test_an_answer_shown_in_its_inputs_reads_back_the_same(kind, typed, more, answer):
    asked = field(kind, **more)
    assert read_answer(asked, inputs_of(asked, answer), TODAY) == answer
    assert answer_problem(asked, answer, TODAY) is None


@given(st.from_regex(r"[+0]?[0-9 ()./-]{6,16}( ?x[0-9]{1,4})?", fullmatch=True))
@example("04000000000")
def test_a_telephone_number_keeps_every_digit(typed):
    try:
        answer = read("phone", typed)
    except InvalidAnswerError:
        return
    if answer is not None:
        assert _significant(answer) == _significant(typed)
        assert answer[0] in "(+0" or typed.strip()[0] != "0"


def _significant(number):
    """Return the digits without what stands for this country or for a call from another town."""
    digits = "".join(character for character in number if character.isdigit())
    return re.sub("^(0*44|00)?0*", "", digits)


@given(st.from_regex(r"[-+£ 0-9.,]{1,12}", fullmatch=True))
def test_an_amount_is_what_its_digits_say(typed):
    try:
        answer = read("money", typed)
    except InvalidAnswerError:
        return
    if answer is not None:
        said = re.sub("[^0-9.-]", "", typed)
        whole = r"([0-9]{0,15}|[0-9]{1,3}([ ,])[0-9]{3}(\2[0-9]{3})*)"
        assert re.fullmatch(rf"[-+£ ]*{whole}([.][0-9]{{1,2}})?", typed.strip())
        assert Decimal(answer) == Decimal(said)


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_a_stored_answer_of_another_type_must_be_given_again(kind):
    asked = field(kind)
    for odd in (True, False, "§", ["§"], {"§": "§"}):
        if not isinstance(odd, FIELD_TYPES[kind].shape):
            assert answer_problem(asked, odd, TODAY).key == "again"
            assert answer_lines(asked, odd, "en", str) == []


@pytest.mark.parametrize(
    ("kind", "answer", "lines"),
    [
        ("long_text", "one\ntwo", ["one", "two"]),
        ("money", "1300.00", ["£1,300.00"]),
        ("money", "-5.50", ["-£5.50"]),
        ("number", "1300.5", ["1,300.5"]),
        ("date", "1990-05-04", ["4 May 1990"]),
        ("yes_no", False, ["No"]),
        ("declaration", True, ["Yes"]),
        ("choice", "a", ["A"]),
        ("choice", "gone", ["gone"]),
        ("choices", ["a", "none"], ["A", "Nothing"]),
        ("address", {"line_1": "1 Road", "line_2": "", "town": "Town", "postcode": "AB1"}, ["1 Road", "Town", "AB1"]),
    ],
)
def test_answers_are_shown_as_people_read_them(kind, answer, lines):
    assert answer_lines(field(kind), answer, "en", str) == lines


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (InvalidAnswerError("invalid"), "Not this"),
        (InvalidAnswerError("invalid.year"), "Not this"),
        (InvalidAnswerError("incomplete.day"), "Not that day"),
        (InvalidAnswerError("max", limit=date(2026, 5, 4)), "“Label of q” must be 4 May 2026 or earlier"),
    ],
    ids=["key", "its variety", "the variety alone", "not worded"],
)
def test_the_authors_error_text_replaces_ours(problem, text):
    asked = field("date", errors={"invalid": "Not this", "incomplete": "Not that day"})
    assert message(asked, problem, "en", str) == text
