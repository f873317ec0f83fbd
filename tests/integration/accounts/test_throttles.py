"""Guessing is slowed down by address and by network; nobody is locked out."""

from collections.abc import Callable

import pytest
from flask import Flask

from portal.accounts import views
from portal.accounts.models import Person
from portal.accounts.passwords import password_matches
from portal.accounts.signed_in import device_here
from portal.accounts.throttles import reset_throttle, right_throttle, set_up_throttle, sign_in_throttle
from portal.web.limits import Throttle, take_all, use_try
from tests.conftest import START, MovableClock
from tests.integration.accounts.app import App
from tests.integration.accounts.conftest import PASSWORD, Browser, Mailbox, Records, served_form

EMAIL = "ada@example.test"


def _guess(visitor: Browser, times: int, email: str = EMAIL) -> list[int]:
    """Send the same sign-in page again and again, each time with another password."""
    action, hidden = served_form(visitor.get("/account/sign-in"))
    guesses = [hidden | {"email": email, "password": f"wrong password {number}"} for number in range(times)]
    return [visitor.post(action or "", guess).status_code for guess in guesses]


def test_eleventh_guess_waits_even_with_the_right_password(visitor: Browser, citizen: Person) -> None:
    assert _guess(visitor, 11) == [422] * 10 + [429]
    answer = visitor.sign_in(EMAIL)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    assert "Wait a minute and try again." in answer.text
    assert f'value="{EMAIL}"' in answer.text


@pytest.mark.parametrize(("seconds", "status"), [(59, 429), (60, 303)], ids=["too-early", "in-time"])
def test_one_more_try_is_allowed_each_minute(
    visitor: Browser, citizen: Person, clock: MovableClock, seconds: int, status: int
) -> None:
    _guess(visitor, 10)
    clock.advance(seconds=seconds)
    assert visitor.sign_in(EMAIL).status_code == status


def test_retry_after_header_states_the_seconds_left(visitor: Browser, citizen: Person, clock: MovableClock) -> None:
    _guess(visitor, 10)
    clock.advance(seconds=20.5)
    assert visitor.sign_in(EMAIL).headers["Retry-After"] == "40"


def test_owner_gets_in_on_a_known_device_however_many_strangers_guess(
    app: Flask, another_visitor: Browser, citizen: Person
) -> None:
    another_visitor.sign_in(EMAIL)
    another_visitor.sign_out()
    answers = [_guess(Browser(app, f"192.0.2.{number}"), 1)[0] for number in range(1, 13)]
    assert answers == [422] * 10 + [429] * 2
    assert another_visitor.sign_in(EMAIL).status_code == 303


def test_owner_gets_in_anywhere_by_mail_while_strangers_guess(
    visitor: Browser, another_visitor: Browser, citizen: Person, mailbox: Mailbox
) -> None:
    assert _guess(visitor, 11)[-1] == 429
    assert "set a new password with a link that we e-mail you" in another_visitor.sign_in(EMAIL).text
    another_visitor.fill_in("/account/password", email=EMAIL)
    assert another_visitor.fill_in(mailbox.last_link, password="staple battery horse").location == "/account"


def test_guesses_in_the_owners_browser_use_up_that_browsers_tries(
    visitor: Browser, another_visitor: Browser, citizen: Person
) -> None:
    visitor.sign_in(EMAIL)
    assert _guess(visitor, 11) == [422] * 10 + [429]
    assert another_visitor.sign_in(EMAIL).status_code == 303


def test_other_people_on_the_network_get_in(visitor: Browser, citizen: Person, staff: Person) -> None:
    assert _guess(visitor, 11)[-1] == 429
    assert visitor.sign_in("mina@example.test").status_code == 303


def test_spelling_the_address_differently_allows_no_more_guesses(visitor: Browser, citizen: Person) -> None:
    _guess(visitor, 5)
    _guess(visitor, 5, "ADA@Example.test")
    assert visitor.sign_in(EMAIL).status_code == 429


def test_the_right_password_of_a_disabled_account_is_a_guess_like_any_other(
    visitor: Browser, make_person: Callable[..., Person]
) -> None:
    make_person(disabled_at=START)
    assert [visitor.sign_in(EMAIL).status_code for _ in range(11)] == [422] * 10 + [429]


def test_signing_in_uses_up_no_tries(visitor: Browser, citizen: Person) -> None:
    visitor.sign_in(EMAIL)
    _guess(visitor, 9)
    assert [visitor.sign_in(EMAIL).status_code for _ in range(5)] == [303] * 5
    assert _guess(visitor, 2) == [422, 429]


def test_empty_form_uses_up_no_tries(visitor: Browser, citizen: Person) -> None:
    for _ in range(11):
        visitor.fill_in("/account/sign-in", email=EMAIL, password="")
    assert visitor.sign_in(EMAIL).status_code == 303


def test_a_throttled_try_is_not_hashed(visitor: Browser, citizen: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    _guess(visitor, 10)

    def never(*_arguments: object) -> bool:
        raise AssertionError

    monkeypatch.setattr(views, "password_matches", never)
    assert visitor.sign_in(EMAIL, PASSWORD).status_code == 429


def test_a_network_that_tries_many_addresses_is_slowed_down(
    visitor: Browser, another_visitor: Browser, clock: MovableClock
) -> None:
    with visitor.app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        tries = [use_try(sign_in_throttle(f"n{number}@example.test"), now=clock.now()) for number in range(99)]
    assert tries == [None] * 99
    assert _guess(visitor, 2, "new@example.test") == [422, 429]
    assert _guess(another_visitor, 1, "n1@example.test") == [422]
    clock.advance(seconds=10)
    assert _guess(visitor, 2, "newer@example.test") == [422, 429]


def test_mails_about_registering_to_one_address_are_limited(
    visitor: Browser, citizen: Person, mailbox: Mailbox, clock: MovableClock
) -> None:
    path, fields = "/account/register", {"password": PASSWORD}
    answers = [visitor.fill_in(path, email=EMAIL, **fields) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert "Wait a minute and try again." in answers[-1].text
    assert len(mailbox.subjects) == 5
    clock.advance(minutes=1)
    answers = [visitor.fill_in(path, email=EMAIL, **fields) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 429]
    assert answers[-1].headers["Retry-After"] == "540"
    clock.advance(minutes=9)
    assert visitor.fill_in(path, email=EMAIL, **fields).status_code == 303


def test_networks_that_register_one_address_get_no_more_mails_at_one_moment(
    app: Flask, mailbox: Mailbox, clock: MovableClock
) -> None:
    strangers = [Browser(app, f"192.0.2.{number}") for number in range(1, 9)]
    asked = [stranger.fill_in("/account/register", email=EMAIL, password=PASSWORD) for stranger in strangers]
    assert [answer.status_code for answer in asked] == [303] * 5 + [429] * 3
    clock.advance(seconds=59)
    asked = [stranger.fill_in("/account/register", email=EMAIL, password=PASSWORD) for stranger in strangers]
    assert [answer.status_code for answer in asked] == [429] * 8
    assert len(mailbox.subjects) == 5


def test_links_for_a_new_password_are_limited_without_refusing_anybody(
    visitor: Browser, citizen: Person, mailbox: Mailbox, clock: MovableClock
) -> None:
    answers = [visitor.fill_in("/account/password", email=EMAIL) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [303] * 8
    assert len(mailbox.subjects) == 5
    clock.advance(minutes=10)
    visitor.fill_in("/account/password", email=EMAIL)
    assert len(mailbox.subjects) == 6


@pytest.mark.both_databases
def test_another_link_is_mailed_at_once_where_the_last_ones_were_used_up(
    visitor: Browser, citizen: Person, mailbox: Mailbox
) -> None:
    for _ in range(8):
        visitor.fill_in("/account/password", email=EMAIL)
    assert visitor.fill_in(mailbox.last_link, password="staple battery horse").location == "/account"
    visitor.fill_in("/account/password", email=EMAIL)
    assert visitor.fill_in(mailbox.last_link, password="battery staple horse").location == "/account"


def test_a_network_that_asks_for_many_links_is_slowed_down(
    visitor: Browser, another_visitor: Browser, citizen: Person
) -> None:
    with visitor.app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        assert [use_try(reset_throttle(), now=visitor.app.extensions["portal"].clock.now()) for _ in range(100)] == [
            None
        ] * 100
    assert visitor.fill_in("/account/password", email=EMAIL).status_code == 429
    assert another_visitor.fill_in("/account/password", email=EMAIL).status_code == 303


def _use_up(app: Flask, throttle: Throttle, *, but: int, clock: MovableClock) -> None:
    """Use all tries up except some."""
    ((limit, _subject),) = throttle
    with app.app_context():
        assert take_all(throttle, now=clock.now(), number=limit.burst - but) is None


def test_right_passwords_open_sixty_sessions_and_then_one_a_minute_and_end_before_the_hash(
    app: Flask, citizen: Person, clock: MovableClock, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    _use_up(app, right_throttle(citizen.id, None), but=2, clock=clock)
    hashed: list[str] = []

    def counted(password: str, stored: str | None) -> bool:
        hashed.append(password)
        return password_matches(password, stored)

    monkeypatch.setattr(views, "password_matches", counted)
    answers = [Browser(app, f"192.0.2.{number}").sign_in(EMAIL) for number in range(14)]
    assert [answer.status_code for answer in answers] == [303] * 2 + [429] * 12
    assert "Wait a minute and try again." in answers[2].text
    assert int(answers[2].headers["Retry-After"]) == 60
    assert (len(hashed), len(records.sessions)) == (12, 2)
    clock.advance(minutes=1)
    assert Browser(app).sign_in(EMAIL).status_code == 303


def test_owner_signs_in_on_a_known_device_and_by_mail_whoever_knows_the_password(
    app: Flask, visitor: Browser, another_visitor: Browser, citizen: Person, clock: MovableClock, mailbox: Mailbox
) -> None:
    visitor.sign_in(EMAIL)
    visitor.sign_out()
    _use_up(app, right_throttle(citizen.id, None), but=2, clock=clock)
    assert another_visitor.sign_in(EMAIL).status_code == 303
    another_visitor.sign_out()
    assert Browser(app).sign_in(EMAIL).status_code == 429
    assert visitor.sign_in(EMAIL).status_code == 303
    newest = Browser(app, "203.0.113.9")
    newest.fill_in("/account/password", email=EMAIL)
    assert newest.fill_in(mailbox.last_link, password="staple battery horse").location == "/account"


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/account/again", {"password": PASSWORD}),
        ("/account/password/change", {"old_password": PASSWORD, "password": "staple battery horse"}),
    ],
)
def test_the_right_password_typed_again_and_again_has_a_limit(
    app: Flask, visitor: Browser, citizen: Person, clock: MovableClock, path: str, typed: dict[str, str]
) -> None:
    visitor.sign_in(EMAIL)
    with app.test_request_context(headers={"Cookie": f"device={visitor.client.get_cookie('device').value}"}):
        device = device_here(citizen)
    throttle = right_throttle(citizen.id, device)
    assert device is not None
    _use_up(app, throttle, but=0, clock=clock)
    assert visitor.fill_in(path, **typed).status_code == 429
    clock.advance(minutes=1)
    assert visitor.fill_in(path, **typed).status_code == 303


def test_setting_the_second_factor_up_again_and_again_has_a_limit(
    app: Flask, visitor: Browser, citizen: Person, clock: MovableClock
) -> None:
    visitor.sign_in(EMAIL)
    page = visitor.get("/account/security/second-factor")
    typed = served_form(page)[1] | {"code": App(page, clock).code}
    _use_up(app, set_up_throttle(citizen.id), but=1, clock=clock)
    answers = [visitor.post("/account/security/second-factor", typed).status_code for _ in range(2)]
    assert answers == [303, 429]
