"""A form's texts in several languages: which is read, how a foreign one is marked, and which are missing."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from markupsafe import Markup, escape

from portal.form_definitions.definition import ForeignText, TranslatedText
from portal.form_definitions.format.readback import missing_texts
from portal.form_definitions.types.answers import (
    MONTHS,
    date_text,
    display_money,
    display_number,
    plain_number,
    read_date,
)
from portal.web.languages import DEFAULT, LANGUAGES
from tests.catalogues import read_catalogue
from tests.unit.form_definitions.making import TODAY, ask, definition, field, section

BOTH = TranslatedText(by_language=(("en", "Rent & rates"), ("cy", "Rhent a threthi")))
ENGLISH_ONLY = TranslatedText(by_language=(("en", "Rent & rates"),))
TWO = {"form": {"id": "f", "title": {"en": "F", "cy": "Ff"}, "languages": ["en", "cy"]}}


def test_a_text_is_read_in_the_language_of_the_page() -> None:
    assert (BOTH.in_("cy"), BOTH.in_("en")) == ("Rhent a threthi", "Rent & rates")
    assert escape(BOTH.in_("cy")) == "Rhent a threthi"


def test_a_missing_text_is_read_in_the_first_language_and_marked() -> None:
    assert ENGLISH_ONLY.in_("cy") == "Rent & rates"
    assert escape(ENGLISH_ONLY.in_("cy")) == Markup('<span lang="en">Rent &amp; rates</span>')


def test_the_language_mark_appears_in_markup_and_not_in_plain_text() -> None:
    label = ENGLISH_ONLY.in_("cy")
    assert Markup("Rhowch ateb i “%(label)s”") % {"label": label} == (
        'Rhowch ateb i “<span lang="en">Rent &amp; rates</span>”'
    )
    assert f"Rhowch ateb i “{label}”" == "Rhowch ateb i “Rent & rates”"


def test_markup_in_a_foreign_text_is_escaped() -> None:
    assert escape(ForeignText("<script>", "en")) == '<span lang="en">&lt;script&gt;</span>'


def missing(*sections: dict[str, Any], **more: Any) -> list[str]:
    return [fault.path for fault in missing_texts(definition(*sections, **(TWO | more)))]


def both(words: str) -> dict[str, str]:
    return {"en": words, "cy": words}


def translated(**more: Any) -> dict[str, Any]:
    return ask("text", **({"label": both("Label")} | more))


PLACES: dict[str, tuple[dict[str, Any], str]] = {
    "section title": ({"title": "T"}, "sections[0].title"),
    "intro": ({"intro": "I"}, "sections[0].intro"),
    "label": ({"fields": [ask("text", label={"en": "L"})]}, "sections[0].fields[0].label"),
    "hint": ({"fields": [translated(hint="H")]}, "sections[0].fields[0].hint"),
    "error": ({"fields": [translated(errors={"required": "E"})]}, "sections[0].fields[0].errors.required"),
    "option": (
        {"fields": [ask("choice", label=both("L"), options=[{"value": "a", "label": "A"}])]},
        "sections[0].fields[0].options[0].label",
    ),
    "option's hint": (
        {"fields": [ask("choice", label=both("L"), options=[{"value": "a", "label": both("A"), "hint": "H"}])]},
        "sections[0].fields[0].options[0].hint",
    ),
    "item": ({"repeat": {"item": "person"}}, "sections[0].repeat.item"),
    "stop's title": (
        {"stop_when": [{"when": {"field": "s.q", "answered": "true"}, "title": "Stop"}]},
        "sections[0].stop_when[0].title",
    ),
    "stop's body": (
        {"stop_when": [{"when": {"field": "s.q", "answered": "true"}, "title": both("Stop"), "body": "B"}]},
        "sections[0].stop_when[0].body",
    ),
}


@pytest.mark.parametrize(("more", "path"), PLACES.values(), ids=PLACES)
def test_a_text_missing_in_a_language_of_the_form_is_listed_with_its_path(more: dict[str, Any], path: str) -> None:
    assert missing({"id": "s", "title": both("S"), "fields": [translated()]} | more) == [path]


HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "title": ({"title": "F"}, "form.title"),
    "summary": ({"summary": "S"}, "form.summary"),
    "declaration": ({"declaration": "D"}, "form.declaration"),
    "what you need": ({"you_will_need": [both("A"), "B"]}, "form.you_will_need[1]"),
}


@pytest.mark.parametrize(("more", "path"), HEADERS.values(), ids=HEADERS)
def test_missing_texts_of_the_form_itself_are_listed(more: dict[str, Any], path: str) -> None:
    whole = {"id": "s", "title": both("S"), "fields": [translated()]}
    assert missing(whole, form=TWO["form"] | more) == [path]


def test_a_shared_list_is_reported_once_however_often_it_is_used() -> None:
    fields = [ask("choice", f"q{n}", label=both("L"), options="kinds") for n in range(3)]
    lists = {"kinds": [{"value": "a", "label": "A"}]}
    assert missing({"id": "s", "title": both("S"), "fields": fields}, lists=lists) == ["lists.kinds[0].label"]


def test_a_form_in_one_language_has_no_missing_texts() -> None:
    assert missing_texts(definition(section("s", ask("text")))) == ()


def test_each_missing_language_is_listed() -> None:
    form = {"id": "f", "title": {"en": "F"}, "languages": ["en", "cy", "pl"]}
    fields = [ask("text", label={"en": "L", "pl": "L"})]
    whole = {"id": "s", "title": {"en": "S", "cy": "S", "pl": "S"}, "fields": fields}
    found = [str(fault) for fault in missing_texts(definition(whole, form=form))]
    assert found == [
        "form.title: There is no text in cy; people read it in en.",
        "form.title: There is no text in pl; people read it in en.",
        "sections[0].fields[0].label: There is no text in cy; people read it in en.",
    ]


def words_of(code: str) -> dict[str, str]:
    return {} if code == DEFAULT else {str(each.id): str(each.string) for each in read_catalogue(code)}


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("amount", ["0.00", "1300.50", "-12.00", "1234567.89"])
def test_money_and_numbers_follow_each_language_of_the_portal(code: str, amount: str) -> None:
    here = f"{code}_GB"
    assert display_money(field("money"), amount, code, str) == [format_currency(amount, "GBP", locale=here)]
    plain = plain_number(Decimal(amount))
    assert display_number(field("number"), plain, code, str) == [format_decimal(Decimal(plain), locale=here)]


@pytest.mark.parametrize("code", LANGUAGES)
def test_dates_follow_each_language_of_the_portal(code: str) -> None:
    words = words_of(code)
    for month in range(1, 13):
        day = date(2026, month, 4)
        assert date_text(day, lambda text: words.get(text, text)) == format_date(day, "d MMMM y", locale=code)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_date_may_be_typed_with_month_names_in_each_language(code: str) -> None:
    words = words_of(code)
    for number, month in enumerate(MONTHS, start=1):
        typed = {"day": ["4"], "month": [words.get(month, month)], "year": ["2026"]}
        assert read_date(field("date"), typed, TODAY) == f"2026-{number:02}-04"
