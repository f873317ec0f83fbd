"""A definition written out again: YAML for authors, JSON for machines; both read back to the same canonical form."""

import json

import yaml

from portal.form_definitions.definition import FormDefinition
from portal.form_definitions.document import plain
from portal.form_definitions.reading import document_of


def as_yaml(definition: FormDefinition) -> str:
    """The definition as YAML, its keys in the order in which authors write them."""
    return yaml.safe_dump(plain(document_of(definition)), sort_keys=False, allow_unicode=True, width=120)


def as_json(definition: FormDefinition) -> str:
    """The definition as JSON, indented."""
    return json.dumps(plain(document_of(definition)), indent=2, ensure_ascii=False) + "\n"
