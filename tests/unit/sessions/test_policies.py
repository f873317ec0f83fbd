"""Each kind of session is a row of policy; the one engine reads nothing about a kind but its row."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.sessions.policies import GRACE, KINDS, SIGN_IN_KINDS
from portal.sessions.rules import (
    NetworkRule,
    Policy,
    State,
    Times,
    extended,
    grace_end,
    poll,
    renewed,
    shortened,
    state,
)
from portal.site_settings.definition import SettingValue
from portal.site_settings.rules import snapshot

BEGIN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def policy_of(kind: str, **settings: SettingValue) -> Policy:
    return KINDS[kind].policy(snapshot(settings))


def times_of(policy: Policy) -> Times:
    return Times(
        expires_at=BEGIN + policy.idle_timeout,
        idle_timeout=policy.idle_timeout,
        absolute_end_at=policy.absolute_end(BEGIN),
    )


@pytest.mark.parametrize(
    ("kind", "minutes"), [("customer", 30), ("messages", 60), ("signing", 15), ("hub", 360)], ids=lambda value: value
)
def test_each_kind_has_its_own_idle_timeout(kind: str, minutes: int) -> None:
    assert policy_of(kind).idle_timeout == timedelta(minutes=minutes)


@pytest.mark.parametrize("kind", ["customer", "messages", "signing", "hub"])
def test_every_browser_session_warns_two_minutes_before_its_end(kind: str) -> None:
    policy = policy_of(kind)
    times = times_of(policy)
    assert state(times, policy, times.expires_at - timedelta(seconds=121)) is State.ACTIVE
    assert state(times, policy, times.expires_at - timedelta(seconds=120)) is State.WARNING


@pytest.mark.parametrize("kind", ["customer", "signing", "hub"])
def test_activity_renews_in_the_last_third_and_not_at_two_thirds(kind: str) -> None:
    policy = policy_of(kind)
    times, two_thirds = times_of(policy), BEGIN + policy.idle_timeout * 2 / 3
    assert renewed(times, policy, two_thirds) == times.expires_at
    assert renewed(times, policy, two_thirds + SECOND) == two_thirds + SECOND + policy.idle_timeout


def test_any_activity_renews_the_message_centre_at_once() -> None:
    policy = policy_of("messages")
    assert renewed(times_of(policy), policy, BEGIN + SECOND) == BEGIN + SECOND + policy.idle_timeout


def test_settings_change_how_long_messages_stay_open_and_what_a_changed_network_does() -> None:
    policy = policy_of("messages", messages_idle_minutes=480, absolute_limit_hours=3)
    assert (policy.idle_timeout, policy.absolute_limit) == (timedelta(hours=8), timedelta(hours=3))
    assert KINDS["messages"].network_rule(snapshot({"messages_network_rule": "password"})) is NetworkRule.PASSWORD


def test_a_setting_changes_how_long_somebody_has_to_sign() -> None:
    policy = policy_of("signing", signing_idle_minutes=60, absolute_limit_hours=3)
    assert (policy.idle_timeout, policy.absolute_limit) == (timedelta(hours=1), timedelta(hours=3))


def test_only_messages_stand_within_another_kind_and_are_opened_at_a_page() -> None:
    assert {kind.name: (kind.within, kind.opened_at) for kind in KINDS.values() if kind.within or kind.opened_at} == {
        "messages": ("customer", "/messages/unlock")
    }
    assert SIGN_IN_KINDS == ("customer", "messages", "hub")


def test_a_shared_computer_shortens_the_kinds_of_citizens() -> None:
    assert [kind.name for kind in KINDS.values() if kind.is_short_on_shared] == ["customer", "messages"]


def test_only_staff_have_grace() -> None:
    assert {kind: policy_of(kind).grace for kind in KINDS if policy_of(kind).grace} == {"hub": timedelta(hours=2)}
    assert GRACE["hub"] == policy_of("hub").grace
    times = times_of(policy_of("hub"))
    assert grace_end(times, policy_of("hub")) == BEGIN + timedelta(hours=8)


def test_no_setting_changes_the_sessions_of_staff() -> None:
    changed = {"session_lifetime_minutes": 10, "absolute_limit_hours": 1, "shared_computer_minutes": 5}
    assert policy_of("hub", **changed) == policy_of("hub")


def test_a_mobile_session_never_ends_and_never_renews() -> None:
    policy, kind = policy_of("mobile"), KINDS["mobile"]
    times, years_later = times_of(policy), BEGIN + timedelta(days=3650)
    assert state(times, policy, years_later) is State.ACTIVE
    assert renewed(times, policy, years_later) == times.expires_at
    assert not kind.in_browser


def test_every_kind_has_a_cookie_of_its_own() -> None:
    assert len({kind.cookie for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("kind", "rule"), [("customer", NetworkRule.LOG), ("messages", NetworkRule.END), ("hub", NetworkRule.LOG)]
)
def test_each_kind_has_its_own_default_network_rule(kind: str, rule: NetworkRule) -> None:
    assert KINDS[kind].network_rule(snapshot({})) is rule


@pytest.mark.parametrize(
    ("hours", "minutes", "limit"), [(20, 30, 20 * 60), (1, 90, 180), (0, 30, None)], ids=["set", "twice-T", "off"]
)
def test_the_absolute_limit_is_never_under_twice_the_lifetime(hours: int, minutes: int, limit: int | None) -> None:
    policy = policy_of("customer", absolute_limit_hours=hours, session_lifetime_minutes=minutes)
    end = policy.absolute_end(BEGIN)
    assert end == (BEGIN + timedelta(minutes=limit) if limit else None)


def test_nothing_extends_a_session_at_the_absolute_limit() -> None:
    policy = policy_of("customer", absolute_limit_hours=1)
    end = BEGIN + timedelta(hours=1)
    near = Times(expires_at=end - SECOND, idle_timeout=policy.idle_timeout, absolute_end_at=end)
    assert extended(near, policy, end - timedelta(minutes=2)) == end
    at = Times(expires_at=end, idle_timeout=policy.idle_timeout, absolute_end_at=end)
    assert extended(at, policy, end - timedelta(minutes=1)) == end
    assert poll(at, policy, end - timedelta(minutes=1)).state is State.WARNING
    assert poll(at, policy, end).state is State.ENDED


@pytest.mark.parametrize(
    ("lifetime", "left", "left_after"),
    [
        (10, 360, 32),
        (10, 33, 32),
        (10, 32, 32),
        (10, 31, 31),
        (10, 10, 10),
        (5, 120, 32),
        (30, 360, 32),
        (32, 360, 32),
        (33, 360, 33),
        (60, 360, 60),
        (60, 60, 60),
        (60, 45, 45),
        (120, 60, 60),
    ],
)
def test_lifetime_applied_at_once_moves_each_deadline_no_nearer_than_a_page_asks_and_warns(
    lifetime: int, left: int, left_after: int
) -> None:
    limit = shortened(Policy(idle_timeout=timedelta(minutes=lifetime)), BEGIN)
    assert min(limit, BEGIN + timedelta(minutes=left)) == BEGIN + timedelta(minutes=left_after)


@given(
    lifetime=st.integers(5 * 60, 360 * 60),
    left=st.integers(1, 360 * 60),
    asked_before=st.integers(0, 30 * 60),
)
def test_every_page_asks_with_the_whole_warning_ahead_after_a_lifetime_is_applied(
    lifetime: int, left: int, asked_before: int
) -> None:
    policy = Policy(idle_timeout=timedelta(hours=6))
    before = Times(expires_at=BEGIN + left * SECOND, idle_timeout=policy.idle_timeout)
    asked_at = BEGIN - asked_before * SECOND
    asks_at = asked_at + poll(before, policy, asked_at).next * SECOND
    limit = shortened(Policy(idle_timeout=lifetime * SECOND), BEGIN)
    assert before.expires_at <= limit or asks_at < BEGIN or asks_at + policy.warning <= limit
