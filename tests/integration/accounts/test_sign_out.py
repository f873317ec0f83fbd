"""Signing out: what ends, what the browser is told, and that doing it twice is safe."""

import pytest

from portal.accounts.models import Person
from portal.sessions.rules import EndReason
from tests.conftest import START, MovableClock
from tests.integration.accounts.conftest import Browser, Records, served_form


def test_signing_out_ends_the_session_and_removes_the_cookie(
    visitor: Browser, citizen: Person, records: Records
) -> None:
    visitor.sign_in("ada@example.test")
    answer = visitor.sign_out()
    assert (answer.status_code, answer.location) == (303, "/session/ended?reason=signed_out")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    (row,) = records.sessions
    assert (row.end_reason, row.ended_at) == (EndReason.SIGNED_OUT.value, START)
    assert visitor.cookie() is None
    (event,) = records.events("signed_out")
    assert event.person_id == citizen.id


def test_cookie_opens_nothing_after_signing_out(visitor: Browser, citizen: Person) -> None:
    visitor.sign_in("ada@example.test")
    cookie = visitor.cookie() or ""
    visitor.sign_out()
    visitor.client.set_cookie("session_customer", cookie)
    assert visitor.get("/probe/customer").status_code == 302


def test_signing_out_of_one_kind_keeps_the_other(visitor: Browser, citizen: Person, staff: Person) -> None:
    visitor.sign_in("ada@example.test")
    visitor.sign_in("mina@example.test")
    assert visitor.sign_out("hub").location == "/session/ended?reason=signed_out&kind=hub"
    assert visitor.cookie("hub") is None
    assert visitor.get("/probe/customer").text == "through"


def test_a_staff_member_signs_out_on_a_public_page(visitor: Browser, staff: Person, records: Records) -> None:
    visitor.sign_in("mina@example.test")
    action, hidden = served_form(visitor.get("/account/check-mail"), of="/account/sign-out")
    assert action == "/account/sign-out?kind=hub"
    assert visitor.post(action, hidden).status_code == 303
    assert records.sessions[0].end_reason == EndReason.SIGNED_OUT.value


@pytest.mark.parametrize("minutes", [0, 31], ids=["signed-out", "ended-meanwhile"])
def test_signing_out_twice_gives_the_same_answer(
    visitor: Browser, citizen: Person, clock: MovableClock, records: Records, minutes: int
) -> None:
    visitor.sign_in("ada@example.test")
    _action, hidden = served_form(visitor.get("/account/check-mail"), of="/account/sign-out")
    clock.advance(minutes=minutes)
    first, second = visitor.post("/account/sign-out", hidden), visitor.post("/account/sign-out", hidden)
    for answer in (first, second):
        assert (answer.status_code, answer.location) == (303, "/session/ended?reason=signed_out")
        assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert len(records.events("signed_out")) == (0 if minutes else 1)
    assert visitor.cookie() is None


def test_signing_out_without_a_session_gives_the_same_answer(visitor: Browser) -> None:
    assert visitor.post("/account/sign-out", {}).location == "/session/ended?reason=signed_out"


def test_guest_can_sign_out(visitor: Browser, records: Records) -> None:
    visitor.begin_as_guest()
    assert visitor.sign_out().status_code == 303
    assert records.sessions[0].end_reason == EndReason.SIGNED_OUT.value


def test_page_of_another_site_cannot_sign_anybody_out(visitor: Browser, citizen: Person, records: Records) -> None:
    visitor.sign_in("ada@example.test")
    assert visitor.post("/account/sign-out", {}).status_code == 409
    assert records.sessions[0].ended_at is None


def test_following_a_link_signs_nobody_out(visitor: Browser, citizen: Person, records: Records) -> None:
    visitor.sign_in("ada@example.test")
    assert visitor.get("/account/sign-out").status_code == 405
    assert records.sessions[0].ended_at is None


@pytest.mark.parametrize("kind", ["mobile", "nonsense"])
def test_unknown_kind_of_session_is_not_found(visitor: Browser, kind: str) -> None:
    assert visitor.post(f"/account/sign-out?kind={kind}", {}).status_code == 404
