"""People with their roles and sessions, and what the pages of the administration share: who acts, and dates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from babel.dates import format_date
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, gettext, lazy_gettext
from flask_babel import gettext as _
from flask_babel.speaklater import LazyString

from portal.accounts.forms import MailForm
from portal.accounts.models import Person
from portal.accounts.operations import LastAdministratorError, change_role, disable_account, enable_account
from portal.accounts.queries import locked_person, person_by_id, person_by_key
from portal.accounts.rules import ROLES
from portal.accounts.second_factors import factor_of, switch_off
from portal.accounts.security_views import SessionLine, session_lines
from portal.admin.queries import count_live_sessions, live_session_counts, people_at_work, unsettled_people
from portal.audit import Actor, record
from portal.mail.messages import Notice
from portal.sessions.browser_sessions import browser
from portal.sessions.operations import end_all_sessions, end_session, end_sessions_of
from portal.sessions.queries import live_sessions
from portal.sessions.rules import EndReason
from portal.site_settings.current import day_text, local_day, today
from portal.web.addresses import actor
from portal.web.declarations import Access, Activity, access, activity
from portal.web.unit_of_work import db, now, reading

ROLE_WORDS: Mapping[str, LazyString] = MappingProxyType(
    {
        "administrator": lazy_gettext("Administrator"),
        "staff": lazy_gettext("Staff"),
        "designer": lazy_gettext("Service designer"),
        "field": lazy_gettext("Field worker"),
        "citizen": lazy_gettext("Citizen"),
    }
)
blueprint = Blueprint("people", __name__)


@dataclass(frozen=True, kw_only=True)
class Colleague:
    """One member of staff as shown in a row."""

    id: int
    name: str
    email: str
    role: str
    is_disabled: bool
    sessions: int


@dataclass(frozen=True, kw_only=True)
class ShownPerson:
    """One person as shown on their page."""

    id: int
    name: str
    email: str
    role: str
    since: str
    is_disabled: bool
    is_me: bool
    is_unsettled: bool
    has_second_factor: bool
    sessions: list[SessionLine]


def people_page(form: MailForm | None = None, *, error: str | None = None) -> ResponseReturnValue:
    """Return the page of all staff, the search for other people, and the end of all sessions."""
    people = people_at_work(db())
    counts = live_session_counts(db(), [person.id for person in people], now=now())
    rows = [
        Colleague(
            id=person.id,
            name=person.shown_name,
            email=person.email,
            role=str(ROLE_WORDS[person.role]),
            is_disabled=person.disabled_at is not None,
            sessions=counts.get(person.id, 0),
        )
        for person in people
    ]
    page = render_template(
        "admin/people.html",
        people=rows,
        form=form or MailForm(),
        error=error,
        unsettled=unsettled_people(db()),
        live=count_live_sessions(db(), now=now()),
    )
    return page, 422 if error or (form and form.errors) else 200


def person_page(person_id: int, *, error: str | None = None) -> ResponseReturnValue:
    """Return the page of one person; `error` is why the last action was not done."""
    person = person_or_404(person_id)
    known = ShownPerson(
        id=person.id,
        name=person.shown_name,
        email=person.email,
        role=person.role,
        since=staff_day(person.created_at),
        is_disabled=person.disabled_at is not None,
        is_me=person.id == my_id(),
        is_unsettled=person.unsettled_at is not None,
        has_second_factor=factor_of(db(), person.id) is not None,
        sessions=session_lines(db(), person, (), now=now()),
    )
    page = render_template("admin/person.html", person=known, roles=ROLE_WORDS, error=error)
    return page, 422 if error else 200


def person_or_404(person_id: int) -> Person:
    """Return the person with this number, or answer with 404; a deleted account is not found."""
    person = person_by_id(db(), person_id)
    return person if person and person.deleted_at is None else abort(404)


def my_id() -> int | None:
    """Return the number of the administrator who is signed in."""
    live = browser().live()
    return live.person_id if live else None


def me() -> Actor:
    """Return the administrator who is signed in, as who acts."""
    return actor(my_id())


def staff_day(instant: datetime) -> str:
    """Return the day of an instant as shown to staff: with the year unless it is this year."""
    day = local_day(instant)
    return str(format_date(day, "d MMMM", locale=get_locale())) if day.year == today().year else day_text(day)


def not_yourself() -> str:
    """Return why administrators cannot lock themselves out."""
    return gettext("You cannot do this to your own account. Ask another administrator.")


@blueprint.get("/admin/self/people")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_people() -> ResponseReturnValue:
    """Show all staff."""
    return people_page()


@blueprint.post("/admin/self/people")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def find_person() -> ResponseReturnValue:
    """Redirect to the person with an e-mail address, which so is not in the browser's history."""
    form = MailForm()
    found = person_by_key(reading(), form.address.key) if form.validate() else None
    if found is None or found.deleted_at:
        if not form.errors:
            form.refuse(form.email, _("No account has this address"))
        return people_page(form)
    record(db(), "person_looked_up", by=me(), now=now(), subject=f"person {found.id}")
    return redirect(url_for("people.show_person", person_id=found.id), 303)


@blueprint.post("/admin/self/people/sessions")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def end_everybody() -> ResponseReturnValue:
    """End all sessions, one's own too; people keep what they typed."""
    if request.form.get("sure") != "yes":
        return people_page(error=_("Tick the box to end everybody’s sessions"))
    end_all_sessions(db(), EndReason.STAFF, now=now())
    record(db(), "sessions_ended", by=me(), now=now(), subject="everybody")
    return redirect(url_for("sessions.ended", kind="hub"), 303)


@blueprint.get("/admin/self/people/<int:person_id>")
@access(Access.ADMINISTRATOR)
@activity(Activity.LOAD)
def show_person(person_id: int) -> ResponseReturnValue:
    """Show one person with their role, account and sessions."""
    return person_page(person_id)


@blueprint.post("/admin/self/people/<int:person_id>")
@access(Access.ADMINISTRATOR)
@activity(Activity.SUBMIT)
def change_person(person_id: int) -> ResponseReturnValue:
    """Do what a button of the person's page asks for; nobody can lock themselves out."""
    person_or_404(person_id)
    change = PERSON_ACTIONS.get(request.form.get("_action", "")) or abort(422)
    if person_id == my_id():
        return person_page(person_id, error=not_yourself())
    try:
        refusal = change(person_id)
    except LastAdministratorError:
        refusal = person_page(
            person_id, error=_("No other administrator’s account is open. Make or open another first.")
        )
    return refusal or redirect(url_for("people.show_person", person_id=person_id), 303)


def _change_role(person_id: int) -> ResponseReturnValue | None:
    role = request.form.get("role", "")
    if role not in ROLES:
        return person_page(person_id, error=_("Choose a role"))
    change_role(db(), person_id, role, by=me(), now=now())
    return None


def _disable(person_id: int) -> None:
    disable_account(db(), person_id, by=me(), now=now())


def _enable(person_id: int) -> None:
    enable_account(db(), person_id, by=me(), now=now())


def _end_one(person_id: int) -> ResponseReturnValue | None:
    asked = request.form.get("session", type=int)
    if asked not in {row.id for row in live_sessions(db(), now=now(), person_id=person_id)}:
        return person_page(person_id, error=_("This session has already ended"))
    end_session(db(), asked or 0, EndReason.STAFF, now=now())
    _record_end(person_id)
    return None


def _end_all(person_id: int) -> None:
    locked_person(db(), person_id)
    end_sessions_of(db(), person_id, EndReason.STAFF, now=now())
    _record_end(person_id)


def _record_end(person_id: int) -> None:
    record(db(), "person_sessions_ended", by=me(), now=now(), subject=f"person {person_id}")


def _reset_factor(person_id: int) -> None:
    switch_off(db(), person_or_404(person_id), by=me(), now=now(), notice=Notice.SECOND_FACTOR_RESET)


PERSON_ACTIONS: dict[str, Callable[[int], ResponseReturnValue | None]] = {
    "role": _change_role,
    "disable": _disable,
    "enable": _enable,
    "end_one": _end_one,
    "end_all": _end_all,
    "reset_factor": _reset_factor,
}
