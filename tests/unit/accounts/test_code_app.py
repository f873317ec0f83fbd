"""Codes of an authenticator app, as RFC 6238 computes them."""

from base64 import b32encode
from datetime import UTC, datetime, timedelta

import pytest

from portal.accounts.second_factors import STEP_S, app_address, matching_step, new_secret, spelled
from portal.web.addresses import qr_picture

SECRET = b32encode(b"12345678901234567890").decode()
"""The key of the RFC's test vectors, which have eight digits; an app shows the last six."""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")],
)
def test_codes_match_the_test_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert matching_step(SECRET, code, after=0, now=at) == seconds // STEP_S


@pytest.mark.parametrize(("late_s", "found"), [(-30, True), (0, True), (30, True), (60, False), (-60, False)])
def test_a_code_is_accepted_when_the_clock_is_one_step_off(late_s: int, found: bool) -> None:
    at = datetime.fromtimestamp(1_111_111_109, UTC) + timedelta(seconds=late_s)
    assert (matching_step(SECRET, "081804", after=0, now=at) is not None) is found


def test_a_code_is_refused_once_its_step_or_a_later_one_was_used() -> None:
    at = datetime.fromtimestamp(1_111_111_109, UTC)
    step = matching_step(SECRET, "081804", after=0, now=at)
    assert step is not None
    assert matching_step(SECRET, "081804", after=step - 1, now=at) == step
    assert matching_step(SECRET, "081804", after=step, now=at) is None


@pytest.mark.parametrize("typed", ["", "81804", "0081804", "08180x", "٠٨١٨٠٤"])
def test_a_code_must_have_exactly_six_digits(typed: str) -> None:
    assert matching_step(SECRET, typed, after=0, now=datetime.fromtimestamp(1_111_111_109, UTC)) is None


def test_the_address_for_the_app_names_the_site_and_the_account() -> None:
    address = app_address(SECRET, account="ada@example.test", site="Cyngor Llŷn")
    assert address == f"otpauth://totp/Cyngor%20Ll%C5%B7n:ada%40example.test?secret={SECRET}&issuer=Cyngor%20Ll%C5%B7n"


def test_the_qr_code_needs_no_style_and_no_script() -> None:
    drawn = qr_picture("otpauth://totp/x")
    assert drawn.startswith("<svg")
    assert "style" not in drawn
    assert "script" not in drawn


def test_secrets_are_long_enough_and_never_the_same() -> None:
    first, second = new_secret(), new_secret()
    assert len(first) == 32
    assert first != second
    assert spelled(first).split() == [first[at : at + 4] for at in range(0, 32, 4)]
