"""What each kind of setting accepts, how it refuses, and what it advises."""

import pytest

from portal.site_settings.definition import BY_NAME, SETTINGS, TABS, SettingValue, Topic, topics_of
from portal.site_settings.rules import (
    RefusedSettingError,
    advice_on,
    as_typed,
    parse,
    snapshot,
    snapshot_of,
    time_zones,
)

MINUTES = "session_lifetime_minutes"
TOPICS = "messages_topics"
IDLE, IDLE_REFUSED = "messages_idle_minutes", "Enter a whole number from 5 to 480"
NO_ADDRESS = "Line 1: enter an e-mail address in the right format, like name@example.com"
NO_TOPIC = "enter a topic, or a topic, a team and its e-mail address with “;” between them"
MINUTES_REFUSED = "Enter a whole number from 10 to 360"


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        pytest.param(MINUTES, "10", 10, id="shortest"),
        pytest.param(MINUTES, "360", 360, id="longest"),
        pytest.param(MINUTES, " 30 ", 30, id="spaces-around"),
        pytest.param(MINUTES, "\u00a030", 30, id="pasted-no-break-space"),
        pytest.param(MINUTES, "030", 30, id="leading-zero"),
        pytest.param("absolute_limit_hours", "0", 0, id="zero-where-zero-is-allowed"),
        pytest.param("site_name", "  Cyngor Ynys Môn ", "Cyngor Ynys Môn", id="text-with-accent"),
        pytest.param("site_name", "x" * 80, "x" * 80, id="longest-text"),
        pytest.param("site_name", "A & B <Council>", "A & B <Council>", id="markup-is-only-text"),
        pytest.param("continue_counts", "yes", True, id="yes"),
        pytest.param("continue_counts", "no", False, id="no"),
        pytest.param("time_zone", "Europe/London", "Europe/London", id="zone"),
        pytest.param("time_zone", "UTC", "UTC", id="utc"),
        pytest.param(IDLE, "5", 5, id="messages-shortest"),
        pytest.param(IDLE, "480", 480, id="messages-longest"),
        pytest.param(TOPICS, "A\r\n\r\nB; Team; b@c.example\r\n", "A\n\nB; Team; b@c.example", id="topics"),
        pytest.param("messages_emergency", "", "", id="no-emergency-line"),
    ],
)
def test_a_good_value_is_read(name: str, typed: str, value: SettingValue) -> None:
    assert parse(BY_NAME[name], typed) == value


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        pytest.param(MINUTES, "9", MINUTES_REFUSED, id="one-too-short"),
        pytest.param(MINUTES, "361", MINUTES_REFUSED, id="one-too-long"),
        pytest.param(MINUTES, "", MINUTES_REFUSED, id="blank"),
        pytest.param(MINUTES, "   ", MINUTES_REFUSED, id="spaces-only"),
        pytest.param(MINUTES, "12.5", MINUTES_REFUSED, id="fraction"),
        pytest.param(MINUTES, "30.0", MINUTES_REFUSED, id="whole-fraction"),
        pytest.param(MINUTES, "30,0", MINUTES_REFUSED, id="comma"),
        pytest.param(MINUTES, "abc", MINUTES_REFUSED, id="letters"),
        pytest.param(MINUTES, "-30", MINUTES_REFUSED, id="negative"),
        pytest.param(MINUTES, "+30", MINUTES_REFUSED, id="signed"),
        pytest.param(MINUTES, "3 0", MINUTES_REFUSED, id="space-inside"),
        pytest.param(MINUTES, "1e2", MINUTES_REFUSED, id="exponent"),
        pytest.param(MINUTES, "0x1e", MINUTES_REFUSED, id="hexadecimal"),
        pytest.param(MINUTES, "1_0", MINUTES_REFUSED, id="python-separator"),
        pytest.param(MINUTES, "٣٠", MINUTES_REFUSED, id="arabic-indic-digits"),
        pytest.param(MINUTES, "３０", MINUTES_REFUSED, id="full-width-digits"),
        pytest.param(MINUTES, "3²", MINUTES_REFUSED, id="superscript"),
        pytest.param(MINUTES, str(10**20), MINUTES_REFUSED, id="twenty-one-digits"),
        pytest.param(MINUTES, "9" * 5000, MINUTES_REFUSED, id="longer-than-python-converts"),
        pytest.param("absolute_limit_hours", "169", "Enter a whole number from 0 to 168", id="own-bounds"),
        pytest.param("site_name", " ", "This cannot be empty", id="blank-text"),
        pytest.param("site_name", "x" * 81, "Enter at most 80 characters", id="text-too-long"),
        pytest.param("site_name", "A\nB", "Enter a text on one line", id="line-break"),
        pytest.param("site_name", "A\x07B", "Enter a text on one line", id="control-character"),
        pytest.param("site_name", "A\u202eB", "Enter a text on one line", id="direction-override"),
        pytest.param("site_name", "A\udce9", "Enter a text on one line", id="undecodable-argument"),
        pytest.param("continue_counts", "on", "Choose yes or no", id="neither-yes-nor-no"),
        pytest.param("time_zone", "Europe/Camelot", "Choose a time zone from the list, like Europe/London", id="zone"),
        *(pytest.param(IDLE, typed, IDLE_REFUSED, id=f"messages-{typed}") for typed in ("4", "481", "30.5", "")),
        pytest.param(TOPICS, "\n \n", "This cannot be empty", id="no-topics"),
        pytest.param(TOPICS, "A\nB; Team", f"Line 2: {NO_TOPIC}", id="team-without-address"),
        pytest.param(TOPICS, "; Team; a@b.example", f"Line 1: {NO_TOPIC}", id="topic-without-name"),
        pytest.param(TOPICS, "A; T; a@b.example; c", f"Line 1: {NO_TOPIC}", id="too-many-parts"),
        pytest.param(TOPICS, "A; Team; nobody", NO_ADDRESS, id="wrong-address"),
        pytest.param(TOPICS, "A; Team; ", NO_ADDRESS, id="empty-address"),
        pytest.param(TOPICS, "A\n\na ", "Line 3: this topic is in the list already", id="topic-twice"),
        pytest.param(TOPICS, "x" * 81, "Line 1: enter names of at most 80 characters", id="topic-too-long"),
        pytest.param(TOPICS, "\n".join(map(str, range(51))), "Enter at most 50 topics", id="too-many-topics"),
        pytest.param("messages_emergency", "x" * 201, "Enter at most 200 characters", id="emergency-line-too-long"),
        pytest.param("time_zone", "../etc/passwd", "Choose a time zone from the list, like Europe/London", id="path"),
    ],
)
def test_a_bad_value_is_refused_with_its_own_message(name: str, typed: str, sentence: str) -> None:
    with pytest.raises(RefusedSettingError) as refusal:
        parse(BY_NAME[name], typed)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("typed", "summary"),
    [
        pytest.param("59", None, id="59"),
        pytest.param("60", "You can save 60. Under 60 is better practice.", id="60-included"),
        pytest.param("90", "You can save 90. Under 60 is better practice.", id="90"),
        pytest.param("360", "You can save 360. Under 60 is better practice.", id="360"),
        pytest.param("361", None, id="refused"),
        pytest.param("abc", None, id="not-a-number"),
    ],
)
def test_a_lifetime_from_60_minutes_is_accepted_with_advice(typed: str, summary: str | None) -> None:
    assert advice_on(BY_NAME[MINUTES], typed) == summary


def test_a_setting_without_advice_never_advises() -> None:
    assert advice_on(BY_NAME["absolute_limit_hours"], "100") is None


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_default_is_a_value_that_the_setting_accepts(setting) -> None:
    assert parse(setting, as_typed(setting, setting.default)) == setting.default


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_on_a_tab(setting) -> None:
    assert setting.tab in TABS


def test_the_snapshot_uses_stored_values_and_defaults_for_the_rest() -> None:
    found = snapshot({"session_lifetime_minutes": 90})
    assert (found.session_lifetime_minutes, found.site_name) == (90, BY_NAME["site_name"].default)


@pytest.mark.parametrize("document", [None, "{}"], ids=["no-row", "empty"])
def test_a_snapshot_of_nothing_stored_has_the_defaults(document: str | None) -> None:
    assert snapshot_of(document) == snapshot({})


def test_topics_are_read_with_their_teams() -> None:
    assert topics_of(" Parking ;Parking team; p@b.example \n\nHousing\n") == (
        Topic(name="Parking", team="Parking team", address="p@b.example"),
        Topic(name="Housing"),
    )


def test_a_new_site_offers_four_topics() -> None:
    names = [topic.name for topic in snapshot({}).topics]
    assert names == ["Council tax", "Housing", "Parking", "Something else"]


def test_the_time_zones_offered_are_places_and_utc() -> None:
    assert {"Europe/London", "America/New_York", "UTC"} <= set(time_zones())
    assert not {"Etc/GMT+5", "localtime", "EST5EDT"} & set(time_zones())
