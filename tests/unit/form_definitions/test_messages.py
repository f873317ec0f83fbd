"""An error says how to put an answer right, in the question's own words."""

from typing import Any

import pytest
from babel.support import Translations

from portal.form_definitions.types.answers import InvalidAnswerError
from portal.form_definitions.types.field_types import FIELD_TYPES, is_optional, message
from tests.catalogues import CATALOGUES
from tests.unit.form_definitions.making import OPTIONS, definition, field, page, section

VALUES: dict[str, Any] = {"limit": 5, "name": "a.pdf", "kind": "PDF", "kinds": "PDF or PNG", "option": "None"}
ANSWERABLE = [name for name, entry in FIELD_TYPES.items() if entry.answerable]
EVERY_MESSAGE = [(kind, key) for kind in ANSWERABLE for key in FIELD_TYPES[kind].messages]
WELSH = Translations.load(CATALOGUES, ["cy"]).gettext


def said(kind, key, translate=str, **more):
    more |= {"options": OPTIONS} if kind in ("choice", "choices") else {}
    return message(field(kind, **more), InvalidAnswerError(key, **VALUES), "en", translate)


@pytest.mark.parametrize(
    ("kind", "label", "short", "key", "sentence"),
    [
        ("name", "Full name", None, "required", "Full name: enter an answer"),
        ("name", "Full name", "your full name", "required", "Enter your full name"),
        ("text", "Plate", None, "pattern", "Plate: enter it in the right format"),
        ("text", "Plate", "your plate", "pattern", "Enter your plate in the right format"),
        ("text", "Plate", "your plate", "max_length", "Your plate must be 5 characters or fewer"),
        (
            "email",
            "E-mail address",
            None,
            "invalid",
            "Enter an e-mail address in the right format, like name@example.com",
        ),
        ("email", "E-mail address", "your e-mail address", "required", "Enter your e-mail address"),
        (
            "money",
            "How much do you owe?",
            None,
            "invalid",
            "“How much do you owe?” must be an amount of money, like 650 or 650.50",
        ),
        (
            "money",
            "How much do you owe?",
            None,
            "required",
            "How much do you owe? Enter an amount of money, like 650 or 650.50",
        ),
        (
            "money",
            "How much do you owe?",
            "your debt",
            "invalid",
            "Your debt must be an amount of money, like 650 or 650.50",
        ),
        ("date", "Born", "your date of birth", "required", "Enter your date of birth, like 27 3 1984"),
        ("date", "Born", None, "required", "Born: enter a date, like 27 3 1984"),
        ("date", "Born", "your date of birth", "incomplete.month", "Your date of birth must include a month"),
        ("address", "Address", "your address", "required", "Enter your address"),
        ("address", "Address", "your address", "incomplete.postcode", "Enter the postcode of your address"),
        ("choice", "Tenure", "your kind of home", "required", "Choose your kind of home"),
        ("file", "Proof", "proof of income", "required", "Add proof of income"),
        ("file", "Proof", None, "content", "“a.pdf” was not added: it is not a real PDF file"),
    ],
)
def test_error_of_a_question_reads_as_people_speak(kind, label, short, key, sentence):
    assert said(kind, key, label=label, **({"short": short} if short else {})) == sentence


@pytest.mark.parametrize(("kind", "key"), EVERY_MESSAGE)
@pytest.mark.parametrize("translate", [str, WELSH], ids=["en", "cy"])
def test_short_name_takes_the_place_of_the_quoted_question(kind, key, translate):
    question = "What is the air-speed velocity of a swallow?"
    sentence = said(kind, key, translate, label=question, short="the velocity")
    assert f"“{question}”" not in sentence
    assert sentence[0] == sentence[0].upper()
    assert "%" not in sentence


@pytest.mark.parametrize(("kind", "key"), EVERY_MESSAGE)
@pytest.mark.parametrize("translate", [str, WELSH], ids=["en", "cy"])
def test_no_colon_follows_a_question_mark(kind, key, translate):
    assert "?:" not in said(kind, key, translate, label="How much?")


def test_authors_own_error_comes_before_the_short_name():
    own = {"short": "your rent", "errors": {"required": "Tell us your rent"}}
    assert said("money", "required", **own) == "Tell us your rent"


@pytest.mark.parametrize(
    ("kind", "more", "optional"),
    [
        ("text", {}, True),
        ("date", {}, True),
        ("file", {}, True),
        ("text", {"required": True}, False),
        ("text", {"required_when": {"field": "./first", "answered": True}}, False),
        ("declaration", {}, False),
        ("note", {}, False),
    ],
)
def test_question_that_may_be_left_out_is_marked(kind, more, optional):
    asked = [{"id": "first", "type": "text", "label": "First"}, {"id": "q", "type": kind, "label": "Q", **more}]
    form = definition(section("s", *asked))
    assert is_optional(form.field("s", "q")) is optional
    shown = {bound.id: str(bound.label) for bound in page(form)}
    again = {bound.id: str(bound.label) for bound in page(form)}
    assert shown["q"] == again["q"] == ("Q (optional)" if optional else "Q")
