"""Where somebody is signed in, ending it, remembered devices and recent activity."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from portal.accounts.models import Person
from portal.accounts.operations import change_role
from portal.audit import Actor
from portal.db import Database
from portal.sessions.rules import EndReason
from portal.site_settings.operations import change_settings
from tests.citizen import Page
from tests.conftest import MovableClock
from tests.integration.accounts.conftest import PASSWORD, Browser, Mailbox, Records, served_form

EMAIL = "ada@example.test"
PAGE = "/account/security"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile/15E Safari/604.1"


def _with(browser: Browser, user_agent: str) -> Browser:
    browser.client.environ_base["HTTP_USER_AGENT"] = user_agent
    return browser


def _page(browser: Browser, path: str = PAGE) -> Page:
    return Page(path, browser.get(path))


@pytest.fixture
def home(visitor: Browser, citizen: Person) -> Browser:
    """A person signed in at home."""
    _with(visitor, FIREFOX).sign_in(EMAIL)
    return visitor


@pytest.fixture
def away(another_visitor: Browser, home: Browser) -> Browser:
    """The same person signed in elsewhere."""
    _with(another_visitor, IPHONE).sign_in(EMAIL)
    return another_visitor


def test_security_page_lists_every_session_and_marks_this_one(
    home: Browser, away: Browser, clock: MovableClock
) -> None:
    clock.advance(minutes=25)
    home.get("/probe/customer")
    page = _page(home)
    assert "Safari on iPhone Customer portal Today at 14:02 Today at 14:02 End" in page
    assert "Firefox on Linux Customer portal Today at 14:02 Today at 14:27 This one" in page
    assert FIREFOX not in page.text
    assert "198.51.100.7" not in page.text


def test_ending_a_session_signs_it_out_and_says_why(home: Browser, away: Browser, records: Records) -> None:
    elsewhere = records.sessions[-1]
    _action, hidden = served_form(home.get(PAGE), of=f"{PAGE}/end/")
    assert home.post(f"{PAGE}/end/{elsewhere.id}", hidden).location == f"{PAGE}?done=ended"
    assert away.get("/probe/customer").location == "/session/ended"
    assert "You signed out here from another device or browser." in away.get("/session/ended").text
    assert home.get("/probe/customer").text == "through"
    assert "Signed out from another device or browser" in _page(home)


def test_person_cannot_end_the_session_of_another(
    home: Browser, another_visitor: Browser, make_person: Callable[..., Person], records: Records
) -> None:
    make_person("bela@example.test")
    another_visitor.sign_in("bela@example.test")
    _action, hidden = served_form(home.get("/account/name"))
    for session_id in (records.sessions[-1].id, 10**18 - 1):
        assert home.post(f"{PAGE}/end/{session_id}", hidden).status_code == 303
    assert another_visitor.get("/probe/customer").text == "through"


def test_ending_all_other_sessions_keeps_this_one(
    home: Browser, away: Browser, staff: Person, records: Records
) -> None:
    _action, hidden = served_form(home.get(PAGE), of=f"{PAGE}/end-others")
    assert home.post(f"{PAGE}/end-others", hidden).status_code == 303
    assert [row.end_reason for row in records.sessions] == [None, EndReason.ENDED_BY_OWNER.value]
    assert home.get("/probe/customer").text == "through"


def test_ending_a_session_asks_for_the_password_again_and_then_returns_to_it(
    home: Browser, away: Browser, records: Records, clock: MovableClock
) -> None:
    elsewhere = records.sessions[-1].id
    _action, hidden = served_form(home.get(PAGE), of=f"{PAGE}/end/")
    clock.advance(minutes=16)
    asked = home.post(f"{PAGE}/end/{elsewhere}", hidden).location
    back = home.fill_in(asked, password=PASSWORD).location
    assert back == f"{PAGE}/end/{elsewhere}"
    assert "End this session?" in _page(home, back)
    assert home.fill_in(back).location == f"{PAGE}?done=ended"
    assert away.get("/probe/customer").status_code == 302


def test_session_that_is_already_over_is_not_asked_about(home: Browser) -> None:
    assert home.get(f"{PAGE}/end/999").location == PAGE


def test_staff_see_their_own_sessions(visitor: Browser, staff: Person) -> None:
    _with(visitor, FIREFOX).sign_in(staff.email)
    page = _page(visitor)
    assert "Firefox on Linux Staff hub" in page
    assert page.links["Where you are signed in"] == f"{PAGE}?kind=hub"
    assert page.links["Change your password"] == "/account/password/change?kind=hub"


def test_two_people_in_one_browser_each_see_their_own_account(visitor: Browser, citizen: Person, staff: Person) -> None:
    visitor.sign_in(EMAIL)
    visitor.sign_in(staff.email)
    assert "E-mail address ada@example.test" in _page(visitor)
    assert "E-mail address mina@example.test" in _page(visitor, f"{PAGE}?kind=hub")


@pytest.mark.parametrize("kind", ["messages", "mobile", "nonsense"])
def test_other_kinds_of_session_have_no_security_page(home: Browser, kind: str) -> None:
    assert home.get(f"{PAGE}?kind={kind}").status_code == 404


def test_guest_has_no_security_page(visitor: Browser) -> None:
    visitor.begin_as_guest()
    assert visitor.get(PAGE).location == "/account/sign-in?next=%2Faccount%2Fsecurity"


def test_end_of_a_staff_session_is_explained(visitor: Browser, staff: Person, clock: MovableClock) -> None:
    visitor.sign_in(staff.email)
    clock.advance(hours=9)
    assert visitor.get(PAGE).location == "/session/ended?kind=hub"


def test_page_shows_own_activity_in_plain_words_and_nobody_elses(
    home: Browser, another_visitor: Browser, make_person: Callable[..., Person]
) -> None:
    make_person("bela@example.test")
    another_visitor.sign_in("bela@example.test", "wrong password")
    assert "wrong password" not in _page(home)
    another_visitor.sign_in(EMAIL, "wrong password")
    page = _page(home)
    assert "Sign-in failed: wrong password" in page
    assert "Today at 14:02 Signed in Firefox on Linux" in page


def test_page_shows_what_an_administrator_did_to_the_account(
    home: Browser, citizen: Person, database: Database, clock: MovableClock
) -> None:
    with database.writing() as db:
        change_role(db, citizen.id, "field", by=Actor(person_id=99), now=clock.now())
    home.sign_in(EMAIL)
    assert "An administrator changed what the account may do" in _page(home)


def test_activity_over_thirty_days_old_is_not_shown_as_recent(home: Browser, clock: MovableClock) -> None:
    clock.advance(days=31)
    home.sign_in(EMAIL)
    assert _page(home).words.count("Signed in Firefox") == 1


def test_first_sign_in_sends_no_mail_but_one_on_another_device_does(
    home: Browser, another_visitor: Browser, mailbox: Mailbox
) -> None:
    home.sign_out()
    home.sign_in(EMAIL)
    assert not mailbox.subjects
    _with(another_visitor, IPHONE).sign_in(EMAIL)
    assert mailbox.subjects == [(EMAIL, "A new sign-in to your account")]
    (mail,) = mailbox
    assert "Where: Safari on iPhone" in str(mail)
    assert mailbox.last_link == PAGE
    another_visitor.sign_out()
    another_visitor.sign_in(EMAIL)
    assert len(mailbox.subjects) == 1


def test_failed_sign_in_remembers_no_device(home: Browser, another_visitor: Browser) -> None:
    another_visitor.sign_in(EMAIL, "wrong password")
    assert another_visitor.client.get_cookie("device") is None
    assert _page(home).words.count("Forget") == 2


def test_two_people_in_one_browser_are_two_unconnected_devices(
    home: Browser, make_person: Callable[..., Person], mailbox: Mailbox, database: Database, app: Flask
) -> None:
    from portal.accounts.remembered import devices_of

    bela = make_person("bela@example.test")
    home.sign_in("bela@example.test")
    assert not mailbox.subjects
    with database.reading() as db:
        (theirs,), (mine,) = devices_of(db, bela.id), devices_of(db, 1)
    assert theirs.token_hash != mine.token_hash


def test_a_forgotten_device_is_new_again(home: Browser, away: Browser, mailbox: Mailbox) -> None:
    away_id = _page(home).text.partition('id="device-')[2].partition('"')[0]
    _action, hidden = served_form(home.get(PAGE), of=f"{PAGE}/devices/")
    for device_id in (away_id, 10**18 - 1):
        assert home.post(f"{PAGE}/devices/{device_id}/forget", hidden).location == f"{PAGE}?done=forgotten"
    assert "A remembered device was forgotten" in _page(home)
    away.sign_out()
    away.sign_in(EMAIL)
    assert len(mailbox.subjects) == 2


def test_a_device_is_forgotten_after_half_a_year(
    home: Browser, away: Browser, mailbox: Mailbox, clock: MovableClock, app: Flask
) -> None:
    from portal.accounts.remembered import sweep_devices

    clock.advance(days=181)
    with app.extensions["portal"].database.writing() as db:
        sweep_devices(db, now=clock.now())
    home.sign_in(EMAIL)
    assert len(mailbox.subjects) == 1
    assert _page(home).words.count("Forget") == 2


def test_only_the_last_twenty_devices_are_remembered(app: Flask, citizen: Person) -> None:
    for number in range(22):
        Browser(app, f"192.0.2.{number}").sign_in(EMAIL)
    last = Browser(app, "192.0.2.99")
    last.sign_in(EMAIL)
    assert last.get(PAGE).text.count('id="device-') == 20


@pytest.mark.parametrize(("allowed_once", "reason"), [(True, "signed_out_elsewhere"), (False, None)])
def test_new_sign_in_ends_the_others_where_only_one_is_allowed(
    home: Browser,
    another_visitor: Browser,
    database: Database,
    clock: MovableClock,
    records: Records,
    allowed_once: bool,
    reason: str | None,
) -> None:
    with database.writing() as db:
        change_settings(db, {"one_sign_in": allowed_once}, by=Actor(), now=clock.now())
    another_visitor.sign_in(EMAIL)
    another_visitor.sign_in(EMAIL)
    assert records.sessions[0].end_reason == reason
    assert records.sessions[-1].end_reason is None
    if allowed_once:
        assert "You signed in somewhere else" in home.get("/session/ended").text
        assert [row.sole_slot for row in records.sessions] == [None, None, "person 1"]


@pytest.mark.parametrize(
    ("arguments", "ended"), [(["--person", "1"], [True, False]), (["--all"], [True, True])], ids=["person", "all"]
)
def test_administrators_can_end_the_sessions_of_one_person_or_of_everybody(
    runner: FlaskCliRunner,
    home: Browser,
    staff: Person,
    another_visitor: Browser,
    records: Records,
    arguments: list[str],
    ended: list[bool],
) -> None:
    another_visitor.sign_in(staff.email)
    result = runner.invoke(args=["sessions", "end", *arguments])
    assert (result.exit_code, result.output) == (0, f"{sum(ended)} sessions ended.\n")
    assert [row.end_reason == "staff" for row in records.sessions] == ended
