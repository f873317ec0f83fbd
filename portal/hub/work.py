"""What the pages of the hub share: who works here, actions and views that are recorded, and sealed search words."""

import base64
import binascii
import re

from flask import request

from portal.accounts.models import Person
from portal.accounts.signed_in import current_person
from portal.audit import record
from portal.errors import UndecryptableError
from portal.hub.operations import By
from portal.hub.queries import case_of
from portal.sessions.queries import FoundSession
from portal.web.addresses import actor
from portal.web.app_state import app_state
from portal.web.declarations import HUB
from portal.web.unit_of_work import db, is_safe, now, reading

_CASE = re.compile(r"/hub/cases/(?P<reference>[^/]+)")
SUBJECT, PLACE = "hub search", "find"


def person() -> Person:
    """Who works on this page; the doors of the hub let nobody else through."""
    found = current_person()
    if found is None:
        raise LookupError("The hub has no page for nobody.")
    return found


def by_me() -> By:
    """Who acts in this request, and when."""
    return By(person_id=person().id, now=now())


def note_look(action: str, subject: str | None = None, **details: str | int | None) -> None:
    """Write down that somebody looked; a page that is only read does so in a transaction of its own."""
    by = actor(person().id)
    if not is_safe():
        record(db(), action, by=by, now=now(), subject=subject, **details)
        return
    with app_state().database.writing() as own:
        record(own, action, by=by, now=now(), subject=subject, **details)


def parkable_page(found: FoundSession, path: str) -> str | None:
    """The case whose note was sent after the end and its grace; nothing else of the hub is typed at length."""
    case = _CASE.fullmatch(path)
    if case is None or found.kind != HUB or found.person_id is None or not request.form.get("note", "").strip():
        return None
    return path if case_of(reading(), case["reference"]) else None


def sealed_words(words: str) -> str:
    """What somebody searched for, as an address may bear it: names and addresses stand in no log and no history."""
    if not words:
        return ""
    sealed = app_state().configuration.keyring.seal(words.encode(), subject=SUBJECT, place=PLACE)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def opened_words(sealed: str) -> str:
    """What `sealed_words` sealed; nothing where it was not us."""
    try:
        raw = base64.urlsafe_b64decode(sealed.encode("ascii") + b"=" * (-len(sealed) % 4))
        return app_state().configuration.keyring.open(raw, subject=SUBJECT, place=PLACE).decode()
    except (UndecryptableError, binascii.Error, UnicodeError, ValueError):
        return ""
