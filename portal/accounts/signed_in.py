"""Who is signed in: loaded, checked before every view that needs a person, and signing somebody in."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Flask, abort, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import gettext as _
from flask_login import LoginManager, current_user

from portal.accounts.models import KnownDevice, Person
from portal.accounts.queries import person_by_id
from portal.accounts.remembered import FORGOTTEN_AFTER, devices_of, find_device, remember_device
from portal.accounts.rules import person_subject
from portal.audit import record
from portal.mail import messages
from portal.mail.messages import Notice
from portal.sessions.browser_sessions import browser, device_of, keep_cookie, kept_token, kinds_within
from portal.sessions.gate import answer_ended_session
from portal.sessions.operations import Holder, Proved, end_sign_ins_of
from portal.sessions.queries import FoundSession, session_by_id
from portal.sessions.rules import EndReason
from portal.site_settings.current import settings
from portal.tokens import new_token
from portal.web.addresses import actor, remote_network
from portal.web.app_state import app_state, called_view
from portal.web.declarations import CUSTOMER, HUB, Activity
from portal.web.unit_of_work import db, now, reading

DEVICE, SIGN_IN = "device", "sign_in"
"""Cookies: where somebody first signed in, and, until signing in is done, where the password was right."""


def device_words(device: str | None) -> str:
    """A device as it is stored, like `Firefox/Windows`, in words."""
    family, _slash, system = (device or "").partition("/")
    if family and system:
        return gettext("%(browser)s on %(system)s", browser=family, system=system)
    return family or system or gettext("An unknown browser")


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who looks at a page: `kind` is the kind of their session, or that within which it stands; a guest has no role."""

    name: str
    is_guest: bool
    kind: str
    role: str | None


def current_person() -> Person | None:
    """The person whose session this view works in, read once a request; None for guests and disabled accounts."""
    person: Person | None = current_user._get_current_object() if current_user.is_authenticated else None
    return person


def viewer() -> Viewer | None:
    """Return who looks at this page: public pages know people of the hub, too.

    A fragment for a poller names nobody and costs no query; where the database failed nobody is asked. Whoever must
    type the password first, because the network changed, is not told whose it is.
    """
    view = called_view()
    is_poll = view is not None and view.activity is Activity.POLL
    if is_poll or browser().is_admitted or g.get("answer_status", 200) >= 500:
        return None
    live, within = browser().live(), app_state().policies[browser().kind].within
    if live is None and within:
        live = browser().live(within)
    if live is None and browser().kind == CUSTOMER:
        live = browser().live(HUB)
    if live is None:
        return None
    kind = app_state().policies[live.kind].within or live.kind
    if live.person_id is None:
        return Viewer(name=_("Guest"), is_guest=True, kind=kind, role=None)
    person = current_person() if live.kind == browser().kind else active_person(live.person_id)
    return Viewer(name=person.shown_name, is_guest=False, kind=kind, role=person.role) if person else None


def active_person(person_id: int | None) -> Person | None:
    """The person with this id who may use the portal."""
    person = person_by_id(reading(), person_id) if person_id else None
    return person if person and person.is_active else None


def sign_in_person(person: Person) -> bool:
    """Give this browser a session of the person; return whether a guest's forms wait to be added to the account.

    The caller has locked the person and judged the proof again in this transaction, so that whoever ends the person's
    sessions at the same moment comes before, and the proof is void, or after, and this session ends with the others.
    The browser's live session of the same kind ends; of the same person it leaves its form token, so that other tabs
    go on.
    """
    kind = person.role_row.session_kind
    old = browser().end(kind, EndReason.REPLACED)
    guest_id = _guest_to_claim(old, person)
    browser().open(
        kind,
        Holder(person_id=person.id, guest_id=guest_id),
        csrf_secret=old.csrf_secret if old and old.person_id == person.id else None,
        authenticated_at=now(),
        sole_slot=_sole_slot(person),
    )
    _note_sign_in(person, kind)
    return guest_id is not None


def _sole_slot(person: Person, *, but: int | None = None) -> str | None:
    """The place of the only sign-in, taken from whoever had it, where the setting allows one at a time."""
    if not settings().one_sign_in:
        return None
    slot = person_subject(person.id)
    beside = [found.id for name in kinds_within(browser().kind) if (found := browser().held(name))]
    end_sign_ins_of(db(), person.id, slot, now=now(), but=but, beside=beside)
    return slot


def _note_sign_in(person: Person, kind: str) -> None:
    """Write the sign-in down, remember the device, and tell the person by mail of one that was never seen before."""
    device = device_of(request.headers.get("User-Agent", ""))
    record(db(), "signed_in", by=actor(person.id), now=now(), kind=kind, device=device)
    if _is_other_device(person, device):
        messages.security_notice(db(), Notice.NEW_SIGN_IN, to=person.email, device=device_words(device), now=now())


def _is_other_device(person: Person, device: str | None) -> bool:
    """Whether the person signs in on another device than ever before; a computer that others use is never known."""
    if browser().is_shared:
        return bool(devices_of(db(), person.id))
    token = kept_token(DEVICE) or new_token()
    keep_cookie(DEVICE, token, FORGOTTEN_AFTER)  # without an end each closing would make the browser another device
    return remember_device(db(), person.id, token, device, now=now())


def device_here(person: Person | None) -> KnownDevice | None:
    """The device of this request, if the person has signed in on it before; nobody's is looked for as well."""
    return find_device(reading(), person.id if person else 0, kept_token(DEVICE))


def prove_again(person: Person) -> ResponseReturnValue | None:
    """Go on under a new token with a person who has just proved who they are (ASVS 5.0 7.2.4), before any change.

    If the session has ended since the request arrived, nothing begins anew: return the answer that says so.
    """
    live = browser().live()
    if live is None:
        return answer_ended_session(browser().find())
    proved = Proved(authenticated_at=now(), network=remote_network(live.settings.known_networks))
    if not browser().replace(live, guest_id=live.guest_id, proved=proved):
        return answer_ended_session(session_by_id(db().connection(), live.id, now=now()))
    _sole_slot(person, but=live.id)
    return None


def own_path(path: str, **query: str | int | None) -> str:
    """A page about the signed-in person, for the kind of session that this request works in."""
    kind = None if browser().kind == CUSTOMER else browser().kind
    asked = {name: value for name, value in {"kind": kind, **query}.items() if value is not None}
    return f"{path}?{urlencode(asked)}" if asked else path


def _guest_to_claim(old: FoundSession | None, person: Person) -> str | None:
    """The guest as whom this browser began a form: of a guest's session, or of this person's before an answer."""
    if old is None or old.guest_id is None or old.person_id not in (None, person.id):
        return None
    return old.guest_id if app_state().hooks.guest_has_drafts(reading(), old.guest_id) else None


class TableLoginManager(LoginManager):  # type: ignore[misc]  # Flask-Login has no types
    """Flask-Login with our session table as the only authority: no remember cookie is set or accepted."""

    def _load_user_from_remember_cookie(self, cookie: str) -> None:
        return None


def guard_person() -> ResponseReturnValue | None:
    """After the session's own guard: whoever is signed in must still exist, be active and fit the door."""
    view = called_view()
    door = view.door if view else None
    live = browser().live() if door and door.session else None
    if door is None or live is None or live.person_id is None:
        return None
    person = current_person()
    if person is None or person.role_row.session_kind not in (live.kind, app_state().policies[live.kind].within):
        return answer_ended_session(browser().end_at_once(live, EndReason.STAFF))
    if door.roles is not None and person.role not in door.roles:
        abort(404)
    return None


def init_app(app: Flask) -> None:
    """Stand behind the session's guard; tell Flask-Login who is there."""
    manager = TableLoginManager()  # not its `init_app`, which would set the cookie behind each request
    app.login_manager = manager  # type: ignore[attr-defined]
    manager.session_protection = None
    manager.user_loader(lambda person_id: active_person(int(person_id)))
    app.before_request(guard_person)
