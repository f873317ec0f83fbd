"""Any valid form can be filled and sent: no page breaks, and the visible answers are sent as typed."""

import os
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from portal.form_definitions.definition import Field, SectionState
from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.types.answers import InvalidAnswerError, inputs_by_suffix
from portal.form_definitions.types.field_types import read_answer
from tests.any_form.answers import TODAY
from tests.any_form.filling import Journey, text_of, unnamed
from tests.any_form.made import documents
from tests.citizen import Page

pytestmark = pytest.mark.one_database
TRIED = int(os.environ.get("FORMS_TRIED", "12"))
"""How many forms to make for each test, the same in each run; `make faults` makes a hundred others."""
GIVEN: dict[str, Any] = {
    "max_examples": TRIED,
    # A form that fails is small enough to read; shrinking it would fill hundreds of others.
    "phases": (Phase.generate,),
    "suppress_health_check": [
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
}


@settings(**GIVEN)
@given(document=documents(), data=st.data())
def test_any_form_can_be_filled_and_sends_the_visible_answers_as_typed(app: Flask, document, data):
    journey = Journey(app, document, data.draw)
    journey.start(text_of(document))
    journey.walk()
    if data.draw(st.booleans()):
        journey.change()
    stop = journey.reckoned.first_stop()
    event("ends at a stop" if stop else "is sent")
    sent = journey.send()
    if stop:
        assert sent is None
        return
    assert sent is not None, journey.citizen.page.words
    assert unnamed(document, sent) == journey.expected()
    for answer in journey.texts_sent():
        assert answer in journey.citizen.page
    if data.draw(st.integers(1, 5)) == 1:
        assert journey.citizen.client.get(f"{journey.citizen.page.path}/receipt.pdf").mimetype == "application/pdf"


@settings(**GIVEN)
@given(document=documents(), data=st.data())
def test_random_posts_never_break_a_page_or_send_invalid_answers(app: Flask, document, data):
    journey = Journey(app, document, data.draw)
    journey.start(text_of(document))
    for _ in range(data.draw(st.integers(2, 8))):
        journey.wander()
    for section in document["sections"]:
        journey.citizen.open(f"{journey.address}/{section['id']}")
    journey.citizen.open(journey.address)
    journey.send()


@settings(**GIVEN)
@given(document=documents(), data=st.data())
def test_whatever_is_typed_is_kept_as_an_answer_or_as_typed_whether_its_question_shows_or_not(
    app: Flask, document, data
):
    journey, pages = Journey(app, document, data.draw), list[Page]()
    journey.start(text_of(document))
    definition = read_yaml(text_of(document))
    for _ in range(data.draw(st.integers(2, 8))):
        address, sent = journey.scribble(pages)
        section_id = address.removeprefix(f"{journey.address}/").partition("/")[0]
        shown = journey.citizen.page
        again = {(control.name, control.value) for form in shown.forms for control in form.controls}
        for field_id, named in sent.items():
            typed = {(name, text) for name, texts in named.items() for text in texts if text}
            where = kept_as(definition.field(section_id, field_id), named, journey.stored(address))
            shown_again = {each for each in typed if can_show(definition.field(section_id, field_id), each[1])}
            if where is None and shown.path == address and shown_again <= again:
                where = "on the page that is shown again"
            event(f"kept {where}")
            assert where, (address, field_id, named, shown.status)


def can_show(field: Field, text: str) -> bool:
    """Return whether an input of the field can hold a text: one that offers options holds no other."""
    options = ["yes", "no"] if field.type == "yes_no" else [option.value for option in field.options]
    return not options or text in options


def kept_as(field: Field, named: dict[str, list[str]], state: SectionState) -> str | None:
    """Return how a draft holds what the inputs of a field sent, or that they sent nothing; None if it does not."""
    try:
        answer = read_answer(field, inputs_by_suffix(field.id, named), TODAY)
    except InvalidAnswerError:
        typed = {name: texts for name, texts in named.items() if any(texts)}
        return "as typed" if state.typed.get(field.id) == typed else None
    if answer is None:
        return "as nothing"
    return "as an answer" if state.answers.get(field.id) == answer else None
