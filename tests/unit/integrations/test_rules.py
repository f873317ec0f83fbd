"""When a failing service is paused, how postcodes compare, and what a response is turned into."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.integrations.definition import LookupFailedError, LookupFailure
from portal.integrations.rules import (
    LONGEST_TEXT,
    MAX_FAILURES,
    PAUSE,
    BreakerState,
    ResultMapping,
    breaker_state,
    clean,
    filled_address,
    pause_after,
    postcode_key,
)

NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("failures", "paused_until", "expected"),
    [
        (0, None, BreakerState.CLOSED),
        (MAX_FAILURES - 1, None, BreakerState.CLOSED),
        (MAX_FAILURES, NOW + SECOND, BreakerState.OPEN),
        (MAX_FAILURES, NOW, BreakerState.TRIAL),
        (MAX_FAILURES + 5, NOW - SECOND, BreakerState.TRIAL),
    ],
)
def test_a_service_is_paused_after_failures_in_a_row_and_then_tried_once(
    failures: int, paused_until: datetime | None, expected: BreakerState
) -> None:
    assert breaker_state(failures, paused_until, NOW) is expected


def test_the_pause_begins_with_the_last_failure_allowed() -> None:
    assert pause_after(MAX_FAILURES - 1, NOW) is None
    assert pause_after(MAX_FAILURES, NOW) == NOW + PAUSE


@pytest.mark.parametrize("typed", ["AS4 2LN", "as42ln", " aS4-2lN ", "AS4\u00a02LN"])
def test_a_postcode_is_the_same_however_it_is_spelt(typed: str) -> None:
    assert postcode_key(typed) == "AS42LN"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("AS4 2LN", "https://api.example/p/AS4%202LN/now"),
        ("a/../b?c#d", "https://api.example/p/a%2F..%2Fb%3Fc%23d/now"),
        ("http://evil.example", "https://api.example/p/http%3A%2F%2Fevil.example/now"),
    ],
)
def test_an_input_fills_exactly_one_segment_of_the_path(typed: str, expected: str) -> None:
    assert filled_address("https://api.example/p/{postcode}/now", {"postcode": typed}) == expected


@pytest.mark.parametrize("typed", [".", "..", "..."])
def test_an_input_that_leads_to_another_path_is_refused(typed: str) -> None:
    with pytest.raises(LookupFailedError) as refused:
        filled_address("https://api.example/p/{postcode}", {"postcode": typed})
    assert refused.value.failure is LookupFailure.REFUSED


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  a\nb\x00c ", "a b c"),
        ("\ud800x", "x"),
        (7, "7"),
        (2.5, "2.5"),
        (True, "yes"),
        (None, ""),
        ({"a": 1}, ""),
        (["1 Mill Street", None, "", 2, ["deep"]], "1 Mill Street, 2"),
        ("x" * 2000, "x" * LONGEST_TEXT),
    ],
)
def test_any_value_in_a_response_becomes_one_clean_line(value: object, expected: str) -> None:
    assert clean(value) == expected


MAPPING = ResultMapping(
    results=("data", "items"),
    label=(("name",), ("place", "town")),
    values={"name": ("name",), "address": {"line_1": ("place", "lines", "0"), "town": ("place", "town")}},
)


def test_results_are_found_by_their_paths() -> None:
    place = {"lines": ["2 Mill Street"], "town": "Ashmere"}
    (found,) = MAPPING.found({"data": {"items": [{"name": "Weir & Sons", "place": place}]}})
    assert found.label == "Weir & Sons, Ashmere"
    assert found.values == {"name": "Weir & Sons", "address": {"line_1": "2 Mill Street", "town": "Ashmere"}}


@pytest.mark.parametrize(
    ("items", "labels"),
    [([], []), ({"name": "One"}, ["One"]), ([{"name": "A"}, {}, 3, None, {"name": ""}], ["A"])],
    ids=["none", "a single one", "only those with a label"],
)
def test_results_may_be_none_one_or_only_those_with_a_label(items: Any, labels: list[str]) -> None:
    assert [found.label for found in MAPPING.found({"data": {"items": items}})] == labels


@pytest.mark.parametrize("answer", [None, [], {}, {"data": {"items": "many"}}, {"data": None}, 3])
def test_a_response_without_results_at_their_path_is_not_understood(answer: Any) -> None:
    with pytest.raises(LookupFailedError) as failed:
        MAPPING.found(answer)
    assert failed.value.failure is LookupFailure.NOT_UNDERSTOOD


def test_only_the_first_hundred_results_are_used() -> None:
    assert len(MAPPING.found({"data": {"items": [{"name": "x"}] * 1000}})) == 100
