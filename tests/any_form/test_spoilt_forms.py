"""A definition with one fault is refused whole, with the path of that fault."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.form_definitions.format.reading import read_yaml
from portal.form_definitions.format.source import FaultyDefinitionError
from tests.any_form.filling import text_of
from tests.any_form.made import documents
from tests.any_form.spoilt import SPOILS

GIVEN: dict[str, Any] = {
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


@settings(max_examples=60, **GIVEN)
@given(document=documents())
def test_a_made_form_is_valid_and_reads_back_the_same(document):
    definition = read_yaml(text_of(document))
    assert read_yaml(definition.document).document == definition.document


@pytest.mark.parametrize("name", SPOILS)
@settings(max_examples=5, **GIVEN)
@given(document=documents(), data=st.data())
def test_a_form_with_one_fault_is_refused_with_the_path_of_the_fault(name, document, data):
    spoilt = deepcopy(document)
    place = SPOILS[name](spoilt, data.draw)
    with pytest.raises(FaultyDefinitionError) as refused:
        read_yaml(text_of(spoilt))
    paths = [fault.path for fault in refused.value.faults]
    assert any(path.startswith(place) for path in paths), paths
    assert all(fault.sentence.endswith(".") for fault in refused.value.faults)
