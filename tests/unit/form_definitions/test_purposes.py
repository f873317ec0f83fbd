"""What a browser may fill in for its user: by type, by the author's word, and apart where a page asks twice."""

from typing import Any

import pytest

from portal.errors import PortalError
from portal.form_definitions.types.field_types import FIELD_TYPES
from tests.html import elements
from tests.unit.form_definitions.making import ask, definition, page, section
from tests.unit.look.rendering import render

ADDRESS = ["address-line1", "address-line2", "address-level2", "postal-code"]
BDAY = ["bday-day", "bday-month", "bday-year"]


def purposes(*fields: dict[str, Any], before: tuple[dict[str, Any], ...] = ()) -> list[str | None]:
    """Return the purpose of each input of a page, as the page says it."""
    form = definition(*([section("before", *before)] if before else []), section("s", *fields))
    shown = "".join(render("form_field", field=field) for field in page(form))
    controls = [element for element in elements(shown) if element.tag in ("input", "textarea")]
    return [control.attributes.get("autocomplete") for control in controls]


CASES: dict[str, tuple[list[dict[str, Any]], list[str | None]]] = {
    "a date of birth": ([ask("date", "born", autocomplete="bday")], list(BDAY)),
    "any date": ([ask("date", "moved")], [None] * 3),
    "the first of each type": (
        [ask("name", "me"), ask("name", "landlord"), ask("email", "mine")],
        ["name", None, "email"],
    ),
    "the first that is not somebody else's": (
        [ask("email", "feared", autocomplete="off"), ask("email", "mine"), ask("phone", "call")],
        ["off", "email", "tel"],
    ),
    "as its author says": (
        [ask("text", "given", autocomplete="given-name"), ask("long_text", "where", autocomplete="street-address")],
        ["given-name", "street-address"],
    ),
    "an address": ([ask("address", "home")], list(ADDRESS)),
    "somebody else's address": ([ask("address", "shop", autocomplete="off")], ["off"] * 4),
    "a postcode to look up, and an address": (
        [ask("text", "postcode", autocomplete="postal-code"), ask("address", "home")],
        ["section-postcode postal-code", *(f"section-home {token}" for token in ADDRESS)],
    ),
    "two addresses": (
        [ask("address", "home"), ask("address", "work")],
        [*(f"section-home {token}" for token in ADDRESS), *(f"section-work {token}" for token in ADDRESS)],
    ),
    "two addresses, one of them somebody else's": (
        [ask("address", "home"), ask("address", "shop", autocomplete="off")],
        [*ADDRESS, *["off"] * 4],
    ),
    "two postcodes": (
        [ask("text", "here", autocomplete="postal-code"), ask("text", "there", autocomplete="postal-code")],
        ["section-here postal-code", "section-there postal-code"],
    ),
    "two dates of birth": (
        [ask("date", "mine", autocomplete="bday"), ask("date", "again", autocomplete="bday")],
        [*(f"section-mine {token}" for token in BDAY), *(f"section-again {token}" for token in BDAY)],
    ),
}


@pytest.mark.parametrize(("fields", "expected"), CASES.values(), ids=CASES)
def test_inputs_say_what_a_browser_may_fill_in(fields: list[dict[str, Any]], expected: list[str | None]) -> None:
    assert purposes(*fields) == expected


def test_same_question_on_another_page_needs_no_group() -> None:
    assert purposes(ask("address", "work"), before=(ask("address", "home"),)) == ADDRESS


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_purpose_that_does_not_fit_the_type_is_a_fault(kind: str) -> None:
    with pytest.raises(PortalError, match="autocomplete"):
        definition(section("s", ask(kind, "x", autocomplete="cc-number")))
