"""Every public form answers known and unknown people with the same status, headers and page."""

import re
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.test import TestResponse

from portal.accounts import passwords
from portal.accounts.models import Person
from tests.citizen import Citizen
from tests.conftest import START
from tests.integration.accounts.conftest import PASSWORD, Browser

KNOWN, UNKNOWN = "known@example.test", "other@example.test"


def _seen(answer: TestResponse, email: str) -> tuple[int, list[tuple[str, str]], str]:
    """Return all that a browser sees, except the form token, the request's id and the typed address."""
    page = re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text).replace(email, "")
    headers = [pair for pair in answer.headers if pair[0] != "X-Request-ID"]
    return answer.status_code, sorted(headers), page


DOORS = {
    "sign-in": ("/account/sign-in", {"password": "wrong password"}, 422),
    "register": ("/account/register", {"password": PASSWORD}, 303),
    "register-badly": ("/account/register", {"password": "short"}, 422),
    "reset": ("/account/password", {}, 303),
}


@pytest.mark.parametrize(("path", "fields", "status"), DOORS.values(), ids=DOORS)
def test_known_and_unknown_addresses_get_the_same_answer(
    visitor: Browser, make_person: Callable[..., Person], path: str, fields: dict[str, str], status: int
) -> None:
    make_person(KNOWN)
    seen = [_seen(visitor.fill_in(path, email=email, **fields), email) for email in (KNOWN, UNKNOWN)]
    assert seen[0] == seen[1]
    assert seen[0][0] == status


def test_a_known_and_an_unknown_reference_get_the_same_answer(visitor: Browser, app: Flask, demo_forms: None) -> None:
    guest = Citizen(app)
    guest.open("/forms/housing-support")
    known = guest.press("Start now").path.rpartition("/")[2]
    codes = {"return_code": "BCDF-GHJK"}
    seen = [_seen(visitor.fill_in("/resume", reference=who, **codes), who) for who in (known, "HS-2222-3333")]
    assert seen[0] == seen[1]
    assert seen[0][0] == 422


def test_saving_to_a_known_and_an_unknown_address_gets_the_same_answer(
    app: Flask, make_person: Callable[..., Person], demo_forms: None
) -> None:
    make_person(KNOWN)
    seen = []
    for email in (KNOWN, UNKNOWN):
        guest = Citizen(app)
        guest.open("/forms/housing-support")
        draft = guest.press("Start now").path
        guest.open(f"{draft}/save")
        answer = guest.send("Send link", email=email)
        words = guest.open(answer.location).words.replace(email, "").replace(draft.rpartition("/")[2], "")
        words = re.sub(r"[0-9A-Z]{4} [0-9A-Z]{4}", "", words)
        seen.append((answer.status_code, answer.location.replace(draft, ""), words))
    assert seen[0] == seen[1]
    assert seen[0][0] == 303


def test_changing_to_a_taken_and_a_free_address_gets_the_same_answer(
    visitor: Browser, make_person: Callable[..., Person]
) -> None:
    make_person(KNOWN)
    make_person("ada@example.test")
    visitor.sign_in("ada@example.test")
    seen = [_seen(visitor.fill_in("/account/email", email=email), email) for email in (KNOWN, UNKNOWN)]
    assert seen[0] == seen[1]
    assert seen[0][0] == 303


@pytest.mark.parametrize("door", ["sign-in", "register", "reset"])
def test_known_and_unknown_addresses_are_slowed_down_alike(
    visitor: Browser, make_person: Callable[..., Person], door: str
) -> None:
    path, fields, status = DOORS[door]
    make_person(KNOWN)
    seen = [
        [_seen(visitor.fill_in(path, email=email, **fields), email) for _ in range(12)] for email in (KNOWN, UNKNOWN)
    ]
    assert seen[0] == seen[1]
    assert {answer[0] for answer in seen[0]} == ({status} if door == "reset" else {status, 429})


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "values",
    [{}, {"password_hash": None}, {"disabled_at": "now"}, {"verified_at": None}, None],
    ids=["known", "no-password", "disabled", "unverified", "unknown"],
)
@pytest.mark.usefixtures("whole_hashes")
def test_every_sign_in_hashes_exactly_once(
    visitor: Browser,
    make_person: Callable[..., Person],
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, object] | None,
) -> None:
    if values is not None:
        make_person(KNOWN, **{name: START if value == "now" else value for name, value in values.items()})
    passwords._nobodys_hash()
    counter = _Counting(passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", counter)
    visitor.sign_in(KNOWN, "wrong password")
    assert counter.calls == ["verify"]
    assert counter.hash_given.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("email", [KNOWN, UNKNOWN])
def test_every_registration_hashes_exactly_once(
    visitor: Browser, make_person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    make_person(KNOWN)
    counter = _Counting(passwords._hasher)
    monkeypatch.setattr(passwords, "_hasher", counter)
    visitor.fill_in("/account/register", email=email, password=PASSWORD)
    assert counter.calls == ["hash"]


class _Counting:
    """The real hasher, which records its calls."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher, self.calls, self.hash_given = hasher, list[str](), ""

    def hash(self, password: str) -> str:
        self.calls.append("hash")
        return self._hasher.hash(password)

    def verify(self, hash_given: str, password: str) -> bool:
        self.calls.append("verify")
        self.hash_given = hash_given
        return self._hasher.verify(hash_given, password)
