"""Codes of an app, as RFC 6238 reckons them."""

from base64 import b32encode
from datetime import UTC, datetime, timedelta

import pytest

from portal.accounts.second_factors import STEP_S, app_address, matching_step, new_secret, spelled
from portal.web.qr import qr_picture

SECRET = b32encode(b"12345678901234567890").decode()
"""The key of the RFC's test vectors, which are of eight digits; an app shows the last six."""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")],
)
def test_the_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert matching_step(SECRET, code, after=0, now=at) == seconds // STEP_S


@pytest.mark.parametrize(("late_s", "found"), [(-30, True), (0, True), (30, True), (60, False), (-60, False)])
def test_a_clock_may_be_one_step_off(late_s: int, found: bool) -> None:
    at = datetime.fromtimestamp(1_111_111_109, UTC) + timedelta(seconds=late_s)
    assert (matching_step(SECRET, "081804", after=0, now=at) is not None) is found


def test_a_step_that_was_used_and_those_before_it_are_over() -> None:
    at = datetime.fromtimestamp(1_111_111_109, UTC)
    step = matching_step(SECRET, "081804", after=0, now=at)
    assert step is not None
    assert matching_step(SECRET, "081804", after=step - 1, now=at) == step
    assert matching_step(SECRET, "081804", after=step, now=at) is None


@pytest.mark.parametrize("typed", ["", "81804", "0081804", "08180x", "٠٨١٨٠٤"])
def test_what_is_not_six_digits_is_no_code(typed: str) -> None:
    assert matching_step(SECRET, typed, after=0, now=datetime.fromtimestamp(1_111_111_109, UTC)) is None


def test_an_app_is_told_whose_codes_they_are() -> None:
    address = app_address(SECRET, account="ada@example.test", site="Cyngor Llŷn")
    assert address == f"otpauth://totp/Cyngor%20Ll%C5%B7n:ada%40example.test?secret={SECRET}&issuer=Cyngor%20Ll%C5%B7n"


def test_the_picture_needs_no_style_and_no_script() -> None:
    drawn = qr_picture("otpauth://totp/x")
    assert drawn.startswith("<svg")
    assert "style" not in drawn
    assert "script" not in drawn


def test_a_secret_is_long_enough_and_never_the_same() -> None:
    first, second = new_secret(), new_secret()
    assert len(first) == 32
    assert first != second
    assert spelled(first).split() == [first[at : at + 4] for at in range(0, 32, 4)]
