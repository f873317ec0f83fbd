"""Who is signed in, as every page and feature asks it, and signing somebody in."""

from dataclasses import dataclass

from flask import g
from flask_babel import gettext as _
from flask_login import current_user

from portal.accounts.models import Person
from portal.accounts.queries import person_by_id
from portal.audit import record
from portal.sessions.interface import visit
from portal.sessions.operations import Holder, end_session
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason
from portal.web.addresses import actor
from portal.web.declarations import CUSTOMER, HUB
from portal.web.portal import portal
from portal.web.unit_of_work import db, now, reading


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who looks at a page: `kind` is the kind of their session, `role` None for a guest."""

    name: str
    is_guest: bool
    kind: str
    role: str | None


def current_person() -> Person | None:
    """The person whose session this view works in, read once a request; None for guests and disabled accounts."""
    person: Person | None = current_user._get_current_object() if current_user.is_authenticated else None
    return person


def viewer() -> Viewer | None:
    """Who looks at this page: public pages know people of the hub, too."""
    if "viewer" not in g:
        g.viewer = _viewer()
    found: Viewer | None = g.viewer
    return found


def _viewer() -> Viewer | None:
    live = visit().live
    if live is None and visit().kind == CUSTOMER:
        live = visit().live_of(HUB)
    if live is None:
        return None
    if live.person_id is None:
        return Viewer(name=_("Guest"), is_guest=True, kind=live.kind, role=None)
    person = _person_of(live)
    return Viewer(name=person.shown_name, is_guest=False, kind=live.kind, role=person.role) if person else None


def _person_of(live: FoundSession) -> Person | None:
    return current_person() if live.kind == visit().kind else active_person(live.person_id)


def active_person(person_id: int | None) -> Person | None:
    """The person with this id who may use the portal."""
    person = person_by_id(reading(), person_id) if person_id else None
    return person if person and person.is_active else None


def sign_in_person(person: Person) -> bool:
    """Give this browser a session of the person; tells whether a guest's forms wait to be added to the account.

    The browser's live session of the same kind ends; of the same person it leaves its form token, so that other tabs
    go on.
    """
    kind = person.role_row.session_kind
    old = visit().live_of(kind) or visit().in_grace_of(kind)
    if old:
        end_session(db(), old.id, EndReason.REPLACED, now=now())
    guest_id = _guest_to_claim(old, person)
    visit().open(
        kind,
        Holder(person_id=person.id, guest_id=guest_id),
        csrf_secret=old.csrf_secret if old and old.person_id == person.id else None,
    )
    record(db(), "signed_in", by=actor(person.id), now=now(), kind=kind)
    return guest_id is not None


def _guest_to_claim(old: FoundSession | None, person: Person) -> str | None:
    """The guest as whom this browser began a form: of a guest's session, or of this person's before an answer."""
    if old is None or old.guest_id is None or old.person_id not in (None, person.id):
        return None
    return old.guest_id if portal().registry["guest_has_drafts"](reading(), old.guest_id) else None
