"""The person behind the session: loaded by Flask-Login, checked before every view that needs one."""

from dataclasses import replace
from typing import Any

from flask import Flask, Response, abort, current_app, request
from flask.typing import ResponseReturnValue
from flask_login import LoginManager

from portal.accounts.interface import active_person, current_person, viewer
from portal.accounts.models import Person
from portal.sessions.gate import over
from portal.sessions.interface import answer_status, visit
from portal.sessions.operations import end_session
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason
from portal.web.declarations import Activity, Door, activity_of, door_of
from portal.web.portal import portal
from portal.web.unit_of_work import now


class TableLoginManager(LoginManager):  # type: ignore[misc]  # Flask-Login has no types
    """Flask-Login with our session table as the only authority: no remember cookie is set or accepted."""

    def _load_user_from_remember_cookie(self, cookie: str) -> None:
        return None

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


def guard_person() -> ResponseReturnValue | None:
    """After the session's own guard: whoever is signed in must still exist, be active and fit the door."""
    view = current_app.view_functions.get(request.endpoint or "")
    door = door_of(view) if view else None
    if door is None or not door.session or visit().live is None:
        return None
    live = visit().live
    return _answer(door, live) if live and live.person_id else None


def _answer(door: Door, live: FoundSession) -> ResponseReturnValue | None:
    person = current_person()
    if person is None or person.role_row.session_kind != live.kind:
        return over(_ended(live))
    if door.roles is not None and person.role not in door.roles:
        abort(404)
    return None


def _ended(live: FoundSession) -> FoundSession:
    """End a session whose person may no longer use it; its row as it now stands."""
    with portal().database.writing() as own:
        end_session(own, live.id, EndReason.STAFF, now=now())
    return replace(live, times=replace(live.times, ended_at=now()), stored_reason=EndReason.STAFF.value)


def _load(person_id: str) -> Person | None:
    return active_person(int(person_id))


def _page_context() -> dict[str, Any]:
    return {"viewer": viewer() if _shows_viewer() else None}


def _shows_viewer() -> bool:
    """The poller's fragment names nobody and must stay one query; where the database failed nobody is asked."""
    view = current_app.view_functions.get(request.endpoint or "")
    is_poll = view is not None and activity_of(view).activity is Activity.POLL
    return not is_poll and answer_status() < 500


def init_app(app: Flask) -> None:
    """Stand behind the session's guard; tell Flask-Login and the pages who is there."""
    manager = TableLoginManager(app, add_context_processor=False)
    manager.session_protection = None
    manager.user_loader(_load)
    app.before_request(guard_person)
    app.context_processor(_page_context)
