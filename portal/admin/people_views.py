"""People, what they may do, and their sessions."""

from collections.abc import Callable

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.accounts.forms import MailForm
from portal.accounts.operations import change_role, disable_account, enable_account
from portal.accounts.queries import person_by_key
from portal.accounts.rules import ROLES
from portal.accounts.second_factors import switch_off
from portal.admin.people_pages import my_id, not_yourself, people_page, person_or_404, person_page
from portal.audit import Actor, record
from portal.mail.notices import Notice
from portal.sessions.operations import end_all_sessions, end_session, end_sessions_of
from portal.sessions.queries import live_sessions
from portal.sessions.rules import EndReason
from portal.web.addresses import actor
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("people", __name__)


@blueprint.get("/admin/self/people")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_people() -> ResponseReturnValue:
    """Everybody who works here."""
    return people_page()


@blueprint.post("/admin/self/people")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def find_person() -> ResponseReturnValue:
    """Go to the person whose address was typed, so that no address stands in the browser's history."""
    form = MailForm()
    found = person_by_key(reading(), form.address.key) if form.validate() else None
    if found is None or found.deleted_at:
        if not form.errors:
            form.refuse(form.email, _("No account has this address"))
        return people_page(form)
    record(db(), "person_looked_up", by=_me(), now=now(), subject=f"person {found.id}")
    return redirect(url_for("people.show_person", person_id=found.id), 303)


@blueprint.post("/admin/self/people/sessions")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def end_everybody() -> ResponseReturnValue:
    """End all sessions of everybody, one's own too; nobody loses what they typed."""
    if request.form.get("sure") != "yes":
        return people_page(error=_("Tick the box to end everybody’s sessions"))
    end_all_sessions(db(), EndReason.STAFF, now=now())
    record(db(), "sessions_ended", by=_me(), now=now(), subject="everybody")
    return redirect(url_for("sessions.ended", kind="hub"), 303)


@blueprint.get("/admin/self/people/<int:person_id>")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_person(person_id: int) -> ResponseReturnValue:
    """One person with role, account and sessions."""
    return person_page(person_id)


@blueprint.post("/admin/self/people/<int:person_id>")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def change_person(person_id: int) -> ResponseReturnValue:
    """What a button of the person's page does; nobody takes their own way in."""
    person_or_404(person_id)
    button = BUTTONS.get(request.form.get("_action", "")) or abort(422)
    if person_id == my_id():
        return person_page(person_id, error=not_yourself())
    return button(person_id) or redirect(url_for("people.show_person", person_id=person_id), 303)


def _me() -> Actor:
    return actor(my_id())


def _change_role(person_id: int) -> ResponseReturnValue | None:
    role = request.form.get("role", "")
    if role not in ROLES:
        return person_page(person_id, error=_("Choose a role"))
    change_role(db(), person_id, role, by=_me(), now=now())
    return None


def _disable(person_id: int) -> None:
    disable_account(db(), person_id, by=_me(), now=now())


def _enable(person_id: int) -> None:
    enable_account(db(), person_id, by=_me(), now=now())


def _end_one(person_id: int) -> ResponseReturnValue | None:
    asked = request.form.get("session", type=int)
    if asked not in {row.id for row in live_sessions(db(), now=now(), person_id=person_id)}:
        return person_page(person_id, error=_("This session has ended already"))
    end_session(db(), asked or 0, EndReason.STAFF, now=now())
    _note_ended(person_id)
    return None


def _end_all(person_id: int) -> None:
    end_sessions_of(db(), person_id, EndReason.STAFF, now=now())
    _note_ended(person_id)


def _note_ended(person_id: int) -> None:
    record(db(), "person_sessions_ended", by=_me(), now=now(), subject=f"person {person_id}")


def _reset_factor(person_id: int) -> None:
    switch_off(db(), person_or_404(person_id), by=_me(), now=now(), notice=Notice.SECOND_FACTOR_RESET)


BUTTONS: dict[str, Callable[[int], ResponseReturnValue | None]] = {
    "role": _change_role,
    "disable": _disable,
    "enable": _enable,
    "end_one": _end_one,
    "end_all": _end_all,
    "reset_factor": _reset_factor,
}
