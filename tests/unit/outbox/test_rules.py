"""When a failed delivery is tried again, and when it is given up."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.outbox.definition import GIVE_UP_AFTER, LEASE, DeliveryFailure, next_try
from portal.outbox.delivery import SMTP_DEADLINE_S

CREATED = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("failure", "attempts", "pause"),
    [
        (DeliveryFailure.AWAY, 1, timedelta(seconds=5)),
        (DeliveryFailure.AWAY, 2, timedelta(seconds=30)),
        (DeliveryFailure.AWAY, 3, timedelta(minutes=2)),
        (DeliveryFailure.AWAY, 4, timedelta(minutes=5)),
        (DeliveryFailure.AWAY, 400, timedelta(minutes=5)),
        (DeliveryFailure.LATER, 1, timedelta(seconds=5)),
        (DeliveryFailure.LATER, 50, timedelta(minutes=5)),
        (DeliveryFailure.REFUSED, 4, timedelta(minutes=10)),
        (DeliveryFailure.REFUSED, 5, timedelta(hours=1)),
        (DeliveryFailure.REFUSED, 6, timedelta(hours=1)),
    ],
)
def test_the_pause_grows_with_the_attempts(failure: DeliveryFailure, attempts: int, pause: timedelta) -> None:
    assert next_try(failure, attempts, created_at=CREATED, now=CREATED + SECOND) == CREATED + SECOND + pause


@pytest.mark.parametrize("failure", list(DeliveryFailure))
def test_a_delivery_is_given_up_at_its_age_and_not_a_second_sooner(failure: DeliveryFailure) -> None:
    end = CREATED + GIVE_UP_AFTER[failure]
    assert next_try(failure, 9, created_at=CREATED, now=end - SECOND) is not None
    assert next_try(failure, 9, created_at=CREATED, now=end) is None


def test_a_server_outage_of_a_day_loses_no_email() -> None:
    assert GIVE_UP_AFTER[DeliveryFailure.AWAY] > timedelta(days=1)


def test_the_longest_attempt_ends_within_its_lease() -> None:
    assert timedelta(seconds=2 * SMTP_DEADLINE_S) < LEASE
