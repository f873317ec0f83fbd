"""Late values of one page, merged."""

import pytest

from portal.sessions.late_forms import LateForm, field_of


def late(fields: set[str] | None, *pairs: tuple[str, str]) -> LateForm:
    return LateForm(fields=None if fields is None else frozenset(fields), pairs=pairs, seen=())


EARLIER = late({"name", "born"}, ("name", "Zoë"), ("born-day", "1"), ("born-month", "2"))


def test_an_autosave_replaces_only_the_fields_that_it_names() -> None:
    whole = late({"born", "rent"}, ("born-day", "9"), ("rent", "650")).over(EARLIER)
    assert whole.fields == frozenset({"name", "born", "rent"})
    assert whole.pairs == (("name", "Zoë"), ("born-day", "9"), ("rent", "650"))


def test_a_whole_page_replaces_everything() -> None:
    page = late(None, ("name", "Ruth"))
    assert page.over(EARLIER) == page


def test_an_autosave_after_a_whole_page_keeps_the_whole_page() -> None:
    whole = late({"rent"}, ("rent", "650")).over(late(None, ("name", "Ruth"), ("rent", "1")))
    assert whole.fields is None
    assert whole.pairs == (("name", "Ruth"), ("rent", "650"))


@pytest.mark.parametrize(("name", "field"), [("rent", "rent"), ("born-day", "born"), ("home-line_1", "home")])
def test_an_input_belongs_to_its_field(name: str, field: str) -> None:
    assert field_of(name) == field
