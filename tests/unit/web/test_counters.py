"""What a process counts before it writes: nothing lost between threads, written in time, and only once."""

import threading
from datetime import timedelta

import pytest

from portal.web.counters import MOST_REMEMBERED, MOST_WAITING, Counted, Tally
from tests.conftest import START


def a(event: str = "warning", **place: str) -> Counted:
    return Counted(event=event, kind="customer", day=START.date(), **place)


def test_the_same_event_counted_twice_is_one_number() -> None:
    tally = Tally()
    tally.add({a(): 1, a(form="housing"): 2}, now=START)
    tally.add({a(): 3}, now=START)
    assert tally.take() == {a(): 4, a(form="housing"): 2}
    assert tally.take() == {}


@pytest.mark.parametrize(("waited", "due"), [(0, False), (4.999, False), (5, True), (60, True)])
def test_the_oldest_waiting_count_decides_when_to_write(waited: float, due: bool) -> None:
    tally = Tally()
    tally.add({a(): 1}, now=START)
    tally.add({a(): 1}, now=START + timedelta(seconds=min(waited, 4)))
    assert tally.is_due(START + timedelta(seconds=waited)) is due


def test_an_empty_tally_is_never_due() -> None:
    tally = Tally()
    tally.add({a(): 1}, now=START)
    tally.take()
    assert not tally.is_due(START + timedelta(days=1))


def test_a_full_tally_is_due_at_once() -> None:
    tally = Tally()
    tally.add({a(section=f"s{number}"): 1 for number in range(MOST_WAITING - 1)}, now=START)
    assert not tally.is_due(START)
    tally.add({a(section="one_more"): 1}, now=START)
    assert tally.is_due(START)


def test_threads_that_count_at_once_lose_nothing() -> None:
    tally, taken = Tally(), []

    def work() -> None:
        for _ in range(500):
            tally.add({a(): 1}, now=START)
            taken.append(tally.take().get(a(), 0))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) + tally.take().get(a(), 0) == 4000


def test_a_mark_is_first_only_once_until_many_others_came() -> None:
    tally = Tally()
    assert [tally.is_first("one"), tally.is_first("one"), tally.is_first("two")] == [True, False, True]
    for number in range(MOST_REMEMBERED):
        tally.is_first(number)
    assert tally.is_first("one")
