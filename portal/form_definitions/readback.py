"""Every condition of a form, read back as a sentence, so that authors see what they have said."""

from collections.abc import Iterator

from portal.form_definitions.definition import Condition, Field, FormDefinition, Section
from portal.form_definitions.wording import sentence

_Found = tuple[str, str, Condition | None]


def readback(definition: FormDefinition) -> Iterator[tuple[str, str]]:
    """For each condition its path in the document, and what it does, in the order of the form."""
    language = definition.languages[0]
    for path, does, condition in _conditions(definition):
        if condition is not None:
            yield path, f"{does} if {sentence(condition, definition, language)}."


def _conditions(definition: FormDefinition) -> Iterator[_Found]:
    for index, section in enumerate(definition.sections):
        path = f"sections[{index}]"
        yield f"{path}.when", f"{section.id} is shown", section.when
        yield from _of_fields(section, path)
        for number, stop in enumerate(section.stop_when):
            yield f"{path}.stop_when[{number}].when", f"the form ends at {section.id}", stop.when


def _of_fields(section: Section, path: str) -> Iterator[_Found]:
    for index, field in enumerate(section.fields):
        yield from _of_field(field, f"{section.id}.{field.id}", f"{path}.fields[{index}]")


def _of_field(field: Field, name: str, path: str) -> Iterator[_Found]:
    yield f"{path}.when", f"{name} is shown", field.when
    yield f"{path}.required_when", f"{name} must be answered", field.required_when
