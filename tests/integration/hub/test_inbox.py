"""The inbox: what a row says, filters, searches that no URL contains, pages by key, few queries."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.db import Database
from portal.hub import inbox_views
from portal.messages.definition import NOBODY, NOT_DUE, US, YOU
from portal.messages.operations import note_read, wait_for
from portal.messages.queries import thread_by_reference, waiting_counts
from portal.outbox.definition import MAIL
from portal.outbox.models import Delivery
from portal.submissions.customers import Customer
from portal.submissions.models import Case
from tests.citizen import Citizen, Page
from tests.conftest import MovableClock
from tests.integration.hub.conftest import Threads, staff_browser
from tests.people import add_person, sign_in
from tests.plans import explained, full_scans
from tests.statements import Statements

Audited = Callable[[str], list[str | None]]
DUE = date(2026, 11, 27)
"""START is a Saturday, and we reply within five working days."""


def listed(page: Page) -> list[str]:
    found = (link.rpartition("/")[2] for link in page.links.values() if link.startswith("/hub/messages/"))
    return [reference for reference in found if reference.startswith("MS-")]


def wait(threads: Threads, reference: str, side: str, due_on: date = NOT_DUE) -> None:
    with threads.writing() as desk:
        thread = thread_by_reference(desk.db, reference, locked=True)
        wait_for(desk.db, thread, side, due_on=due_on)


def test_inbox_without_threads_says_so(staff: Citizen) -> None:
    page = staff.open("/hub/messages")
    assert page.heading == "Messages"
    assert "There are no messages yet." in page
    assert "Nothing is waiting for us" in page


def test_row_says_what_a_colleague_needs_to_know(staff: Citizen, threads: Threads, reference: str) -> None:
    thread = threads.begin(case=reference)
    page = staff.open("/hub/messages")
    assert page.links["Messages1 waiting for us"] == "/hub/messages"
    assert "1 thread, replies due soonest first" in page
    for words in ("Proof of your rent New", "Wilhelmina Quartermaine", reference, "27 Nov", "Us", "Nobody"):
        assert words in page
    assert staff.follow(thread).path == f"/hub/messages/{thread}"


def test_a_thread_about_a_topic_has_no_case_and_its_accounts_name(app: Flask, staff: Citizen, threads: Threads) -> None:
    person = add_person(app, "zoe@mail.example")
    threads.begin(person=person)
    page = staff.open("/hub/messages")
    assert "No case" in page
    assert "zoe@mail.example" in page


def test_thread_is_new_until_somebody_of_staff_has_read_the_customers_last_message(
    staff: Citizen, threads: Threads, mina: Person
) -> None:
    thread = threads.begin()
    assert "New" in staff.open("/hub/messages").words.split()
    with threads.writing() as desk:
        note_read(desk, thread_by_reference(desk.db, thread), "person:99", of_side="customer", up_to=1)
    assert "New" not in staff.open("/hub/messages").words.split()
    threads.reply(thread, "Thanks.", by=mina)
    assert "New" not in staff.open("/hub/messages").words.split()
    threads.write(thread, "One more thing.")
    assert "New" in staff.open("/hub/messages").words.split()


def test_confidential_thread_is_listed_without_its_subject(staff: Citizen, threads: Threads) -> None:
    thread = threads.begin("About my neighbour")
    threads.change(thread, is_confidential=True)
    page = staff.open("/hub/messages")
    assert "Confidential" in page
    assert "neighbour" not in page.text


def test_colleague_who_writes_is_named_by_the_first_name(
    app: Flask, staff: Citizen, threads: Threads, mina: Person, clock: MovableClock
) -> None:
    anna = add_person(app, "anna@mail.example", "staff")
    with app.extensions["portal"].database.writing() as db:
        db.merge(anna).name = "Anna Whitfield"
    thread = threads.begin()
    threads.type(thread, "Dear Zoë", by=mina)
    assert "is writing" not in staff.open("/hub/messages")
    threads.type(thread, "Dear Zoë", by=anna)
    assert "Anna is writing" in staff.open("/hub/messages")
    clock.advance(minutes=10)
    assert "is writing" not in staff.open("/hub/messages")


def test_customer_who_writes_is_not_shown_to_staff(app: Flask, staff: Citizen, threads: Threads) -> None:
    zoe = add_person(app, "zoe@mail.example")
    thread = threads.begin(person=zoe)
    threads.type(thread, "And another", by=zoe)
    assert "is writing" not in staff.open("/hub/messages")


def test_refused_e_mail_is_shown(app: Flask, staff: Citizen, threads: Threads, clock: MovableClock) -> None:
    thread = threads.begin()
    times = {"created_at": clock.now(), "due_at": clock.now(), "attempts": 1}
    with threads.writing() as desk:
        desk.db.add(Delivery(public_id="told", kind=MAIL, message="new_message", payload=b"", **times))
    threads.change(thread, delivery="told")
    assert "E-mail not delivered" not in staff.open("/hub/messages")
    with threads.writing() as desk:
        desk.db.query(Delivery).filter_by(public_id="told").one().last_failure = "refused"
    assert "E-mail not delivered" in staff.open("/hub/messages")


def test_day_of_the_reply_is_today_or_overdue_in_words(
    app: Flask, staff: Citizen, threads: Threads, clock: MovableClock
) -> None:
    threads.begin()
    clock.advance(days=6)
    sign_in(staff, "mina@mail.example")
    assert "Today" in staff.open("/hub/messages")
    assert "Due later 0" in staff.page
    assert "Due today 1" in staff.page
    clock.advance(days=1)
    sign_in(staff, "mina@mail.example")
    page = staff.open("/hub/messages")
    assert "27 Nov, overdue" in page
    assert "Overdue 1" in page


def test_soonest_reply_comes_first_and_threads_without_one_last(staff: Citizen, threads: Threads) -> None:
    names = [threads.begin() for _ in range(5)]
    wait(threads, names[0], YOU)
    wait(threads, names[1], NOBODY)
    wait(threads, names[2], US, DUE + timedelta(days=3))
    wait(threads, names[3], US, DUE - timedelta(days=3))
    assert listed(staff.open("/hub/messages")) == [names[3], names[4], names[2], names[0], names[1]]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ("", [0, 1, 2, 3]),
        ("topic=Parking", [1]),
        ("waits=us", [0, 1]),
        ("waits=customer", [2]),
        ("waits=nobody", [3]),
        ("assignee=me", [1]),
        ("assignee=nobody", [0, 2, 3]),
        ("assignee=999", []),
        ("assignee=me&topic=Housing", []),
        ("waits=x&assignee=y&after=0&find=-", [0, 1, 2, 3]),
        ("topic=%00&case=%00&find=%00&waits=%00&saved=%00", [0, 1, 2, 3]),
        ("case=" + "x" * 300, []),
    ],
)
def test_filter_shows_the_matching_threads(
    staff: Citizen, threads: Threads, mina: Person, chosen: str, shown: list[int]
) -> None:
    names = [threads.begin(topic=topic) for topic in ("Housing", "Parking", "Housing", "Housing")]
    threads.change(names[1], assignee_id=mina.id)
    wait(threads, names[2], YOU)
    wait(threads, names[3], NOBODY)
    page = staff.open(f"/hub/messages?{chosen}")
    assert sorted(listed(page)) == sorted(names[place] for place in shown)


def test_chosen_filter_is_kept_only_in_the_address(staff: Citizen) -> None:
    staff.open("/hub/messages")
    page = staff.press("Show", topic="Housing", waits="us", assignee="me")
    assert page.address == "/hub/messages?topic=Housing&waits=us&assignee=me"
    assert (page.value("topic"), page.value("waits"), page.value("assignee")) == ("Housing", "us", "me")
    assert "No threads match." in page
    assert staff.follow("Show all threads").address == "/hub/messages"


@pytest.mark.both_databases
@pytest.mark.parametrize("words", ["zoe", "Łukasz", "ŁUKASZ Zoe", "minnie@mail.example"])
def test_search_finds_whole_words_which_no_url_contains(
    staff: Citizen, threads: Threads, audited: Audited, words: str
) -> None:
    thread = threads.begin()
    threads.begin(name="Idris Mensah", person=None)
    staff.open("/hub/messages")
    page = staff.press("Show", find=words)
    assert thread in listed(page)
    assert len(listed(page)) == (2 if "@" in words else 1)
    assert page.value("find") == words
    assert not any(word in page.address.lower() for word in words.lower().split())
    assert audited("threads_searched") == [None]


@pytest.mark.parametrize("words", ["zo", "nobody@mail.example", "%", "'", "-"])
def test_search_without_a_match_finds_nothing(staff: Citizen, threads: Threads, words: str) -> None:
    threads.begin()
    staff.open("/hub/messages")
    page = staff.press("Show", find=words)
    assert listed(page) == []
    assert "No threads match." in page


@pytest.mark.parametrize("change", [str.lower, lambda text: f" {text} ", lambda text: text.replace("-", " ")])
def test_reference_of_a_thread_leads_to_it(staff: Citizen, threads: Threads, change: object) -> None:
    thread = threads.begin()
    staff.open("/hub/messages")
    assert callable(change)
    assert staff.press("Show", find=change(thread)).path == f"/hub/messages/{thread}"


def test_reference_of_a_case_leads_to_its_threads(staff: Citizen, threads: Threads, reference: str) -> None:
    of_case, _other = threads.begin(case=reference), threads.begin()
    staff.open("/hub/messages")
    page = staff.press("Show", find=reference.lower())
    assert page.address == f"/hub/messages?case={reference}"
    assert listed(page) == [of_case]
    assert page.value("find") == reference


@pytest.mark.both_databases
def test_long_inbox_is_paged_and_shows_each_thread_once(staff: Citizen, threads: Threads) -> None:
    names = [threads.begin() for _ in range(103)]
    for name in names[60:]:
        wait(threads, name, YOU)
    page = staff.open("/hub/messages")
    assert "50 threads on this page" in page
    seen = listed(page)
    while "Next" in page.links:
        page = staff.follow("Next")
        seen += listed(page)
    assert seen == names
    assert "First page" in page.links


@pytest.mark.parametrize("after", ["0", "-1", "x", "9" * 30, "", "999999999"])
def test_forged_page_key_causes_no_error(staff: Citizen, threads: Threads, after: str) -> None:
    threads.begin()
    assert staff.open(f"/hub/messages?after={after}").status == 200


@pytest.mark.both_databases
def test_inbox_takes_six_statements_that_read_along_indexes(
    app: Flask, database: Database, staff: Citizen, threads: Threads, reference: str, statements: Statements
) -> None:
    for number in range(12):
        threads.begin(case=reference if number % 2 else None)
    names = listed(staff.open("/hub/messages"))
    last = threads.of(names[5]).id
    addresses = ["", "?waits=us", "?waits=nobody", "?assignee=me", "?assignee=nobody", "?topic=Housing"]
    addresses += [f"?case={reference}", f"?after={last}", f"?waits=us&after={last}", "?topic=Housing&waits=us"]
    for address in addresses:
        statements.forget()
        with explained(database) as plans:
            assert staff.open(f"/hub/messages{address}").status == 200
        assert len(statements.asked) <= 6, "\n\n".join(statements.asked)
        assert full_scans(plans) == [], f"{address}\n" + "\n\n".join(full_scans(plans))


def test_every_page_of_the_hub_counts_what_waits_for_us(
    database: Database, staff: Citizen, threads: Threads, reference: str
) -> None:
    assert "Messages" in staff.open("/hub").links
    thread = threads.begin()
    for address in ("/hub", f"/hub/cases/{reference}", "/hub/customers", f"/hub/messages/{thread}"):
        assert staff.open(address).links["Messages1 waiting for us"] == "/hub/messages"
    wait(threads, thread, YOU)
    assert "Messages" in staff.open("/hub").links
    with database.reading() as db:
        assert waiting_counts(db, DUE) == (0, 0, 0)


@pytest.mark.parametrize("role", ["citizen", "field", "designer"])
def test_other_roles_find_no_inbox(app: Flask, threads: Threads, role: str) -> None:
    thread = threads.begin()
    browser = staff_browser(app, "other@mail.example", role)
    for address in ("/hub/messages", f"/hub/messages/{thread}", f"/hub/messages/{thread}/notes"):
        assert browser.open(address).status == 404


def test_strangers_are_asked_to_sign_in(app: Flask, threads: Threads) -> None:
    thread = threads.begin()
    for address in ("/hub/messages", f"/hub/messages/{thread}", f"/hub/messages/{thread}/notes"):
        answer = Citizen(app).get(address)
        assert answer.status_code == 302
        assert answer.location.startswith("/account/sign-in?next=%2Fhub%2Fmessages")


def test_account_names_a_customer_whose_form_has_only_an_address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Customer(name=None, emails=("ada@mail.example",))
    monkeypatch.setattr(inbox_views, "customer_of", lambda *_found: known)
    account = Person(email="ada@mail.example", name="Ada Byron")
    with app.app_context():
        assert inbox_views.name_of_customer("LN-2222-2222", Case(), account) == "Ada Byron"
        assert inbox_views.name_of_customer("LN-2222-2222", Case(), None) == "ada@mail.example"
