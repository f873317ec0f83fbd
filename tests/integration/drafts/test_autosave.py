"""What autosave stores: the fields that changed, unvalidated, and nothing else."""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from portal.drafts.models import Draft, DraftPart
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.loan import DRILL, YOU, add, states

Parts = Callable[[str], dict[str, DraftPart]]
HTMX = {"HX-Request": "true"}


def autosave(citizen: Citizen, draft: str, changed: str | None, place: str = "you", **values: str) -> TestResponse:
    """Send what the script would send from the page of a section."""
    page = citizen.open(f"{draft}/{place}")
    hidden = {name: page.value(name) or "" for name in ("csrf_token", "_revision")}
    named = {} if changed is None else {"_changed": changed}
    typed = {name.replace("__", "-"): value for name, value in values.items()}
    data = {**hidden, **typed, **named, "_end": "1"}
    return citizen.client.post(f"{draft}/autosave/{place}", data=data, headers=HTMX)


def test_only_the_fields_that_changed_are_stored(citizen: Citizen, draft: str) -> None:
    autosave(citizen, draft, "name,news", name="Ada", news="no")
    answer = autosave(citizen, draft, "email", name="", news="yes", email="ada@mail.example")
    assert answer.status_code == 200
    page = citizen.open(f"{draft}/you")
    assert [page.value(name) for name in ("name", "email", "news")] == ["Ada", "ada@mail.example", "no"]


def test_invalid_answer_is_kept_as_typed(citizen: Citizen, draft: str) -> None:
    assert autosave(citizen, draft, "born", born__day="31", born__month="2", born__year="").status_code == 200
    page = citizen.open(f"{draft}/you")
    assert [page.value(f"born-{part}") for part in ("day", "month", "year")] == ["31", "2", ""]


def test_a_field_may_be_emptied(citizen: Citizen, draft: str) -> None:
    autosave(citizen, draft, "name,days", name="Ada", days="sat")
    autosave(citizen, draft, "name,days", name="")
    page = citizen.open(f"{draft}/you")
    assert (page.value("name"), page.value("days")) == ("", None)


def test_autosave_that_names_no_changed_fields_stores_all_it_sent(citizen: Citizen, draft: str) -> None:
    autosave(citizen, draft, "name,days", name="Ada", days="sat")
    autosave(citizen, draft, None, born__day="3", born__month="4", born__year="1990")
    page = citizen.open(f"{draft}/you")
    assert [page.value(name) for name in ("name", "days", "born-year")] == ["Ada", "sat", "1990"]


def test_the_answer_says_when_and_which_revision_and_sets_no_cookie(citizen: Citizen, draft: str) -> None:
    answer = autosave(citizen, draft, "name", name="Ada")
    assert "Set-Cookie" not in answer.headers
    assert "Saved 14:02" in answer.text
    assert 'data-revision="1"' in answer.text
    assert 'data-revision="2"' in autosave(citizen, draft, "name", name="Ada Lovelace").text


@pytest.mark.parametrize("before", [{}, {"name": "Ada"}], ids=["nothing stored", "something stored"])
def test_no_change_writes_nothing(
    citizen: Citizen, draft: str, clock: MovableClock, parts: Parts, row: Callable[[str], Draft], before: dict[str, str]
) -> None:
    if before:
        autosave(citizen, draft, "name", **before)
    stored, changed_at = {place: part.sealed for place, part in parts(draft).items()}, row(draft).changed_at
    clock.advance(minutes=1)
    answer = autosave(citizen, draft, "name", name=before.get("name", ""))
    assert answer.status_code == 200
    assert {place: part.sealed for place, part in parts(draft).items()} == stored
    assert row(draft).changed_at == changed_at


def test_autosave_never_counts_as_activity(citizen: Citizen, draft: str, clock: MovableClock) -> None:
    token = citizen.open(f"{draft}/you").value("csrf_token")
    clock.advance(minutes=29, seconds=59)
    data = {"csrf_token": token, "name": "Ada", "_changed": "name", "_end": "1"}
    assert citizen.client.post(f"{draft}/autosave/you", data=data, headers=HTMX).status_code == 200
    clock.advance(seconds=1)
    answer = citizen.client.post(f"{draft}/autosave/you", data=data, headers=HTMX)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/session/ended")


def test_autosave_neither_completes_a_section_nor_reopens_it(citizen: Citizen, draft: str) -> None:
    autosave(citizen, draft, "remark", "remarks", remark="Hello")
    assert states(citizen.open(draft))["Remarks"] == "in_progress"
    citizen.open(f"{draft}/remarks")
    citizen.press("Continue")
    autosave(citizen, draft, "remark", "remarks", remark="Hello again")
    assert states(citizen.open(draft))["Remarks"] == "complete"


def test_emptying_a_required_answer_reopens_its_section(citizen: Citizen, draft: str) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Continue", **YOU)
    autosave(citizen, draft, "name", name="")
    assert states(citizen.open(draft))["About you"] == "in_progress"


def test_autosave_saves_an_item_too(citizen: Citizen, draft: str) -> None:
    drill = add(citizen, draft, **DRILL)
    place = drill.removeprefix(f"{draft}/")
    assert autosave(citizen, draft, "what", place, what="Big drill").status_code == 200
    assert citizen.open(drill).value("what") == "Big drill"


@pytest.mark.parametrize("place", ["tools", "nowhere", "you/abcdefgh", "tools/x"])
def test_autosave_of_an_unknown_page_is_not_found(citizen: Citizen, draft: str, place: str) -> None:
    token = citizen.open(f"{draft}/you").value("csrf_token")
    data = {"csrf_token": token, "_changed": "name", "_end": "1"}
    assert citizen.client.post(f"{draft}/autosave/{place}", data=data, headers=HTMX).status_code == 404


def test_autosave_accepts_only_our_script(citizen: Citizen, draft: str, parts: Parts) -> None:
    token = citizen.open(f"{draft}/you").value("csrf_token")
    data = {"csrf_token": token, "name": "Ada", "_changed": "name", "_end": "1"}
    assert citizen.client.post(f"{draft}/autosave/you", data=data).status_code == 404
    assert parts(draft) == {}


@pytest.mark.parametrize(
    ("data", "status"), [({"csrf_token": "forged", "_end": "1"}, 409), ({}, 400)], ids=["forged token", "cut short"]
)
def test_forged_or_cut_autosave_changes_nothing(
    citizen: Citizen, draft: str, parts: Parts, data: dict[str, str], status: int
) -> None:
    token = citizen.open(f"{draft}/you").value("csrf_token")
    sent = {"csrf_token": token, "name": "Ada", "_changed": "name"} | data
    assert citizen.client.post(f"{draft}/autosave/you", data=sent, headers=HTMX).status_code == status
    assert parts(draft) == {}


@pytest.mark.parametrize("body", [b"csrf_token=%FF&name=x&_end=1", b"name=\xff\xfe&_end=1"], ids=["escaped", "raw"])
def test_undecodable_body_never_empties_a_draft(citizen: Citizen, draft: str, body: bytes) -> None:
    autosave(citizen, draft, "name", name="Ada")
    kind = "application/x-www-form-urlencoded"
    answer = citizen.client.post(f"{draft}/autosave/you", data=body, content_type=kind, headers=HTMX)
    assert answer.status_code == 400
    assert citizen.open(f"{draft}/you").value("name") == "Ada"
