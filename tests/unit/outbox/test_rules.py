"""When a failed delivery is tried again, and when it is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.outbox.definition import GIVE_UP_AFTER, LEASE, Failure, next_try
from portal.outbox.delivery import DEADLINE_S

CREATED = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("failure", "attempts", "pause"),
    [
        (Failure.AWAY, 1, timedelta(seconds=5)),
        (Failure.AWAY, 2, timedelta(seconds=30)),
        (Failure.AWAY, 3, timedelta(minutes=2)),
        (Failure.AWAY, 4, timedelta(minutes=5)),
        (Failure.AWAY, 400, timedelta(minutes=5)),
        (Failure.LATER, 1, timedelta(seconds=5)),
        (Failure.LATER, 50, timedelta(minutes=5)),
        (Failure.REFUSED, 4, timedelta(minutes=10)),
        (Failure.REFUSED, 5, timedelta(hours=1)),
        (Failure.REFUSED, 6, timedelta(hours=1)),
    ],
)
def test_the_pause_grows_with_the_attempts(failure: Failure, attempts: int, pause: timedelta) -> None:
    assert next_try(failure, attempts, created_at=CREATED, now=CREATED + SECOND) == CREATED + SECOND + pause


@pytest.mark.parametrize("failure", list(Failure))
def test_a_delivery_is_given_up_at_its_age_and_not_a_second_sooner(failure: Failure) -> None:
    end = CREATED + GIVE_UP_AFTER[failure]
    assert next_try(failure, 9, created_at=CREATED, now=end - SECOND) is not None
    assert next_try(failure, 9, created_at=CREATED, now=end) is None


def test_a_server_outage_of_a_day_loses_no_email() -> None:
    assert GIVE_UP_AFTER[Failure.AWAY] > timedelta(days=1)


def test_the_longest_attempt_ends_within_its_lease() -> None:
    assert timedelta(seconds=2 * DEADLINE_S) < LEASE
