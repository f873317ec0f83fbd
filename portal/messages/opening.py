"""Opening messages: one press, and the password where it is asked for; and the pages after messages were closed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.accounts.form_pages import form_page
from portal.accounts.forms import AgainForm
from portal.accounts.queries import locked_person
from portal.accounts.second_factors import factor_of
from portal.accounts.security_views import own_person, refuse_again
from portal.messages.hooks import kept_message
from portal.sessions.browser_sessions import browser
from portal.sessions.gate import answer_ended_session, token_refused
from portal.sessions.late_forms import REASONS, Parked, late_place
from portal.sessions.operations import Holder, free_place, hold_session, place_within
from portal.sessions.queries import FoundSession, session_at_place, session_by_id
from portal.sessions.rules import EndReason, NetworkRule
from portal.site_settings.current import clock_time
from portal.storage.operations import late_work
from portal.storage.queries import files_of_work
from portal.web.addresses import local_path, page_of, sign_in_page
from portal.web.app_state import app_state
from portal.web.declarations import CUSTOMER, MESSAGES, Access, Activity, access, activity, shows_form_again
from portal.web.languages import other_languages
from portal.web.limits import Limit, require, take_within
from portal.web.networks import network_of
from portal.web.unit_of_work import db, now, reading

blueprint = Blueprint("messages_opening", __name__)
MESSAGES_PAGE, UNLOCK_PAGE = "/messages", "/messages/unlock"
ENDED_PAGE = "/session/ended?kind=messages"
ASKS_FOR_PASSWORD = frozenset({EndReason.IDLE, EndReason.ABSOLUTE_LIMIT, EndReason.NETWORK, EndReason.STAFF})
"""Ends of messages after which one press is not enough."""
_PRESS = Limit(name="messages-press", burst=60, interval=timedelta(minutes=1))
WHY_CLOSED: Mapping[EndReason, LazyString] = MappingProxyType(
    {
        **REASONS,
        EndReason.ABSOLUTE_LIMIT: _("They had been open for as long as we allow."),
        EndReason.REPLACED: _("You opened them again in this browser."),
        EndReason.STAFF: _("Our staff closed them."),
        EndReason.ENDED_BY_OWNER: _("You closed them from another device or browser."),
    }
)
"""One sentence for each reason but idleness, which names the minutes."""


@blueprint.get(UNLOCK_PAGE)
@access(Access.PERSON)
@activity(Activity.NAVIGATE)
def show_unlock() -> ResponseReturnValue:
    """Offer to open messages, with the reason where they were closed; opening a page opens nothing."""
    then = _wanted_page(request.args.get("next"))
    return redirect(then) if _open_already() else _unlock_page(AgainForm(next=then))


@blueprint.post(UNLOCK_PAGE)
@access(Access.PERSON)
@activity(Activity.SUBMIT)
@shows_form_again
def submit_unlock() -> ResponseReturnValue:
    """Open messages and go on to the wanted page; ask for the password first where one press is not enough."""
    form = AgainForm()
    form.next.data = then = _wanted_page(form.next.data or request.args.get("next"))
    if token_refused():
        return _unlock_page(form, 409)
    if _open_already():
        return redirect(then, 303)
    if not _must_ask(_own_session()):
        locked_person(db(), own_person().id)
        require(take_within(db(), [(_PRESS, str(own_person().id))], now=now()))
        return _open(then, has_proved=False)
    if "password" not in request.form:
        return _back_to_unlocking(then)
    return refuse_again("messages/unlock", form, own_person(), **_about_unlocking()) or _open(then, has_proved=True)


def _open(then: str, *, has_proved: bool) -> ResponseReturnValue:
    """Open messages within the customer's session, which is held meanwhile; its person is locked already.

    Of two presses at once the later one replaces what the earlier has opened, so that one session lives.
    """
    live = _own_session()
    if not hold_session(db(), live, now=now()):
        stored = session_by_id(db().connection(), live.id, now=now())
        is_renewed = stored is not None and stored.times.alive(now())  # under another token, which the browser has
        return _back_to_unlocking(then) if is_renewed else answer_ended_session(stored)
    place, old = place_within(MESSAGES, live.id), browser().held(MESSAGES)
    free_place(db(), place, now=now())
    browser().open(
        MESSAGES,
        Holder(person_id=live.person_id),
        csrf_secret=old.csrf_secret if old and old.person_id == live.person_id else None,
        authenticated_at=now() if has_proved else live.authenticated_at,
        sole_slot=place,
    )
    return redirect(then, 303)


def _back_to_unlocking(then: str) -> ResponseReturnValue:
    return redirect(f"{UNLOCK_PAGE}?{urlencode({'next': then})}", 303)


def _own_session() -> FoundSession:
    """The customer's session of this request; the door has seen to it that there is one, with a person."""
    return browser().live() or abort(404)


def _open_already() -> bool:
    live = browser().live(MESSAGES)
    return live is not None and live.person_id == _own_session().person_id


def _must_ask(live: FoundSession) -> bool:
    """Whether the password is asked: the session was proved by none, or its messages were closed since, or wait."""
    proved_at = live.authenticated_at
    return proved_at is None or any(_is_closed(found, since=proved_at) for found in _opened_before(live))


def _opened_before(live: FoundSession) -> list[FoundSession]:
    """Return the sessions of messages that a customer's session has opened: this browser's, and the last one of all.

    The last one is known without its cookie, so that a browser which forgets that is asked for the password as well.
    """
    last = session_at_place(reading().connection(), place_within(MESSAGES, live.id), now=now())
    found = {each.id: each for each in (browser().find(MESSAGES), last) if each}
    return [each for each in found.values() if each.person_id == live.person_id]


def _is_closed(found: FoundSession, *, since: datetime) -> bool:
    """Whether more than a press opens messages again: they were closed since then, or their network has changed."""
    if found.times.alive(now()):
        return _is_waiting(found)
    return found.reason in ASKS_FOR_PASSWORD and found.ended_at >= since


def _is_waiting(found: FoundSession) -> bool:
    """Whether a live session belongs to another network, and messages go on in one network only."""
    here = network_of(request.remote_addr, found.settings.known_networks)
    rule = app_state().policies[MESSAGES].network_rule(found.settings)
    return rule is not NetworkRule.LOG and found.network not in (None, here)


def _wanted_page(target: str | None) -> str:
    """Return the page of messages that is wanted, else the first; the page that opens them leads to another."""
    path = local_path(target, MESSAGES_PAGE)
    is_of_messages = path.partition("?")[0].startswith(f"{MESSAGES_PAGE}/") and path.partition("?")[0] != UNLOCK_PAGE
    return path if is_of_messages else MESSAGES_PAGE


def _unlock_page(form: AgainForm, status: int = 200) -> ResponseReturnValue:
    return form_page("messages/unlock", form, status, **_about_unlocking())


def _about_unlocking() -> dict[str, Any]:
    """What the page that opens messages says: why they were closed, and what it asks for."""
    live = _own_session()
    found = next(iter(_opened_before(live)), None)
    return {
        "must_ask": _must_ask(live),
        "has_factor": factor_of(reading(), live.person_id or 0) is not None,
        "why": _why_asked(found) if found else None,
    }


def _why_asked(found: FoundSession) -> str | None:
    """The sentence that says why messages are not open; None where nothing closed them."""
    if found.times.alive(now()):
        asks = _is_waiting(found)
        return gettext("Your internet connection changed, so we ask for your password again.") if asks else None
    if found.reason is EndReason.NETWORK:
        return str(WHY_CLOSED[found.reason])
    if found.reason is EndReason.IDLE:
        return gettext(
            "Your messages were closed at %(time)s because you had not used them for %(minutes)s minutes.",
            time=clock_time(found.ended_at),
            minutes=_minutes_of(found),
        )
    return gettext("Your messages were closed at %(time)s.", time=clock_time(found.ended_at)) + f" {why_closed(found)}"


def why_closed(found: FoundSession) -> str:
    """The sentence that says why a session of messages ended."""
    if found.reason is EndReason.IDLE:
        return gettext(
            "You had not used them for %(minutes)s minutes, so we closed them to keep them private.",
            minutes=_minutes_of(found),
        )
    return str(WHY_CLOSED[found.reason])


def _minutes_of(found: FoundSession) -> int:
    return int(found.times.idle_timeout.total_seconds()) // 60


def _way_in(then: str | None) -> str:
    """Where **Open messages** leads: to the page that opens them, by way of signing in where nobody is signed in."""
    page = f"{UNLOCK_PAGE}?{urlencode({'next': then})}" if then else UNLOCK_PAGE
    around = browser().live(CUSTOMER)
    return page if around and around.person_id else sign_in_page(page)


def ended_page(found: FoundSession | None) -> str:
    """The page after messages were closed: why, what is kept, and how to open them again.

    Of messages of somebody else than who is signed in here now it says nothing.
    """
    around = browser().live(CUSTOMER)
    if found and around and around.person_id != found.person_id:
        found = None
    kept = kept_message(found, None) if found and not found.is_shared else None
    return render_template(
        "messages/ended.html",
        ended_time=clock_time(found.ended_at) if found else None,
        why=why_closed(found) if found else None,
        is_signed_in=around is not None and around.person_id is not None,
        is_guest=found is not None and found.person_id is None,
        kept=kept,
        open_at=_way_in(kept.path if kept else None),
    )


def _late_files(found: FoundSession, parked: Parked | None) -> int:
    """Return how many files came with a message that was too late."""
    files = files_of_work(db(), late_work(parked.page)).values() if parked else ()
    return sum(file.place == late_place(found.person_id, found.guest_id) for file in files)


def late_page(found: FoundSession, parked: Parked | None) -> str:
    """The page for a message that came after the end: it was not sent, what is kept of it, and how to send it."""
    kept, live = kept_message(found, request.path), browser().live(CUSTOMER)
    is_here = live is not None and live.person_id is not None and live.person_id == found.person_id
    then = None if found.is_shared else parked.page if parked else page_of(request.path)
    is_private = found.person_id is None or found.is_shared
    return render_template(
        "messages/late.html",
        ended_time=clock_time(found.ended_at),
        is_parked=parked is not None,
        gave_way=parked is not None and parked.gave_way,
        kept=kept,
        files=(kept.files if kept else 0) + _late_files(found, parked),
        shows_kept=not is_private,
        must_ask=live is not None and is_here and _must_ask(live),
        has_factor=is_here and factor_of(reading(), found.person_id or 0) is not None,
        is_here=is_here,
        is_guest=found.person_id is None,
        next=then,
        open_at=_way_in(then),
        # Whoever sits here next must not find a reference in the buttons either.
        **({"other_languages": other_languages(ENDED_PAGE)} if is_private else {}),
    )
