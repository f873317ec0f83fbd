"""The work list: filters, searches that no URL contains, pages by key, few queries."""

import re
from datetime import timedelta

import pytest
from flask import Flask

from tests.citizen import Citizen, Page
from tests.conftest import START, MovableClock
from tests.integration.hub.conftest import Copy
from tests.loan import send, start
from tests.people import sign_in
from tests.statements import Statements


def listed(page: Page) -> list[str]:
    return [link.rpartition("/")[2] for link in page.links.values() if link.startswith("/hub/cases/")]


def test_longest_wait_comes_first_and_drafts_are_not_listed(
    citizen: Citizen, staff: Citizen, clock: MovableClock, reference: str
) -> None:
    clock.advance(seconds=1)
    second, unsent = send(citizen), start(citizen).rpartition("/")[2]
    page = staff.open("/hub")
    assert listed(page) == [reference, second]
    assert "2 forms, longest wait first" in page
    assert listed(staff.open("/hub?order=newest")) == [second, reference]
    assert unsent not in page.text


def test_row_says_who_sent_what_and_links_to_the_case(staff: Citizen, reference: str) -> None:
    page = staff.open("/hub")
    for words in ("Borrow a tool", "Wilhelmina Quartermaine", "21 Nov", "0 days", "New", "Nobody"):
        assert words in page
    assert staff.follow(reference).path == f"/hub/cases/{reference}"


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ({"status": "open"}, [0, 1, 2]),
        ({"status": "all"}, [0, 1, 2, 3]),
        ({"status": "closed"}, [3]),
        ({"status": "looked_at"}, [2]),
        ({"assignee": "me"}, [2]),
        ({"assignee": "nobody"}, [0, 1]),
        ({"overdue": "yes"}, [0]),
        ({"overdue": "yes", "status": "all"}, [0]),
        ({"form": "tool_loan"}, [0, 1, 2]),
        ({"form": "other_form"}, []),
        ({"status": "x", "order": "y", "assignee": "z", "after": "0", "overdue": "?", "find": "-"}, [0, 1, 2]),
    ],
    ids=str,
)
def test_filter_shows_the_matching_cases(
    staff: Citizen, clock: MovableClock, reference: str, copy_case: Copy, chosen: dict[str, str], shown: list[int]
) -> None:
    """The first case is eleven days old; the others were sent today: one new, one being looked at by me, one closed."""
    clock.advance(days=11)
    staff_again(staff)
    later = {"sent_at": clock.now(), "status_at": clock.now()}
    names = [reference, *copy_case(3, **later)]
    work_on(staff, names[2], "looked_at")
    staff.open(f"/hub/cases/{names[2]}")
    staff.press("Assign", assignee=mine(staff))
    work_on(staff, names[3], "closed")
    query = "&".join(f"{name}={value}" for name, value in chosen.items())
    assert sorted(listed(staff.open(f"/hub?{query}"))) == sorted(names[place] for place in shown)


def staff_again(staff: Citizen) -> None:
    sign_in(staff, "mina@mail.example")


def mine(browser: Citizen) -> str:
    """Return the value of the option “You”."""
    found = re.search(r'<option value="(\d+)"[^>]*>You<', browser.page.text)
    assert found
    return found[1]


def work_on(browser: Citizen, reference: str, status: str) -> None:
    browser.open(f"/hub/cases/{reference}")
    assert browser.press("Save status", status=status).status == 200


@pytest.mark.parametrize(
    "words",
    ["Quartermaine", "wilhelmina", "QUARTERMAINE Wilhelmina", "minnie@mail.example", "Minnie@Mail.Example"],
)
def test_search_finds_whole_words_and_addresses_which_no_url_contains(
    staff: Citizen, reference: str, copy_case: Copy, words: str
) -> None:
    copy_case(2)
    staff.open("/hub")
    page = staff.press("Show", find=words)
    assert listed(page) == [reference]
    assert page.value("find") == words
    for word in words.lower().split():
        assert word not in page.address.lower()


@pytest.mark.parametrize("words", ["Quarter", "Quartermaine Copy", "nobody@mail.example", "a", "%", "'"])
def test_search_without_a_match_finds_nothing(staff: Citizen, reference: str, copy_case: Copy, words: str) -> None:
    copy_case(1)
    staff.open("/hub")
    page = staff.press("Show", find=words)
    assert listed(page) == []
    assert "No forms match." in page


@pytest.mark.parametrize("change", [str.lower, lambda text: f"  {text} ", lambda text: text.replace("-", " ")])
def test_a_reference_leads_to_its_case(staff: Citizen, reference: str, change: object) -> None:
    staff.open("/hub")
    assert callable(change)
    assert staff.press("Show", find=change(reference)).path == f"/hub/cases/{reference}"


def test_chosen_filter_is_kept_only_in_the_address(staff: Citizen, reference: str) -> None:
    staff.open("/hub")
    page = staff.press("Show", status="all", assignee="nobody", overdue="yes")
    assert page.address == "/hub?status=all&assignee=nobody&overdue=yes"
    assert (page.value("status"), page.value("assignee"), page.value("overdue")) == ("all", "nobody", "yes")
    assert staff.open("/hub").value("status") == "open"


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_long_list_is_paged_and_shows_both_databases_once(
    staff: Citizen, reference: str, copy_case: Copy, order: str
) -> None:
    names = [reference, *copy_case(120)]
    page = staff.open(f"/hub?order={order}")
    seen = listed(page)
    while "Next" in page.links:
        page = staff.follow("Next")
        seen += listed(page)
    assert seen == (names if order == "oldest" else names[::-1])
    assert "First page" in page.links


def test_new_cases_do_not_move_the_pages(staff: Citizen, reference: str, copy_case: Copy) -> None:
    names = copy_case(60)
    first = staff.open("/hub?order=newest")
    assert listed(first) == names[:9:-1]
    later = START + timedelta(hours=1)
    copy_case(5, prefix="TL-9999", sent_at=later, status_at=later)
    assert listed(staff.open(first.links["Next"])) == [*names[9::-1], reference]


@pytest.mark.parametrize("after", ["0", "-1", "x", "9" * 30, "", "999999999"])
def test_forged_page_key_causes_no_error(staff: Citizen, reference: str, after: str) -> None:
    assert staff.open(f"/hub?after={after}").status == 200


def test_chart_counts_open_cases_by_age(staff: Citizen, clock: MovableClock, reference: str, copy_case: Copy) -> None:
    clock.advance(days=20)
    staff_again(staff)
    for days, number in ((4, 1), (5, 2), (10, 3), (11, 4)):
        sent_at = clock.now() - timedelta(days=days)
        copy_case(number, prefix=f"TL-{days:04}", sent_at=sent_at, status_at=sent_at)
    page = staff.open("/hub")
    assert "11 open, by how long they have waited" in page
    for part in ("Under 5 days 1", "5 to 10 days 5", "Over 10 days 5"):
        assert part in page


def test_case_is_overdue_after_the_target_and_not_a_day_sooner(
    staff: Citizen, clock: MovableClock, reference: str
) -> None:
    clock.advance(days=10)
    staff_again(staff)
    page = staff.open("/hub")
    assert "10 days" in page
    assert "10 days, overdue" not in page
    clock.advance(days=1)
    staff_again(staff)
    assert "11 days, overdue" in staff.open("/hub")


@pytest.mark.both_databases
@pytest.mark.parametrize("query", ["", "?status=all&assignee=nobody&order=newest", "?form=tool_loan&overdue=yes"])
def test_a_page_asks_the_database_at_most_six_times(
    app: Flask, staff: Citizen, reference: str, copy_case: Copy, statements: Statements, query: str
) -> None:
    copy_case(60)
    staff.open("/hub")
    statements.forget()
    assert staff.open(f"/hub{query}").status == 200
    assert len(statements.asked) <= 6, "\n\n".join(statements.asked)
