"""Every way to a session against every way of ending one: whoever was ended is out, whichever comes first."""

import pytest
from flask import Flask

from portal.accounts.second_factors import factor_of
from portal.sessions.queries import live_sessions
from tests.doors import ENDINGS, OPENINGS, Crossing, Round, Scene, crossed, ended_after, transactions_of
from tests.integration.sessions.test_races import together


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene(app)


def test_nobody_is_in_whose_session_ended_while_a_door_opened(scene: Scene) -> None:
    inside = [
        (door, end)
        for door, opening in OPENINGS.items()
        for last in [transactions_of(scene, opening)]
        for end, ending in ENDINGS.items()
        if crossed(scene, opening, ending, last)
    ]
    assert inside == []


def test_whoever_ends_a_session_ends_what_was_made_of_it(scene: Scene) -> None:
    """What is named by its person ends by the person's number, so one of those ways stands for all."""
    inside = [
        (door, end)
        for door, opening in OPENINGS.items()
        for end, ending in ENDINGS.items()
        if ending.of == "session" or end == "end all others"
        if ended_after(scene, opening, ending)
    ]
    assert inside == []


@pytest.mark.both_databases
def test_three_returns_at_once_with_one_cookie_leave_one_live_session(scene: Scene) -> None:
    at = Round(scene)
    sends = [OPENINGS["return code"].prepare(at.double()) for _ in range(3)]
    together(*sends)
    assert at.lives() == [at.copied.id]
    with scene.database.reading() as db:
        assert [row.person_id for row in live_sessions(db, now=scene.now)] == [at.person_id] * 2


def test_session_that_was_replaced_by_a_thief_ends_as_its_owner_signs_out(scene: Scene) -> None:
    at = Round(scene)
    OPENINGS["return code"].prepare(at)()
    assert at.lives() == [at.copied.id]
    ENDINGS["sign-out"].end(at)
    assert at.lives() == []


@pytest.mark.parametrize("end", ["sign-out", "end one", "change of network"])
def test_messages_opened_by_a_copied_cookie_end_as_its_owner_signs_out(scene: Scene, end: str) -> None:
    """Its owner's browser has no cookie of those messages."""
    at = Round(scene)
    assert OPENINGS["press that opens messages"].prepare(at)().status_code == 303
    assert at.thief.get("/messages").status_code == 200
    ENDINGS[end].end(at)
    assert at.lives() == []
    assert at.thief.get("/messages").status_code == 302


@pytest.mark.both_databases
@pytest.mark.parametrize("slower", ["owner", "thief"])
def test_proof_of_the_owner_outdoes_a_return_of_a_thief_at_the_same_moment(scene: Scene, slower: str) -> None:
    at = Round(scene)
    scene.parts.clock.advance(seconds=1)
    sends = {"owner": OPENINGS["password again"].prepare(at), "thief": OPENINGS["return code"].prepare(at.double())}
    door, faster = ("password again", "thief") if slower == "owner" else ("return code", "owner")
    last = transactions_of(scene, OPENINGS[door])
    with Crossing(scene.database, meanwhile=sends[faster]).at(last):
        sends[slower]()
    assert at.lives() == [at.copied.id]
    assert at.thief.get("/account").status_code == 200


def test_second_factor_is_not_set_up_for_a_sign_in_that_a_new_password_has_ended(scene: Scene) -> None:
    opening = OPENINGS["second factor set up first"]
    last, at = transactions_of(scene, opening), Round(scene, opening.role)
    send = opening.prepare(at)
    with Crossing(scene.database, meanwhile=lambda: ENDINGS["password reset"].end(at)).at(last):
        send()
    with scene.database.reading() as db:
        assert factor_of(db, at.person_id) is None


def test_mailed_link_for_a_new_password_ends_the_session_here_until_the_code_is_typed(scene: Scene) -> None:
    at = Round(scene)
    OPENINGS["second factor"].prepare(at)
    assert OPENINGS["mailed link for a new password"].prepare(at)().location == "/account/second-factor"
    assert at.lives() == []
