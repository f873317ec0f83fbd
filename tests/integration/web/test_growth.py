"""However many rows there are, each request and each sweep finds its own by an index, on both databases."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from portal.commands.worker import SWEEPS, Sweep
from portal.db import Database
from portal.hub.queries import Listed, ListedThread, Search, ThreadSearch, listed_cases, listed_threads
from portal.hub.rules import CASES_A_PAGE, THREADS_A_PAGE, Filter, ThreadFilter
from portal.messages.queries import count_unread
from portal.submissions.customers import search_key
from tests import threads
from tests.cases import copy_cases
from tests.citizen import Citizen, Page
from tests.conftest import START
from tests.grown import add_due, fill
from tests.integration.drafts.test_autosave import autosave
from tests.loan import begin, publish_loan, send
from tests.people import add_person, sign_in
from tests.plans import Plan, counted, explained, full_scans
from tests.post import letters
from tests.statements import heard

pytestmark = pytest.mark.both_databases

MANY = 4000
MOST_WORK = 60
"""What a sweep may take that finds nothing to do, as `tests.plans.counted` counts; a look at every draft takes 1200."""
FEW_STEPS = 4
"""The same of a list that has no row."""
FILTERS = {
    "open": Filter(),
    "newest": Filter(order="newest"),
    "all": Filter(status="all"),
    "one status": Filter(status="new"),
    "one form": Filter(form="grown_3", status="all"),
    "one form, open": Filter(form="grown_3"),
    "one form, closed": Filter(form="grown_6", status="closed", order="newest"),
    "mine": Filter(assignee="me", status="all"),
    "mine, open": Filter(assignee="me"),
    "nobody's": Filter(assignee="nobody"),
    "overdue": Filter(overdue="yes"),
    "far down": Filter(status="all", after="10002003"),
    "far down, newest": Filter(order="newest", after="10002003"),
}


THREAD_FILTERS = {
    "all": ThreadFilter(),
    "waiting for us": ThreadFilter(waits="us"),
    "waiting for the customer": ThreadFilter(waits="customer"),
    "waiting for nobody": ThreadFilter(waits="nobody"),
    "mine": ThreadFilter(assignee="me"),
    "mine, waiting for us": ThreadFilter(assignee="me", waits="us"),
    "nobody's": ThreadFilter(assignee="nobody"),
    "one topic": ThreadFilter(topic="Housing"),
    "one topic, waiting for us": ThreadFilter(topic="Housing", waits="us"),
    "far down": ThreadFilter(after="10002003"),
    "far down, waiting for nobody": ThreadFilter(waits="nobody", after="10002003"),
    "one case": ThreadFilter(case="GN-3"),
}


@pytest.fixture
def grown(app: Flask, database: Database) -> Database:
    fill(database, MANY, now=START)
    return database


@pytest.fixture
def plans(grown: Database) -> Iterator[list[Plan]]:
    with explained(grown) as plans:
        yield plans


def assert_none_is_full(plans: list[Plan]) -> None:
    assert len(plans) > 0
    assert full_scans(plans) == [], "\n\n".join(full_scans(plans))


def test_every_request_about_a_draft_reads_along_an_index(app: Flask, citizen: Citizen, plans: list[Plan]) -> None:
    publish_loan(app)
    plans.clear()
    draft = begin(citizen)
    assert autosave(citizen, draft, "name", name="Ada").status_code == 200
    assert citizen.client.get("/session/poll", headers={"HX-Request": "true"}).status_code == 200
    citizen.open(draft)
    send(citizen)
    assert_none_is_full(plans)


def test_signing_in_and_my_requests_read_along_an_index(app: Flask, citizen: Citizen, plans: list[Plan]) -> None:
    publish_loan(app)
    add_person(app)
    begin(citizen)
    plans.clear()
    sign_in(citizen)
    begin(citizen)
    assert "Borrow a tool" in citizen.open("/account")
    citizen.open("/account/security")
    assert_none_is_full(plans)


def test_the_hub_reads_along_an_index_with_few_statements(app: Flask, citizen: Citizen, grown: Database) -> None:
    publish_loan(app)
    reference = send(citizen, email="minnie@mail.example")
    copy_cases(app, reference, CASES_A_PAGE, sent_at=START - timedelta(days=3000))
    add_person(app, "mina@mail.example", "staff")
    sign_in(citizen, "mina@mail.example")
    with heard(grown) as statements, explained(grown) as plans:
        page = citizen.open("/hub")
        assert len(statements.asked) <= 6, "\n\n".join(statements.asked)
        assert len([link for link in page.links.values() if link.startswith("/hub/cases/")]) == CASES_A_PAGE
        citizen.open(f"/hub/cases/{reference}")
        citizen.press("Add note", note="Rang back")
    assert_none_is_full(plans)


def test_messages_read_along_an_index_with_few_statements(app: Flask, citizen: Citizen, grown: Database) -> None:
    ada = add_person(app)
    reference = threads.begin(app, ada)
    threads.reply(app, reference, is_visible=True)
    sign_in(citizen)
    citizen.hold("messages", person_id=ada.id)
    for address in ("/messages", f"/messages/{reference}"):
        with heard(grown) as statements:
            assert "Proof of my rent" in citizen.open(address)
        assert len([each for each in statements.asked if each.startswith("SELECT")]) <= 6, statements.asked
    with explained(grown) as plans:
        citizen.open("/messages")
        thread = citizen.open(f"/messages/{reference}")
        inputs = own_inputs(thread) | {"text": "It", "_changed": "text", "_end": "1"}
        typed = citizen.post(f"/messages/{reference}/autosave", inputs, headers={"HX-Request": "true"})
        assert typed.status_code == 200
        citizen.open(f"/messages/{reference}")
        assert citizen.press("I have read this").status == 200
        assert "We have sent your message." in citizen.press("Send", text="It is enclosed.")
        citizen.open("/messages/new")
        assert citizen.press("Send", topic="Housing", subject="Heating", text="It is cold.").status == 200
        citizen.open("/messages?before=" + reference)
        with grown.reading() as db:
            assert count_unread(db, ada.id, now=START) == 0
    assert_none_is_full(plans)


def test_thread_in_which_a_reply_was_undone_takes_no_statement_more(
    app: Flask, citizen: Citizen, database: Database
) -> None:
    ada = add_person(app)
    reference = threads.begin(app, ada)
    with threads.at_desk(app) as desk:
        threads.stored(desk, reference).last_number += 1  # as undoing leaves it, before the next reply
    threads.reply(app, reference, is_visible=True)
    sign_in(citizen)
    citizen.hold("messages", person_id=ada.id)
    with heard(database) as statements:
        assert citizen.open(f"/messages/{reference}").value("_seen") == "3"
    assert len([each for each in statements.asked if each.startswith("SELECT")]) <= 6, statements.asked


def own_inputs(page: Page) -> dict[str, str]:
    """Return what the script of a page sends besides what is typed."""
    form, _button = page.form_with("Send")
    inputs = {each.name: each.value for each in form.controls}
    return {name: value for name, value in inputs.items() if name.startswith("_") or name == "csrf_token"}


def test_a_guest_comes_to_messages_along_an_index(app: Flask, citizen: Citizen, plans: list[Plan]) -> None:
    reference = threads.begin(app)
    link = threads.link_to(app, reference)
    plans.clear()
    citizen.open(f"/messages/open/{link}")
    citizen.press("Open messages")
    page = citizen.press("Continue", code=letters(app)[-1].code)
    assert page.path == f"/messages/{reference}"
    citizen.open("/messages")
    assert_none_is_full(plans)


def found(database: Database, chosen: Filter, **search: Any) -> list[Listed]:
    with database.reading() as db:
        question = Search(filter=chosen, person_id=10_000_007, overdue_before=START - timedelta(days=1), **search)
        return listed_cases(db, question, limit=CASES_A_PAGE + 1)


def test_every_page_of_the_work_list_walks_along_an_index_of_cases(grown: Database, plans: list[Plan]) -> None:
    for name, chosen in FILTERS.items():
        plans.clear()
        assert found(grown, chosen), name
        assert_none_is_full(plans)
        assert "ix_cases_" in plans[0].text, f"{name}: {plans[0].text}"


def found_threads(database: Database, chosen: ThreadFilter, **search: Any) -> list[ListedThread]:
    with database.reading() as db:
        question = ThreadSearch(filter=chosen, person_id=10_000_007, **search)
        return listed_threads(db, question, limit=THREADS_A_PAGE + 1)


def test_every_page_of_the_inbox_walks_along_an_index_of_threads(grown: Database, plans: list[Plan]) -> None:
    for name, chosen in THREAD_FILTERS.items():
        plans.clear()
        found_threads(grown, chosen)
        assert_none_is_full(plans)
        assert "ix_threads_" in plans[0].text, f"{name}: {plans[0].text}"


@pytest.mark.parametrize(
    "chosen", [ThreadFilter(assignee="me", waits="us"), ThreadFilter(topic="Roads", waits="us")], ids=["mine", "topic"]
)
def test_two_filters_of_the_inbox_pass_over_no_thread_that_one_of_them_leaves_out(
    grown: Database, chosen: ThreadFilter
) -> None:
    with grown.reading() as db, counted(db) as work:
        assert listed_threads(db, ThreadSearch(filter=chosen, person_id=1), limit=THREADS_A_PAGE) == []
        assert work() <= FEW_STEPS


def test_a_search_for_a_customers_threads_reads_along_an_index(grown: Database, plans: list[Plan]) -> None:
    assert found_threads(grown, ThreadFilter(), keys=[search_key("quartermaine", secret="s")]) == []
    assert_none_is_full(plans)


def test_a_search_for_a_customer_reads_along_an_index(app: Flask, citizen: Citizen, plans: list[Plan]) -> None:
    publish_loan(app)
    reference = send(citizen)
    plans.clear()
    key = search_key("quartermaine", secret=app.extensions["portal"].configuration.secret_key)
    (listed,) = found(app.extensions["portal"].database, Filter(), keys=[key])
    assert listed.reference == reference
    assert_none_is_full(plans)


@pytest.fixture
def sweep(app: Flask, database: Database) -> Callable[[Sweep], int]:
    def run(sweep: Sweep) -> int:
        with app.app_context(), database.writing() as db:
            return sweep(db, now=START)

    return run


def test_every_sweep_finds_its_batch_by_an_index(
    grown: Database, plans: list[Plan], sweep: Callable[[Sweep], int]
) -> None:
    add_due(grown, 200, now=START)
    for each in SWEEPS:
        plans.clear()
        assert sweep(each) > 0, each
        assert_none_is_full(plans)


def test_a_sweep_reads_nothing_that_needs_no_more_work(app: Flask, grown: Database) -> None:
    for each in SWEEPS:
        with app.app_context(), grown.writing() as db, counted(db) as work:
            assert each(db, now=START) == 0, each
            assert work() <= MOST_WORK, each
