"""Name, address and password of one's own account, and deleting it."""

from collections.abc import Callable

import pytest

from portal.accounts.models import Person
from portal.db import Database
from portal.sessions.rules import EndReason
from tests.conftest import MovableClock
from tests.integration.accounts.app import App
from tests.integration.accounts.conftest import PASSWORD, Browser, Mailbox, Records, served_form

OLD, NEW = "ada@example.test", "ada@new.example.test"
FRESH = "staple battery horse"


@pytest.fixture
def home(visitor: Browser, citizen: Person) -> Browser:
    """A person signed in at home."""
    visitor.sign_in(OLD)
    return visitor


def _links(mailbox: Mailbox) -> dict[tuple[str, str], str]:
    """Return the newest link of each mail by recipient and subject."""
    found = {}
    for mail in mailbox:
        (text,) = (part for part in mail.walk() if part.get_content_type() == "text/plain")
        lines = text.get_payload(decode=True).decode().splitlines()  # type: ignore[union-attr]
        links = [line.removeprefix("http://127.0.0.1:8000") for line in lines if line.startswith("http")]
        found[str(mail["To"]), str(mail["Subject"])] = links[0] if links else ""
    return found


CONFIRM = (NEW, "Confirm your e-mail address")
ASKED, CHANGED = (OLD, "Somebody asked to change your e-mail address"), (OLD, "Your e-mail address was changed")


@pytest.fixture
def asked(home: Browser, mailbox: Mailbox) -> dict[tuple[str, str], str]:
    """Ask for another address; return the links."""
    assert home.fill_in("/account/email", email=NEW).location == "/account/security?done=email_asked"
    return _links(mailbox)


def test_new_address_counts_after_its_link_is_opened_and_the_password_entered(
    home: Browser, asked: dict[tuple[str, str], str], mailbox: Mailbox, records: Records
) -> None:
    assert set(asked) == {CONFIRM, ASKED}
    assert home.get(asked[CONFIRM]).status_code == 200
    assert records.people[0].email == OLD
    assert home.fill_in(asked[CONFIRM], password=PASSWORD).location == "/account/security?done=email"
    assert (records.people[0].email, records.people[0].email_key) == (NEW, NEW)
    assert CHANGED in _links(mailbox)
    assert home.sign_in(NEW).status_code == 303
    assert home.sign_in(OLD).status_code == 422


@pytest.mark.parametrize("password", ["", "wrong password"])
def test_button_without_the_password_does_not_confirm_a_new_address(
    another_visitor: Browser, asked: dict[tuple[str, str], str], records: Records, password: str
) -> None:
    assert another_visitor.fill_in(asked[CONFIRM], password=password).status_code == 422
    assert records.people[0].email == OLD


def test_an_address_that_has_an_account_gets_the_same_answer_and_no_link(
    home: Browser, make_person: Callable[..., Person], mailbox: Mailbox
) -> None:
    make_person(NEW)
    answer = home.fill_in("/account/email", email=NEW)
    assert (answer.status_code, answer.location) == (303, "/account/security?done=email_asked")
    assert _links(mailbox)[CONFIRM] == "/account/sign-in"


def test_address_taken_in_the_meantime_is_not_used_twice(
    home: Browser, asked: dict[tuple[str, str], str], make_person: Callable[..., Person], records: Records
) -> None:
    make_person(NEW)
    assert home.fill_in(asked[CONFIRM], password=PASSWORD).status_code == 410
    assert [person.email for person in records.people] == [OLD, NEW]


def test_newest_change_of_address_cancels_the_older_ones(
    home: Browser, asked: dict[tuple[str, str], str], mailbox: Mailbox
) -> None:
    home.fill_in("/account/email", email="other@example.test")
    assert home.get(asked[CONFIRM]).status_code == 410


def test_own_address_is_refused_as_a_new_address(home: Browser, mailbox: Mailbox) -> None:
    assert home.fill_in("/account/email", email=OLD.upper()).status_code == 422
    assert not mailbox.subjects


def test_change_of_address_stops_all_links_to_the_old_mailbox_except_the_objection(
    home: Browser, another_visitor: Browser, asked: dict[tuple[str, str], str], mailbox: Mailbox
) -> None:
    another_visitor.fill_in("/account/password", email=OLD)
    reset = _links(mailbox)[OLD, "Set a new password"]
    home.fill_in(asked[CONFIRM], password=PASSWORD)
    assert another_visitor.get(reset).status_code == 410
    assert another_visitor.get(asked[ASKED]).status_code == 200
    assert another_visitor.get(_links(mailbox)[CHANGED]).status_code == 200


@pytest.mark.parametrize("is_changed", [False, True], ids=["before", "after"])
def test_objection_from_the_old_address_gets_the_account_back(
    home: Browser,
    another_visitor: Browser,
    asked: dict[tuple[str, str], str],
    mailbox: Mailbox,
    records: Records,
    is_changed: bool,
) -> None:
    if is_changed:
        home.fill_in(asked[CONFIRM], password=PASSWORD)
        home.fill_in("/account/password/change", old_password=PASSWORD, password=FRESH)
    assert another_visitor.fill_in(asked[ASKED], email=OLD.upper()).location == "/account/check-mail"
    assert (records.people[0].email, records.people[0].password_hash) == (OLD, None)
    assert {row.end_reason for row in records.sessions} <= {EndReason.OBJECTED.value, EndReason.REPLACED.value}
    assert home.get(asked[CONFIRM]).status_code == 410
    assert home.sign_in(OLD).status_code == home.sign_in(NEW).status_code == 422
    assert another_visitor.fill_in(_links(mailbox)[OLD, "Set a new password"], password=FRESH).location == "/account"


def test_objection_removes_a_second_factor_that_the_thief_set_up(
    home: Browser, another_visitor: Browser, asked: dict[tuple[str, str], str], mailbox: Mailbox, clock: MovableClock
) -> None:
    page = home.get("/account/security/second-factor")
    home.post("/account/security/second-factor", served_form(page)[1] | {"code": App(page, clock).code})
    another_visitor.fill_in(asked[ASKED], email=OLD)
    assert another_visitor.fill_in(_links(mailbox)[OLD, "Set a new password"], password=FRESH).location == "/account"


@pytest.mark.parametrize("email", ["", NEW, "nobody@example.test"])
def test_scanner_that_presses_the_button_objects_to_nothing(
    another_visitor: Browser, asked: dict[tuple[str, str], str], records: Records, email: str
) -> None:
    assert another_visitor.fill_in(asked[ASKED], email=email).status_code == 422
    assert records.people[0].password_hash


@pytest.mark.parametrize(("days", "status"), [(6.9, 200), (7, 410)])
def test_objection_is_accepted_for_seven_days(
    another_visitor: Browser, asked: dict[tuple[str, str], str], clock: MovableClock, days: float, status: int
) -> None:
    clock.advance(days=days)
    assert another_visitor.get(asked[ASKED]).status_code == status


def test_new_password_ends_other_sessions_and_changes_the_id_of_this_one(
    home: Browser, another_visitor: Browser, mailbox: Mailbox, records: Records
) -> None:
    another_visitor.sign_in(OLD)
    before = home.cookie()
    answer = home.fill_in("/account/password/change", old_password=PASSWORD, password=FRESH)
    assert (answer.status_code, answer.location) == (303, "/account/security?done=password")
    assert [row.end_reason for row in records.sessions] == [None, "password_changed", "replaced"]
    assert home.cookie() not in (before, None)
    assert home.get("/probe/customer").text == "through"
    assert mailbox.subjects[-1] == (OLD, "Your password was changed")
    assert another_visitor.sign_in(OLD, FRESH).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("wrong password", FRESH, "The password is wrong"),
        ("", FRESH, "Enter your current password"),
        (PASSWORD, "short", "Enter a password of at least 8 characters"),
        (PASSWORD, "x" * 129, "Enter a password of no more than 128 characters"),
        (PASSWORD, "Password1", "This password is easy to guess. Choose another"),
        (PASSWORD, OLD, "Choose a password that is not your e-mail address"),
    ],
    ids=["wrong", "no-old", "short", "long", "common", "own-address"],
)
def test_unusable_password_is_refused_with_a_sentence(
    home: Browser, records: Records, old: str, new: str, sentence: str
) -> None:
    answer = home.fill_in("/account/password/change", old_password=old, password=new)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert not records.events("password_set")


@pytest.mark.parametrize("password", ["12345678", "PASSWORD1", "iloveyou1", "ada@example.test"])
def test_registering_refuses_a_common_password(visitor: Browser, mailbox: Mailbox, password: str) -> None:
    assert visitor.fill_in("/account/register", email=OLD, password=password).status_code == 422
    assert not mailbox.subjects


def test_mailed_link_refuses_a_common_password(visitor: Browser, citizen: Person, mailbox: Mailbox) -> None:
    visitor.fill_in("/account/password", email=OLD)
    assert visitor.fill_in(mailbox.last_link, password="12345678").status_code == 422


def test_name_is_shown_and_can_be_removed(home: Browser) -> None:
    assert home.fill_in("/account/name", name=" Ada Byron ").location == "/account/security?done=name"
    assert "Ada Byron" in home.get("/probe/viewer").text
    home.fill_in("/account/name", name="")
    assert OLD in home.get("/probe/viewer").text


@pytest.mark.parametrize("name", ["x" * 201, "two\nlines"])
def test_a_name_that_does_not_fit_is_refused(home: Browser, name: str) -> None:
    assert home.fill_in("/account/name", name=name).status_code == 422


def test_deleting_an_account_removes_the_person_and_ends_every_session(
    home: Browser, another_visitor: Browser, mailbox: Mailbox, records: Records, database: Database
) -> None:
    another_visitor.sign_in(OLD)
    answer = home.fill_in("/account/delete")
    assert (answer.status_code, answer.location) == (303, "/account/deleted")
    (person,) = records.people
    assert (person.email, person.name, person.password_hash) == ("deleted-1", None, None)
    assert [row.end_reason for row in records.sessions] == [EndReason.ACCOUNT_DELETED.value] * 2
    assert mailbox.subjects[-1] == (OLD, "Your account was deleted")
    assert home.cookie() is None
    assert another_visitor.get("/probe/customer").location == "/session/ended"
    assert "Your account was deleted." in another_visitor.get("/session/ended").text
    assert home.sign_in(OLD).status_code == 422
    assert not records.tokens


def test_deleted_account_is_never_offered_for_sign_in(home: Browser, another_visitor: Browser) -> None:
    another_visitor.sign_in(OLD)
    _action, hidden = served_form(another_visitor.get("/account/name"))
    home.fill_in("/account/delete")
    late = another_visitor.post("/account/name", hidden | {"name": "Ada"})
    assert late.status_code == 403
    for page in (late, another_visitor.get("/session/ended")):
        assert "Sign in to carry on" not in page.text
        assert "Sign in and continue" not in page.text


def test_the_address_of_a_deleted_account_may_register_again(home: Browser, mailbox: Mailbox) -> None:
    home.fill_in("/account/delete")
    home.fill_in("/account/register", email=OLD, password=PASSWORD)
    assert home.fill_in(mailbox.last_link, password=PASSWORD).location == "/account"


def test_staff_cannot_delete_their_own_account(visitor: Browser, staff: Person, records: Records) -> None:
    visitor.sign_in(staff.email)
    page = visitor.get("/account/delete")
    assert "Ask an administrator to close it" in page.text
    _action, hidden = served_form(visitor.get("/account/name"))
    assert visitor.post("/account/delete?kind=hub", hidden).status_code == 403
    assert records.people[0].deleted_at is None
