"""A look-up on a section's page: by plain form and by htmx, in a section and in an item, well and badly."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import select

from portal.db import Database
from portal.drafts.models import DraftPart
from portal.integrations.models import GazetteerAddress, IntegrationRecord
from portal.sessions.models import SessionRow
from tests.citizen import Citizen
from tests.conftest import MovableClock
from tests.services import Service, say

HTMX = {"HX-Request": "true"}
Choices = Callable[[str], list[str]]


def ask(citizen: Citizen, page: str, field: str, *, htmx: bool = True, **typed: str) -> tuple[int, str]:
    """Press a look-up as the page's script does; return status and fragment."""
    citizen.open(page)
    form, _ = citizen.page.form_with("Continue")
    values = {control.name: control.value for control in form.controls} | typed | {"_lookup": field}
    answer = citizen.client.post(citizen.page.address, data=values, headers=HTMX if htmx else {})
    return answer.status_code, answer.text


def stored(database: Database) -> int:
    with database.reading() as db:
        return len(db.scalars(select(DraftPart)).all())


def test_plain_form_returns_the_page_with_results_and_typed_text(
    citizen: Citizen, draft: str, choices: Choices, database: Database
) -> None:
    citizen.open(f"{draft}/you")
    page = citizen.press("Find address", postcode="as42ln", age="old")
    assert (page.status, page.value("postcode"), page.value("age")) == (200, "as42ln", "old")
    assert "Choose your address (2 found)" in page
    assert "1 Weir Lane, Ashmere, AS4 2LN" in page
    assert "Error" not in page.title, "nothing is validated"
    assert len(choices("find")) == 2
    assert stored(database) == 0, "nothing is stored before a result is used"


def test_chosen_result_fills_its_fields_and_keeps_typed_text(citizen: Citizen, draft: str, choices: Choices) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Find address", postcode="AS4 2LN", age="old")
    answer = citizen.send("Use this address", **{"_found-find": choices("find")[1]})
    assert (answer.status_code, answer.location) == (303, f"{draft}/you#address-line_1")
    page = citizen.open(answer.location)
    assert [page.value(f"address-{part}") for part in ("line_1", "town", "postcode")] == [
        "3 Weir Lane",
        "Ashmere",
        "AS4 2LN",
    ]
    assert (page.value("town"), page.value("age"), page.value("postcode")) == ("Ashmere", "old", "AS4 2LN")
    assert citizen.press("Continue", age="40").path == f"{draft}/firm", "filled answers are ordinary answers"


def test_many_results_are_listed_and_choosing_none_asks_again(
    citizen: Citizen, draft: str, choices: Choices, database: Database
) -> None:
    citizen.open(f"{draft}/you")
    page = citizen.press("Find address", postcode="AS1 1AA")
    assert "<select" in page.text
    page = citizen.press("Use this address")
    assert (page.status, len(choices("find"))) == (200, 12)
    assert stored(database) == 0


def test_htmx_request_gets_only_the_results(citizen: Citizen, draft: str) -> None:
    status, fragment = ask(citizen, f"{draft}/you", "find", postcode="AS4 2LN")
    assert status == 200
    assert "3 Weir Lane" in fragment
    assert "<html" not in fragment
    assert "<form" not in fragment


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
@pytest.mark.parametrize(
    ("typed", "status", "sentence"),
    [("", 422, "Enter “Postcode” first."), ("AS9 9ZZ", 200, "We found nothing for “AS9 9ZZ”.")],
    ids=["nothing typed", "nothing found"],
)
def test_lookup_without_a_result_says_so(
    citizen: Citizen, draft: str, typed: str, status: int, sentence: str, htmx: bool
) -> None:
    got, text = ask(citizen, f"{draft}/you", "find", htmx=htmx, postcode=typed)
    assert (got, sentence in text) == (status, True)


def test_missing_integration_is_reported_as_not_available(citizen: Citizen, draft: str) -> None:
    status, fragment = ask(citizen, f"{draft}/firm", "no_such")
    assert (status, "This search is not available" in fragment) == (200, True)


def test_service_is_asked_with_its_secret_and_its_values_fill_the_fields(
    citizen: Citizen, draft: str, service: Service, choices: Choices
) -> None:
    citizen.open(f"{draft}/firm")
    page = citizen.press("Search", name="Weir")
    (asked,) = service.asked
    assert (asked.path, asked.headers["Authorization"]) == ("/search?q=Weir", "Bearer k-1234")
    assert "k-1234" not in page.text
    page = citizen.press("Use this", **{"_found-search": choices("search")[0]})
    assert [page.value(name) for name in ("number", "site-line_1", "site-line_2", "site-town")] == [
        "7",
        "Unit 1",
        "2 Mill Street",
        "Ashmere",
    ]


BAD = [
    ("an error", say({}, 500), "does not work at the moment"),
    ("a refusal", say({}, 400), "could not search for what you typed"),
    ("a page of HTML", say(b"<html>"), "does not work at the moment"),
    ("none by status", say({}, 404), "We found nothing for “Weir”"),
]


@pytest.mark.both_databases
@pytest.mark.parametrize(("answer", "sentence"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_answer_leaves_hand_entry_open(
    citizen: Citizen, draft: str, service: Service, answer: Callable[..., None], sentence: str
) -> None:
    service.answers["/search"] = answer
    citizen.open(f"{draft}/firm")
    page = citizen.press("Search", name="Weir")
    assert (page.status, sentence in page) == (200, True)
    assert citizen.press("Continue", name="Weir", number="7").path == f"{draft}/sheds"


def test_slow_service_is_paused_and_then_tried_once(
    citizen: Citizen, draft: str, service: Service, clock: MovableClock
) -> None:
    service.answers["/search"] = service.drip(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(3):
        assert "took too long" in ask(citizen, f"{draft}/firm", "search", name="Weir")[1]
    service.answers["/search"] = say({"items": []})
    assert "does not work at the moment" in ask(citizen, f"{draft}/firm", "search", name="Weir")[1]
    assert len(service.asked) == 3, "nobody was asked"
    clock.advance(seconds=30)
    assert "We found nothing" in ask(citizen, f"{draft}/firm", "search", name="Weir")[1]
    assert "We found nothing" in ask(citizen, f"{draft}/firm", "search", name="Weir")[1], "it is asked on"
    assert len(service.asked) == 5


def test_database_is_free_while_a_service_is_asked(
    citizen: Citizen, draft: str, service: Service, database: Database
) -> None:
    """Another person can write during a look-up: no lock and no transaction waits for a server."""
    free = Event()

    def answer(request: object) -> None:
        with database.writing() as db:
            db.add(GazetteerAddress(postcode_key="X", line_1="x", line_2="", town="x", postcode="X"))
        free.set()
        say({"items": []})(request)

    service.answers["/search"] = answer
    status, _ = ask(citizen, f"{draft}/firm", "search", name="Weir")
    assert (status, free.is_set()) == (200, True)


def test_an_item_of_a_repeat_looks_up_for_itself(citizen: Citizen, draft: str, choices: Choices) -> None:
    citizen.open(f"{draft}/sheds")
    item = citizen.press("Add a shed").path
    citizen.press("Find shed", code="AS4 2LN")
    page = citizen.press("Use this", **{"_found-find_shed": choices("find_shed")[0]})
    assert (page.path, page.value("where")) == (item, "1 Weir Lane")
    assert "1 Weir Lane" in citizen.press("Continue")


def test_page_keeps_its_revision_after_a_lookup(citizen: Citizen, draft: str) -> None:
    """Otherwise it would overwrite what another tab has saved in the meantime, without asking."""
    citizen.open(f"{draft}/you")
    mine = citizen.page
    citizen.press("Continue", town="Elsewhere")
    citizen.page = mine
    citizen.press("Find address", postcode="AS4 2LN", town="Ashmere")
    assert citizen.send("Continue").status_code == 409


@pytest.mark.parametrize("field", ["gone", "postcode", ""], ids=["unknown", "no look-up", "empty"])
def test_lookup_of_a_field_without_one_is_refused(citizen: Citizen, draft: str, field: str) -> None:
    assert ask(citizen, f"{draft}/you", field)[0] == 400


@pytest.mark.parametrize("value", ["x", "[]", '{"address": 3}', '{"address": {"street": "x"}}', "[" * 50_000])
def test_result_that_no_page_offered_is_refused(citizen: Citizen, draft: str, value: str) -> None:
    citizen.open(f"{draft}/you")
    form, _ = citizen.page.form_with("Continue")
    values = {control.name: control.value for control in form.controls}
    answer = citizen.client.post(citizen.page.address, data=values | {"_fill": "find", "_found-find": value})
    assert answer.status_code == 400


def test_failed_lookup_counts_as_activity(
    citizen: Citizen, draft: str, clock: MovableClock, database: Database, service: Service
) -> None:
    service.answers["/search"] = say({}, 500)
    citizen.open(f"{draft}/firm")
    clock.advance(minutes=20, seconds=1)
    form, _ = citizen.page.form_with("Continue")
    values = {control.name: control.value for control in form.controls} | {"_lookup": "search", "name": "Weir"}
    citizen.client.post(citizen.page.address, data=values, headers=HTMX)
    with database.reading() as db:
        assert db.scalars(select(SessionRow)).one().expires_at == clock.now() + timedelta(minutes=30)


def test_lookup_after_the_end_says_signed_out_and_keeps_typed_text(
    citizen: Citizen, draft: str, clock: MovableClock
) -> None:
    citizen.open(f"{draft}/you")
    form, _ = citizen.page.form_with("Continue")
    values = {control.name: control.value for control in form.controls} | {"_lookup": "find", "postcode": "AS4 2LN"}
    clock.advance(minutes=31)
    answer = citizen.client.post(citizen.page.address, data=values, headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Redirect"], answer.text) == (401, "/session/ended", "")
    page = citizen.press("Find address", postcode="AS4 2LN")
    assert page.status == 403
    assert "We have not received your form." in page
    assert "Your answers are safe" in page


def test_lookup_with_a_stale_token_asks_no_service(citizen: Citizen, draft: str, service: Service) -> None:
    assert ask(citizen, f"{draft}/firm", "search", csrf_token="f" * 80, name="Weir")[0] == 409
    assert not service.asked


def test_lookup_on_a_deleted_form_says_in_its_place_that_nothing_was_received(
    citizen: Citizen, draft: str, clock: MovableClock, database: Database
) -> None:
    citizen.open(f"{draft}/you")
    citizen.press("Save and come back later", postcode="AS4 2LN")
    citizen.open(f"{draft}/you")
    form, _ = citizen.page.form_with("Continue")
    values = {control.name: control.value for control in form.controls} | {"_lookup": "find"}
    page = citizen.page
    citizen.open(draft)
    citizen.press("Delete this draft")
    citizen.send("Delete this draft")
    answer = citizen.client.post(page.address, data=values, headers=HTMX)
    assert answer.status_code == 200
    assert "This form was deleted on 21 November 2026." in answer.text
    assert "We have not received what you typed here since. Press Continue to see it." in answer.text


def test_lookups_are_limited(citizen: Citizen, draft: str) -> None:
    statuses = [ask(citizen, f"{draft}/you", "find", postcode="AS4 2LN")[0] for _ in range(31)]
    assert (statuses[29], statuses[30]) == (200, 429)


def test_each_outcome_of_a_lookup_is_counted(
    citizen: Citizen, draft: str, service: Service, database: Database
) -> None:
    ask(citizen, f"{draft}/firm", "search", name="Weir")
    service.answers["/search"] = say({}, 503)
    ask(citizen, f"{draft}/firm", "search", name="Weir")
    with database.reading() as db:
        known = db.get_one(IntegrationRecord, "companies")
    assert (known.ok_count, known.failed_count, known.last_failure, known.failures_in_row) == (1, 1, "status", 1)
