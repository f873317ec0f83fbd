"""On every way back to a form, what exists and what does not get the same status, headers and page."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.citizen import Citizen
from tests.integration.resume.conftest import Saved
from tests.loan import start
from tests.people import add_person
from tests.post import letters

UNKNOWN = "TL-2222-2222"


def seen(answer: TestResponse, *typed: str) -> tuple[int, list[tuple[str, str]], str]:
    """Return all that a browser sees, except form tokens, the request's id and the typed text."""
    page = re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text)
    headers = [(name, value) for name, value in answer.headers if name not in ("X-Request-ID", "Content-Length")]
    headers = [(name, re.sub(r"Expires=[^;]+", "", value)) for name, value in headers]
    for word in typed:
        page = page.replace(word, "")
        headers = [(name, value.replace(word, "")) for name, value in headers]
    return answer.status_code, sorted(headers), page


@pytest.mark.parametrize("tries", [1, 12])
def test_known_and_unknown_references_get_the_same_answer(app: Flask, guests: Saved, tries: int) -> None:
    def last(reference: str) -> tuple[int, list[tuple[str, str]], str]:
        browser = Citizen(app)
        browser.open("/resume")
        for _ in range(tries):
            answer = browser.send("Continue your form", reference=reference, return_code="2222 2222")
        return seen(answer, reference)

    assert last(guests.reference) == last(UNKNOWN)


def test_strangers_share_the_tries_of_a_reference_whatever_their_network(app: Flask, guests: Saved) -> None:
    statuses = []
    for network in range(15):
        browser = Citizen(app, f"192.0.2.{network}")
        browser.open("/resume")
        statuses.append(browser.press("Continue your form", reference=guests.reference, return_code="2222 2222").status)
    assert statuses == [422] * 10 + [429] * 5


def test_browser_that_asked_for_the_link_has_its_own_tries(app: Flask, citizen: Citizen, guests: Saved) -> None:
    stranger = Citizen(app)
    stranger.open("/resume")
    for _ in range(12):
        stranger.send("Continue your form", reference=guests.reference, return_code="2222 2222")
    citizen.open("/resume")
    page = citizen.press("Continue your form", reference=guests.reference, return_code=guests.code)
    assert page.path == f"{guests.address}/tools"


def test_right_code_uses_up_no_try(app: Flask, guests: Saved) -> None:
    for _ in range(12):
        browser = Citizen(app)
        browser.open("/resume")
        page = browser.press("Continue your form", reference=guests.reference, return_code=guests.code)
        assert page.path == f"{guests.address}/tools"


@pytest.mark.parametrize("path", ["", "/you", "/save", "/save/delivery", "/check"])
def test_other_and_missing_drafts_look_the_same(app: Flask, guests: Saved, path: str) -> None:
    stranger = Citizen(app)
    start(stranger)
    answers = [
        seen(stranger.client.get(f"/drafts/{reference}{path}"), reference) for reference in (guests.reference, UNKNOWN)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


@pytest.mark.parametrize("path", ["/save", "/save/proof", "/save/longer", "/save/leave"])
def test_saving_other_and_missing_drafts_gets_the_same_answer(app: Flask, guests: Saved, path: str) -> None:
    stranger = Citizen(app)
    stranger.open(f"{start(stranger)}/save")
    data = {"csrf_token": stranger.page.value("csrf_token"), "email": "a@mail.example", "code": "22222", "noted": "y"}
    answers = [
        seen(stranger.client.post(f"/drafts/{reference}{path}", data=data), reference)
        for reference in (guests.reference, UNKNOWN)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert len(letters(app)) == 1


def test_an_address_that_has_an_account_is_saved_like_any_other(app: Flask, citizen: Citizen, guests: Saved) -> None:
    add_person(app, "ada@mail.example")
    citizen.open(f"{guests.address}/save")
    answers = [
        seen(citizen.send("Send link", email=email), email) for email in ("ada@mail.example", "eve@mail.example")
    ]
    assert answers[0] == answers[1]
    assert [letter.to for letter in letters(app)[1:]] == ["ada@mail.example", "eve@mail.example"]


def test_links_of_expired_deleted_sent_and_unknown_forms_differ_in_words_only(app: Flask, guests: Saved) -> None:
    browser = Citizen(app)
    unknown = browser.client.get("/resume/" + "A" * 43)
    assert unknown.status_code == 404
    assert guests.reference not in unknown.text
    assert unknown.headers["Referrer-Policy"] == browser.client.get(guests.link).headers["Referrer-Policy"]
