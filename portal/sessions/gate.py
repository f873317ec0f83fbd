"""Before any view: the session first, then the form token; what a dead session sends is never executed."""

from urllib.parse import urlencode

from flask import Flask, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.sessions.activity import asking_page, note_posted, pressed_activity
from portal.sessions.browser_sessions import asked_kind, browser, form_token
from portal.sessions.late_forms import Parked, park_late_form
from portal.sessions.queries import FoundSession, has_signed_out_since, session_by_id
from portal.sessions.rules import EndReason
from portal.site_settings.current import clock_time
from portal.tokens import owner_of, proves
from portal.web.addresses import AGAIN_PAGE, htmx_redirect, is_htmx, page_of, sign_in_page
from portal.web.app_state import app_state, called_view
from portal.web.declarations import BY_PERSON, BY_QUERY, CUSTOMER, PERSONAL_KINDS, Activity, Door
from portal.web.languages import other_languages
from portal.web.unit_of_work import is_safe, now, reading

WITHOUT_PROOF = (AGAIN_PAGE, "/account/sign-out")
"""Where a person goes who must type the password first."""
ENDED_PAGE = "/session/ended"
ABOUT_SESSION = frozenset({Activity.POLL, Activity.EXTEND})
"""What a page asks about its own session: an answer "it is over" would be wrong while only the password is missing."""
SENT_IN_GRACE = frozenset({Activity.SUBMIT, Activity.SAVE})
OWNER_LENGTH = 18
"""Digits of a session's id that fit the database."""


def guard() -> ResponseReturnValue | None:
    """Let the request through to its view, or answer in its place."""
    view = called_view()
    if view is None or view.door.kind is None:
        return None
    door = view.door
    if door.kind in (BY_QUERY, BY_PERSON) and asked_kind() is None:
        abort(404)
    if door.kind == BY_PERSON and browser().kind not in PERSONAL_KINDS:
        abort(404)
    return _session_answer(door) or (None if is_safe() else _token_answer(door))


def _session_answer(door: Door) -> ResponseReturnValue | None:
    live = browser().live() or _forgiven(door)
    withheld = None if live else browser().withheld()
    if withheld and request.path in WITHOUT_PROOF:
        browser().admit()
        live = withheld
    elif withheld and (door.session or pressed_activity() in ABOUT_SESSION):
        return _ask_for_password(withheld)
    if not door.session or (live and (live.person_id or not door.person)):
        return None
    found = browser().find()
    if live is None and found:
        return answer_ended_session(found)
    opened_at = None if live else _opened_at() or app_state().policies[browser().kind].entered_at
    if live is None and opened_at is None and _is_signed_in_elsewhere():
        abort(404)
    return _must_sign_in(opened_at)


def _ask_for_password(live: FoundSession) -> ResponseReturnValue:
    """To the page that asks for it; what a form said is kept meanwhile as if it had come too late."""
    parked = None if is_safe() else park_late_form(live)
    page = request.full_path.rstrip("?") if is_safe() else parked.page if parked else _page_of_form(live)
    back = asking_page() if pressed_activity() in ABOUT_SESSION else page
    opened_at = app_state().policies[live.kind].opened_at
    target = f"{opened_at or AGAIN_PAGE}?{urlencode(({} if opened_at else {'kind': live.kind}) | {'next': back})}"
    if opened_at and _opened_at() is None:
        target = sign_in_page(target)
    if is_htmx():
        return htmx_redirect(target, 401)
    if is_safe():
        return redirect(target)
    return render_template("sessions/network.html", target=target, is_kept=parked is not None), 403


def _forgiven(door: Door) -> FoundSession | None:
    """A session in grace, for a form of its own that was open at the deadline; anything else needs sign-in."""
    found = browser().in_grace()
    is_form = door.session and not is_safe() and pressed_activity() in SENT_IN_GRACE
    if found is None or not is_form or not proves(form_token(), found.csrf_secret):
        return None
    browser().forgive()
    return browser().live()


def _opened_at() -> str | None:
    """The page that opens a session of the view's kind, where the person's session lives within which it stands.

    One that waits for the password lives as well: that page asks for it.
    """
    kind = app_state().policies[browser().kind]
    around = (browser().live(kind.within) or browser().withheld(kind.within)) if kind.within else None
    return kind.opened_at if around and around.person_id else None


def _is_signed_in_elsewhere() -> bool:
    """Whether this browser holds a person's live session of another sign-in: the wrong role, not a missing one."""
    policies = app_state().policies
    own = policies[browser().kind].within or browser().kind
    kinds = (name for name, kind in policies.items() if kind.in_browser and (kind.within or name) != own)
    return is_safe() and any((live := browser().live(name)) and live.person_id for name in kinds)


def _must_sign_in(opened_at: str | None) -> ResponseReturnValue:
    """Answer a request without a session: to sign in, or to the page `opened_at` which a session of the kind opens."""
    owner = None if is_safe() else _owner_of_page()
    has_left = owner is not None and has_signed_out_since(reading(), owner)
    parked = park_late_form(owner) if owner and not has_left else None
    page = request.full_path.rstrip("?") if is_safe() else None
    target = (
        sign_in_page(page) if opened_at is None else f"{opened_at}?{urlencode({'next': page})}" if page else opened_at
    )
    if is_htmx():
        return htmx_redirect(target, 401)
    return redirect(target) if is_safe() else _no_session_page(parked, owner)


def _no_session_page(parked: Parked | None = None, owner: FoundSession | None = None) -> ResponseReturnValue:
    """The page for a form that came without a session; a guest, whose page it was, is offered no sign-in."""
    kind = app_state().policies[browser().kind]
    if owner and kind.entered_at:
        return app_state().hooks.ended_pages[kind.name].late(owner, parked), 403
    is_claimed = parked is not None and owner is not None and app_state().hooks.kept_work(owner, request.path) is None
    is_guest = owner is not None and owner.person_id is None and not is_claimed
    then = parked.page if parked else None
    page = render_template("sessions/no_session.html", next=then, is_guest=is_guest, entered_at=kind.entered_at)
    return page, 403


def answer_ended_session(found: FoundSession | None) -> ResponseReturnValue:
    """Answer a request of a session that has ended: where to read why, or the notice that nothing was done."""
    browser().report_end()
    has_signed_out = found is not None and found.reason is EndReason.SIGNED_OUT
    owner = None if is_safe() else found if has_signed_out else _owner_of_page() or found
    parked = park_late_form(owner) if owner else None
    kind = browser().kind
    target = url_for("sessions.ended", kind=None if kind == CUSTOMER else kind)
    if is_htmx():
        return htmx_redirect(target, 401)
    if is_safe():
        return redirect(target)
    if found is None or owner is None:
        return _no_session_page(parked, owner)
    is_ours = _may_send(owner, found)
    return (_late_notice(found, parked) if is_ours else render_template("sessions/someone_else.html")), 403


def _late_notice(found: FoundSession, parked: Parked | None) -> str:
    """The page that says that a form was not received, what is kept, and how to carry on."""
    pages = app_state().hooks.ended_pages.get(browser().kind)
    if pages:
        return pages.late(found, parked)
    kept = app_state().hooks.kept_work(found, request.path)
    is_claimed = parked is not None and kept is None
    return render_template(
        "sessions/late.html",
        ended_time=clock_time(found.ended_at),
        kept=kept,
        parked_time=clock_time(parked.parked_at) if parked else None,
        gave_way=parked is not None and parked.gave_way,
        is_lost=parked is None and app_state().hooks.parkable_page(found, request.path) is not None,
        is_shared=found.is_shared,
        way_back=app_state().hooks.way_back(found),
        is_guest=found.person_id is None and not is_claimed,
        is_anybody=False,
        has_left=False,
        left=None,
        is_account_gone=found.reason is EndReason.ACCOUNT_DELETED,
        # Whoever sits here next must not find a guest's reference in the buttons either.
        **({"other_languages": other_languages(ENDED_PAGE)} if found.person_id is None or found.is_shared else {}),
        next=None if found.is_shared else parked.page if parked else _page_of_form(found),
    )


def _page_of_form(found: FoundSession) -> str:
    """The page that holds the form that was sent: the page of its answers, else its address, or the page above it."""
    parkable = app_state().hooks.parkable_page(found, request.path)
    return parkable.address if parkable else page_of(request.path)


def _token_answer(door: Door) -> ResponseReturnValue | None:
    """Answer a form whose token does not fit, or that another site sent; browsers that send no `Origin` pass."""
    # Behind a proxy that ends TLS our pages come from https all the same; the proxy need not be configured to say so.
    scheme = "https" if app_state().configuration.is_https else request.scheme
    is_own_origin = request.headers.get("Origin") in (None, f"{scheme}://{request.host}")
    nothing_to_protect = browser().live() is None and door.kind == BY_QUERY and _opened_at() is None
    if is_own_origin and (nothing_to_protect or browser().proves(form_token(), signed_out=not door.session)):
        return None
    return _mismatch()


def _mismatch() -> ResponseReturnValue | None:
    """A live session's form comes back filled in where its view can; nothing is executed anywhere."""
    live = browser().live()
    if live is None:
        return render_template("sessions/no_cookie.html", blocked=browser().visitor is None), 403
    owner = _owner_of_page()
    if owner and not _may_send(owner, live):
        parked = park_late_form(owner)
        is_kept = parked is not None and is_htmx()
        return render_template("sessions/_kept_aside.html" if is_kept else "sessions/someone_else.html"), 403
    view = called_view()
    if view is not None and view.shows_form_again:
        g.token_refused = True
        return None
    if owner and is_htmx():
        # Its own page, from before a new sign-in: our script takes the token of the session there is now and repeats.
        return render_template("sessions/_fresh_token.html", was_guest=owner.person_id is None and live.person_id), 409
    return render_template("sessions/mismatch.html", next=_page_of_form(live)), 409


def _owner_of_page() -> FoundSession | None:
    """The session in which the page that was sent was made, where its token proves that."""
    token = form_token()
    owner = owner_of(token)
    known = owner.isascii() and owner.isdigit() and len(owner) <= OWNER_LENGTH
    found = session_by_id(reading().connection(), int(owner), now=now()) if known else None
    return found if found and proves(token, found.csrf_secret) else None


def _may_send(owner: FoundSession, sender: FoundSession) -> bool:
    """Whether a page made in one session may be sent in another: of the same person or guest.

    A guest's page also where the other session works on that form, too: added to the account, or come back to.
    """
    is_same_person = owner.person_id is not None and owner.person_id == sender.person_id
    is_same_guest = owner.guest_id is not None and owner.guest_id == sender.guest_id
    is_guests = owner.person_id is None
    return is_same_person or is_same_guest or (is_guests and any(app_state().hooks.place_of_page(sender, request.path)))


def token_refused() -> bool:
    """Whether this request's form token did not fit; the view must change nothing and show the form again, 409."""
    return bool(g.get("token_refused"))


def init_app(app: Flask) -> None:
    """Stand before every view, and behind it before the commit."""
    app.before_request(guard)
    app.after_request(note_posted)
