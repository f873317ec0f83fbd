"""What the settings page does besides saving: undoing a change, and applying a new lifetime to live sessions."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.audit import AuditEvent
from portal.db import Database
from portal.sessions.browser_sessions import policy_of
from portal.sessions.models import SessionRow
from portal.sessions.operations import Holder, OpenedFrom, open_session
from portal.site_settings.queries import current_settings
from tests.conftest import START, MovableClock
from tests.integration.admin.conftest import GENERAL, SignedIn

MINUTES = "session_lifetime_minutes"
APPLY = "/admin/self/site-settings/general/apply-now"
SignIn = Callable[[str, str], SignedIn]


def lifetime(database: Database) -> int:
    with database.reading() as db:
        return current_settings(db).session_lifetime_minutes


def events(database: Database, action: str) -> list[AuditEvent]:
    with database.reading() as db:
        return list(db.scalars(select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id)))


def offered(page: TestResponse) -> list[int]:
    """Return the changes that the page offers to undo, newest first."""
    return [int(number) for number in re.findall(r'name="_change" value="(\d+)"', page.text)]


def undo(person: SignedIn, change: int | str, tab: str = "general", token: str | None = None) -> TestResponse:
    values = {"csrf_token": token or person.form_token, "_change": str(change)}
    return person.post(values, f"/admin/self/site-settings/{tab}/undo")


def test_undo_puts_the_old_value_back_and_is_a_change_of_its_own(administrator: SignedIn, database: Database) -> None:
    administrator.save(**{MINUTES: "45"})
    (change,) = offered(administrator.get())
    assert undo(administrator, change).status_code == 303
    assert lifetime(database) == 30
    assert [event.details for event in events(database, "setting_changed")] == [
        {"old": "30", "new": "45"},
        {"old": "45", "new": "30"},
    ]
    assert {event.person_id for event in events(database, "setting_changed")} == {administrator.id}


def test_only_the_change_that_is_in_force_is_offered(administrator: SignedIn) -> None:
    administrator.save(**{MINUTES: "45"})
    administrator.save(**{MINUTES: "50"})
    assert len(offered(administrator.get())) == 1


def test_change_replaced_by_a_later_one_is_not_undone(
    administrator: SignedIn, sign_in: SignIn, database: Database
) -> None:
    administrator.save(**{MINUTES: "45"})
    (change,) = offered(administrator.get())
    sign_in("omar@example.org", "administrator").save(**{MINUTES: "50"})
    answer = undo(administrator, change)
    assert answer.status_code == 409
    assert "The setting has been changed since" in answer.text
    assert lifetime(database) == 50
    assert len(events(database, "setting_changed")) == 2


@pytest.mark.parametrize("change", ["0", "999999", "", "abc", "9" * 30, "٣"])
def test_unknown_change_is_not_found(administrator: SignedIn, change: str) -> None:
    administrator.save(**{MINUTES: "45"})
    assert undo(administrator, change).status_code == 404


def test_event_of_another_sort_or_tab_is_not_found(administrator: SignedIn, database: Database) -> None:
    administrator.save(**{MINUTES: "45"})
    (change,) = offered(administrator.get())
    assert undo(administrator, change, tab="sessions").status_code == 404
    others = events(database, "account_created")
    assert others
    assert undo(administrator, others[0].id).status_code == 404
    assert lifetime(database) == 45


@pytest.mark.parametrize("path", ["/admin/self/site-settings/general/undo", APPLY])
@pytest.mark.parametrize(("role", "status"), [("staff", 404), ("designer", 404), ("citizen", 403)])
def test_other_roles_and_forged_forms_do_nothing(
    sign_in: SignIn, administrator: SignedIn, database: Database, path: str, role: str, status: int
) -> None:
    administrator.save(**{MINUTES: "45"})
    (change,) = offered(administrator.get())
    other = sign_in("other@example.org", role)
    values = {"_change": str(change), "csrf_token": other.form_token}
    assert other.post(values, path).status_code == status
    assert administrator.post(values | {"csrf_token": "forged"}, path).status_code == 409
    assert lifetime(database) == 45
    assert events(database, "session_lifetime_applied") == []


def test_long_text_is_undone_exactly_and_shown_shortened(administrator: SignedIn, database: Database) -> None:
    content = "/admin/self/site-settings/content"
    administrator.save(content, privacy_text="a\r\n\r\n" + "b" * 500)
    administrator.save(content, privacy_text="c")
    page = administrator.get(content)
    assert "b" * 100 not in page.text.split("<h2>Changes")[1]
    undo(administrator, offered(page)[0], tab="content")
    with database.reading() as db:
        assert current_settings(db).privacy_text == "a\n\n" + "b" * 500


@pytest.fixture
def opened(app: Flask, clock: MovableClock) -> Callable[..., int]:
    """Return a function that opens a session of any kind under the current settings and returns its id."""

    def begin(kind: str = "customer", *, is_shared: bool = False) -> int:
        with app.test_request_context(), app.extensions["portal"].database.writing() as db:
            holder, start = Holder(guest_id="guest"), OpenedFrom(is_shared=is_shared)
            return open_session(db, kind, policy_of(kind), holder, now=clock.now(), opened_from=start)[1].id

    return begin


def row(database: Database, session_id: int) -> SessionRow:
    with database.reading() as db:
        return db.scalars(select(SessionRow).where(SessionRow.id == session_id)).one()


def deadline(database: Database, session_id: int) -> datetime:
    return row(database, session_id).expires_at


def apply_now(person: SignedIn) -> TestResponse:
    return person.post({"csrf_token": person.form_token}, APPLY)


def test_apply_now_shortens_only_the_sessions_with_more_time(
    administrator: SignedIn, opened: Callable[..., int], database: Database, clock: MovableClock
) -> None:
    administrator.save(**{MINUTES: "120"})
    short = opened()
    clock.advance(minutes=50)
    long = opened()
    hub, messages = opened("hub"), opened("messages")
    untouched = {number: deadline(database, number) for number in (hub, messages)}
    clock.advance(minutes=62, seconds=13)
    administrator.save(**{MINUTES: "10"})
    before = clock.now()
    assert deadline(database, short) - before == timedelta(minutes=7, seconds=47)
    answer = apply_now(administrator)
    assert answer.status_code == 303
    assert "1 session was shortened" in administrator.get(answer.location).text
    assert deadline(database, long) == before + timedelta(minutes=32)
    assert row(database, long).idle_timeout_s == 600
    assert deadline(database, short) == START + timedelta(minutes=120)
    assert {number: deadline(database, number) for number in untouched} == untouched


def test_apply_now_moves_no_deadline_that_a_page_may_not_learn_of_in_time(
    administrator: SignedIn, opened: Callable[..., int], database: Database, clock: MovableClock
) -> None:
    administrator.save(**{MINUTES: "360"})
    administrator.save("/admin/self/site-settings/sessions", shared_computer_minutes="60")
    shared, own = opened(is_shared=True), opened()
    administrator.save(**{MINUTES: "10"})
    administrator.save("/admin/self/site-settings/sessions", shared_computer_minutes="5")
    apply_now(administrator)
    assert deadline(database, shared) == deadline(database, own) == START + timedelta(minutes=32)
    clock.advance(minutes=20)
    apply_now(administrator)
    assert deadline(database, own) == START + timedelta(minutes=32)


def test_apply_now_revives_no_session_and_is_recorded(
    administrator: SignedIn, opened: Callable[..., int], database: Database, clock: MovableClock
) -> None:
    administrator.save(**{MINUTES: "60"})
    ended = opened()
    clock.advance(minutes=60)
    live = opened()
    administrator.save(**{MINUTES: "40"})
    apply_now(administrator)
    assert deadline(database, ended) == clock.now()
    assert deadline(database, live) == clock.now() + timedelta(minutes=40)
    (event,) = events(database, "session_lifetime_applied")
    assert (event.person_id, event.details) == (administrator.id, {"minutes": 40, "sessions": 1})


def test_apply_now_with_a_longer_lifetime_moves_no_deadline(
    administrator: SignedIn, opened: Callable[..., int], database: Database
) -> None:
    session = opened()
    administrator.save(**{MINUTES: "60"})
    apply_now(administrator)
    assert deadline(database, session) == START + timedelta(minutes=30)
    assert GENERAL in apply_now(administrator).location
