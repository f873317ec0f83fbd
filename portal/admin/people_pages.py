"""People as the administration shows them: who works here, and one person with role, account and sessions."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask import abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.accounts.forms import MailForm
from portal.accounts.models import Person
from portal.accounts.queries import person_by_id
from portal.accounts.second_factors import factor_of
from portal.accounts.security_page import SessionLine, session_lines
from portal.admin.interface import staff_day
from portal.admin.queries import count_live_sessions, live_session_counts, people_at_work
from portal.sessions.interface import visit
from portal.web.unit_of_work import db, now

ROLE_WORDS: Mapping[str, LazyString] = MappingProxyType(
    {
        "administrator": _("Administrator"),
        "staff": _("Staff"),
        "designer": _("Service designer"),
        "field": _("Field worker"),
        "citizen": _("Citizen"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Colleague:
    """One row of those who work here."""

    id: int
    name: str
    email: str
    role: str
    is_disabled: bool
    sessions: int


@dataclass(frozen=True, kw_only=True)
class Known:
    """One person as their page shows them."""

    id: int
    name: str
    email: str
    role: str
    since: str
    is_disabled: bool
    is_me: bool
    has_second_factor: bool
    sessions: list[SessionLine]


def people_page(form: MailForm | None = None, *, error: str | None = None) -> ResponseReturnValue:
    """Everybody who works here, the search for anybody else, and the end of all sessions."""
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
        live=count_live_sessions(db(), now=now()),
    )
    return page, 422 if error or (form and form.errors) else 200


def person_page(person_id: int, *, error: str | None = None) -> ResponseReturnValue:
    """One person; `error` says why the last button did nothing."""
    person = person_or_404(person_id)
    known = Known(
        id=person.id,
        name=person.shown_name,
        email=person.email,
        role=person.role,
        since=staff_day(person.created_at),
        is_disabled=person.disabled_at is not None,
        is_me=person.id == my_id(),
        has_second_factor=factor_of(db(), person.id) is not None,
        sessions=session_lines(db(), person, 0, now=now()),
    )
    page = render_template("admin/person.html", person=known, roles=ROLE_WORDS, error=error)
    return page, 422 if error else 200


def person_or_404(person_id: int) -> Person:
    """The person with this number; a deleted account is not found."""
    person = person_by_id(db(), person_id)
    return person if person and person.deleted_at is None else abort(404)


def my_id() -> int | None:
    """The administrator who is looking."""
    live = visit().live
    return live.person_id if live else None


def not_yourself() -> str:
    """Why an administrator cannot take their own way in."""
    return gettext("You cannot do this to your own account. Ask another administrator.")
