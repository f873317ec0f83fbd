"""Make definitions for tests from as little as each test is about."""

import json
from datetime import date
from typing import Any

from werkzeug.datastructures import MultiDict

from portal.form_definitions.definition import Field, FormDefinition, SectionState
from portal.form_definitions.format.reading import read_json
from portal.form_definitions.format.source import FaultyDefinitionError
from portal.form_definitions.forms import PageScope, SectionForm, section_form

TODAY = date(2026, 11, 21)
OPTIONS = [
    {"value": "a", "label": "A"},
    {"value": "b", "label": "B"},
    {"value": "none", "label": "Nothing", "exclusive": True},
]


def section(section_id: str, *fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": section_id, "title": section_id.title(), "fields": list(fields) or [ask("text", "x")]} | more


def ask(kind: str, field_id: str = "q", **more: Any) -> dict[str, Any]:
    options = {"options": OPTIONS} if kind in ("choice", "choices") else {}
    integration = {"integration": "register"} if kind == "lookup" else {}
    return {"id": field_id, "type": kind, "label": f"Label of {field_id}"} | options | integration | more


def document(*sections: dict[str, Any], form: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"format": 1, "form": {"id": "f", "title": "F"} | (form or {}), "sections": list(sections)} | more


def definition(*sections: dict[str, Any], **more: Any) -> FormDefinition:
    return read_json(json.dumps(document(*sections, **more)))


def field(kind: str, **more: Any) -> Field:
    return definition(section("s", ask(kind, **more))).field("s", more.get("id", "q"))


def faults(content: dict[str, Any]) -> dict[str, str]:
    try:
        read_json(json.dumps(content))
    except FaultyDefinitionError as error:
        return {fault.path: fault.sentence for fault in error.faults}
    return {}


def page(
    form: FormDefinition,
    section_id: str = "s",
    *,
    posted: list[tuple[str, str]] | None = None,
    answers: dict[str, Any] | None = None,
    typed: dict[str, Any] | None = None,
    stored: SectionState | None = None,
    only: set[str] | None = None,
) -> SectionForm:
    found = form.section(section_id) or form.signer_section(section_id)
    assert found
    return section_form(
        found,
        language="en",
        scope=PageScope(definition=form, answers=answers or {}, typed=typed or {}, today=TODAY),
        stored=stored or SectionState(),
        posted=None if posted is None else MultiDict(posted),
        only=only,
    )
