"""After the deadline of a hub session: two hours in which an open form may still be sent, and nothing else."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit import AuditEvent
from portal.db import Database
from portal.sessions.models import SessionRow
from portal.sessions.operations import end_sessions_of
from portal.sessions.rules import EndReason
from tests.citizen import Citizen
from tests.conftest import START, MovableClock
from tests.people import add_person, sign_in

SETTINGS = "/admin/self/site-settings/general"
IDLE, GRACE = 21_600, 7_200


@pytest.fixture
def administrator(app: Flask) -> Citizen:
    """An administrator's browser with a form open since the first second."""
    add_person(app, "root@mail.example", "administrator")
    administrator = Citizen(app)
    sign_in(administrator, "root@mail.example")
    administrator.open(SETTINGS)
    return administrator


def poll(administrator: Citizen) -> str:
    return administrator.client.get("/session/poll?kind=hub").text


def row(database: Database) -> SessionRow:
    with database.reading() as db:
        return db.scalars(select(SessionRow).order_by(SessionRow.id.desc()).limit(1)).one()


def audited(database: Database, action: str) -> list[str | None]:
    with database.reading() as db:
        return list(db.scalars(select(AuditEvent.subject).where(AuditEvent.action == action)))


@pytest.mark.parametrize(
    ("at_s", "state", "remaining"),
    [
        (IDLE - 121, "active", 121),
        (IDLE - 120, "warning", 120),
        (IDLE - 1, "warning", 1),
        (IDLE, "grace", GRACE),
        (IDLE + 1, "grace", GRACE - 1),
        (IDLE + GRACE - 1, "grace", 1),
        (IDLE + GRACE, "ended", 0),
    ],
)
def test_poll_reports_the_state_to_the_second(
    administrator: Citizen, clock: MovableClock, at_s: int, state: str, remaining: int
) -> None:
    clock.set(START + timedelta(seconds=at_s))
    answer = poll(administrator)
    assert f'data-state="{state}"' in answer
    assert f'data-remaining="{remaining}"' in answer


@pytest.mark.parametrize("at_s", [IDLE, IDLE + GRACE - 1])
def test_open_form_is_accepted_in_grace_recorded_and_renews(
    administrator: Citizen, clock: MovableClock, database: Database, at_s: int
) -> None:
    clock.set(START + timedelta(seconds=at_s))
    page = administrator.press("Save settings", session_lifetime_minutes="45")
    assert (page.path, page.status) == (SETTINGS, 200)
    assert page.value("session_lifetime_minutes") == "45"
    assert row(database).expires_at == START + timedelta(seconds=at_s + IDLE)
    assert audited(database, "accepted_in_grace") == [SETTINGS]


def test_form_sent_back_with_a_mistake_also_renews(
    administrator: Citizen, clock: MovableClock, database: Database
) -> None:
    clock.advance(seconds=IDLE + 60)
    page = administrator.press("Save settings", session_lifetime_minutes="7")
    assert page.status == 422
    assert "Signed in until 02:03" in page
    assert row(database).expires_at == clock.now() + timedelta(seconds=IDLE)


def test_form_sent_after_the_grace_is_not_executed(
    administrator: Citizen, clock: MovableClock, database: Database
) -> None:
    clock.advance(seconds=IDLE + GRACE)
    page = administrator.press("Save settings", session_lifetime_minutes="45")
    assert page.status == 403
    assert "You were signed out at 20:02" in page
    assert audited(database, "setting_changed") == []
    assert row(database).expires_at == START + timedelta(seconds=IDLE)


def test_pages_need_a_new_sign_in_during_grace(administrator: Citizen, clock: MovableClock) -> None:
    clock.advance(seconds=IDLE)
    assert administrator.client.get(SETTINGS).location == "/session/ended?kind=hub"
    page = administrator.open("/session/ended?kind=hub")
    assert "A page that you still have open can be sent, once, until 22:02." in page
    clock.advance(seconds=GRACE)
    assert "can be sent" not in administrator.open("/session/ended?kind=hub")


def test_session_cannot_be_extended_during_grace(
    administrator: Citizen, clock: MovableClock, database: Database
) -> None:
    clock.advance(seconds=IDLE)
    token = administrator.page.value("csrf_token")
    assert administrator.client.post("/session/extend?kind=hub", data={"csrf_token": token}).status_code == 403
    assert row(database).expires_at == START + timedelta(seconds=IDLE)


@pytest.mark.parametrize("token", ["", "x" * 80], ids=["no token", "forged token"])
def test_form_without_the_token_of_an_open_page_is_not_executed(
    administrator: Citizen, clock: MovableClock, database: Database, token: str
) -> None:
    clock.advance(seconds=IDLE)
    answer = administrator.send("Save settings", session_lifetime_minutes="45", csrf_token=token)
    assert answer.status_code == 403
    assert audited(database, "setting_changed") == []


def test_a_form_of_another_site_is_refused_in_grace(
    administrator: Citizen, clock: MovableClock, database: Database
) -> None:
    clock.advance(seconds=IDLE)
    data = {"csrf_token": administrator.page.value("csrf_token") or "", "session_lifetime_minutes": "45", "_end": "1"}
    answer = administrator.client.post(SETTINGS, data=data, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 409
    assert audited(database, "setting_changed") == []
    assert row(database).expires_at == START + timedelta(seconds=IDLE)


def test_signing_out_ends_the_grace(administrator: Citizen, clock: MovableClock, database: Database) -> None:
    clock.advance(seconds=IDLE)
    cookie = administrator.client.get_cookie("session_hub")
    assert cookie is not None
    administrator.press("Sign out")
    administrator.client.set_cookie("session_hub", cookie.value)
    assert 'data-state="ended"' in poll(administrator)
    assert row(database).end_reason == EndReason.SIGNED_OUT.value


@pytest.mark.parametrize("reason", [EndReason.STAFF, EndReason.PASSWORD_CHANGED])
def test_session_ended_by_others_has_no_grace(
    administrator: Citizen, clock: MovableClock, database: Database, reason: EndReason
) -> None:
    clock.advance(seconds=IDLE)
    with database.writing() as db:
        assert end_sessions_of(db, row(database).person_id or 0, reason, now=clock.now()) == 1
    assert administrator.send("Save settings", session_lifetime_minutes="45").status_code == 403
    assert audited(database, "setting_changed") == []


def test_end_without_grace_keeps_its_reason(app: Flask, clock: MovableClock, database: Database) -> None:
    person = add_person(app)
    sign_in(Citizen(app))
    clock.advance(minutes=31)
    with database.writing() as db:
        assert end_sessions_of(db, person.id, EndReason.STAFF, now=clock.now()) == 0


def test_signing_in_again_keeps_the_open_page_working(administrator: Citizen, clock: MovableClock) -> None:
    clock.advance(seconds=IDLE + 60)
    old_page = administrator.page
    sign_in(administrator, "root@mail.example")
    administrator.page = old_page
    assert administrator.press("Save settings", session_lifetime_minutes="45").status == 200


def test_session_at_the_absolute_limit_has_no_grace(
    administrator: Citizen, clock: MovableClock, database: Database
) -> None:
    limit: datetime | None = row(database).absolute_end_at
    assert limit is not None
    while clock.now() + timedelta(hours=5) < limit:
        clock.advance(hours=5)
        administrator.open(SETTINGS)
    clock.set(limit)
    assert row(database).expires_at == limit
    assert 'data-state="ended"' in poll(administrator)
    assert administrator.send("Save settings", session_lifetime_minutes="45").status_code == 403


def test_form_in_grace_renews_up_to_the_absolute_limit_only(
    administrator: Citizen, clock: MovableClock, database: Database
) -> None:
    limit = row(database).absolute_end_at
    assert limit is not None
    for _ in range(2):
        clock.advance(hours=7)
        administrator.page = administrator.press("Save settings")
    assert row(database).expires_at == limit == START + timedelta(hours=20)
