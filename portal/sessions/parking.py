"""Parking: the values of a form that came too late are kept for its person, encrypted, and executed by nobody."""

from flask import request

from portal.sessions.counting import count_at
from portal.sessions.late_forms import LateForm, Parked
from portal.sessions.parked_values import KEPT_FOR, park
from portal.sessions.queries import FoundSession
from portal.sessions.rules import EndReason
from portal.storage.interface import Received, receive
from portal.storage.operations import claim, late_work
from portal.web.counters import Event
from portal.web.csrf import FIELD, HEADER, proves
from portal.web.portal import portal
from portal.web.strict_input import END_MARKER
from portal.web.unit_of_work import db, now

SEEN = ("_revision", "_page", "_sequence")
SHOWN = "_parked"
TAB_LENGTH = 16


def park_late_form(found: FoundSession) -> Parked | None:
    """Keep what this request sent, if it is a whole form page of the session `found` that has ended.

    Nothing is kept without the session's own token, after an explicit sign-out, or where the form is not saved.
    """
    is_whole = END_MARKER in request.form
    if found.reason is EndReason.SIGNED_OUT or not is_whole or not proves(form_token(), found.csrf_secret):
        return None
    page = portal().registry["parkable_page"](found, request.path)
    if page is None:
        return None
    received = receive()
    parked = park(db(), portal().database, portal().configuration.keyring, found, page, _tab(), _sent(), now=now())
    _park_files(received, found, page)
    if not found.times.alive(now()):
        count_at(found, Event.PARKED, page)
    return parked


def _park_files(received: Received, found: FoundSession, page: str) -> None:
    """Keep what was uploaded as long as what was typed."""
    for upload in received.uploads:
        claim(
            db(),
            upload,
            work=late_work(page),
            place=late_place(found.person_id),
            keyring=portal().configuration.keyring,
            now=now(),
            until=now() + KEPT_FOR,
        )


def late_place(person_id: int | None) -> str:
    """Whom late files are bound to: a person, or whoever proves the right to a guest's form."""
    return f"person {person_id}"


def _tab() -> str:
    """Whose values these are: a page that showed parked values goes on with them."""
    return (request.form.get(SHOWN) or request.form.get("_page", ""))[:TAB_LENGTH]


def form_token() -> str | None:
    """The token that came with this form."""
    return request.form.get(FIELD) or request.headers.get(HEADER)


def _sent() -> LateForm:
    """What the form says; an autosave speaks only for the fields that it names."""
    named = request.form.get("_changed")
    pairs = tuple((name, value) for name, value in request.form.items(multi=True) if _is_answer(name))
    return LateForm(
        fields=None if named is None else frozenset(named.split(",")),
        pairs=pairs,
        seen=tuple((name, request.form[name]) for name in SEEN if name in request.form),
    )


def _is_answer(name: str) -> bool:
    return not name.startswith("_") and name != FIELD
