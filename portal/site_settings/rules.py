"""Which typed values a setting accepts, and the snapshot made of what is stored. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

from portal.characters import plain, trimmed
from portal.errors import PortalError
from portal.site_settings.definition import (
    SETTINGS,
    TOPIC_PARTS,
    TOPIC_SEPARATOR,
    Setting,
    SettingKind,
    Settings,
    SettingValue,
    topics_of,
)
from portal.web.networks import parsed_ranges

MOST_TOPICS, LONGEST_NAME = 50, 80
_REFUSED_IN_LINES = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class RefusedSettingError(PortalError):
    """A typed value that a setting does not accept: the sentence to show beside the field, in English.

    `template` and `values` are for whoever translates it.
    """

    def __init__(self, template: str, **values: int) -> None:
        super().__init__(template % values)
        self.template, self.values = template, values


def parse(setting: Setting, typed: str) -> SettingValue:
    """The value of what somebody typed for a setting.

    Raises `RefusedSettingError` for blank, malformed or out of range.
    """
    text = trimmed(typed) if setting.kind in ("text", "long_text", "topics") else plain(typed)
    return PARSERS[setting.kind](setting, text)


def _parse_whole_number(setting: Setting, typed: str) -> int:
    low, high = setting.low or 0, setting.high or 0
    digits = typed.isascii() and typed.isdigit() and len(typed) <= 9
    if not digits or not low <= int(typed) <= high:
        raise RefusedSettingError("Enter a whole number from %(low)s to %(high)s", low=low, high=high)
    return int(typed)


def _parse_text(setting: Setting, typed: str) -> str:
    if len(typed) < (setting.low or 0):
        raise RefusedSettingError("This cannot be empty")
    if not _is_one_line(typed):
        raise RefusedSettingError("Enter a text on one line")
    if setting.high and len(typed) > setting.high:
        raise RefusedSettingError("Enter at most %(high)s characters", high=setting.high)
    return typed


def _is_one_line(text: str) -> bool:
    """Whether a text holds no line end, nothing that turns its direction, and no character that is none."""
    return _REFUSED_IN_LINES.search(text) is None


def _parse_long_text(setting: Setting, typed: str) -> str:
    text = unix_lines(typed)
    if not _is_one_line(text.replace("\n", "").replace("\t", "")):
        raise RefusedSettingError("Enter plain text")
    if setting.high and len(text) > setting.high:
        raise RefusedSettingError("Enter at most %(high)s characters", high=setting.high)
    return text


def unix_lines(typed: str) -> str:
    """A text with one character for each end of a line; browsers send two."""
    return typed.replace("\r\n", "\n").replace("\r", "\n")


def _parse_yes_no(setting: Setting, typed: str) -> bool:
    if typed not in ("yes", "no"):
        raise RefusedSettingError("Choose yes or no")
    return typed == "yes"


@cache
def time_zones() -> tuple[str, ...]:
    """The time zones to choose from, by the name of a place; without old aliases and fixed offsets."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return (*sorted(places), "UTC")


def _parse_time_zone(setting: Setting, typed: str) -> str:
    if typed not in time_zones():
        raise RefusedSettingError("Choose a time zone from the list, like Europe/London")
    return typed


def _parse_choice(setting: Setting, typed: str) -> str:
    if typed not in dict(setting.options):
        raise RefusedSettingError("Choose one of the options")
    return typed


def _parse_networks(setting: Setting, typed: str) -> str:
    _parse_text(setting, typed)
    try:
        parsed_ranges(typed)
    except ValueError:
        raise RefusedSettingError("Enter networks like 10.20.0.0/16, separated by spaces") from None
    return typed


def _parse_topics(setting: Setting, typed: str) -> str:
    """Take lines of topics; the sentence of a refusal says which line is wrong, blank ones counted."""
    text, seen = _parse_long_text(setting, typed), set[str]()
    if not text:
        raise RefusedSettingError("This cannot be empty")
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            _judge_topic(line, number, seen)
    if len(seen) > MOST_TOPICS:
        raise RefusedSettingError("Enter at most %(most)s topics", most=MOST_TOPICS)
    return text


def _judge_topic(line: str, number: int, seen: set[str]) -> None:
    """Refuse a line that is no topic or names one that an earlier line has named; else add its name to `seen`."""
    (topic,) = topics_of(line)
    if not topic.name or line.count(TOPIC_SEPARATOR) not in (0, len(TOPIC_PARTS) - 1):
        raise RefusedSettingError(
            "Line %(line)s: enter a topic, or a topic, a team and its e-mail address with “;” between them", line=number
        )
    if max(len(topic.name), len(topic.team)) > LONGEST_NAME:
        raise RefusedSettingError(
            "Line %(line)s: enter names of at most %(most)s characters", line=number, most=LONGEST_NAME
        )
    if topic.name.casefold() in seen:
        raise RefusedSettingError("Line %(line)s: this topic is in the list already", line=number)
    if TOPIC_SEPARATOR in line and not _is_address(topic.address):
        raise RefusedSettingError(
            "Line %(line)s: enter an e-mail address in the right format, like name@example.com", line=number
        )
    seen.add(topic.name.casefold())


def _is_address(text: str) -> bool:
    try:
        # As for the addresses of people, the domain .test is allowed, which RFC 6761 reserves for testing.
        validate_email(text, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


PARSERS: Mapping[SettingKind, Callable[[Setting, str], SettingValue]] = {
    "whole_number": _parse_whole_number,
    "text": _parse_text,
    "long_text": _parse_long_text,
    "yes_no": _parse_yes_no,
    "time_zone": _parse_time_zone,
    "choice": _parse_choice,
    "networks": _parse_networks,
    "topics": _parse_topics,
}


def as_typed(setting: Setting, value: SettingValue) -> str:
    """A stored value as a person would type it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def advice_on(setting: Setting, typed: str) -> str | None:
    """The first sentence of the advice on what somebody typed, or None where it is refused or could not be better."""
    try:
        value = parse(setting, typed)
    except RefusedSettingError:
        return None
    return setting.advice.summary_of(value) if setting.advice and isinstance(value, int) else None


def snapshot(stored: Mapping[str, Any]) -> Settings:
    """The values in force: what is stored, defaults for the rest."""
    return Settings(**{setting.name: stored.get(setting.name, setting.default) for setting in SETTINGS})


@lru_cache(maxsize=64)
def snapshot_of(document: str | None) -> Settings:
    """The snapshot of the stored JSON document, read once per distinct text."""
    return snapshot(json.loads(document) if document else {})
